"""What must hold of any body whatever: for the fuzzer, and for the test that replays what it found."""

import json
from collections.abc import Iterable
from datetime import timedelta

from boto3.dynamodb.types import TypeSerializer

from email_activity.activity.answers import Context, email_with_timeline
from email_activity.activity.query import PlainDeserializer
from email_activity.domain.errors import NestedTooDeepError, UnexpectedError
from email_activity.domain.facts import Item, Key, read_fact
from email_activity.ses.interpret import InterpretedEvent, Outcome, interpret
from email_activity.ses.tracking_policy import TrackingPolicy
from events import lambda_sqs, sns
from reading import EVERYTHING, NOW, content_of, fold

Items = dict[Key, Item]

#: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
MOST_BYTES = {
    "pk": 2048,
    "sk": 1024,
    "document": 2048,
    "mail_recipient": 2048,
    "account": 2048,
    "sent_key": 1024,
    "failure_account": 2048,
    "failure_time": 1024,
    "failure_day": 2048,
}


def check(body: str) -> None:
    """Raises AssertionError, or whatever the core raised and should not have."""
    for reading in interpret(body, TrackingPolicy(), NOW, NOW, "message-1").events:
        check_reading(reading)
    readings = interpret(body, EVERYTHING, NOW, NOW, "message-1").events
    for reading in readings:
        check_reading(reading)
    items = items_in(readings)
    for item in items.values():
        check_item(item)
    check_repeats(body, items)
    check_readers(items)
    if [(reading.outcome, reading.form) for reading in readings] == [("activity", "raw")]:
        check_forms(body, items)


def items_in(readings: Iterable[InterpretedEvent]) -> Items:
    facts = [fact.to_item() for reading in readings for fact in reading.facts]
    return {(item["pk"], item["sk"]): item for item in facts}


def check_reading(reading: InterpretedEvent) -> None:
    assert reading.outcome in Outcome
    assert not isinstance(reading.error, UnexpectedError), reading.error
    assert (reading.outcome == "quarantine") == (reading.error is not None)
    assert bool(reading.activities) == (reading.outcome == "activity")


def check_item(item: Item) -> None:
    """DynamoDB takes it, as far as one can tell without asking, and gives back the same fact."""
    for name, most in MOST_BYTES.items():
        if name in item:
            assert 0 < len(item[name].encode()) <= most, name
    wire = {name: TypeSerializer().serialize(value) for name, value in item.items()}
    json.dumps(wire, ensure_ascii=False).encode()  # there is no half of a character in it
    back = {name: PlainDeserializer().deserialize(value) for name, value in wire.items()}
    assert back == item
    fact = read_fact(back)
    assert fact is not None
    assert fact.to_item() == item  # type: ignore[union-attr]


def check_repeats(body: str, items: Items) -> None:
    """A copy that comes later is the same facts."""
    later = items_in(interpret(body, EVERYTHING, NOW + timedelta(days=1), NOW, "message-2").events)
    assert content_of(later) == content_of(items)


def check_readers(items: Items) -> None:
    by_email: dict[str, list[Item]] = {}
    for item in items.values():
        by_email.setdefault(item["pk"], []).append(item)
    for facts in by_email.values():
        email = fold(facts)
        assert email.timeline
        email_with_timeline(email, Context(NOW)).model_dump_json()


def check_forms(body: str, items: Items) -> None:
    """An event that is read as it is means the same in any envelope.

    But not if it only just escapes the limit of nesting, which an envelope then reaches; and one level of quotes is
    taken off, no more.
    """
    body = body.removeprefix("\ufeff")
    is_quoted = body.lstrip().startswith('"')
    for form, wrapped in {
        "sns": sns(body),
        "sns with an object": f'{{"Type": "Notification", "Message": {body}}}',
        "eventbridge": f'{{"detail-type": "Email Sent", "source": "aws.ses", "detail": {body}}}',
        "lambda": lambda_sqs(body),
        "a JSON string": body if is_quoted else json.dumps(body),
        "printed by sqs": json.dumps({"Messages": [{"Body": body}]}),
    }.items():
        readings = interpret(wrapped, EVERYTHING, NOW, NOW).events
        if not isinstance(readings[0].error, NestedTooDeepError):
            assert content_of(items_in(readings)) == content_of(items), form
