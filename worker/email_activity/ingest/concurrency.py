"""Which of a process's threads work at the same time: many of them, or one alone."""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

Lock = AbstractContextManager[None]


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
