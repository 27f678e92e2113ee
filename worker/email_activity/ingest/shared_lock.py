"""A lock that many threads hold together, or one alone."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class SharedLock:
    """Who wants it alone goes before those who come to share it, and waits for those who do."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._sharing = 0
        self._wanting_it_alone = 0
        self._is_held_alone = False

    @contextmanager
    def shared(self) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: not self._wanting_it_alone)
            self._sharing += 1
        try:
            yield
        finally:
            with self._changed:
                self._sharing -= 1
                self._changed.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Not for a thread that shares it: it would wait for itself."""
        with self._changed:
            self._wanting_it_alone += 1
            self._changed.wait_for(lambda: not self._sharing and not self._is_held_alone)
            self._is_held_alone = True
        try:
            yield
        finally:
            with self._changed:
                self._is_held_alone = False
                self._wanting_it_alone -= 1
                self._changed.notify_all()
