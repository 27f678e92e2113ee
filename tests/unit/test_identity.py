"""One event is one identity by whatever route and in whatever spelling it comes; two events are two.

Redis, the table and the fold all rest on this.
"""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from events import (
    ANA,
    BEN,
    FORMS,
    KINDS,
    Email,
    raw,
    stamp,
    topics,
    unsubscribe_all,
)
from reading import EVERYTHING, content_of, items_of, read_one, status_of
from strategies import FULLNESSES

EMAIL = Email(to=(ANA, BEN))


def ids(event: dict) -> list[str]:
    return [each.event_id for each in read_one(raw(event), EVERYTHING).activities]


def body_of(event: dict) -> dict:
    return next(value for name, value in event.items() if name not in ("eventType", "notificationType", "mail"))


def with_body(event: dict, **changes) -> dict:
    key = next(name for name in event if name not in ("eventType", "notificationType", "mail"))
    return event | {key: event[key] | changes}


def with_mail(event: dict, **changes) -> dict:
    return event | {"mail": {name: value for name, value in (event["mail"] | changes).items() if value is not None}}


# --- One event, many copies ---


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", KINDS)
def test_one_event_in_any_form_makes_the_same_items(kind, form):
    event = KINDS[kind](EMAIL)
    assert content_of(items_of([FORMS[form](event)])) == content_of(items_of([raw(event)]))


#: What may vary between copies of one event, without its being another. Spellings: property/test_identity_holds.py.
COPIES: dict[str, Callable[[dict], dict]] = {
    **{change.__name__: change for change in FULLNESSES},
    "kind in lower case": lambda event: event | {"eventType": event["eventType"].lower()},
    "message id with blanks": lambda event: with_mail(event, messageId=f" {event['mail']['messageId']}\n"),
}


@pytest.mark.parametrize("copy", COPIES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_in_another_fullness_is_the_same_event(kind, copy):
    event = KINDS[kind](EMAIL)
    assert ids(COPIES[copy](event)) == ids(event)
    both = status_of([raw(event), raw(COPIES[copy](event))], EVERYTHING)
    alone = status_of([raw(event)], EVERYTHING)
    assert len(both.timeline) == len(alone.timeline)


@pytest.mark.parametrize("kind", ["Bounce", "Complaint"])
def test_a_notice_with_an_id_is_that_notice_whatever_else_it_says(kind):
    event = KINDS[kind](EMAIL)
    other = with_body(event, timestamp="2026-01-01T00:00:00Z", bounceSubType="General", userAgent="Other")
    assert ids(with_mail(other, messageId="another")) == ids(event)


@pytest.mark.parametrize("kind", ["Send", "Reject", "Rendering Failure"])
def test_an_event_without_a_time_of_its_own_is_one_per_email_and_recipient(kind):
    event = KINDS[kind](EMAIL)
    assert (
        ids(with_mail(event, timestamp="2020-01-01T00:00:00Z")) == ids(with_mail(event, timestamp=None)) == ids(event)
    )


#: What an identity is made of: the text whose SHA-256, cut to 32 hex digits, is the event's id.
MADE_OF = {
    "Send": '["send","m-1","ana@example.com"]',
    "Reject": '["reject","m-1","ana@example.com"]',
    "Rendering Failure": '["rendering failure","m-1","ana@example.com"]',
    "Delivery": '["delivery","m-1","ana@example.com","1795429230123000"]',
    "Bounce": '["Bounce","f-1","ana@example.com"]',
    "Complaint": '["Complaint","f-1","ana@example.com"]',
    "DeliveryDelay": '["deliverydelay","m-1","ana@example.com","1795429230123000","MailboxFull"]',
    "Open": '["open","m-1","*","1795429230123000","198.51.100.7","A",null]',
    "Click": '["click","m-1","*","1795429230123000","198.51.100.7","A","https://a.example"]',
    "Subscription": '["subscription","m-1","*","1795429230123000",'
    '"[{\\"unsubscribeAll\\":true},{\\"unsubscribeAll\\":false}]"]',
    "Brand New": '["brand new","m-1","*","1795429230123000"]',
}


@pytest.mark.parametrize(("kind", "made_of"), MADE_OF.items())
def test_the_identity_of_an_event_is_the_same_in_every_release(kind, made_of):
    """It is a part of keys that were written once and for all. If this fails, mend the code and not the test."""
    at, email = datetime(2026, 11, 23, 10, 20, 30, 123000, tzinfo=UTC), Email(message_id="m-1")
    events = {
        "Send": email.send(),
        "Reject": email.reject(),
        "Rendering Failure": email.rendering_failure(),
        "Delivery": email.delivery(at=at),
        "Bounce": email.bounce(feedback_id="f-1"),
        "Complaint": email.complaint(feedback_id="f-1"),
        "DeliveryDelay": email.delay(at=at),
        "Open": email.open("A", at=at),
        "Click": email.click("https://a.example", "A", at=at),
        "Subscription": email.subscription({"unsubscribeAll": True}, {"unsubscribeAll": False}, at=at),
        "Brand New": {"eventType": "Brand New", "mail": email.mail(), "brandNew": {"timestamp": stamp(at)}},
    }
    assert ids(events[kind]) == [hashlib.sha256(made_of.encode()).hexdigest()[:32]]


# --- Two events ---

TIME = EMAIL.after(400)

#: Pairs that are two events, though much is alike.
DIFFERENT = {
    "another kind": (EMAIL.send(), EMAIL.reject()),
    "another email": (EMAIL.send(), Email().send()),
    "another notice": (EMAIL.bounce(), EMAIL.bounce()),
    "a bounce without an id, later": (
        EMAIL.bounce(feedback_id=None),
        EMAIL.bounce(feedback_id=None, at=EMAIL.after(4)),
    ),
    "a complaint without an id, later": (
        EMAIL.complaint(feedback_id=None),
        EMAIL.complaint(feedback_id=None, at=EMAIL.after(4)),
    ),
    "a later open": (EMAIL.open(at=TIME), EMAIL.open(at=TIME + timedelta(milliseconds=1))),
    "an open by another agent": (EMAIL.open("A", at=TIME), EMAIL.open("B", at=TIME)),
    "an open from elsewhere": (EMAIL.open(at=TIME), with_body(EMAIL.open(at=TIME), ipAddress="198.51.100.8")),
    "a click on another link": (EMAIL.click("https://a.example", at=TIME), EMAIL.click("https://b.example", at=TIME)),
    "a click by another agent": (EMAIL.click(agent="A", at=TIME), EMAIL.click(agent="B", at=TIME)),
    "a click from elsewhere": (EMAIL.click(at=TIME), with_body(EMAIL.click(at=TIME), ipAddress="198.51.100.8")),
    "a delay of another type": (EMAIL.delay("General", at=TIME), EMAIL.delay("IPFailure", at=TIME)),
    "a later delay": (EMAIL.delay(at=TIME), EMAIL.delay(at=EMAIL.after(500))),
    "other preferences": (EMAIL.subscription(unsubscribe_all(), at=TIME), EMAIL.subscription(topics(), at=TIME)),
    "preferences changed from others": (
        EMAIL.subscription(unsubscribe_all(), topics(), at=TIME),
        EMAIL.subscription(unsubscribe_all(), topics(a="OptIn"), at=TIME),
    ),
    "a later change of preferences": (EMAIL.subscription(at=TIME), EMAIL.subscription(at=EMAIL.after(500))),
    "a click of nothing by an agent": (EMAIL.click(None, "a", at=TIME), EMAIL.click("a", None, at=TIME)),
    "a delivery to somebody else": (EMAIL.delivery([ANA], at=TIME), EMAIL.delivery([BEN], at=TIME)),
    "an unreadable time": (
        with_body(EMAIL.open(), timestamp="soon"),
        with_body(EMAIL.open(), timestamp="later"),
    ),
}


@pytest.mark.parametrize(("one", "other"), DIFFERENT.values(), ids=DIFFERENT)
def test_two_events_are_two(one, other):
    assert not set(ids(one)) & set(ids(other))
    assert len(set(ids(one))) == len(ids(one))


@pytest.mark.parametrize("kind", ["Delivery", "Open", "Click", "DeliveryDelay", "Subscription"])
def test_an_event_without_a_time_counts_under_that_of_its_mail_else_a_fixed_mark(kind):
    event = with_body(KINDS[kind](EMAIL), timestamp=None)
    assert ids(event) == ids(with_body(event, timestamp=event["mail"]["timestamp"]))
    untimed = with_mail(event, timestamp=None)
    assert ids(untimed) == ids(untimed)
    assert ids(untimed) != ids(event)


def test_an_open_is_identified_without_a_guess_at_who_it_was():
    """Were its recipient a part of it, an email's only open would be two once a second destination is known."""
    assert ids(EMAIL.open(at=TIME)) == ids(replace(EMAIL, to=(ANA,)).open(at=TIME))


def test_a_link_does_not_run_into_the_agent():
    one, other = EMAIL.click("bc", "a", at=TIME), EMAIL.click("c", "ab", at=TIME)
    assert ids(one) != ids(other)


# --- Keys that DynamoDB takes ---


@pytest.mark.parametrize("character", ["x", "#", "%", "\u00e9", "\U0001f600", "\x00"])
@pytest.mark.parametrize("length", [1, 64, 80, 320, 5000])
def test_keys_keep_within_the_limits_whatever_an_event_holds(character, length):
    text = character * length
    email = Email(to=(text, f"{text}@example.com"), document_id=text, account=text, message_id=text[:256])
    bodies = [raw({**email.bounce(), "eventType": kind}) for kind in ("Bounce", text)]
    for pk, sk in items_of(bodies, EVERYTHING):
        assert 0 < len(pk.encode()) <= 2048
        assert 0 < len(sk.encode()) <= 1024
    assert read_one(bodies[0], EVERYTHING).outcome == "activity"
