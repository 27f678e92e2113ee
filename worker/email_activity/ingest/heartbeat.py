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


class InFlightMessages:
    """Of one batch: received and not yet settled, with our claims on their facts."""

    def __init__(self, messages: Sequence[Message], settler: Settler, claims: Claims) -> None:
        self._messages = messages
        self._settler = settler
        self._claims = claims
        #: What is being written under our token.
        self.our_keys: Sequence[Key] = ()
        self._interval = EXTEND_AFTER * min(settler.queue.visibility_timeout, claims.lease_seconds)
        self._due_at = time.monotonic() + self._interval
        self._lock = threading.Lock()

    def extend_if_due(self) -> None:
        if time.monotonic() < self._due_at:
            return
        with self._lock:
            self._settler.extend(self._messages)
            with suppress(TransientError):  # the batch itself will meet it, and log it
                self._claims.extend(self.our_keys)
        self._due_at = time.monotonic() + self._interval

    def release(self, messages: Sequence[Message]) -> None:
        """Extends these no longer: they are settled next. Waits while an extension is under way, which could undo their
        return to the queue.
        """
        with self._lock:
            released = {message.receipt_handle for message in messages}
            self._messages = [message for message in self._messages if message.receipt_handle not in released]
            self.our_keys = ()


class Heartbeat:
    """Shared by the threads of a process."""

    def __init__(self) -> None:
        self._in_flight: set[InFlightMessages] = set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @contextmanager
    def extending(self, messages: Sequence[Message], settler: Settler, claims: Claims) -> Iterator[InFlightMessages]:
        """While the context is open, extends the messages that the batch has not released."""
        in_flight = InFlightMessages(messages, settler, claims)
        with self._lock:
            self._in_flight.add(in_flight)
            if self._thread is None:
                self._thread = threading.Thread(target=self._extend_forever, name="heartbeat", daemon=True)
                self._thread.start()
        try:
            yield in_flight
        finally:
            with self._lock:
                self._in_flight.discard(in_flight)
            in_flight.release(messages)

    def _extend_forever(self) -> None:
        while True:
            time.sleep(CHECK_EVERY)
            with self._lock:
                batches = list(self._in_flight)
            for in_flight in batches:
                try:
                    in_flight.extend_if_due()
                except Exception as error:  # noqa: BLE001  without this thread no batch would be extended
                    log.error("heartbeat_failed", error=place_of(error))
