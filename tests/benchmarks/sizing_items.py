"""What the items weigh that the benchmark's mix of mail comes to."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from benchmarks.mix import Mix
from benchmarks.sizing_assumptions import Assumptions
from email_activity.domain.indexes import INDEXES
from email_activity.ses.interpret import interpret
from email_activity.ses.tracking_policy import tracking_policy
from email_activity.settings import Settings


def item_bytes(item: Mapping[str, Any]) -> int:
    """As DynamoDB counts: names and values in UTF-8.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    return sum(len(name.encode()) + _bytes(value) for name, value in item.items())


def _bytes(value: Any) -> int:
    if value is None or isinstance(value, bool):
        return 1
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, Mapping):
        return 3 + sum(len(name.encode()) + _bytes(each) + 1 for name, each in value.items())
    if isinstance(value, Sequence):
        return 3 + sum(_bytes(each) + 1 for each in value)
    # A number: a byte for each two digits, and one more.
    digits = str(value).lstrip("-").replace(".", "").strip("0")
    return math.ceil(len(digits) / 2) + 1


def measured(on: Assumptions, events: int = 2_000) -> Assumptions:
    """With the items that the benchmark's mix of mail comes to."""
    now = datetime.now(UTC)
    by = tracking_policy(Settings())
    bodies = Mix.make(events).bodies
    readings = [reading for body in bodies for reading in interpret(body, by, now, message_id=str(uuid4())).events]
    activities = _distinct(fact.to_item() for reading in readings for fact in reading.activities)
    mail = _distinct(fact.to_item() for reading in readings for fact in reading.recipient_facts)
    entries = {
        name: [_entry(item, keys) for item in [*activities, *mail] if keys[0] in item] for name, keys in INDEXES.items()
    }
    failures, of_all = entries.pop("by_failure"), entries.pop("by_failure_day")
    return replace(
        on,
        activity_bytes=_mean(activities),
        mail_bytes=_mean(mail),
        index_bytes=sum(_mean(each) for each in entries.values()),
        failure_index_bytes=_mean(failures) + _mean(of_all),
        failures_per_email=len(failures) / len(mail),
    )


def _distinct(items: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return list({(item["pk"], item["sk"]): item for item in items}.values())


def _entry(item: Mapping[str, Any], keys: tuple[str, str]) -> dict[str, Any]:
    return {name: item[name] for name in (*keys, "pk", "sk")}


def _mean(items: Sequence[Mapping[str, Any]]) -> float:
    return sum(map(item_bytes, items)) / len(items)
