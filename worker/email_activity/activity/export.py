"""The status of an email as JSON, for other programs. Pure. The shape is stable: names are added, never changed.

    {"email_id", "document": {"type", "id"} | null, "account", "sent_at", "sender", "subject",
     "destination_count",
     "conflict": {"documents": [...], "accounts": [...]} | null,
                                    where copies of its events disagree, the one that counts first
     "recipients": [STATUS, ...],   one for each, sorted by address
     "shared": STATUS | null,       events that may be any of several recipients': "opened by one of 3"
     "timeline": [EVENT, ...]}      in order of time; left out in lists of emails

    STATUS  {"recipient": null in `shared`, "is_destination": false for a forwarded address,
             "delivery": FACET, "engagement": FACET, "consent": FACET, "auto_replied_at",
             "bounced_at": the address (a forward or an alias) where it bounced, null if it did not or if the
                           recipient's own address bounced; unless null, no failure speaks against that one
             "arrived_from": [...]  what proves the arrival where no Delivery was reported: complaint, auto_reply,
                                    open, click, unsubscribe, delivery_status}
    FACET   {"state", "seen": {state: {"count", "first_at", "last_at"}}}
    EVENT   {"occurred_at", "occurred_at_source", "kind", "recipient", "attribution", "named", "bounce_class",
             "complaint_kind", "verdict", "detail", "recipient_as_written", "event_id", "configuration_set",
             "tenant", "form", "recorded_at", "unknown"}

What is not known is null. Times are RFC 3339 in UTC, with milliseconds (`sent_at`: whole seconds) or as many
digits as were reported. `recipient` is whose an event is, `named` whom it names itself. `verdict` (person, proxy or
machine) is of opens and clicks, `bounce_class` of bounces, `complaint_kind` of complaints. The states are in
`facets.py`, the attributions in `attribution.py`, the classes and kinds in `classification.py`.
"""

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import datetime
from typing import Any

from email_activity.activity.attribution import TimelineEntry
from email_activity.activity.engagement import verdict
from email_activity.activity.status import EmailStatus
from email_activity.domain.kinds import kind_named
from email_activity.domain.times import rfc3339, rfc3339_exact

Json = dict[str, Any]


def email_json(email: EmailStatus, *, timeline: bool) -> Json:
    shown: Json = as_json(replace(email, timeline=()))
    shown["sent_at"] = email.sent_at and rfc3339(email.sent_at, "seconds")
    del shown["timeline"]
    return shown | ({"timeline": [event_json(entry) for entry in email.timeline]} if timeline else {})


def as_json(value: Any) -> Any:
    """A status, a document and what they consist of: their fields' names are those of the JSON."""
    if isinstance(value, datetime):
        return rfc3339_exact(value)
    if is_dataclass(value):
        return {each.name: as_json(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {name: as_json(each) for name, each in value.items()}
    return [as_json(each) for each in value] if isinstance(value, tuple) else value


def event_json(entry: TimelineEntry) -> Json:
    event = entry.activity
    return record_json(entry) | {
        "occurred_at_source": event.occurred_at_source,
        "verdict": verdict(event.kind, event.detail) if kind_named(event.kind).engagement else None,
        "recipient_as_written": event.recipient_as_written,
        "event_id": event.event_id,
        "configuration_set": event.configuration_set,
        "tenant": event.tenant,
        "form": event.form,
        "recorded_at": as_json(event.recorded_at),
        "unknown": _unknown(entry.unknown),
    }


def record_json(entry: TimelineEntry) -> Json:
    """What a reader sees of an event, in short."""
    return {
        "occurred_at": as_json(entry.activity.occurred_at),
        "kind": entry.activity.kind,
        "recipient": entry.recipient,
        "attribution": entry.attribution,
        "named": entry.activity.recipient,
        "bounce_class": entry.bounce_class,
        "complaint_kind": entry.complaint_kind,
        "detail": dict(entry.activity.detail),
    }


def _unknown(text: str | None) -> Any:
    """Fields that the worker's version did not know; as text where they are no plain JSON."""
    try:
        return json.loads(text) if text else None
    except (ValueError, RecursionError):
        return text
