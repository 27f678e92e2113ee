"""The life of a batch of messages, from top to bottom: read, claim, store, commit, settle.

A message is deleted only after every fact of it is stored, or it is in the dead-letter queue with its reason,
or nothing is kept of it (control, untracked, expired). One bad message never fails its batch.
"""

import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog

from worker.errors import PermanentError, RefusedByTableError, TransientError, UnexpectedError
from worker.facts import Item
from worker.ingest.deduplicate import Claim, Claims, Key
from worker.ingest.gate import Gate
from worker.ingest.normalize import Rules
from worker.ingest.read import OUTCOMES, read
from worker.ingest.receive import Message
from worker.ingest.settle import Settler
from worker.ingest.store import Store, Stored, key_of
from worker.telemetry import log, place_of

#: From this receive on, a fact that another worker holds is simply written: its owner may be dead, and a put
#: under a key made from content does no harm.
IMPATIENT_FROM_RECEIVE = 2


@dataclass(frozen=True, slots=True)
class Parcel:
    """A message on its way, with the items that it comes to. Of several events the good ones are kept."""

    message: Message
    outcome: str
    activities: dict[Key, Item]
    mail_facts: dict[Key, Item]
    error: PermanentError | None
    #: SES's, for the log; None if nobody can tell.
    email_id: str | None = None

    @property
    def items(self) -> dict[Key, Item]:
        return self.activities | self.mail_facts


@dataclass(slots=True)
class Report:
    """What became of a batch: its one line in the log. Counts are of messages, but for `facts_*`."""

    counts: Counter[str] = field(default_factory=Counter)
    milliseconds: dict[str, int] = field(default_factory=dict)

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.milliseconds[f"{step}_ms"] = round((time.perf_counter() - start) * 1000)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """What the threads of a process share. Claims are made anew for each batch, under a token of its own."""

    rules: Rules
    new_claims: Callable[[], Claims]
    store: Store
    settler: Settler
    gate: Gate

    def process(self, messages: Sequence[Message]) -> Report:
        """Never raises for what a message holds or for a dependency that fails."""
        with structlog.contextvars.bound_contextvars(batch=secrets.token_hex(4), queue=self.settler.queue.name):
            return self._process(messages)

    def _process(self, messages: Sequence[Message]) -> Report:
        report = Report()
        with report.timed("read"):
            parcels = [self.read(message) for message in messages]
        items = {key: item for parcel in parcels for key, item in parcel.items.items()}
        claims = self.new_claims()
        try:
            with report.timed("claim"):
                claimed = claims.claim(list(items))
        except TransientError as error:
            self.gate.fail(error)
            self.settler.return_later(messages)
            return self._reported(report, parcels, returned=len(messages))
        with report.timed("store"):
            wanted = to_write(parcels, claimed)
            stored = self.store.put([items[key] for key in wanted])
        with report.timed("commit"):
            self._close(claims, claimed, stored)
        with report.timed("settle"):
            self._settle(parcels, claimed, stored, report)
        report.counts.update(facts_written=len(stored.written), facts_known=len(items) - len(wanted))
        return self._reported(report, parcels)

    def read(self, message: Message) -> Parcel:
        """A bug met on one message must not hold up the others."""
        try:
            return self._read(message)
        except Exception as error:  # noqa: BLE001  see above
            log.error("cannot_read", message_id=message.id, error=place_of(error))
            return Parcel(message, "quarantine", {}, {}, UnexpectedError(type(error).__name__))

    def _read(self, message: Message) -> Parcel:
        readings = read(message.body, self.rules, datetime.now(UTC), message.sent_at, message.id)
        outcomes = [reading.outcome for reading in readings]
        return Parcel(
            message=message,
            outcome=next(each for each in OUTCOMES if each in outcomes),
            activities=_keyed(fact.to_item() for reading in readings for fact in reading.activities),
            mail_facts=_keyed(fact.to_item() for reading in readings for fact in reading.mail_facts),
            error=next((reading.error for reading in readings if reading.error), None),
            email_id=next((reading.event.message_id for reading in readings if reading.event), None),
        )

    def _close(self, claims: Claims, claimed: dict[Key, Claim], stored: Stored) -> None:
        """A claim that was never committed must not make a later copy look like a duplicate."""
        if stored.failure:
            self.gate.fail(stored.failure)
        ours = {key for key, claim in claimed.items() if claim is Claim.OURS}
        try:
            claims.commit(list(stored.written))
            claims.release(list(ours - stored.written))
        except TransientError as error:
            # What is stored is stored, so its messages may go; the claims end with their leases.
            self.gate.fail(error)

    def _settle(self, parcels: Sequence[Parcel], claimed: dict[Key, Claim], stored: Stored, report: Report) -> None:
        fates: dict[str, list[Parcel]] = {"delete": [], "quarantine": [], "return": [], "held": []}
        for parcel in parcels:
            fates[fate(parcel, claimed, stored)].append(parcel)
        errors = {parcel.message: _error(parcel, stored) for parcel in fates["quarantine"]}
        quarantined = self.settler.quarantine(errors)
        report.counts.update(
            deleted=self.settler.delete([parcel.message for parcel in fates["delete"]]),
            quarantined=len(quarantined),
            returned=self.settler.return_later([parcel.message for parcel in fates["return"]]),
            held=self.settler.return_later([parcel.message for parcel in fates["held"]]),
        )
        for parcel in fates["quarantine"]:
            if parcel.message in quarantined:
                reason, detail = errors[parcel.message].reason, errors[parcel.message].detail
                ids = {"message_id": parcel.message.id, "ses_message_id": parcel.email_id}
                log.warning("quarantined", **ids, reason=reason, detail=detail)

    def _reported(self, report: Report, parcels: Sequence[Parcel], **counts: int) -> Report:
        report.counts.update(counts, messages=len(parcels), **Counter(parcel.outcome for parcel in parcels))
        report.counts["redelivered"] = sum(parcel.message.receive_count > 1 for parcel in parcels)
        log.info("batch", **{name: count for name, count in report.counts.items() if count}, **report.milliseconds)
        return report


def to_write(parcels: Sequence[Parcel], claimed: dict[Key, Claim]) -> list[Key]:
    """What is ours; and of what others hold, every mail fact, whatever has come to us before, and what stands in
    one message with something unreadable: that message goes to quarantine now, and must leave nothing open.

    Mail facts: without one an email is not found by its document, and it costs one small put to be sure.
    """
    keys = []
    for parcel in parcels:
        impatient = parcel.error is not None or parcel.message.receive_count >= IMPATIENT_FROM_RECEIVE
        for key in parcel.items:
            claim = claimed[key]
            if claim is Claim.OURS or (claim is Claim.HELD and (impatient or key in parcel.mail_facts)):
                keys.append(key)
    return list(dict.fromkeys(keys))


def fate(parcel: Parcel, claimed: dict[Key, Claim], stored: Stored) -> str:
    """delete, quarantine, return (a passing fault) or held (another worker is writing a fact of it).

    The last two come again in a few seconds; by then the other worker has most likely committed.
    """
    keys = parcel.items.keys()
    open_keys = {key for key in keys - stored.written if claimed[key] is not Claim.DONE}
    if open_keys & stored.left:
        return "return"
    if parcel.error or open_keys & stored.refused.keys():
        return "quarantine"
    return "held" if open_keys else "delete"


def _error(parcel: Parcel, stored: Stored) -> PermanentError:
    codes = [stored.refused[key] for key in parcel.items if key in stored.refused]
    return parcel.error or RefusedByTableError(codes[0])


def _keyed(items: Iterator[Item]) -> dict[Key, Item]:
    return {key_of(item): item for item in items}
