"""However a message is filled, reading it takes time that grows with its size; and some messages are too much."""

import json
import random
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from cputime import takes_at_most
from email_activity.ses.interpret import LEAST_WORK, MAX_WORK
from events import KINDS, OBJECT_KEYS, Email, Event, lambda_sqs, raw, sns
from reading import EVERYTHING, items_of, read_all

#: Bytes of each message, about; and microseconds of CPU that a byte may take.
SIZE = 300_000
MOST_MICROSECONDS = 10

CROWD = [f"a{number}@b.example" for number in range(200)]


def mail(**changes: Any) -> str:
    event = Email().send()
    event["mail"] |= changes
    return json.dumps(event, ensure_ascii=False)


def body(kind: str, **changes: Any) -> str:
    event: Event = KINDS[kind](Email())
    event[OBJECT_KEYS[kind]] |= changes
    return json.dumps(event, ensure_ascii=False)


def full(element: Any) -> list[Any]:
    """As many of it as there is room for."""
    return [element] * (SIZE // (len(json.dumps(element)) + 2))


def literal(text: str) -> str:
    """A message with this for a field: not all that a parser takes can be written by one."""
    return mail(x="<here>").replace('"<here>"', text)


def in_header(value: str) -> str:
    return mail(headers=full({"name": "X-Document-Id", "value": value}), tags={})


@cache
def punycode(length: int) -> str:
    """Characters that all differ, and in no order, take it time by the square; to make them it takes seconds."""
    characters = [chr(0x4E00 + 5 * number) for number in range(length * 7 // 20)]
    random.Random(1).shuffle(characters)
    return f"=?punycode?q?{''.join(characters).encode('punycode').decode()[:length]}?="


def preferences(topic: Any) -> str:
    return body("Subscription", newTopicPreferences={"topicSubscriptionStatus": full(topic)})


def tiny(number: int) -> str:
    return json.dumps({"eventType": "Open", "mail": {"messageId": f"m{number}", "timestamp": "2026-01-05T10:00:00Z"}})


FILLED: dict[str, Callable[[], str]] = {
    "text": lambda: mail(x="a" * SIZE),
    "text that is no ascii": lambda: mail(source="\u00fc" * (SIZE // 2)),
    "lone surrogates": lambda: literal('"' + "\\ud800" * (SIZE // 6) + '"'),
    "events with a subject in punycode": lambda: lambda_sqs(
        *(raw(Email(subject=punycode(9_000)).send()) for _ in range(SIZE // 20_000))
    ),
    "headers in punycode": lambda: in_header(punycode(9_000)),
    "shorter headers in punycode": lambda: in_header(punycode(1_900)),
    "a header in punycode": lambda: mail(commonHeaders={"subject": punycode(9_000)}),
    "headers in utf-8": lambda: in_header("=?utf-8?q?" + "=41" * 600 + "?="),
    "headers of empty words": lambda: in_header("=?utf-8?q??= " * 140),
    "headers of half words": lambda: in_header("=?utf-8?q?" * 190),
    "small headers": lambda: mail(headers=full({"name": "a", "value": ""})),
    "odd headers": lambda: mail(headers=full({"name": "a", "value": "", "z": 1})),
    "tags": lambda: mail(tags={f"t{number}": ["a"] for number in range(SIZE // 14)}),
    "odd tags": lambda: mail(tags={f"t{number}": [{}] for number in range(SIZE // 14)}),
    "numbers in a tag": lambda: mail(tags={"document_id": full(7)}),
    "large numbers in a tag": lambda: mail(tags={"document_id": full(10**4200)}),
    "addresses of marks": lambda: mail(destination=["\u0301\u0320" * 490 + f"@{name}" for name in CROWD[:20]]),
    "addresses of labels": lambda: mail(destination=[f"{name}@" + "\u00fc." * 480 for name in CROWD[:20]]),
    "addresses of brackets": lambda: mail(destination=["(<" * 450 + name for name in CROWD[:20]]),
    "addresses too long": lambda: mail(destination=["<" * 4_990 + name for name in CROWD[:50]]),
    "two hundred people": lambda: mail(destination=CROWD, x="a" * 70_000),
    "sixty people, many lists": lambda: mail(destination=CROWD[:60], x=full([])),
    "bounces of two hundred": lambda: body(
        "Bounce", bouncedRecipients=[{"emailAddress": name, "x": [[]] * 90} for name in CROWD]
    ),
    "topics": lambda: preferences({"topicName": "a", "subscriptionStatus": "OptOut"}),
    "odd topics": lambda: preferences({"a": []}),
    "preferences": lambda: body("Subscription", newTopicPreferences={str(each): True for each in range(SIZE // 12)}),
    "link tags": lambda: body("Click", linkTags={f"t{number}": [number] for number in range(SIZE // 12)}),
    "numbers": lambda: mail(x=full(1)),
    "a number of many digits": lambda: literal("1" * SIZE),
    "a fraction of many digits": lambda: literal("0." + "1" * SIZE),
    "numbers of as many digits as Python reads": lambda: literal("[" + ("1" * 4_299 + ",") * (SIZE // 4_300) + "1]"),
    "fractions": lambda: literal("[" + "1.5e300," * (SIZE // 8) + "1]"),
    "what is no number": lambda: literal("[" + "NaN," * (SIZE // 4) + "1]"),
    "empty lists": lambda: mail(x=full([])),
    "empty objects": lambda: mail(x=full({})),
    "lists as deep as can be": lambda: literal("[" + ("[" * 300 + "]" * 300 + ",") * (SIZE // 601) + "1]"),
    "fields": lambda: mail(**{f"n{number}": 0 for number in range(SIZE // 12)}),
    "fields at the top": lambda: json.dumps(
        {**Email().send(), "eventType": "New"} | dict.fromkeys(map(str, range(20_000)), 0)
    ),
    "small events": lambda: lambda_sqs(*map(tiny, range(1_000))),
    "events": lambda: lambda_sqs(*(raw(Email().bounce()) for _ in range(200))),
    "records that are none": lambda: json.dumps({"Records": full(0)}),
    "messages that are none": lambda: json.dumps({"Messages": full(0)}),
    "records in records": lambda: json.dumps({"Records": [{"body": lambda_sqs(*["x"] * 900)}] * 9}),
    "envelopes": lambda: sns(sns(sns(raw({**Email().send(), "x": "\\" * 2_000})))),
    "braces": lambda: "{\n" * (SIZE // 2),
    "brackets": lambda: "[" * SIZE,
    "a quoted text": lambda: json.dumps(json.dumps("\\" * (SIZE // 4))),
    "a kind of blanks": lambda: raw({**Email().send(), "eventType": "a " * (SIZE // 2)}),
    "a time of digits": lambda: mail(timestamp="1" * SIZE),
    "a time of blanks": lambda: mail(timestamp="2018-10-08T14:05:45" + " " * SIZE + "+0000"),
}


@pytest.mark.parametrize("filled", FILLED)
def test_however_a_message_is_filled_it_takes_little_time_a_byte(filled):
    message = FILLED[filled]()
    size = max(len(message.encode("utf-8", "surrogatepass")), 2_000)
    assert takes_at_most(MOST_MICROSECONDS * 1e-6 * size, lambda: items_of([message], EVERYTHING))


def test_an_event_too_large_for_its_people_is_quarantined():
    size = MAX_WORK // len(CROWD)
    (reading,) = read_all(mail(destination=CROWD, x="a" * size), EVERYTHING)
    assert (reading.outcome, reading.error.reason) == ("quarantine", "too_much_work")
    (reading,) = read_all(mail(destination=CROWD, x="a" * (size - 20_000)), EVERYTHING)
    assert reading.outcome == "activity"


def test_of_too_many_events_for_many_people_the_first_are_read():
    events = [raw(Email(to=CROWD).send()) for _ in range(10)]
    message = lambda_sqs(*events)
    outcomes = [reading.outcome for reading in read_all(message, EVERYTHING)]
    most = (MAX_WORK - len(message)) // (LEAST_WORK * len(CROWD))
    assert outcomes == ["activity"] * most + ["quarantine"] * (10 - most)
    assert 0 < most < len(events)


def test_the_largest_message_that_sns_carries_to_all_people_of_a_call_is_read():
    (reading,) = read_all(mail(destination=CROWD[:50], x="a" * 250 * 1024), EVERYTHING)
    assert reading.outcome == "activity"
