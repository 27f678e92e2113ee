"""Changes a message as a JSON document, so that chance does not spend itself on commas.

A text that is itself JSON (`Message`, `body`) is often opened, changed inside and closed again.
"""

import json
import random
from collections.abc import Callable
from typing import Any

#: What breaks parsers, keys and encodings more often than chance would have it.
TEXTS = (
    "",
    " ",
    "#",
    "%23",
    "\x00",
    "\ud800",
    "\udc00\ud800",
    "\u00fc",
    "\ufdfa",
    "\u0130",
    "=?utf-8?q?=41=20?=",
    "=?utf-7?q?+2AA-?=",
    "=?\u00fc?b?YQ==?=",
    "=?x?b?a?=",
    "=?punycode?q?ihqwcrb4cv8a8dqg056pqjye?=",
    "=?iso-2022-jp?b?GyRC?=",
    "=?utf-8?q?",
    '"a."@b.example',
    '"a@b.example" (c',
    "mailto:a%40b.example",
    "rfc822;a@b.example",
    "Team: a@b.example, c@d.example;",
    "<@a.example:b@c.example>",
    "((((",
    '\\"',
    "a\u0301\u0320",
    "1.50",
    "a@b.example",
    "<a@\u00fc.example>",
    "a@xn--a.example",
    "0001-01-01T00:00:00+01:00",
    "9999-12-31T23:59:59.9999999Z",
    "2026-06-30T23:59:60Z",
    "2026-W01-1",
    "20260630T10",
    "true",
    "Transient",
    "General",
    "OnAccountSuppressionList",
    "not-spam",
    "OptOut",
    "Notification",
    "SubscriptionConfirmation",
    "Email Sent",
    "Bounce",
    "Brand New",
    "x" * 400,
    "\u20ac" * 120,
)

#: Not everything that a parser takes can be written by one.
LITERALS = ("NaN", "-Infinity", "1e999", "1.50", "-0", "-0.0", "9" * 39, "1e-400", "1E5", "[" * 40 + "]" * 40)
MARKS = {f"<literal {number}>": literal for number, literal in enumerate(LITERALS)}

NAMES = (
    "eventType",
    "notificationType",
    "Type",
    "Message",
    "MessageId",
    "Records",
    "Messages",
    "Body",
    "ReceiptHandle",
    "body",
    "Sns",
    "detail",
    "detail-type",
    "source",
    "mail",
    "messageId",
    "timestamp",
    "destination",
    "headers",
    "headersTruncated",
    "commonHeaders",
    "tags",
    "name",
    "value",
    "emailAddress",
    "recipients",
    "bouncedRecipients",
    "bounce",
    "feedbackId",
    "processingTimeMillis",
    "newTopicPreferences",
    "topicSubscriptionStatus",
    "subscriptionStatus",
    "brandNew",
    "document_type",
    "X-Document-Id",
)

#: Characters of what is made by repeating.
LONGEST = 15_000

Place = tuple[Any, Any]


def mutated(text: str, chance: random.Random) -> str:
    """Raises ValueError if the text is no JSON, RecursionError if it is too deep to be changed."""
    box = [json.loads(text)]
    for _ in range(chance.choice((1, 1, 2, 3, 5, 8))):
        all_of_them = places(box)
        texts = [place for place in all_of_them if isinstance(place[0][place[1]], str)]
        # Most of what can go wrong does in a text, and objects are the easier to lose.
        holder, key = chance.choice(texts if texts and chance.random() < 2 / 3 else all_of_them)
        holder[key] = changed(holder[key], box, chance)
    return dumped(box[0])


def dumped(document: object) -> str:
    text = json.dumps(document)
    for mark, literal in MARKS.items():
        text = text.replace(json.dumps(mark), literal)
    return text


def places(box: list[Any]) -> list[Place]:
    """Of every value in it, at any depth."""
    found: list[Place] = []
    left: list[Any] = [box]
    while left:
        holder = left.pop()
        keys = list(holder) if isinstance(holder, dict) else range(len(holder))
        found += [(holder, key) for key in keys]
        left += [holder[key] for key in keys if isinstance(holder[key], dict | list)]
    return found


def changed(value: Any, box: list[Any], chance: random.Random) -> Any:
    if isinstance(value, str) and value[:1] in ("{", "[") and chance.random() < 0.9:
        return opened(value, chance)
    return chance.choice(CHANGES)(value, box, chance)


def opened(text: str, chance: random.Random) -> str:
    try:
        return mutated(text, chance)
    except (ValueError, RecursionError):
        return text[: chance.randrange(len(text))]


def another(value: Any, box: list[Any], chance: random.Random) -> Any:  # noqa: ARG001  one signature for all
    """Something of any type."""
    return chance.choice(
        (
            None,
            True,
            0,
            -1,
            10**37,
            1.5,
            [],
            {},
            [None],
            [[]],
            {"a": "b"},
            chance.choice(TEXTS),
            chance.choice(TEXTS),
            chance.choice(TEXTS),
            chance.choice(tuple(MARKS)),
        )
    )


def longer(value: Any, box: list[Any], chance: random.Random) -> Any:
    """More of what it is."""
    if isinstance(value, str):
        at = chance.randrange(len(value) + 1)
        return value[:at] + chance.choice(TEXTS) + value[at:]
    if isinstance(value, list):
        return [*value, another(None, box, chance)]
    if isinstance(value, dict):
        return {**value, chance.choice(NAMES + TEXTS): another(None, box, chance)}
    return [value]


def shorter(value: Any, box: list[Any], chance: random.Random) -> Any:
    """Less of it."""
    if isinstance(value, str):
        return value[: chance.randrange(len(value) + 1)]
    if isinstance(value, list):
        return value[: chance.randrange(len(value) + 1)]
    if isinstance(value, dict) and value:
        lost = chance.choice(list(value))
        return {name: each for name, each in value.items() if name != lost}
    return another(value, box, chance)


def repeated(value: Any, box: list[Any], chance: random.Random) -> Any:
    """Many times what it is: what takes time by the square shows itself so."""
    times = chance.choice((2, 10, 100, 1_000))
    if isinstance(value, str):
        return (value * times)[:LONGEST]
    if isinstance(value, list):
        return (value * times)[: LONGEST // 10]
    if isinstance(value, dict):
        return [value] * min(times, 100)
    return another(value, box, chance)


def moved(value: Any, box: list[Any], chance: random.Random) -> Any:  # noqa: ARG001  as above
    """A copy of what stands elsewhere."""
    holder, key = chance.choice(places(box))
    return json.loads(json.dumps(holder[key]))


def nested(value: Any, box: list[Any], chance: random.Random) -> Any:  # noqa: ARG001  as above
    """Itself, one level deeper."""
    return chance.choice(([value], {"a": value}, json.dumps(value), {"Type": "Notification", "Message": value}))


CHANGES: tuple[Callable[[Any, list[Any], random.Random], Any], ...] = (
    another,
    longer,
    shorter,
    repeated,
    moved,
    nested,
)
