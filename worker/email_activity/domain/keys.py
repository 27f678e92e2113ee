"""What keys are made of: texts made fit to stand between `#`, times that sort, hashes of content. Pure."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from email_activity.domain.kinds import kind_named
from email_activity.domain.times import read_time, rfc3339

#: Bytes; the longest address that RFC 5321 allows (64 + 1 + 255). Longer texts stand in keys as their hash,
#: which keeps every key below DynamoDB's 1,024 bytes for a sort key.
#: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
MAX_KEY_PART_BYTES = 320

#: Characters of a kind in a sort key; SES's longest is 17.
MAX_KIND_IN_KEY = 64

#: Stands in keys where an event has no readable time. Sorts before every time.
NO_TIME = "-"

#: Stands before the time of opens and clicks in keys. Sorts behind every time.
LAST_OF_EVENTS = "~"

#: Stands in the failure index where the event does not tell the account.
NO_ACCOUNT = "-"

#: How far a failure's time in the index may lie from the sending; a reporting server's clock can be anywhere.
FAILURE_BEFORE_SENT = timedelta(days=1)
FAILURE_AFTER_SENT = timedelta(days=90)

#: Hex digits of a content hash in a sort key: 64 bits, so that nobody can make a copy that takes another's place.
HASH_DIGITS = 16

#: Partitions of a day in `by_failure_day`: DynamoDB takes 1,000 writes a second for each.
#: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html
FAILURE_SHARDS = 4

#: Hex digits of the event id behind the time of a failure: a cursor must tell two failures of one millisecond apart.
FAILURE_TIME_DIGITS = 8

#: Attributes that tell when and how a copy came, or that only lead an index to it; not what happened.
NOT_CONTENT = frozenset(
    {
        *("pk", "sk", "recorded_at", "form", "transport_id", "expires_at", "schema_version"),
        *("failure_account", "failure_time", "failure_day"),
    }
)

#: Where Python's calendar ends.
FIRST, LAST = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


def key_part(text: str) -> str:
    """A text made fit to stand between the `#` of a key."""
    if len(text.encode()) > MAX_KEY_PART_BYTES:
        return "sha256:" + hashlib.sha256(text.encode()).hexdigest()
    return text.replace("%", "%25").replace("#", "%23")


def event_place(kind: str, occurred_at: datetime | None) -> str:
    """The part of an event's sort key that orders the events of an email: `2026-11-23T10:00:00.123Z#Bounce`.

    Behind all others stand opens and clicks, `~2026-11-23T10:00:00.123Z#Open`: there may be any number of them, and a
    reader that stops after so many misses no delivery, bounce or complaint.
    """
    time = rfc3339(occurred_at) if occurred_at else NO_TIME
    first = LAST_OF_EVENTS if kind_named(kind).engagement else ""
    return f"{first}{time}#{key_part(kind[:MAX_KIND_IN_KEY])}"


def failure_account(account: str | None) -> str:
    """The partition key of `by_failure`. A customer whose id is `-` is not taken for none."""
    if not account:
        return NO_ACCOUNT
    return "%2D" if account == NO_ACCOUNT else key_part(account)


def undo_key_part(part: str) -> str:
    return part.replace("%23", "#").replace("%25", "%")


#: With which the partition keys of emails begin.
EMAIL = "EMAIL#"


def email_key(email_id: str) -> str:
    return f"{EMAIL}{key_part(email_id)}"


def email_id_of(item: Mapping[str, Any]) -> str:
    return undo_key_part(item["pk"].removeprefix(EMAIL))


def reported_key(configuration_set: str) -> str:
    """Of the items that tell which kinds SES reports for a configuration set; their sort key is `<kind>#<day>`."""
    return f"REPORTED#{key_part(configuration_set)}"


def sent_key(sent_at: datetime | None, email_id: str) -> str:
    """The sort key of the indexes over recipient facts."""
    return f"{rfc3339(sent_at, 'seconds') if sent_at else NO_TIME}#{key_part(email_id)}"


def sent_at_of(item: Mapping[str, Any]) -> datetime | None:
    """By its `sent_key`; None where that tells no time."""
    time = item.get("sent_key", NO_TIME).partition("#")[0]
    return None if time == NO_TIME else read_time(time)


def unless_key_says(text: str) -> str | None:
    """A text that stands beside its key part, where that is not the text itself."""
    return text if key_part(text) != text else None


def failure_time(occurred_at: datetime | None, sent_at: datetime | None, event_id: str) -> str:
    """The sort key of both indexes of failures: `2026-11-23T10:00:00.123Z#0a1b2c3d`, kept near the sending."""
    at = occurred_at or sent_at
    if at is not None and sent_at is not None:
        at = min(max(at, _shifted(sent_at, -FAILURE_BEFORE_SENT)), _shifted(sent_at, FAILURE_AFTER_SENT))
    return f"{rfc3339(at) if at else NO_TIME}#{event_id[:FAILURE_TIME_DIGITS]}"


def failure_day(time: str, event_id: str) -> str:
    """The partition key of `by_failure_day`: `2026-11-23#2`, in UTC. time: what `failure_time` gave."""
    day = time.partition("#")[0].partition("T")[0]
    return f"{day}#{int(event_id, 16) % FAILURE_SHARDS}"


def _shifted(at: datetime, by: timedelta) -> datetime:
    try:
        return at + by
    except OverflowError:
        return LAST if by > timedelta() else FIRST


def digest(*parts: str | None) -> str:
    """128 bits of SHA-256, hex. The parts are a JSON list first, so that no two lists can look alike."""
    return hashlib.sha256(canonical_json(parts).encode()).hexdigest()[:32]


def without_empty(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if value not in (None, "", {})}


def content_hash(content: Mapping[str, Any]) -> str:
    """Hex digits that tell two contents of one event apart."""
    return hashlib.sha256(canonical_json(content).encode()).hexdigest()[:HASH_DIGITS]


def canonical_json(value: object) -> str:
    """One text for one value: keys sorted, no blanks. Numbers beyond a float (Decimal) become text."""
    try:
        return _encode(value).decode()
    except (TypeError, ValueError, OverflowError):  # what only Python's own encoder takes
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)


#: A tenth of the time that `json` takes.
_encode = msgspec.json.Encoder(order="sorted").encode
