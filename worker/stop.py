"""What the main process tells its children through memory that they share: to stop, and that it can hand over.

Not multiprocessing.Event: a child killed while it holds the event's lock blocks the parent's `set()` for ever
(147 of 300 tries), and a `set()` inside a signal handler can lock itself.
"""

import mmap
import struct
import time

#: Seconds without a look at the pool after which the main process may be unable to hand over polls. It looks twice
#: a second; to take it for deaf when it is only busy costs nothing.
DEAF_AFTER = 1.0


class Stop:
    """Must be made before the fork; a child started by spawn would have a byte of its own."""

    def __init__(self) -> None:
        self._byte = mmap.mmap(-1, 1)

    def set(self) -> None:
        self._byte[0] = 1

    def is_set(self) -> bool:
        return self._byte[0] == 1


class LastLook:
    """When the main process last looked after the pool, on the clock that all processes of a machine share.

    While it seeks a broker that is away it does nothing else, and a poll that ended then would have no successor.
    """

    def __init__(self) -> None:
        self._at = mmap.mmap(-1, 8)

    def note(self) -> None:
        struct.pack_into("d", self._at, 0, time.monotonic())

    def forget(self) -> None:
        struct.pack_into("d", self._at, 0, 0.0)

    def is_old(self) -> bool:
        (at,) = struct.unpack_from("d", self._at)
        return time.monotonic() - float(at) > DEAF_AFTER


stop = Stop()
last_look = LastLook()
