"""What the main process tells its children through memory that they share: to stop, and that its event loop runs.

Not multiprocessing.Event: a child killed while it holds the event's lock blocks the parent's `set()` for ever
(147 of 300 tries), and a `set()` inside a signal handler can lock itself.
"""

import mmap
import struct
import time

#: Seconds without a beat after which the main loop counts as unresponsive. It beats ten times a second; if it was only
#: busy, a child polls once more by itself, and nothing is lost.
UNRESPONSIVE_AFTER = 1.0
NEW_BEATS = 2

#: Seconds between two checks for a new beat.
WAIT = 0.02


class ShutdownFlag:
    """Must be made before the fork; a child started by spawn would have a byte of its own."""

    def __init__(self) -> None:
        self._byte = mmap.mmap(-1, 1)

    def set(self) -> None:
        self._byte[0] = 1

    def is_set(self) -> bool:
        return self._byte[0] == 1


class MainLoopHeartbeat:
    """When the main process last checked its pool, on the clock that all processes of a machine share.

    While it connects to a broker that is away it does nothing else, and a poll that ended then would have no successor.
    """

    def __init__(self) -> None:
        self._at = mmap.mmap(-1, 8)

    def beat(self) -> None:
        struct.pack_into("d", self._at, 0, time.monotonic())

    def clear(self) -> None:
        struct.pack_into("d", self._at, 0, 0.0)

    def is_alive(self) -> bool:
        """Waits for two beats. A single one may be the last: after a delay the main process beats before it finds out
        that it has lost its broker.
        """
        seen = {self._last()}
        deadline = time.monotonic() + UNRESPONSIVE_AFTER
        while self._last() and time.monotonic() < deadline:
            seen.add(self._last())
            if len(seen) > NEW_BEATS:
                return True
            time.sleep(WAIT)
        return False

    def _last(self) -> float:
        return float(struct.unpack_from("d", self._at)[0])


shutdown_flag = ShutdownFlag()
main_loop = MainLoopHeartbeat()
