"""A dead letter: a message of the dead-letter queue, and what can be told of it without showing its body. Pure.

How one gets there, and so its reason:

    not_json, no_mail ...   the worker put it there, with its reasons as attributes (`settle.py`)
    received_too_often      SQS moved it: each receive ended without a delete. Look for an outage, or a crash
    undelivered             SNS or EventBridge could not bring it to the events queue
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from email_activity.domain.facts import Document
from email_activity.ses.interpret import Interpretation, interpret
from email_activity.ses.tracking_policy import TrackingPolicy

RECEIVED_TOO_OFTEN = "received_too_often"
UNDELIVERED = "undelivered"

#: Set by SQS on what its redrive policy moved. On those the worker's attributes are of an earlier stay here.
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
MOVED_FROM = "DeadLetterQueueSourceArn"

#: Those that the worker always sets, and the shape of a reason: others may use the same names.
OF_THE_WORKER = frozenset({"reason", "message_id", "receive_count", "worker_version"})
REASON = re.compile(r"[a-z][a-z_]{0,63}")

#: Tells copies of one message: its id, and a hash of its body, so that nothing with another body is taken for it.
Key = tuple[str, bytes]


@dataclass(frozen=True, slots=True)
class Summary:
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
    outlook: str  # what the worker would make of it now: an outcome, with the reason if it is quarantine
    first_received: str | None = None
    receive_count: str | None = None
    worker_version: str | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """sqs_id: in the dead-letter queue, so another one for each copy. attributes: SQS's own."""

    summary: Summary
    key: Key
    sqs_id: str
    body: str
    attributes: Mapping[str, str]
    message_attributes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def read(cls, given: Any, policy: TrackingPolicy, now: datetime) -> "Letter":
        """given: as ReceiveMessage answers, with all attributes."""
        body, attributes = given["Body"], given.get("Attributes", {})
        summary = _summary(given, policy, now)
        key = (summary.id, hashlib.sha256(body.encode("utf-8", "replace")).digest()[:16])
        return cls(summary, key, given["MessageId"], body, attributes, given.get("MessageAttributes", {}))


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which letters are meant: those that meet all of these. What is empty or None asks nothing."""

    ids: frozenset[str] = frozenset()
    reasons: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()  # in lower case
    document: Document | None = None
    sent_before: datetime | None = None
    sent_after: datetime | None = None

    def takes(self, letter: Letter) -> bool:
        summary = letter.summary
        return (
            (not self.ids or not self.ids.isdisjoint({summary.id, letter.sqs_id}))
            and (not self.reasons or summary.reason in self.reasons)
            and (not self.kinds or not self.kinds.isdisjoint(kind.casefold() for kind in summary.kinds))
            and (self.document is None or self.document in summary.documents)
            and (self.sent_before is None or summary.sent_at < self.sent_before)
            and (self.sent_after is None or summary.sent_at > self.sent_after)
        )


def _summary(given: Any, policy: TrackingPolicy, now: datetime) -> Summary:
    body, attributes = given["Body"], given.get("Attributes", {})
    said = _said_by_worker(given)
    of_all = replace(policy, tracked=frozenset(), trusted_accounts=frozenset(), trusted_configuration_sets=frozenset())
    everything = interpret(body, of_all, now).events
    facts = [fact for event in everything for fact in event.recipient_facts]
    return Summary(
        id=said.get("message_id", given["MessageId"]),
        reason=said.get("reason", RECEIVED_TOO_OFTEN if MOVED_FROM in attributes else UNDELIVERED),
        detail=said.get("detail"),
        kinds=_distinct(event.kind for event in everything if event.kind),
        documents=_distinct(fact.document for fact in facts if fact.document),
        email_ids=_distinct(each.event.message_id for each in everything if each.event),
        sent_at=datetime.fromtimestamp(int(attributes["SentTimestamp"]) / 1000, UTC),
        size=len(body.encode("utf-8", "replace")),
        # A redriven message is sent anew, so it is judged as one sent now.
        outlook=_outlook(interpret(body, policy, now, sent_at=now)),
        first_received=said.get("first_received"),
        receive_count=said.get("receive_count"),
        worker_version=said.get("worker_version"),
    )


def _said_by_worker(given: Any) -> dict[str, str]:
    """The attributes of quarantine; none if anybody else put the message here."""
    said = {name: value.get("StringValue", "") for name, value in given.get("MessageAttributes", {}).items()}
    is_moved = MOVED_FROM in given.get("Attributes", {})
    is_ours = said.keys() >= OF_THE_WORKER and REASON.fullmatch(said["reason"])
    return said if is_ours and not is_moved else {}


def _outlook(interpretation: Interpretation) -> str:
    """`activity`, or `quarantine (no_mail)`."""
    error = interpretation.error
    return f"{interpretation.outcome} ({error.reason})" if error else str(interpretation.outcome)


def _distinct(values: Any) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(values))
