"""A batch that takes long is extended until it is settled: its messages stay hidden, its claims stay ours.

One thread of each process does so for the batches of all its others. Most batches end long before they are extended.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from email_activity.domain.errors import TransientError, place_of
from email_activity.domain.facts import Key
from email_activity.ingest.claims import Claims
from email_activity.ingest.model import Message
from email_activity.ingest.settle import Settler
from email_activity.telemetry import log

#: Seconds between two checks of the batches in flight.
CHECK_EVERY = 0.5

#: A batch is extended after this part of its visibility timeout, or of its lease if that is shorter: time for
#: another try before either ends.
EXTEND_AFTER = 1 / 3


class InFlightBatch:
    def __init__(self, messages: Sequence[Message], settler: Settler, claims: Claims) -> None:
        self._messages = messages
        self._settler = settler
        self._claims = claims
        #: What is being written under our token.
        self.claimed: Sequence[Key] = ()
        self._every = EXTEND_AFTER * min(settler.queue.visibility_timeout, claims.lease_seconds)
        self._due = time.monotonic() + self._every
        self._lock = threading.Lock()

    def extend_if_due(self) -> None:
        if time.monotonic() < self._due:
            return
        with self._lock:
            self._settler.extend(self._messages)
            with suppress(TransientError):  # the batch itself will meet it, and log it
                self._claims.extend(self.claimed)
        self._due = time.monotonic() + self._every

    def release(self, messages: Sequence[Message]) -> None:
        """Extends these no longer: they are settled next. Waits while an extension is under way, which could undo their
        return to the queue.
        """
        with self._lock:
            released = {each.receipt_handle for each in messages}
            self._messages = [each for each in self._messages if each.receipt_handle not in released]
            self.claimed = ()


class Heartbeat:
    """Shared by the threads of a process."""

    def __init__(self) -> None:
        self._batches: set[InFlightBatch] = set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @contextmanager
    def extending(self, messages: Sequence[Message], settler: Settler, claims: Claims) -> Iterator[InFlightBatch]:
        """While the context is open, extends the messages that the batch has not released."""
        batch = InFlightBatch(messages, settler, claims)
        with self._lock:
            self._batches.add(batch)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
                self._thread.start()
        try:
            yield batch
        finally:
            with self._lock:
                self._batches.discard(batch)
            batch.release(messages)

    def _run(self) -> None:
        while True:
            time.sleep(CHECK_EVERY)
            with self._lock:
                batches = list(self._batches)
            for batch in batches:
                try:
                    batch.extend_if_due()
                except Exception as error:  # noqa: BLE001  without this thread no batch would be extended
                    log.error("heartbeat_failed", error=place_of(error))
