"""Messages that were once read wrongly, each through the whole pure core: read and folded.

A case is the body of a message, or `{"bodies": [...]}`: several in order. Its `.expect` says what is right: outcome,
kind (of the last event), recipients (how many there are), doc; and by recipient status (delivery), engagement, consent,
bounced_at, is_destination. `a or b`: either will do.
"""

import itertools
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from email_activity.activity.facets import Status
from email_activity.domain.facts import Item
from email_activity.ses.interpret import interpret
from email_activity.ses.tracking_policy import TrackingPolicy
from events import ANA, BEN, Email, raw
from mailboxes import JON, SPELLINGS_OF_JON
from reading import fold, of, read_all, status_of

CASES = Path(__file__).parent.parent / "cases"
NAMES = sorted(path.stem for path in CASES.glob("*.json"))

#: Days after the cases were sent, in the retention.
NOW = datetime(2026, 11, 26, tzinfo=UTC)

FACETS = {
    "status": lambda status: status.delivery.state,
    "engagement": lambda status: status.engagement.state,
    "consent": lambda status: status.consent.state,
    "bounced_at": lambda status: status.bounced_at,
    "is_destination": lambda status: status.is_destination,
}


def bodies_of(name: str) -> list[str]:
    text = (CASES / f"{name}.json").read_text()
    case = json.loads(text)
    several = isinstance(case, dict) and "bodies" in case
    return [json.dumps(each) for each in case["bodies"]] if several else [text]


def items_of(bodies: list[str]) -> tuple[list[Any], list[Item]]:
    found = [interpret(body, TrackingPolicy(), NOW, NOW, "sqs-1") for body in bodies]
    items = {key: item for each in found for key, item in each.items.items()}
    return [event for each in found for event in each.events], list(items.values())


def matches(found: object, expected: object) -> bool:
    return found in expected.split(" or ") if isinstance(expected, str) else found == expected


@pytest.mark.parametrize("name", NAMES)
def test_a_case_is_read_rightly(name):
    expected = json.loads((CASES / f"{name}.expect").read_text())
    readings, items = items_of(bodies_of(name))
    email = fold(items)
    outcome = expected.get("outcome", "activity")
    assert {reading.outcome for reading in readings} == {outcome}
    if "kind" in expected:
        assert readings[-1].kind == expected["kind"]
    if "recipients" in expected:
        assert len(email.recipients) == expected["recipients"]
    if "doc" in expected:
        assert ([email.document.type, email.document.id] if email.document else None) == expected["doc"]
    for facet, get in FACETS.items():
        for recipient, wanted in expected.get(facet, {}).items():
            assert matches(get(of(email, recipient)), wanted), (facet, recipient)


def test_every_case_expects_something_that_is_looked_at():
    known = {*FACETS, "outcome", "kind", "recipients", "doc", "reason"}
    for name in NAMES:
        expected = json.loads((CASES / f"{name}.expect").read_text())
        assert expected.keys() <= known, name
        assert expected.keys() - {"reason", "outcome"} or name.startswith("138"), name


@pytest.mark.parametrize("name", [name for name in NAMES if len(bodies_of(name)) > 1])
def test_the_order_of_a_case_changes_nothing(name):
    bodies = bodies_of(name)
    states = {states_of(fold(items_of(list(order))[1]).recipients) for order in itertools.permutations(bodies)}
    assert len(states) == 1


def states_of(recipients: tuple[Status, ...]) -> tuple[Any, ...]:
    return tuple((each.recipient, *(get(each) for get in FACETS.values())) for each in recipients)


# --- Others of their kinds ---


@pytest.mark.parametrize("written", SPELLINGS_OF_JON)
def test_every_spelling_of_a_mailbox_is_one_recipient(written):
    email = Email(to=(JON, BEN))
    bounced = status_of([raw(email.send()), raw(email.bounce(recipients=[written]))])
    assert {each.recipient: each.delivery.state for each in bounced.recipients} == {BEN: "sent", JON: "hard_bounced"}
    sent, delivered = Email(to=(written,), message_id="m-1").send(), Email(to=(JON,), message_id="m-1").delivery()
    (only,) = status_of([raw(sent), raw(delivered)]).recipients
    assert (only.recipient, only.delivery.state) == (JON, "delivered")


#: More in test_odd_elements.py.
ODD = {
    "a tag that is no list": {"tags": {"document_type": "invoice", "document_id": "2026-117"}},
    "another tag that is a boolean": {"tags": {"document_type": ["invoice"], "document_id": ["2026"], "other": True}},
    "a null among the destinations": {"destination": [None, ANA]},
    "a common header as an object": {"commonHeaders": {"from": [{"name": "x"}, "y"], "subject": "x"}},
    "a common header of a number": {"commonHeaders": {"subject": 2026}},
}


@pytest.mark.parametrize("odd", ODD)
def test_one_odd_element_hides_neither_document_nor_recipient(odd):
    event = Email(to=(ANA,)).send()
    (reading,) = read_all(raw(event | {"mail": event["mail"] | ODD[odd]}))
    (fact,) = reading.recipient_facts
    assert (fact.recipient, fact.document.type, fact.document.id[:4]) == (ANA, "invoice", "2026")


@pytest.mark.parametrize(
    "topic", [{"changedAt": 1}, {"by": {"a": 1}}, {"was": None}, {"reasons": ["x"]}, {"forced": True}]
)
@pytest.mark.parametrize("new", [{}, {"since": 1793600000}, {"by": {"a": 1}}, {"topicDefaultSubscriptionStatus": [5]}])
def test_a_change_of_preferences_is_read_whatever_is_new_in_it(topic, new):
    event = Email().subscription()
    topics = [{"topicName": "news", "subscriptionStatus": "OptOut", **topic}]
    event["subscription"]["newTopicPreferences"] = {"unsubscribeAll": True, "topicSubscriptionStatus": topics, **new}
    assert of(status_of([raw(event)]), ANA).consent.state == "unsubscribed"
