"""Fields that the worker's version did not know, brought back to the events that had them. Pure."""

import json
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from email_activity.domain.facts import Activity, Extra
from email_activity.domain.keys import canonical_json


def unknown_by_event(extras: Iterable[Extra], activities: Iterable[Activity]) -> dict[str, str]:
    """Event id -> JSON text, for each event that has some.

    activities: all copies. An event of several recipients has one extra for all of them, under an event id of its
    own: it is theirs whose kind and time are the same.
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
