"""How many of a process's threads poll just now: one while the queue is empty, all while it is full.

Each idle long poll is a call that SQS bills, and few messages shared by many receivers come in many small batches.
"""

import threading

#: Seconds for which a thread that may not poll waits before it checks whether it is to stop.
WAIT = 0.25


class AdaptiveConcurrency:
    """Shared by the threads of a process, which are numbered from 0."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._wanted = 1
        self._changed = threading.Condition()

    def may_poll(self, number: int) -> bool:
        """Waits a moment if not."""
        if number < self._wanted:
            return True
        with self._changed:
            return self._changed.wait_for(lambda: number < self._wanted, WAIT)

    def record_receive(self, messages: int, full: int) -> None:
        """One more thread polls after a receive that came full, for there are more; one less after an empty one."""
        with self._changed:
            if messages >= full and self._wanted < self._size:
                self._wanted += 1
                self._changed.notify_all()
            elif not messages and self._wanted > 1:
                self._wanted -= 1
