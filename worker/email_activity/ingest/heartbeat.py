"""A batch that takes long is kept: its messages stay hidden, its claims stay ours, until it is settled.

One thread for each process beats for the batches of all its others. Most batches end long before the first beat,
and cost nothing.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from email_activity.domain.errors import TransientError, place_of
from email_activity.domain.facts import Key
from email_activity.ingest.claims import Claims
from email_activity.ingest.receive import Message
from email_activity.ingest.settle import Settler
from email_activity.telemetry import log

#: Seconds between two looks at the batches in hand.
LOOK_EVERY = 0.5

#: A batch is extended after this part of its visibility timeout, or of its lease if that is shorter: time for
#: another try before either ends.
AFTER = 1 / 3


class InFlightBatch:
    """A batch in hand."""

    def __init__(self, messages: Sequence[Message], settler: Settler, claims: Claims) -> None:
        self._messages = messages
        self._settler = settler
        self._claims = claims
        #: What is being written under our token.
        self.claimed: Sequence[Key] = ()
        self._every = AFTER * min(settler.queue.visibility_timeout, claims.lease_seconds)
        self._due = time.monotonic() + self._every
        self._lock = threading.Lock()

    def beat(self) -> None:
        if time.monotonic() < self._due:
            return
        with self._lock:
            self._settler.extend(self._messages)
            with suppress(TransientError):  # the batch itself will meet it, and say so
                self._claims.extend(self.claimed)
        self._due = time.monotonic() + self._every

    def release(self, messages: Sequence[Message]) -> None:
        """These are settled now, and nothing of theirs is being written any more. Waits as `end` does."""
        with self._lock:
            gone = set(messages)
            self._messages = [each for each in self._messages if each not in gone]
            self.claimed = ()

    def end(self) -> None:
        """Waits for a beat under way, which must not hide again what is given back next."""
        with self._lock:
            self._messages, self.claimed = (), ()


class Heartbeat:
    """Shared by the threads of a process."""

    def __init__(self) -> None:
        self._holds: set[InFlightBatch] = set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @contextmanager
    def hold(self, messages: Sequence[Message], settler: Settler, claims: Claims) -> Iterator[InFlightBatch]:
        held = InFlightBatch(messages, settler, claims)
        with self._lock:
            self._holds.add(held)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
                self._thread.start()
        try:
            yield held
        finally:
            with self._lock:
                self._holds.discard(held)
            held.end()

    def _run(self) -> None:
        while True:
            time.sleep(LOOK_EVERY)
            with self._lock:
                holds = list(self._holds)
            for held in holds:
                try:
                    held.beat()
                except Exception as error:  # noqa: BLE001  without its thread no batch would be kept
                    log.error("heartbeat_failed", error=place_of(error))
