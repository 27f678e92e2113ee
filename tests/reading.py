"""Short ways for tests to take events through the pure core: what a message comes to, what the table then
holds, and what a reader sees."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from email_activity.activity.status import EmailStatus, Status, status
from email_activity.domain.facts import Fact, Item, read_fact
from email_activity.ses.interpret import InterpretedEvent, interpret
from email_activity.ses.tracking_policy import TrackingPolicy

Event = dict[str, Any]

#: Tracks every mail, with a document or without.
EVERYTHING = TrackingPolicy(tracked=frozenset(), retention=timedelta(days=3650))

#: Readers ask a clock what has expired, and NOW is long ago.
LASTING = TrackingPolicy(retention=timedelta(days=36_500))

#: When every copy was sent and read. A clock would tell two readings apart by the second between them.
NOW = datetime(2026, 2, 1, tzinfo=UTC)


def read_all(
    body: str, policy: TrackingPolicy | None = None, message_id: str | None = "sqs-1"
) -> tuple[InterpretedEvent, ...]:
    return interpret(body, policy or TrackingPolicy(), recorded_at=NOW, sent_at=NOW, message_id=message_id).events


def read_one(body: str, policy: TrackingPolicy | None = None) -> InterpretedEvent:
    (reading,) = read_all(body, policy)
    return reading


def items_of(bodies: Iterable[str], policy: TrackingPolicy | None = None) -> dict[tuple[str, str], Item]:
    """What the table holds after these messages, by key. Unless rules say so, none of it expires in our time."""
    facts = [
        fact.to_item() for body in bodies for reading in read_all(body, policy or LASTING) for fact in reading.facts
    ]
    return {(item["pk"], item["sk"]): item for item in facts}


def content_of(items: dict[tuple[str, str], Item]) -> dict[tuple[str, str], Item]:
    """Items without what tells when and how a copy came: these must not depend on order or repetition."""
    left_out = {"recorded_at", "form", "transport_id"}
    return {key: {name: value for name, value in item.items() if name not in left_out} for key, item in items.items()}


def fold(items: Iterable[Item]) -> EmailStatus:
    """The status of the one email that these items are about."""
    facts: list[Fact] = [fact for fact in map(read_fact, items) if fact]
    return status(facts[0].email_id, facts)


def status_of(bodies: Iterable[str], policy: TrackingPolicy | None = None) -> EmailStatus:
    return fold(items_of(bodies, policy).values())


def of(email: EmailStatus, recipient: str) -> Status:
    """The status of one recipient."""
    return next(each for each in email.recipients if each.recipient == recipient)
