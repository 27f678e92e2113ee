"""The life of a batch of messages, from top to bottom: read, claim, store, commit, settle.

A message is deleted only after every fact of it is stored, or it is in the dead-letter queue with its reason,
or nothing is kept of it (control, untracked, expired). One bad message never fails its batch.
"""

import secrets
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog

from email_activity.domain.errors import RESOURCE_NOT_FOUND, THROTTLED, TransientError, UnexpectedError
from email_activity.domain.facts import Item
from email_activity.domain.worker_process import ThisProcess
from email_activity.ingest.circuit_breaker import Gate
from email_activity.ingest.claims import Claim, Claims, Key
from email_activity.ingest.disposition import Parcel, Work, error_of, fate, to_write
from email_activity.ingest.heartbeat import Heartbeat, Hold
from email_activity.ingest.receive import Message
from email_activity.ingest.reported import Reported
from email_activity.ingest.settle import Settler
from email_activity.ingest.store import Store, key_of
from email_activity.ingest.suspects import Suspects
from email_activity.ingest.table_identity import Space, TableIdentity
from email_activity.ses.interpret import OUTCOMES, read
from email_activity.ses.normalize import Rules
from email_activity.telemetry import log, place_of

#: Characters that the items of one part of a batch may come to; a message that comes to more is a part by itself. Most
#: batches come to less than a tenth of it.
MAX_WEIGHT = 4_000_000


@dataclass(slots=True)
class Report:
    """What became of a batch: its one line in the log. Counts are of messages, but for `facts_*` and `odd_elements`."""

    counts: Counter[str] = field(default_factory=Counter)
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[step] += time.perf_counter() - start

    def say(self) -> None:
        counts = {name: count for name, count in self.counts.items() if count}
        log.info("batch", **counts, **{f"{step}_ms": round(seconds * 1000) for step, seconds in self.seconds.items()})


@dataclass(frozen=True, slots=True)
class Pipeline:
    """What the threads of a process share. Claims are made anew for each batch, under a token of its own."""

    rules: Rules
    new_claims: Callable[[str], Claims]
    store: Store
    settler: Settler
    gate: Gate
    heartbeat: Heartbeat
    table: TableIdentity
    reported: Reported
    this_process: ThisProcess
    suspects: Suspects

    def process(self, messages: Sequence[Message], alone: AbstractContextManager[None] | None = None) -> Report:
        """Never raises for what a message holds or for a dependency that fails.

        alone: keeps other batches out of this process meanwhile; each message is then handled by itself.
        """
        report = Report()
        with structlog.contextvars.bound_contextvars(batch=secrets.token_hex(4), queue=self.settler.queue.name):
            self._process(messages, alone, report)
            report.say()
        return report

    def _process(self, messages: Sequence[Message], alone: AbstractContextManager[None] | None, report: Report) -> None:
        try:
            space = self.table.space()
        except TransientError as error:
            self.gate.fail(error)
            report.counts.update(messages=len(messages), returned=self._return(messages))
            return
        claims = self.new_claims(space.name)
        with self.heartbeat.hold(messages, self.settler, claims) as hold:
            if not alone:
                self._process_group(messages, space, claims, hold, report)
                return
            report.counts["alone"] = len(messages)
            with alone:
                for message in self.suspects.in_order(messages):
                    with self.suspects.noted(message):
                        self._process_group([message], space, claims, hold, report)

    def _process_group(
        self, messages: Sequence[Message], space: Space, claims: Claims, hold: Hold, report: Report
    ) -> None:
        for part in self._parts(messages, report):
            self._process_part(part, space, claims, hold, report)

    def _parts(self, messages: Sequence[Message], report: Report) -> Iterator[list[Parcel]]:
        """Of bounded size, so that memory is bounded. A part is emptied when the next is wanted."""
        part: list[Parcel] = []
        weight = 0
        for message in messages:
            with report.timed("read"):
                parcel = self.read(message)
            if part and weight + parcel.weight > MAX_WEIGHT:
                yield part
                part.clear()
                weight = 0
            part.append(parcel)
            weight += parcel.weight
        if part:
            yield part

    def _process_part(
        self, parcels: Sequence[Parcel], space: Space, claims: Claims, hold: Hold, report: Report
    ) -> None:
        messages = [parcel.message for parcel in parcels]
        try:
            work = self._store(parcels, space, claims, hold, report)
        except TransientError as error:
            self.gate.fail(error)
            work = None
        hold.let_go(messages)
        with report.timed("settle"):
            if work is None:
                report.counts["returned"] += self._return(messages)
            else:
                self._settle(parcels, work, report)
        report.counts.update(messages=len(parcels), **Counter(parcel.outcome for parcel in parcels))
        report.counts["odd_elements"] += sum(parcel.odd_elements for parcel in parcels)
        report.counts["redelivered"] += sum(message.receive_count > 1 for message in messages)

    def _return(self, messages: Sequence[Message]) -> int:
        return self.settler.return_later(messages, at_least=self.gate.settles_in)

    def _store(self, parcels: Sequence[Parcel], space: Space, claims: Claims, hold: Hold, report: Report) -> Work:
        """Raises TransientError if Redis does not answer to the claims; nothing is written then."""
        items = {key: item for parcel in parcels for key, item in parcel.items.items()}
        with report.timed("claim"):
            claimed = claims.claim(list(items))
            self.gate.worked("redis")
        hold.claimed = [key for key, claim in claimed.items() if claim is Claim.OURS]
        with report.timed("store"):
            wanted = to_write(parcels, claimed)
            riders = self.reported.missing(items.values(), space.generation) if wanted else []
            stored = self.store.put([items[key] for key in wanted], riders)
            self.reported.stands(stored.riders, space.generation)
        with report.timed("commit"):
            work = Work(claimed, stored)
            self._close(claims, work)
            work.is_of_this_table = not items or self._is_still(space)
        self._note_newest(parcels, items, work)
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
            if stored.failure.detail == RESOURCE_NOT_FOUND:
                self.table.doubt()
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

    def _is_still(self, space: Space) -> bool:
        """Whether the table is the one that was claimed for. Not known counts as no: its messages come again."""
        try:
            return self.table.is_still(space)
        except TransientError as error:
            if error.detail not in THROTTLED:  # it is there, and takes a part
                self.gate.fail(error)
            return False

    def _note_newest(self, parcels: Sequence[Parcel], items: dict[Key, Item], work: Work) -> None:
        """An event cannot be newer than its message, whatever it says."""
        times = [items[key]["occurred_at"] for key in work.stored.written if "occurred_at" in items[key]]
        if times and work.is_of_this_table:
            newest = datetime.fromisoformat(max(times))
            self.this_process.recorded(min(newest, max(parcel.message.sent_at for parcel in parcels)))

    def _settle(self, parcels: Sequence[Parcel], work: Work, report: Report) -> None:
        fates: dict[str, list[Parcel]] = {"delete": [], "quarantine": [], "return": [], "held": []}
        for parcel in parcels:
            fates[fate(parcel, work)].append(parcel)
        errors = {parcel.message: error_of(parcel, work.stored) for parcel in fates["quarantine"]}
        quarantined = self.settler.quarantine(errors)
        pause = self.gate.settles_in if work.stored.failure or not work.is_of_this_table else 0
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


def _keyed(items: Iterator[Item]) -> dict[Key, Item]:
    return {key_of(item): item for item in items}
