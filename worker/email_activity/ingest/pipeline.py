"""The life of a batch of messages: receive, interpret, claim, store, commit, settle. Each step is a method here.

    receive     from SQS                          receive.py
    interpret   a body -> facts, or an error      ses/interpret.py
    claim       in Redis: who writes which fact   claims.py
    store       in DynamoDB, what is to be written  disposition.py, store.py
    commit      in Redis: these are stored        claims.py
    settle      delete, return or quarantine      disposition.py, settle.py

A message is deleted only after every fact of it is stored, or it is in the dead-letter queue with its reason,
or nothing is kept of it (control, untracked, expired). One bad message never fails its batch.
"""

import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from email_activity.domain.errors import RESOURCE_NOT_FOUND, THROTTLED, TransientError
from email_activity.domain.facts import Item, Key
from email_activity.domain.worker_process import ThisProcess
from email_activity.ingest.circuit_breaker import CircuitBreaker
from email_activity.ingest.claims import Claim, Claims
from email_activity.ingest.disposition import (
    BatchState,
    Disposition,
    InterpretedMessage,
    disposition,
    error_of,
    keys_to_write,
)
from email_activity.ingest.heartbeat import Heartbeat, InFlightBatch
from email_activity.ingest.receive import Message, Receiver
from email_activity.ingest.report import BatchReport
from email_activity.ingest.reported import Reported
from email_activity.ingest.settle import Settler
from email_activity.ingest.store import Store, Stored
from email_activity.ingest.suspects import Suspects
from email_activity.ingest.table_identity import Space, TableIdentity
from email_activity.ses.interpret import interpret
from email_activity.ses.tracking_policy import TrackingPolicy
from email_activity.telemetry import log

#: Characters that the items of one part of a batch may come to; a message that comes to more is a part by itself. Most
#: batches come to less than a tenth of it.
MAX_WEIGHT = 4_000_000


@dataclass(frozen=True, slots=True)
class Batch:
    """What all parts of one batch share."""

    space: Space
    claims: Claims
    in_flight: InFlightBatch
    report: BatchReport


@dataclass(frozen=True, slots=True)
class Pipeline:
    """What the threads of a process share. Claims are made anew for each batch, under a token of its own."""

    receiver: Receiver
    policy: TrackingPolicy
    new_claims: Callable[[str], Claims]
    table: Store
    table_identity: TableIdentity
    settler: Settler
    breaker: CircuitBreaker
    heartbeat: Heartbeat
    reported: Reported
    this_process: ThisProcess
    suspects: Suspects

    def process(self, messages: Sequence[Message], alone: AbstractContextManager[None] | None = None) -> BatchReport:
        """All of a batch's life but its receive. Never raises for what a message holds or a dependency that fails.

        alone: keeps other batches out of this process meanwhile; each message is then handled by itself.
        """
        report = BatchReport()
        with structlog.contextvars.bound_contextvars(batch=secrets.token_hex(4), queue=self.settler.queue.name):
            self._process(messages, alone, report)
            report.log()
        return report

    def _process(
        self, messages: Sequence[Message], alone: AbstractContextManager[None] | None, report: BatchReport
    ) -> None:
        try:
            space = self.table_identity.space()
        except TransientError as error:
            self.breaker.record_failure(error)
            report.counts.update(messages=len(messages), returned=self._return(messages))
            return
        claims = self.new_claims(space.name)
        with self.heartbeat.hold(messages, self.settler, claims) as in_flight:
            batch = Batch(space, claims, in_flight, report)
            if not alone:
                self._process_parts(messages, batch)
                return
            report.counts["alone"] = len(messages)
            with alone:
                for message in self.suspects.in_order(messages):
                    with self.suspects.noted(message):
                        self._process_parts([message], batch)

    def _process_parts(self, messages: Sequence[Message], batch: Batch) -> None:
        for part in self._parts(messages, batch.report):
            self._process_part(part, batch)

    def _parts(self, messages: Sequence[Message], report: BatchReport) -> Iterator[list[InterpretedMessage]]:
        """Interpreted, in parts of bounded size, since memory is. A part is emptied when the next is wanted."""
        part: list[InterpretedMessage] = []
        weight = 0
        for message in messages:
            with report.timed("interpret"):
                interpreted = self.interpret(message)
            if part and weight + interpreted.weight > MAX_WEIGHT:
                yield part
                part.clear()
                weight = 0
            part.append(interpreted)
            weight += interpreted.weight
        if part:
            yield part

    def _process_part(self, part: Sequence[InterpretedMessage], batch: Batch) -> None:
        report, messages = batch.report, [each.message for each in part]
        state = None
        try:
            with report.timed("claim"):
                claimed = self.claim(part, batch)
        except TransientError as error:
            self.breaker.record_failure(error)
        else:
            with report.timed("store"):
                stored = self.store(part, claimed, batch)
            with report.timed("commit"):
                state = self.commit(part, claimed, stored, batch)
        batch.in_flight.release(messages)
        with report.timed("settle"):
            if state is None:
                report.counts["returned"] += self._return(messages)
            else:
                self.settle(part, state, report)
        outcomes = Counter(each.interpretation.outcome.value for each in part)
        report.counts.update(messages=len(part), **outcomes)
        report.counts["odd_elements"] += sum(each.interpretation.odd_elements for each in part)
        report.counts["redelivered"] += sum(message.receive_count > 1 for message in messages)

    # --- The steps ---

    def receive(self) -> list[Message]:
        """Waits for messages. Raises TransientError if SQS fails."""
        messages = self.receiver.receive()
        self.breaker.record_success("sqs")
        return messages

    def interpret(self, message: Message) -> InterpretedMessage:
        """Never raises: what cannot be interpreted has an error."""
        found = interpret(message.body, self.policy, datetime.now(UTC), message.sent_at, message.id)
        return InterpretedMessage(message, found)

    def claim(self, part: Sequence[InterpretedMessage], batch: Batch) -> dict[Key, Claim]:
        """Asks Redis for each fact of the part, once. Raises TransientError if it does not answer."""
        claimed = batch.claims.claim(list(dict.fromkeys(key for each in part for key in each.items)))
        self.breaker.record_success("redis")
        batch.in_flight.claimed = [key for key, claim in claimed.items() if claim is Claim.OURS]
        return claimed

    def store(self, part: Sequence[InterpretedMessage], claimed: Mapping[Key, Claim], batch: Batch) -> Stored:
        """Writes what this worker is to write. Never raises: what was not written is in the answer."""
        items = _items(part)
        wanted = keys_to_write(part, claimed)
        riders = self.reported.missing(items.values(), batch.space.generation) if wanted else []
        stored = self.table.put([items[key] for key in wanted], riders)
        self.reported.stands(stored.riders, batch.space.generation)
        batch.report.counts.update(facts_written=len(stored.written), facts_known=len(items) - len(wanted))
        return stored

    def commit(
        self, part: Sequence[InterpretedMessage], claimed: Mapping[Key, Claim], stored: Stored, batch: Batch
    ) -> BatchState:
        """Tells Redis what is stored, and gives up the other claims, so that they make no later copy a duplicate."""
        if stored.failure:
            self.breaker.record_failure(stored.failure)
            if stored.failure.detail == RESOURCE_NOT_FOUND:
                self.table_identity.doubt()
        elif stored.written:
            self.breaker.record_success("dynamodb")
        ours = {key for key, claim in claimed.items() if claim is Claim.OURS}
        held = [key for key, claim in claimed.items() if claim is Claim.HELD and key not in stored.written]
        leases = dict.fromkeys(held, float(batch.claims.lease_seconds))
        try:
            batch.claims.commit(list(stored.written))
            batch.claims.release(list(ours - stored.written))
            leases = batch.claims.leases(held)
        except TransientError as error:
            # What is stored is stored, so its messages may go; the claims end with their leases.
            self.breaker.record_failure(error)
        done_meanwhile = dict.fromkeys(set(held) - leases.keys(), Claim.DONE)
        is_of_this_table = not claimed or self._is_still(batch.space)
        if is_of_this_table:
            self._note_newest(part, stored)
        return BatchState({**claimed, **done_meanwhile}, stored, leases, is_of_this_table)

    def settle(self, part: Sequence[InterpretedMessage], state: BatchState, report: BatchReport) -> None:
        """Each message is deleted, returned, or quarantined with its reason."""
        by: dict[Disposition, list[InterpretedMessage]] = {each: [] for each in Disposition}
        for interpreted in part:
            by[disposition(interpreted, state)].append(interpreted)
        errors = {each.message: error_of(each, state.stored) for each in by[Disposition.QUARANTINE]}
        quarantined = self.settler.quarantine(errors)
        pause = self.breaker.drain_seconds if state.stored.failure or not state.is_of_this_table else 0
        held = {each.message: state.seconds_until_free(each) for each in by[Disposition.HELD]}
        report.counts.update(
            deleted=self.settler.delete([each.message for each in by[Disposition.DELETE]]),
            quarantined=len(quarantined),
            returned=self.settler.return_later([each.message for each in by[Disposition.RETURN]], at_least=pause),
            held=self.settler.return_in(held),
        )
        for each in by[Disposition.QUARANTINE]:
            if each.message in quarantined:
                error = errors[each.message]
                ids = {"message_id": each.message.id, "ses_message_id": each.interpretation.email_id}
                log.warning("quarantined", **ids, reason=error.reason, detail=error.detail)

    # --- What the steps need ---

    def _return(self, messages: Sequence[Message]) -> int:
        return self.settler.return_later(messages, at_least=self.breaker.drain_seconds)

    def _is_still(self, space: Space) -> bool:
        """Whether the table is the one that was claimed for. Not known counts as no: its messages come again."""
        try:
            return self.table_identity.is_still(space)
        except TransientError as error:
            if error.detail not in THROTTLED:  # it is there, and takes a part
                self.breaker.record_failure(error)
            return False

    def _note_newest(self, part: Sequence[InterpretedMessage], stored: Stored) -> None:
        """An event cannot be newer than its message, whatever it says."""
        items = _items(part)
        times = [items[key]["occurred_at"] for key in stored.written if "occurred_at" in items[key]]
        if times:
            newest = datetime.fromisoformat(max(times))
            self.this_process.recorded(min(newest, max(each.message.sent_at for each in part)))


def _items(part: Sequence[InterpretedMessage]) -> dict[Key, Item]:
    """Each once: two messages may tell of the same fact."""
    return {key: item for each in part for key, item in each.items.items()}
