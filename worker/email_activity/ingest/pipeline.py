"""The life of a batch of messages: receive, interpret, claim, store, commit, settle. Each step is a method here.

    receive     from SQS                                 receive.py
    interpret   a body -> facts, or an error             ses/interpret.py
    claim       in Redis: who writes which fact          claims.py
    store       in DynamoDB, what this worker writes     disposition.py, store.py
    commit      in Redis: these facts are stored         claims.py
    settle      delete, return or quarantine a message   disposition.py, settle.py

A message is deleted only after every fact of it is stored, or it is in the dead-letter queue with its reason,
or nothing is kept of it (control, untracked, expired, forgotten). One bad message never fails its batch.
"""

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from email_activity.domain.errors import RESOURCE_NOT_FOUND, THROTTLED, TransientError
from email_activity.domain.facts import Key
from email_activity.ingest.batch import Batch, log_batch
from email_activity.ingest.circuit_breaker import CircuitBreaker
from email_activity.ingest.claims import Claims
from email_activity.ingest.concurrency import Lock
from email_activity.ingest.crash_suspects import CrashSuspects
from email_activity.ingest.disposition import (
    Disposition,
    InterpretedMessage,
    PartResult,
    disposition,
    error_of,
    items_of,
    keys_to_write,
    newest_event,
    unverified_delays,
)
from email_activity.ingest.heartbeat import Heartbeat
from email_activity.ingest.model import Claim, Message, StoreResult
from email_activity.ingest.receive import Receiver
from email_activity.ingest.reported_kinds import ReportedKinds
from email_activity.ingest.settle import Settler
from email_activity.ingest.signatures import Signatures
from email_activity.ingest.store import Store
from email_activity.ingest.table_identity import TableIdentity, TableVersion, ThisProcess
from email_activity.ingest.tombstones import Forgotten, Tombstones
from email_activity.ingest.writes import Writes
from email_activity.ses.interpret import interpret
from email_activity.ses.tracking_policy import TrackingPolicy
from email_activity.telemetry import log

#: Characters that the items of one part of a batch may come to; a message that comes to more is a part by itself.
MAX_PART_CHARACTERS = 4_000_000


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Shared by the threads of a process. Claims are made anew for each batch, under a token of its own."""

    receiver: Receiver
    policy: TrackingPolicy
    signatures: Signatures
    new_claims: Callable[[str], Claims]
    table: Store
    table_identity: TableIdentity
    settler: Settler
    breaker: CircuitBreaker
    heartbeat: Heartbeat
    reported_kinds: ReportedKinds
    this_process: ThisProcess
    crash_suspects: CrashSuspects
    writes: Writes
    tombstones: Tombstones

    def process(self, messages: Sequence[Message], linger: float = 0, suspects_lock: Lock | None = None) -> None:
        """All steps but receive. Never raises for what a message holds or a dependency that fails.

        linger: seconds that were waited before these were received, for the log.
        suspects_lock: for crash suspects, each of which is then processed alone, while this lock is held.
        """
        with structlog.contextvars.bound_contextvars(batch=secrets.token_hex(4), queue=self.settler.queue.name):
            try:
                version = self.table_identity.current()
                known = self.tombstones.begin(version.generation)
            except TransientError as error:
                self.breaker.record_failure(error)
                log_batch({"messages": len(messages), "returned": self._return(messages)}, {})
            else:
                claims = self.new_claims(version.namespace)
                extending = self.heartbeat.extending(messages, self.settler, claims)
                with self.tombstones.ending(known), extending as in_flight:
                    batch = Batch(version, claims, in_flight, known)
                    batch.seconds["linger"] = linger
                    if suspects_lock:
                        with suspects_lock:
                            self._process_alone(messages, batch)
                    else:
                        self._process_parts(messages, batch)
                log_batch(batch.counts, batch.seconds, batch.figures)

    def _process_alone(self, suspects: Sequence[Message], batch: Batch) -> None:
        batch.counts["alone"] = len(suspects)
        for message in self.crash_suspects.in_order(suspects):
            with self.crash_suspects.noted(message):
                self._process_parts([message], batch)

    def _process_parts(self, messages: Sequence[Message], batch: Batch) -> None:
        for part in self._parts(messages, batch):
            self._process_part(part, batch)

    def _parts(self, messages: Sequence[Message], batch: Batch) -> Iterator[list[InterpretedMessage]]:
        """Interprets the messages, and yields parts of MAX_PART_CHARACTERS at most, each cleared before the next."""
        part: list[InterpretedMessage] = []
        characters = 0
        for message in messages:
            with batch.timed("interpret"):
                interpreted = self.interpret(message, batch.forgotten)
            if part and characters + interpreted.item_characters > MAX_PART_CHARACTERS:
                yield part
                part.clear()
                characters = 0
            part.append(interpreted)
            characters += interpreted.item_characters
        if part:
            yield part

    def _process_part(self, part: Sequence[InterpretedMessage], batch: Batch) -> None:
        messages, result = _messages(part), None
        try:
            with batch.timed("claim"):
                claims = self.claim(part, batch)
        except TransientError as error:
            self.breaker.record_failure(error)
        else:
            try:
                with batch.timed("store"):
                    stored = self.store(part, claims, batch)
                with batch.timed("commit"):
                    result = self.commit(part, claims, stored, batch)
            finally:
                self.writes.end(batch.in_flight.our_keys)
        batch.in_flight.release(messages)
        with batch.timed("settle"):
            if result:
                self.settle(part, result, batch)
            else:
                batch.counts["returned"] += self._return(messages)
        batch.count(part)

    # --- The steps ---

    def receive(self) -> list[Message]:
        """Waits for messages. Raises TransientError if SQS fails."""
        messages = self.receiver.receive()
        self.breaker.record_success("sqs")
        return messages

    def interpret(self, message: Message, forgotten: Forgotten) -> InterpretedMessage:
        """Never raises: what cannot be interpreted has an error. Without the people who were forgotten."""
        check = self.signatures.check_for(message.id)
        whole = interpret(message.body, self.policy, datetime.now(UTC), message.sent_at, message.id, check)
        return InterpretedMessage.of(message, whole, forgotten.without_people(whole))

    def claim(self, part: Sequence[InterpretedMessage], batch: Batch) -> dict[Key, Claim]:
        """Claims each fact of the part, once. Raises TransientError if Redis fails."""
        claims = batch.claims.claim(list(items_of(part)))
        self.breaker.record_success("redis")
        batch.in_flight.our_keys = [key for key, claim in claims.items() if claim is Claim.OURS]
        self.writes.begin(batch.in_flight.our_keys)
        return claims

    def store(self, part: Sequence[InterpretedMessage], claims: Mapping[Key, Claim], batch: Batch) -> StoreResult:
        """Writes what this worker is to write. Never raises: what was not written is in the answer."""
        items = items_of(part)
        keys = keys_to_write(part, claims, self.writes)
        if keys and batch.forgotten.is_too_old:
            return StoreResult(unprocessed=set(keys), failure=TransientError("dynamodb", "TombstonesTooOld"))
        optional = self.reported_kinds.missing(items.values(), batch.version.generation) if keys else []
        stored = self.table.put([items[key] for key in keys], optional)
        self.reported_kinds.record_stored(stored.optional, batch.version.generation)
        batch.figures.add(part, stored, datetime.now(UTC))
        batch.counts.update(facts_written=len(stored.written), facts_known=len(items) - len(keys))
        return stored

    def commit(
        self, part: Sequence[InterpretedMessage], claims: Mapping[Key, Claim], stored: StoreResult, batch: Batch
    ) -> PartResult:
        """In Redis: written facts are done, the other claims free. Never raises: what is stored counts without it."""
        if stored.failure:
            self.breaker.record_failure(stored.failure)
            if stored.failure.detail == RESOURCE_NOT_FOUND:
                self.table_identity.invalidate()
        elif stored.written:
            self.breaker.record_success("dynamodb")
        ours = {key for key, claim in claims.items() if claim is Claim.OURS}
        held_by_others = [key for key, claim in claims.items() if claim is Claim.HELD and key not in stored.written]
        leases = dict.fromkeys(held_by_others, float(batch.claims.lease_seconds))
        try:
            batch.claims.commit(list(stored.written))
            batch.claims.release(list(ours - stored.written))
            self.writes.end(ours)
            self.writes.wait_for(held_by_others)
            leases = batch.claims.leases(held_by_others)
        except TransientError as error:
            self.breaker.record_failure(error)
        done_meanwhile = dict.fromkeys(set(held_by_others) - leases.keys(), Claim.DONE)
        is_of_this_table = not claims or self._is_current(batch.version)
        if is_of_this_table and (newest := newest_event(part, stored)):
            self.this_process.record_event(newest)
        return PartResult({**claims, **done_meanwhile}, stored, leases, is_of_this_table)

    def settle(self, part: Sequence[InterpretedMessage], result: PartResult, batch: Batch) -> None:
        """Each message is deleted, returned, or quarantined with its reason."""
        by: dict[Disposition, list[InterpretedMessage]] = {choice: [] for choice in Disposition}
        for interpreted in part:
            by[disposition(interpreted, result)].append(interpreted)
        to_quarantine, to_wait = by[Disposition.QUARANTINE], by[Disposition.RETURN_AFTER_LEASE]
        errors = {interpreted.message: error_of(interpreted, result.stored) for interpreted in to_quarantine}
        waits = {interpreted.message: result.seconds_until_free(interpreted) for interpreted in to_wait}
        quarantined = self.settler.quarantine(errors)
        pause = self.breaker.drain_seconds if result.stored.failure or not result.is_of_this_table else 0
        batch.counts.update(
            deleted=self.settler.delete(_messages(by[Disposition.DELETE])),
            quarantined=len(quarantined),
            returned=self.settler.return_later(_messages(by[Disposition.RETURN]), at_least=pause)
            + self.settler.return_in(unverified_delays(by[Disposition.RETURN_UNVERIFIED])),
            held=self.settler.return_in(waits),
        )
        for interpreted in to_quarantine:
            if (message := interpreted.message) in quarantined:
                ids = {"message_id": message.id, "ses_message_id": interpreted.interpretation.email_id}
                log.warning("quarantined", **ids, reason=errors[message].reason, detail=errors[message].detail)

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


def _messages(part: Sequence[InterpretedMessage]) -> list[Message]:
    return [interpreted.message for interpreted in part]
