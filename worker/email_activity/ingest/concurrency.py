"""Which of a process's threads poll just now, and which of them work at the same time."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

#: Seconds for which a thread that may not poll waits before it checks whether it is to stop.
WAIT = 0.25


class AdaptiveConcurrency:
    """One thread polls while the queue is empty, all while it is full. They are numbered from 0.

    Each idle long poll is a call that SQS bills, and few messages shared by many receivers come in many small batches.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._active = 1
        self._changed = threading.Condition()

    def may_poll(self, number: int) -> bool:
        """Waits a moment if not."""
        if number < self._active:
            return True
        with self._changed:
            return self._changed.wait_for(lambda: number < self._active, WAIT)

    def record_receive(self, messages: int, full: int) -> None:
        """One more thread polls after a receive that came full, for there are more; one less after an empty one."""
        with self._changed:
            if messages >= full and self._active < self._size:
                self._active += 1
                self._changed.notify_all()
            elif not messages and self._active > 1:
                self._active -= 1


class SharedLock:
    """Many threads share it, or one holds it exclusively; who waits to be exclusive comes before later sharers.

    No thread may take it again while it holds it.
    """

    def __init__(self) -> None:
        self._turnstile = threading.Lock()
        self._changed = threading.Condition()
        self._sharers = 0

    @contextmanager
    def shared(self) -> Iterator[None]:
        with self._turnstile, self._changed:
            self._sharers += 1
        try:
            yield
        finally:
            with self._changed:
                self._sharers -= 1
                self._changed.notify_all()

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        with self._turnstile:
            with self._changed:
                self._changed.wait_for(lambda: self._sharers == 0)
            yield
