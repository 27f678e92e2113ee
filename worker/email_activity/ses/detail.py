"""What an event says beyond what every event says, as values that DynamoDB and JSON hold. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import cache
from typing import Any

from email_activity.domain.keys import canonical_json
from email_activity.domain.times import Timestamp, rfc3339_exact
from email_activity.ses.event_objects import Recipient
from email_activity.ses.parse import SesEvent

#: Fields that have a place of their own.
_ELSEWHERE = frozenset({"unknown", "timestamp", "recipients", "address"})


def detail_of(event: SesEvent, recipient: Recipient) -> dict[str, Any]:
    """The kind's own fields in snake case, and what was said of the recipient. What follows from them is for readers
    to judge: a rule must not be frozen into data.
    """
    detail = _plain_fields(event.body) | _plain_fields(recipient)
    if event.time and event.time.at is None:
        detail["timestamp"] = event.time.text
    return detail


def unknown_of(event: SesEvent, recipients: Sequence[Recipient]) -> str | None:
    """A JSON text of the fields that this version does not know, under SES's own paths; None if there are none.

    Those of a sole recipient stand under `recipient`; of several, under `recipients` by address.
    """
    unknown = dict(event.unknown)
    of_recipients = {recipient.normalized: dict(recipient.unknown) for recipient in recipients if recipient.unknown}
    if of_recipients:
        is_sole = len(recipients) == 1
        unknown |= {"recipient": dict(recipients[0].unknown)} if is_sole else {"recipients": of_recipients}
    if event.mail.timestamp and event.mail.timestamp.at is None:
        unknown["mail"] = {**unknown.get("mail", {}), "timestamp": event.mail.timestamp.text}
    return canonical_json(unknown) if unknown else None


def _plain_fields(ses_object: Any) -> dict[str, Any]:
    kind: Any = type(ses_object)
    values = {name: getattr(ses_object, name) for name in _field_names(kind)}
    return {name: _plain(value) for name, value in values.items() if value not in (None, "")}


@cache
def _field_names(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind) if field.name not in _ELSEWHERE)


def _plain(value: Any) -> Any:
    if type(value) is str:
        return value
    if isinstance(value, Timestamp):
        return rfc3339_exact(value.at) if value.at else value.text
    if isinstance(value, Mapping):
        return {name: _plain(member) for name, member in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(element) for element in value]
    return value
