"""Where the operator wants less to be stored, no item holds it, wherever in an event and as whatever it comes."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from email_activity.ses.tracking_policy import TrackingPolicy
from events import FORMS, KINDS, OBJECT_KEYS, Email, Event
from reading import LASTING, items_of
from strategies import SENT

SECRET = "203.0.113.201"
LINK = f"https://{SECRET}@pay.example/117?{SECRET}#{SECRET}"

#: The object that is particular to the kind.
BODY = "body"

#: Where SES has something else, that anything may stand in.
ODD = [
    *(("mail", "timestamp"), (BODY, "timestamp"), (BODY, "arrivalDate"), (BODY, "expirationTime")),
    *((BODY, "isBotEvent"), (BODY, "newTopicPreferences"), (BODY, "newTopicPreferences", "by")),
    *((BODY, "oldTopicPreferences", name) for name in ("unsubscribeAll", "topicSubscriptionStatus")),
]
SUBJECTS = [
    *(("mail", "commonHeaders", "subject"), ("mail", "commonHeaders"), ("mail", "headers"), ("mail", "subject")),
    *ODD,
    *(("subject",), (BODY, "subject"), ("mail", "headers", "subject"), ("mail", "headers", "0", "subject")),
]
ADDRESSES = [
    *((BODY, "ipAddress"), (BODY, "sourceIp"), (BODY, "source"), (BODY,), ("ipAddress",), ("mail", "sourceIp")),
    *ODD,
    *(("mail", "tags", "ses:source-ip"), ("open", "ipAddress"), ("click", "ipAddress"), ("click",)),
]
LINKS = [*ODD, (BODY, "link"), (BODY, "source"), (BODY,), ("link",), ("click", "link"), ("mail", "link"), ("click",)]


def values(secret: str) -> st.SearchStrategy[Any]:
    """It, alone or in anything."""
    names = st.sampled_from(["name", "value", "a"])

    def around(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        return st.lists(inner, min_size=1, max_size=2) | st.dictionaries(names, inner, min_size=1, max_size=2)

    return st.just(secret) | st.recursive(st.just(secret), around, max_leaves=3)


spellings = st.just(str) | st.sampled_from([str.upper, str.lower, str.title])


@st.composite
def events(draw: st.DrawFn, places: list[tuple[str, ...]], secret: str) -> Event:
    """Of each kind and of one that is newer, with the secret at some of these places."""
    kind = draw(st.sampled_from([*KINDS, "Forward"]) | st.sampled_from(["Click", "Open", "Subscription"]))
    email = Email(message_id="m-1", sent_at=SENT)
    event: Event = json.loads(json.dumps(KINDS[kind](email) if kind in KINDS else email.event(kind, {"by": "a"})))
    for place in draw(st.lists(st.sampled_from(places), min_size=1, max_size=3)):
        *path, last = [OBJECT_KEYS.get(kind, "forward") if part == BODY else part for part in place]
        inner: Any = event
        for name in path:
            if isinstance(inner, list) or not isinstance(inner.get(name), dict | list):
                break
            inner = inner[name]
        value = draw(values(secret))
        name = draw(spellings)(last)
        if isinstance(inner, list):
            header = draw(st.sampled_from([{"name": name, "value": value}, {name: value}, [name, value], value]))
            inner.insert(draw(st.integers(0, len(inner))), header)
        else:
            inner[name] = value
    return event


forms = st.sampled_from(list(FORMS))


def check(event: Event, form: str, **stores: bool) -> None:
    policy = TrackingPolicy(retention=LASTING.retention, tracked=frozenset(), **stores)
    assert SECRET not in str(items_of([FORMS[form](event)], policy))


@given(events(SUBJECTS, SECRET), forms)
def test_no_item_holds_a_subject(event: Event, form: str) -> None:
    check(event, form, store_subject=False)


@given(events(ADDRESSES, SECRET), forms)
def test_no_item_holds_a_whole_address(event: Event, form: str) -> None:
    check(event, form, store_full_ip=False)


@given(events(LINKS, LINK), forms)
def test_no_item_holds_what_stands_behind_a_link_or_before_its_host(event: Event, form: str) -> None:
    check(event, form, store_link_query=False)
