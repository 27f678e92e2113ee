"""The life of a batch of messages, from top to bottom: read, claim, store, commit, settle.

A message is deleted only after every fact of it is stored, or it is in the dead-letter queue with its reason,
or nothing is kept of it (control, untracked, expired). One bad message never fails its batch.
"""

import math
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog

from worker.errors import PermanentError, RefusedByTableError, TransientError, UnexpectedError
from worker.facts import Item
from worker.ingest.deduplicate import Claim, Claims, Key
from worker.ingest.gate import Gate
from worker.ingest.heartbeat import Heartbeat, Hold
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
    items: dict[Key, Item]
    mail_facts: AbstractSet[Key]
    error: PermanentError | None
    #: SES's, for the log; None if nobody can tell.
    email_id: str | None = None
    #: Elements of its lists and maps that could not be read, and are kept as unknown.
    odd_elements: int = 0


@dataclass(slots=True)
class Work:
    """What was claimed and what became of it. leases: seconds for which others still hold a fact."""

    claimed: dict[Key, Claim]
    stored: Stored
    leases: dict[Key, float] = field(default_factory=dict)

    def free_in(self, parcel: Parcel) -> int:
        """Seconds until every fact of a held message is free or done."""
        return max([1, *(math.ceil(self.leases.get(key, 0)) for key in parcel.items)])


@dataclass(slots=True)
class Report:
    """What became of a batch: its one line in the log. Counts are of messages, but for `facts_*` and `odd_elements`."""

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
    heartbeat: Heartbeat

    def process(self, messages: Sequence[Message]) -> Report:
        """Never raises for what a message holds or for a dependency that fails."""
        with structlog.contextvars.bound_contextvars(batch=secrets.token_hex(4), queue=self.settler.queue.name):
            return self._process(messages)

    def _process(self, messages: Sequence[Message]) -> Report:
        report = Report()
        claims = self.new_claims()
        with self.heartbeat.hold(messages, self.settler, claims) as hold:
            with report.timed("read"):
                parcels = [self.read(message) for message in messages]
            try:
                work = self._store(parcels, claims, hold, report)
            except TransientError as error:
                self.gate.fail(error)
                work = None
        with report.timed("settle"):
            if work is None:
                report.counts["returned"] = self.settler.return_later(messages, at_least=self.gate.settles_in)
            else:
                self._settle(parcels, work, report)
        return self._reported(report, parcels)

    def _store(self, parcels: Sequence[Parcel], claims: Claims, hold: Hold, report: Report) -> Work:
        """Raises TransientError if Redis does not answer to the claims; nothing is written then."""
        items = {key: item for parcel in parcels for key, item in parcel.items.items()}
        with report.timed("claim"):
            claimed = claims.claim(list(items))
            self.gate.worked("redis")
        hold.claimed = [key for key, claim in claimed.items() if claim is Claim.OURS]
        with report.timed("store"):
            wanted = to_write(parcels, claimed)
            stored = self.store.put([items[key] for key in wanted])
        with report.timed("commit"):
            work = Work(claimed, stored)
            self._close(claims, work)
        report.counts.update(facts_written=len(stored.written), facts_known=len(items) - len(wanted))
        return work

    def read(self, message: Message) -> Parcel:
        """A bug met on one message must not hold up the others."""
        try:
            return self._read(message)
        except Exception as error:  # noqa: BLE001  see above
            log.error("cannot_read", message_id=message.id, error=place_of(error))
            return Parcel(message, "quarantine", {}, frozenset(), UnexpectedError(type(error).__name__))

    def _read(self, message: Message) -> Parcel:
        readings = read(message.body, self.rules, datetime.now(UTC), message.sent_at, message.id)
        outcomes = [reading.outcome for reading in readings]
        mail_facts = _keyed(fact.to_item() for reading in readings for fact in reading.mail_facts)
        return Parcel(
            message=message,
            outcome=next(each for each in OUTCOMES if each in outcomes),
            items=_keyed(fact.to_item() for each in readings for fact in each.activities + each.extras) | mail_facts,
            mail_facts=mail_facts.keys(),
            error=next((reading.error for reading in readings if reading.error), None),
            email_id=next((reading.event.message_id for reading in readings if reading.event), None),
            odd_elements=sum(reading.event.odd_elements for reading in readings if reading.event),
        )

    def _close(self, claims: Claims, work: Work) -> None:
        """A claim that was never committed must not make a later copy look like a duplicate."""
        stored = work.stored
        if stored.failure:
            self.gate.fail(stored.failure)
        elif stored.written:
            self.gate.worked("dynamodb")
        ours = {key for key, claim in work.claimed.items() if claim is Claim.OURS}
        held = [key for key, claim in work.claimed.items() if claim is Claim.HELD and key not in stored.written]
        work.leases = dict.fromkeys(held, claims.lease_seconds)
        try:
            claims.commit(list(stored.written))
            claims.release(list(ours - stored.written))
            work.leases = claims.leases(held)
        except TransientError as error:
            # What is stored is stored, so its messages may go; the claims end with their leases.
            self.gate.fail(error)
        work.claimed |= dict.fromkeys(set(held) - work.leases.keys(), Claim.DONE)

    def _settle(self, parcels: Sequence[Parcel], work: Work, report: Report) -> None:
        fates: dict[str, list[Parcel]] = {"delete": [], "quarantine": [], "return": [], "held": []}
        for parcel in parcels:
            fates[fate(parcel, work.claimed, work.stored)].append(parcel)
        errors = {parcel.message: _error(parcel, work.stored) for parcel in fates["quarantine"]}
        quarantined = self.settler.quarantine(errors)
        pause = self.gate.settles_in if work.stored.failure else 0
        report.counts.update(
            deleted=self.settler.delete([parcel.message for parcel in fates["delete"]]),
            quarantined=len(quarantined),
            returned=self.settler.return_later([parcel.message for parcel in fates["return"]], at_least=pause),
            held=self.settler.return_in({parcel.message: work.free_in(parcel) for parcel in fates["held"]}),
        )
        for parcel in fates["quarantine"]:
            if parcel.message in quarantined:
                reason, detail = errors[parcel.message].reason, errors[parcel.message].detail
                ids = {"message_id": parcel.message.id, "ses_message_id": parcel.email_id}
                log.warning("quarantined", **ids, reason=reason, detail=detail)

    def _reported(self, report: Report, parcels: Sequence[Parcel]) -> Report:
        report.counts.update(messages=len(parcels), **Counter(parcel.outcome for parcel in parcels))
        report.counts["odd_elements"] = sum(parcel.odd_elements for parcel in parcels)
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
    """delete, quarantine, return (a passing fault) or held (another worker is writing a fact of it, and has not
    committed yet: it may be dead, so the message comes again when the lease ends).
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
