"""The copies of one event, taken together. Pure.

One event may be stored several times, as fully as each copy told it. Together they are the union, fullest copy
first; where they disagree on how bad it was, the harder counts, so that one more copy never hides a failure.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from email_activity.domain.facts import Activity, Extra
from email_activity.domain.keys import NOT_CONTENT, canonical_json
from email_activity.ses.classification import (
    bounce_class,
    complaint_kind,
    gravest_complaint,
    hardest_bounce,
    has_status,
)

#: What two types of one bounce disagree on.
_TYPE_OF_BOUNCE = ("bounce_type", "bounce_sub_type")

#: What counts as not told.
_NOTHING: tuple[object, ...] = (None, "", {})

#: What all recipients of one notice share: its id at SES, else its time.
Notice = tuple[str, str | datetime | None]


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `bounce_class` and `complaint_kind` (classification.py) are of bounces and complaints, else None."""

    activity: Activity
    bounce_class: str | None = None
    complaint_kind: str | None = None


def merge_copies(activities: Iterable[Activity]) -> list[Event]:
    """Each event once, in no order that counts."""
    by_event = defaultdict(list)
    reports = set()
    for activity in activities:
        by_event[activity.event_id].append(activity)
        if activity.kind == "Bounce" and has_status(activity.detail):
            reports.add(notice_of(activity))
    return [_event(copies, reports) for copies in by_event.values()]


def notice_of(activity: Activity) -> Notice:
    return activity.kind, activity.detail.get("feedback_id") or activity.occurred_at


def _event(copies: list[Activity], reports: set[Notice]) -> Event:
    if len(copies) > 1:
        copies.sort(key=_fullness)
    merged = _merged(copies)
    if merged.kind == "Bounce":
        classes = [bounce_class(copy.detail, is_report=notice_of(copy) in reports) for copy in copies]
        hardest = hardest_bounce(classes)
        if len(copies) > 1:
            merged = replace(merged, detail=_with_type_of(copies[classes.index(hardest)], merged))
        return Event(merged, bounce_class=hardest)
    if merged.kind == "Complaint":
        return Event(merged, complaint_kind=gravest_complaint(complaint_kind(copy.detail) for copy in copies))
    return Event(merged)


def _with_type_of(copy: Activity, merged: Activity) -> dict[str, Any]:
    others = {name: value for name, value in merged.detail.items() if name not in _TYPE_OF_BOUNCE}
    return others | {name: copy.detail[name] for name in _TYPE_OF_BOUNCE if name in copy.detail}


def _fullness(activity: Activity) -> tuple[int, str]:
    """How a copy came does not count: the table keeps that of whichever copy was stored last."""
    content = {name: value for name, value in _content(activity).items() if name not in NOT_CONTENT}
    values = [value for value in content.values() if value not in _NOTHING]
    return -(len(values) + len(activity.detail)), activity.sk or str(activity.to_item()["sk"])


def _merged(copies: Sequence[Activity]) -> Activity:
    fullest, *others = copies
    for other in others:
        own = _content(fullest)
        missing = {name: value for name, value in _content(other).items() if own[name] in _NOTHING}
        fullest = replace(fullest, **missing, detail={**other.detail, **fullest.detail})
    return fullest


def _content(activity: Activity) -> dict[str, Any]:
    return {each.name: getattr(activity, each.name) for each in fields(activity) if each.name != "detail"}


def unknown_by_event(extras: Iterable[Extra], activities: Iterable[Activity]) -> dict[str, str]:
    """Event id -> JSON text, for each event that has some.

    activities: all copies. An event of several recipients has one extra for all of them, under an event id of its
    own, so it is matched by kind and time.
    """
    extras = list(extras)
    if not extras:
        return {}
    activities = list(activities)
    ids = {activity.event_id for activity in activities}
    found: dict[object, set[str]] = defaultdict(set)
    for extra in extras:
        found[extra.event_id if extra.event_id in ids else (extra.kind, extra.occurred_at)].add(extra.unknown)
    of_each: dict[str, set[str]] = defaultdict(set)
    for activity in activities:
        for name in (activity.event_id, (activity.kind, activity.occurred_at)):
            of_each[activity.event_id] |= found.get(name, set())
    return {event_id: _together(texts) for event_id, texts in of_each.items() if texts}


def _together(texts: set[str]) -> str:
    """Of several copies the union; where they disagree, the longest counts."""
    longest, *others = sorted(texts, key=lambda text: (-len(text), text))
    if not others:
        return longest
    try:
        merged, *rest = [json.loads(text) for text in (longest, *others)]
        for other in rest:
            merged = _union(merged, other)
    except (ValueError, RecursionError):
        return longest
    return canonical_json(merged)


def _union(one: Any, other: Any) -> Any:
    if not (isinstance(one, dict) and isinstance(other, dict)):
        return one
    return {**other, **{name: _union(value, other[name]) if name in other else value for name, value in one.items()}}
