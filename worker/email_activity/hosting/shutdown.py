"""What the main process tells its children through memory that they share: to stop, and that it can hand over.

Not multiprocessing.Event: a child killed while it holds the event's lock blocks the parent's `set()` for ever
(147 of 300 tries), and a `set()` inside a signal handler can lock itself.
"""

import mmap
import struct
import time

#: Seconds without a look at the pool after which the main process may be unable to hand over polls. It looks ten
#: times a second; to take it for deaf when it is only busy costs nothing.
DEAF_AFTER = 1.0
NEW_LOOKS = 2

#: Seconds between two questions whether it has looked again.
WAIT = 0.02


class Stop:
    """Must be made before the fork; a child started by spawn would have a byte of its own."""

    def __init__(self) -> None:
        self._byte = mmap.mmap(-1, 1)

    def set(self) -> None:
        self._byte[0] = 1

    def is_set(self) -> bool:
        return self._byte[0] == 1


class Looks:
    """When the main process last looked after the pool, on the clock that all processes of a machine share.

    While it seeks a broker that is away it does nothing else, and a poll that ended then would have no successor.
    """

    def __init__(self) -> None:
        self._at = mmap.mmap(-1, 8)

    def note(self) -> None:
        struct.pack_into("d", self._at, 0, time.monotonic())

    def forget(self) -> None:
        struct.pack_into("d", self._at, 0, 0.0)

    def go_on(self) -> bool:
        """Waits for two. A single one may be the last: after a delay the main process looks before it sees what it has
        lost meanwhile.
        """
        seen = {self._last()}
        deadline = time.monotonic() + DEAF_AFTER
        while self._last() and time.monotonic() < deadline:
            seen.add(self._last())
            if len(seen) > NEW_LOOKS:
                return True
            time.sleep(WAIT)
        return False

    def _last(self) -> float:
        (at,) = struct.unpack_from("d", self._at)
        return float(at)


stop = Stop()
looks = Looks()
