"""Of lists and maps, what can be read is read; the rest is kept as unknown, and counted."""

import pytest

from email_activity.domain.addresses import Address
from email_activity.ses.event_objects import Recipient
from email_activity.ses.parse import parse
from events import KINDS, OBJECT_KEYS, Email

#: Kind of event, field of its object or of the mail, what is given, what is read, what is unknown, odd elements.
ODD = (
    (
        "Send",
        "tags",
        {"a": [1, {"b": 2}, "c"], "d": [[]], "e": 7},
        {"a": ("1", "c"), "e": ("7",)},
        {"a": [{"b": 2}], "d": [[]]},
        2,
    ),
    ("Send", "tags", {"document_id": [2026501]}, {"document_id": ("2026501",)}, None, 0),
    ("Send", "tags", {"a": [1.5], "b": [None]}, {"a": ("1.5",), "b": ()}, None, 0),
    ("Send", "destination", ["a@b.example", {"emailAddress": "c@d.example"}], ("a@b.example", "c@d.example"), None, 0),
    (
        "Send",
        "destination",
        ["a@b.example", {"emailAddress": "c@d.example", "type": "Cc"}],
        ("a@b.example", "c@d.example"),
        [{"type": "Cc"}],
        1,
    ),
    ("Send", "destination", ["a@b.example", 5, ["c@d.example"]], ("a@b.example",), [5, ["c@d.example"]], 2),
    ("Send", "destination", {"emailAddress": "c@d.example"}, ("c@d.example",), None, 0),
    (
        "Send",
        "headers",
        [{"name": "A", "value": "b"}, {"name": "C", "value": "d", "encoding": "utf-8"}],
        (("A", "b"), ("C", "d")),
        [{"name": "C", "encoding": "utf-8"}],
        1,
    ),
    (
        "Send",
        "headers",
        [{"name": "A", "value": "b"}, "C: d", 5, {"value": "e"}],
        (("A", "b"),),
        ["C: d", 5, {"value": "e"}],
        3,
    ),
    (
        "Send",
        "headers",
        [{"name": "A", "value": 5}, {"name": "C", "value": ["d"]}, None, {"name": "E"}],
        (("A", "5"),),
        [{"name": "C", "value": ["d"]}],
        1,
    ),
    (
        "Bounce",
        "bouncedRecipients",
        {"emailAddress": "ana@example.com"},
        (Recipient(address=Address.of("ana@example.com")),),
        None,
        0,
    ),
    (
        "Bounce",
        "bouncedRecipients",
        ["a@b.example", 7, None],
        (Recipient(address=Address.of("a@b.example")), Recipient(unknown={"": 7})),
        None,
        1,
    ),
    ("Delivery", "recipients", "ana@example.com", (Recipient(address=Address.of("ana@example.com")),), None, 0),
    ("Delivery", "processingTimeMillis", "1932", 1932, None, 0),
    ("Bounce", "bounceType", 5, "5", None, 0),
    ("Open", "isBotEvent", True, "Likely", None, 0),
    ("Open", "isBotEvent", "false", "Unlikely", None, 0),
    ("Click", "linkTags", {"a": ["b"], "c": {"d": 1}}, {"a": ("b",)}, {"c": {"d": 1}}, 1),
    (
        "Subscription",
        "newTopicPreferences",
        {"unsubscribeAll": True, "newMap": {"a": 1}, "since": 5},
        {"unsubscribeAll": True, "since": "5"},
        {"newMap": {"a": 1}},
        1,
    ),
    (
        "Subscription",
        "newTopicPreferences",
        {
            "topicSubscriptionStatus": [
                {"topicName": "news", "subscriptionStatus": "OptOut", "at": 5, "by": {"a": 1}},
                "x",
            ]
        },
        {"topicSubscriptionStatus": [{"topicName": "news", "subscriptionStatus": "OptOut", "at": "5"}]},
        {"topicSubscriptionStatus": [{"by": {"a": 1}}, "x"]},
        2,
    ),
    ("Subscription", "newTopicPreferences", {"topicSubscriptionStatus": []}, {"topicSubscriptionStatus": []}, None, 0),
)


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: f"{odd[0]}-{odd[1]}")
def test_one_odd_element_spoils_nothing_else(odd):
    kind, name, given, read, unknown, count = odd
    in_mail = name in Email().mail() or name == "destination"
    event = KINDS[kind](Email())
    path = "mail" if in_mail else OBJECT_KEYS[kind]
    event = parse(kind, event | {path: event[path] | {name: given}})
    values = getattr(event.mail if in_mail else event.body, FIELD_NAMES[name])
    if name == "destination":
        values = tuple(address.written for address in values)
    assert values == read
    assert event.unknown == ({path: {name: unknown}} if unknown is not None else {})
    assert event.odd_elements == count


FIELD_NAMES = {
    "tags": "tags",
    "destination": "destination",
    "headers": "headers",
    "bouncedRecipients": "recipients",
    "recipients": "recipients",
    "processingTimeMillis": "processing_time_millis",
    "bounceType": "bounce_type",
    "isBotEvent": "is_bot_event",
    "linkTags": "link_tags",
    "newTopicPreferences": "new_topic_preferences",
}
