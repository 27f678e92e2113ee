"""Poison by value: texts, numbers, times and shapes that SES never has, some of them slow to take in."""

import json
from collections.abc import Iterator

from stuffing import FULL, MARK, Poison, a_string, stuffed, written

from events import Email, eventbridge, lambda_sqs, raw, sns

# --- Encoded words (RFC 2047) ---

WORDS = {
    "words": "=?utf-8?q?a?= ",
    "blanks": "=?utf-8?q?_?= ",
    "open ends": "=?a?q?",
    "charsets by turns": "=?utf-8?q?a?= =?latin1?q?b?= ",
}

#: Each fails in a way of its own.
CHARSETS = ("utf-7", "unicode_escape", "idna", "punycode", "zlib", "undefined", "no such", "\u00fc", "")

SUBJECT, DOCUMENT_ID_HEADER = "mail.commonHeaders.subject", "mail.headers.4.value"


def encoded_words() -> Iterator[Poison]:
    for name, word in WORDS.items():
        as_long_as_ses_sends = stuffed(a_string(word, most=10_000), SUBJECT, DOCUMENT_ID_HEADER, tags=None)
        yield Poison(f"ten kilobytes of encoded {name}", as_long_as_ses_sends, "activity")
        yield Poison(f"a megabyte of encoded {name}", stuffed(a_string(word), SUBJECT), "refused_by_table")
    slow = "=?punycode?q?" + "a" * 250_000 + "-" + "b" * 250_000 + "?="
    yield Poison("half a megabyte of punycode", lambda: raw(Email(subject=slow).send()), "refused_by_table")
    for charset in CHARSETS:
        word = written(json.dumps(f"=?{charset}?q?=5Cq+2AA-=FF?="))
        yield Poison(f"encoded in {charset!r}", stuffed(word, SUBJECT, DOCUMENT_ID_HEADER, tags=None), "activity")


# --- Texts ---

#: As they stand in JSON.
STRANGE = {
    "nul": r"\u0000",
    "half a character": r"\ud800",
    "the other half": r"\udc00x",
    "right to left": r"\u202e",
    "no character": r"\uffff",
    "percent and number sign": "%23#%",
}
EVERY_TEXT = (
    "mail.messageId",
    "mail.timestamp",
    "mail.source",
    "mail.destination.0",
    "mail.tags.document_id.0",
    "mail.tags.account_id.0",
    "mail.headers.2.value",
    SUBJECT,
    "click.timestamp",
    "click.ipAddress",
    "click.link",
    f"click.linkTags.{MARK}",
    f"mail.{MARK}",
    MARK,
)

#: Slow to compose, to fold or to put in ASCII, or longer afterwards.
ADDRESSES = {
    "combining marks": "a@" + "\u0301\u0323" * 150,
    "far too many combining marks": "a@" + "\u0301\u0323" * 300,
    "one long label": "a@" + "\u00fc" * 300,
    "many labels": "a@" + "\u00fc." * 150,
    "ligatures": "\ufdfa" * 150 + "@" + "\ufdfa" * 150,
    "dotted capitals": "\u0130" * 300 + "@b.example",
    "words, no address": " nobody, nowhere",
    "nothing but signs": "<@@>>#%",
}


def texts() -> Iterator[Poison]:
    for name, text in STRANGE.items():
        yield Poison(f"{name} everywhere", stuffed(written(f'"{text}"'), *EVERY_TEXT, kind="Click"), "activity")
    for name, address in ADDRESSES.items():
        people = [f"{number}{address}" for number in range(30)]
        make = stuffed(written("0"), "brandNew", kind="Bounce", to=people, headers=None)
        yield Poison(f"30 addresses of {name}", make, "activity")
    for name, text in {"number signs": "#" * 256, "percent signs": "%" * 256, "long letters": "\u20ac" * 256}.items():
        ids = {"message_id": text, "document_type": "invoice", "document_id": text, "account": text}
        yield Poison(f"keys of {name}", stuffed(written("0"), "brandNew", to=[text], **ids), "activity")


# --- Numbers and times ---

NUMBERS = ("1e999", "-1e999", "1e-400", "-0", "-0.0", "1.50", "NaN", "-Infinity", "-1", "9" * 38, "9" * 39, "9" * 5000)
A_NUMBER = ("delivery.processingTimeMillis", "delivery.timestamp", "mail.tags.document_id.0", "brandNew")

#: With the end of a bounce at that time; old mail expires.
TIMES = {
    "9999-12-31T23:59:59.999Z": "activity",
    "9999-12-31T23:59:59.999-23:59": "activity",
    "9999-12-31T24:00:00Z": "activity",
    "10000-01-01T00:00:00Z": "activity",
    "0001-01-01T00:00:00Z": "expired",
    "0001-01-01T00:00:00+23:59": "activity",
    "0000-01-01T00:00:00Z": "activity",
    "-2026-01-01T00:00:00Z": "activity",
    "1969-12-31T23:59:59Z": "expired",
    "2099-06-30T23:59:60Z": "activity",
    "2099-06-30T24:00:00Z": "activity",
    "2099-06-30T10:00:00+99:99": "activity",
    "2099-06-30T10:00:00.1234567890123Z": "activity",
    "2099-W01-1": "activity",
}


def numbers() -> Iterator[Poison]:
    for number in NUMBERS:
        name = number if len(number) < 9 else f"{len(number)} digits"
        yield Poison(f"the number {name}", stuffed(written(number), *A_NUMBER), "activity")
    for time, end in TIMES.items():
        make = stuffed(written(f'"{time}"'), "mail.timestamp", "bounce.timestamp", kind="Bounce")
        yield Poison(f"the time {time}", make, end)


# --- Shapes ---

VALUES = ("null", "0", "true", '"x"', "[]", "{}", "[[]]", '{"a":{}}', '[{"a":"b"}]')
ANY_FIELD = (
    "mail.timestamp",
    "mail.source",
    "mail.destination",
    "mail.headersTruncated",
    "mail.headers",
    "mail.commonHeaders",
    "mail.tags",
    "bounce.bounceType",
    "bounce.bouncedRecipients",
    "bounce.feedbackId",
    "bounce.timestamp",
)


def shapes() -> Iterator[Poison]:
    for value in VALUES:
        yield Poison(f"{value} for every field", stuffed(written(value), *ANY_FIELD, kind="Bounce"), "activity")
    event = raw(Email().send())
    twice = event.replace('"eventType"', '"eventType":"Bounce","eventType"').replace('"mail"', '"mail":0,"mail"')
    yield Poison("every name twice", lambda: twice, "activity")
    names = ("__proto__", "constructor", "__class__", "mail.__init__", "mail.unknown", "delivery.read")
    yield Poison("names of other languages and of ours", stuffed(written('{"a":0}'), *names), "activity")
    yield Poison("a megabyte for an envelope's id", lambda: sns(event, MessageId="x" * 1_000_000), "activity")
    yield Poison("an event in every envelope", lambda: lambda_sqs(sns(eventbridge(Email().send()))), "activity")
    yield Poison("half of it", lambda: event[: len(event) // 2], "not_json")
    yield Poison("a megabyte of backslashes", lambda: sns("\\" * (FULL // 2 - 1_000)), "not_json")
