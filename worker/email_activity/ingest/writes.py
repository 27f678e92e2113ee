"""The facts that this process writes just now, so that two of its threads do not put the same one.

Many events of an email come together, and each holds its recipient fact. What is known here saves a write unit, and no
more: whether a fact is stored is told by its claim, after its writer has committed.
"""

import threading
import time
from collections.abc import Iterable

from email_activity.domain.facts import Key

#: Seconds for which a thread waits for others at most; then its message comes back when their leases end.
LONGEST_WAIT = 5.0


class Writes:
    """Shared by the threads of a process."""

    def __init__(self) -> None:
        self._ended: dict[Key, threading.Event] = {}

    def __contains__(self, key: object) -> bool:
        return key in self._ended

    def begin(self, keys: Iterable[Key]) -> None:
        """Of facts that this thread has claimed."""
        self._ended.update(dict.fromkeys(keys, threading.Event()))

    def end(self, keys: Iterable[Key]) -> None:
        """They are committed, or were not stored. Before this thread waits for any other, which may wait for it."""
        for key in keys:
            if ended := self._ended.pop(key, None):
                ended.set()

    def wait_for(self, keys: Iterable[Key]) -> None:
        """Until none of them is being written here."""
        until = time.monotonic() + LONGEST_WAIT
        for key in keys:
            if ended := self._ended.get(key):
                ended.wait(max(0.0, until - time.monotonic()))
