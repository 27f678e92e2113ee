"""A lock that many threads share, or that one holds exclusively. Who waits to be exclusive comes before later sharers.

No thread may take it again while it holds it.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class SharedLock:
    def __init__(self) -> None:
        self._no_exclusive = threading.Lock()
        self._is_free = threading.Condition()
        self._sharers = 0

    @contextmanager
    def shared(self) -> Iterator[None]:
        with self._no_exclusive, self._is_free:
            self._sharers += 1
        try:
            yield
        finally:
            with self._is_free:
                self._sharers -= 1
                self._is_free.notify_all()

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        with self._no_exclusive:
            with self._is_free:
                self._is_free.wait_for(lambda: self._sharers == 0)
            yield
