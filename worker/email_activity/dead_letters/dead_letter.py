"""A dead letter: a message of the dead-letter queue, and what can be told of it without showing its body. Pure.

Its reason says how it got there:

    not_json, no_mail ...   the worker put it there, with the reason as an attribute (`ingest/settle.py`)
    received_too_often      SQS moved it: each receive ended without a delete. Look for an outage, or a crash
    undelivered             SNS or EventBridge could not bring it to the events queue
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from email_activity.domain.facts import Document
from email_activity.ses.interpret import interpret
from email_activity.ses.tracking_policy import TrackingPolicy

T = TypeVar("T")

RECEIVED_TOO_OFTEN = "received_too_often"
UNDELIVERED = "undelivered"

#: Set by SQS on what its redrive policy moved. On those the worker's attributes are of an earlier stay here.
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
MOVED_FROM = "DeadLetterQueueSourceArn"

#: Those that the worker always sets, and the shape of a reason: others may use the same names.
WORKER_ATTRIBUTES = frozenset({"reason", "message_id", "receive_count", "worker_version"})
REASON = re.compile(r"[a-z][a-z_]{0,63}")

#: Equal for copies of one message: its id, and a hash of its body, so that nothing with another body is taken for it.
CopyKey = tuple[str, bytes]


@dataclass(frozen=True, slots=True)
class DeadLetterSummary:
    """id: the message's in the events queue, which the worker's log has too, and which all its copies share.

    sent_at: when SQS took it. For what the worker put here that is when it did; a message that SQS moved keeps the
    time at which it came to the events queue.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/setting-up-dead-letter-queue-retention.html
    """

    id: str
    reason: str
    detail: str | None
    kinds: tuple[str, ...]
    documents: tuple[Document, ...]
    email_ids: tuple[str, ...]
    sent_at: datetime
    size: int  # bytes of the body
    current_outcome: str  # if it came to the worker now: `activity`, or `quarantine (no_mail)`
    first_received: str | None
    receive_count: str | None
    worker_version: str | None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """sqs_id: in the dead-letter queue, so another one for each copy. attributes: SQS's own."""

    summary: DeadLetterSummary
    key: CopyKey
    sqs_id: str
    body: str
    attributes: Mapping[str, str]
    message_attributes: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of(cls, message: Any, policy: TrackingPolicy, now: datetime) -> "DeadLetter":
        """message: as ReceiveMessage answers, with all attributes."""
        body, summary = message["Body"], _summary(message, policy, now)
        key = (summary.id, hashlib.sha256(body.encode("utf-8", "replace")).digest()[:16])
        attributes, message_attributes = message.get("Attributes", {}), message.get("MessageAttributes", {})
        return cls(summary, key, message["MessageId"], body, attributes, message_attributes)


@dataclass(frozen=True, slots=True)
class Filter:
    """Matches dead letters that meet all of these. What is empty or None asks nothing."""

    ids: frozenset[str] = frozenset()
    reasons: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()  # in lower case
    document: Document | None = None
    sent_before: datetime | None = None
    sent_after: datetime | None = None

    def matches(self, dead_letter: DeadLetter) -> bool:
        summary = dead_letter.summary
        return (
            (not self.ids or not self.ids.isdisjoint({summary.id, dead_letter.sqs_id}))
            and (not self.reasons or summary.reason in self.reasons)
            and (not self.kinds or not self.kinds.isdisjoint(kind.casefold() for kind in summary.kinds))
            and (self.document is None or self.document in summary.documents)
            and (self.sent_before is None or summary.sent_at < self.sent_before)
            and (self.sent_after is None or summary.sent_at > self.sent_after)
        )


def _summary(message: Any, policy: TrackingPolicy, now: datetime) -> DeadLetterSummary:
    body, attributes, by_worker = message["Body"], message.get("Attributes", {}), _worker_attributes(message)
    # A person must see what it claims, to judge it, whether or not the worker would believe or track it.
    all_mail = replace(
        policy, tracked=frozenset(), trusted_accounts=frozenset(), trusted_configuration_sets=frozenset()
    )
    events = interpret(body, all_mail, now).events
    # A redriven message is sent anew, so it is judged as one sent now.
    current = interpret(body, policy, now, sent_at=now)
    return DeadLetterSummary(
        id=by_worker.get("message_id", message["MessageId"]),
        reason=by_worker.get("reason", RECEIVED_TOO_OFTEN if MOVED_FROM in attributes else UNDELIVERED),
        detail=by_worker.get("detail"),
        kinds=_distinct(event.kind for event in events if event.kind),
        documents=_distinct(fact.document for event in events for fact in event.recipient_facts if fact.document),
        email_ids=_distinct(interpreted.event.message_id for interpreted in events if interpreted.event),
        sent_at=datetime.fromtimestamp(int(attributes["SentTimestamp"]) / 1000, UTC),
        size=len(body.encode("utf-8", "replace")),
        current_outcome=f"{current.outcome} ({current.error.reason})" if current.error else str(current.outcome),
        first_received=by_worker.get("first_received"),
        receive_count=by_worker.get("receive_count"),
        worker_version=by_worker.get("worker_version"),
    )


def _worker_attributes(message: Any) -> dict[str, str]:
    """The attributes of quarantine; none if anybody else put the message here."""
    attributes = {name: value.get("StringValue", "") for name, value in message.get("MessageAttributes", {}).items()}
    is_moved = MOVED_FROM in message.get("Attributes", {})
    is_ours = attributes.keys() >= WORKER_ATTRIBUTES and REASON.fullmatch(attributes["reason"])
    return attributes if is_ours and not is_moved else {}


def _distinct(values: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(values))
