"""Of lists and maps, what can be read is read; the rest is kept as unknown, and counted."""

from typing import Any

import pytest

from email_activity.domain.addresses import Address
from email_activity.ses.event_objects import Recipient
from email_activity.ses.parse import parse
from events import ANA, BEN, KINDS, OBJECT_KEYS, Email

TOPIC = {"topicName": "news", "subscriptionStatus": "OptOut"}


def people(*written: str) -> tuple[Address, ...]:
    return tuple(map(Address.of, written))


def recipient(written: str) -> Recipient:
    return Recipient(address=Address.of(written))


def row(name: str, given: Any, read: Any, unknown: Any = None, odd: int = 0) -> tuple[Any, ...]:
    """name: of the event's kind, and the field of `mail` or of its object. odd: how many elements are."""
    return *name.split("."), given, read, unknown, odd


ROWS = (
    row(
        "Send.tags",
        {"a": [1, {"b": 2}, "c"], "d": [[]], "e": 7},
        {"a": ("1", "c"), "e": ("7",)},
        {"a": [{"b": 2}], "d": [[]]},
        odd=2,
    ),
    row("Send.tags", {"document_id": [2026501]}, {"document_id": ("2026501",)}),
    row("Send.tags", {"a": [1.5], "b": [None]}, {"a": ("1.5",), "b": ()}),
    row("Send.destination", [ANA, {"emailAddress": BEN}], people(ANA, BEN)),
    row("Send.destination", [ANA, {"emailAddress": BEN, "type": "Cc"}], people(ANA, BEN), [{"type": "Cc"}], odd=1),
    row("Send.destination", [ANA, 5, [BEN]], people(ANA), [5, [BEN]], odd=2),
    row("Send.destination", {"emailAddress": ANA}, people(ANA)),
    row(
        "Send.headers",
        [{"name": "A", "value": "b"}, {"name": "C", "value": "d", "encoding": "utf-8"}],
        (("A", "b"), ("C", "d")),
        [{"name": "C", "encoding": "utf-8"}],
        odd=1,
    ),
    row(
        "Send.headers",
        [{"name": "A", "value": "b"}, "C: d", 5, {"value": "e"}],
        (("A", "b"),),
        ["C: d", 5, {"value": "e"}],
        odd=3,
    ),
    row(
        "Send.headers",
        [{"name": "A", "value": 5}, {"name": "C", "value": ["d"]}, None, {"name": "E"}],
        (("A", "5"),),
        [{"name": "C", "value": ["d"]}],
        odd=1,
    ),
    row("Bounce.bouncedRecipients", {"emailAddress": ANA}, (recipient(ANA),)),
    row("Bounce.bouncedRecipients", [ANA, 7, None], (recipient(ANA), Recipient(unknown={"": 7})), odd=1),
    row("Delivery.recipients", ANA, (recipient(ANA),)),
    row("Delivery.processingTimeMillis", "1932", 1932),
    row("Bounce.bounceType", 5, "5"),
    row("Open.isBotEvent", True, "Likely"),
    row("Open.isBotEvent", "false", "Unlikely"),
    row("Click.linkTags", {"a": ["b"], "c": {"d": 1}}, {"a": ("b",)}, {"c": {"d": 1}}, odd=1),
    row(
        "Subscription.newTopicPreferences",
        {"unsubscribeAll": True, "newMap": {"a": 1}, "since": 5},
        {"unsubscribeAll": True, "since": "5"},
        {"newMap": {"a": 1}},
        odd=1,
    ),
    row(
        "Subscription.newTopicPreferences",
        {"topicSubscriptionStatus": [{**TOPIC, "at": 5, "by": {"a": 1}}, "x"]},
        {"topicSubscriptionStatus": [{**TOPIC, "at": "5"}]},
        {"topicSubscriptionStatus": [{"by": {"a": 1}}, "x"]},
        odd=2,
    ),
    row("Subscription.newTopicPreferences", {"topicSubscriptionStatus": []}, {"topicSubscriptionStatus": []}),
)

#: Ours, where it is not SES's own.
FIELD_NAMES = {
    "bouncedRecipients": "recipients",
    "processingTimeMillis": "processing_time_millis",
    "bounceType": "bounce_type",
    "isBotEvent": "is_bot_event",
    "linkTags": "link_tags",
    "newTopicPreferences": "new_topic_preferences",
}


@pytest.mark.parametrize("odd_element", ROWS)
def test_one_odd_element_spoils_nothing_else(odd_element):
    kind, name, given, read, unknown, odd = odd_element
    event = KINDS[kind](Email())
    path = "mail" if name in event["mail"] else OBJECT_KEYS[kind]
    event = parse(kind, event | {path: event[path] | {name: given}})
    assert getattr(event.mail if path == "mail" else event.body, FIELD_NAMES.get(name, name)) == read
    assert event.unknown == ({path: {name: unknown}} if unknown is not None else {})
    assert event.odd_elements == odd
