"""The life of a batch of messages: receive, interpret, claim, store, commit, settle. Each step is a method here.

    receive     from SQS                                 receive.py
    interpret   a body -> facts, or an error             ses/interpret.py
    claim       in Redis: who writes which fact          claims.py
    store       in DynamoDB, what this worker writes     disposition.py, store.py
    commit      in Redis: these facts are stored         claims.py
    settle      delete, return or quarantine a message   disposition.py, settle.py

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
from email_activity.domain.facts import Key
from email_activity.ingest.batch_report import BatchReport
from email_activity.ingest.circuit_breaker import CircuitBreaker
from email_activity.ingest.claims import Claims
from email_activity.ingest.crash_suspects import CrashSuspects
from email_activity.ingest.disposition import (
    BatchState,
    Disposition,
    InterpretedMessage,
    disposition,
    error_of,
    items_of,
    keys_to_write,
    newest_event,
)
from email_activity.ingest.heartbeat import Heartbeat, InFlightBatch
from email_activity.ingest.model import Claim, Message, StoreResult
from email_activity.ingest.receive import Receiver
from email_activity.ingest.reported_kinds import ReportedKinds
from email_activity.ingest.settle import Settler
from email_activity.ingest.store import Store
from email_activity.ingest.table_identity import TableIdentity, TableVersion, ThisProcess
from email_activity.ses.interpret import interpret
from email_activity.ses.tracking_policy import TrackingPolicy
from email_activity.telemetry import log

#: Characters that the items of one part of a batch may come to; a message that comes to more is a part by itself. Most
#: batches come to less than a tenth of it.
MAX_WEIGHT = 4_000_000


@dataclass(frozen=True, slots=True)
class Batch:
    """What all parts of one batch share."""

    version: TableVersion
    claims: Claims
    in_flight: InFlightBatch
    report: BatchReport


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Shared by the threads of a process. Claims are made anew for each batch, under a token of its own."""

    receiver: Receiver
    policy: TrackingPolicy
    new_claims: Callable[[str], Claims]
    table: Store
    table_identity: TableIdentity
    settler: Settler
    breaker: CircuitBreaker
    heartbeat: Heartbeat
    reported_kinds: ReportedKinds
    this_process: ThisProcess
    suspects: CrashSuspects

    def process(self, messages: Sequence[Message], exclusive: AbstractContextManager[None] | None = None) -> None:
        """All steps but receive. Never raises for what a message holds or a dependency that fails.

        exclusive: for messages that may kill the process: each is then processed by itself, under this lock.
        """
        report = BatchReport()
        with structlog.contextvars.bound_contextvars(batch=secrets.token_hex(4), queue=self.settler.queue.name):
            try:
                version = self.table_identity.current()
            except TransientError as error:
                self.breaker.record_failure(error)
                report.counts.update(messages=len(messages), returned=self._return(messages))
            else:
                claims = self.new_claims(version.namespace)
                with self.heartbeat.extending(messages, self.settler, claims) as in_flight:
                    batch = Batch(version, claims, in_flight, report)
                    if exclusive:
                        self._process_alone(messages, exclusive, batch)
                    else:
                        self._process_parts(messages, batch)
            report.log()

    def _process_alone(
        self, messages: Sequence[Message], exclusive: AbstractContextManager[None], batch: Batch
    ) -> None:
        batch.report.counts["alone"] = len(messages)
        with exclusive:
            for message in self.suspects.in_order(messages):
                with self.suspects.marked(message):
                    self._process_parts([message], batch)

    def _process_parts(self, messages: Sequence[Message], batch: Batch) -> None:
        for part in self._parts(messages, batch.report):
            self._process_part(part, batch)

    def _parts(self, messages: Sequence[Message], report: BatchReport) -> Iterator[list[InterpretedMessage]]:
        """Interprets the messages, and yields parts of at most MAX_WEIGHT. Each list is cleared before the next."""
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
            if state:
                self.settle(part, state, report)
            else:
                report.counts["returned"] += self._return(messages)
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
        return InterpretedMessage(message, found.without_events())

    def claim(self, part: Sequence[InterpretedMessage], batch: Batch) -> dict[Key, Claim]:
        """Claims each fact of the part, once. Raises TransientError if Redis fails."""
        claimed = batch.claims.claim(list(dict.fromkeys(key for each in part for key in each.items)))
        self.breaker.record_success("redis")
        batch.in_flight.claimed = [key for key, claim in claimed.items() if claim is Claim.OURS]
        return claimed

    def store(self, part: Sequence[InterpretedMessage], claimed: Mapping[Key, Claim], batch: Batch) -> StoreResult:
        """Writes what this worker is to write. Never raises: what was not written is in the answer."""
        items = items_of(part)
        keys = keys_to_write(part, claimed)
        optional = self.reported_kinds.missing(items.values(), batch.version.generation) if keys else []
        stored = self.table.put([items[key] for key in keys], optional)
        self.reported_kinds.record_stored(stored.optional, batch.version.generation)
        batch.report.counts.update(facts_written=len(stored.written), facts_known=len(items) - len(keys))
        return stored

    def commit(
        self, part: Sequence[InterpretedMessage], claimed: Mapping[Key, Claim], stored: StoreResult, batch: Batch
    ) -> BatchState:
        """Marks written facts as done in Redis, and releases the other claims, so that no later copy of
        those facts is taken for a duplicate.

        Never raises. If Redis fails now, the messages of stored facts may go all the same, and claims end by time.
        """
        if stored.failure:
            self.breaker.record_failure(stored.failure)
            if stored.failure.detail == RESOURCE_NOT_FOUND:
                self.table_identity.invalidate()
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
            self.breaker.record_failure(error)
        done_meanwhile = dict.fromkeys(set(held) - leases.keys(), Claim.DONE)
        is_of_this_table = not claimed or self._is_current(batch.version)
        if is_of_this_table and (newest := newest_event(part, stored)):
            self.this_process.record_event(newest)
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

    def _is_current(self, version: TableVersion) -> bool:
        """Whether the table is the one that was claimed for. If nobody can tell: no, and messages come again."""
        try:
            return self.table_identity.is_current(version)
        except TransientError as error:
            if error.detail not in THROTTLED:  # throttling is no outage
                self.breaker.record_failure(error)
            return False
