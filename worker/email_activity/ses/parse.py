"""From an SES event as JSON to a typed one. Pure.

Every field that AWS documents has its place in a dataclass of `event_objects.py`; whatever else an event holds, or
holds in another type than documented, stands under its own path in `SesEvent.unknown`, so nothing is lost. (A JSON null
counts as absent.)
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from email_activity.domain.errors import MessageIdTooLongError, NoMailError, NoMessageIdError, NotSesError
from email_activity.domain.kinds import KIND_BY_NAME, KINDS, Kind
from email_activity.domain.times import Timestamp
from email_activity.ses.event_objects import EVENT_OBJECTS, EventObject, Mail, Recipient, TimedObject

#: Characters; SES's own have 60.
MAX_MESSAGE_ID = 256


def _folded(kind: str) -> str:
    """`Rendering Failure` and `RenderingFailure` are one."""
    return "".join(kind.split()).casefold()


_KIND_BY_FOLDED_NAME = {_folded(kind.name): kind for kind in KINDS}


@dataclass(frozen=True, slots=True)
class SesEvent:
    """`unknown` mirrors SES's own paths: `{"mail": {...}, "bounce": {...}, ...}`."""

    kind: str
    mail: Mail
    message_id: str
    body: EventObject
    unknown: Mapping[str, Any]

    @property
    def time(self) -> Timestamp | None:
        """The event's own; Send, Reject and Rendering Failure have none."""
        return self.body.timestamp if isinstance(self.body, TimedObject) else None

    @property
    def recipients(self) -> tuple[Recipient, ...]:
        """Those that the event itself names."""
        return getattr(self.body, "recipients", None) or ()

    @property
    def odd_elements(self) -> int:
        """Of lists and maps, those that could not be read, or not wholly: they are in `unknown`."""
        parts = (self.mail, self.mail.common_headers, self.body, *self.recipients)
        nameless = sum("" in recipient.unknown for recipient in self.recipients)
        return nameless + sum(part.odd_elements for part in parts if part and part.unknown)


def parse(kind: str, payload: Mapping[str, Any]) -> SesEvent:
    """kind: `eventType` or `notificationType`, in any case, or any newer one.

    Raises NoMailError, NoMessageIdError, MessageIdTooLongError, TooManyRecipientsError or NotSesError.
    """
    if not isinstance(payload.get("mail"), dict):
        raise NoMailError
    mail = Mail.from_json(payload["mail"])
    message_id = (mail.message_id or "").strip()
    if not message_id:
        raise NoMessageIdError
    if len(message_id) > MAX_MESSAGE_ID:
        raise MessageIdTooLongError(f"{len(message_id)} characters")
    known = _kind(kind.strip(), payload)
    if not known.name:
        raise NotSesError("the kind is empty")
    body_payload = payload.get(known.key)
    body = EVENT_OBJECTS.get(known.name, TimedObject).from_json(body_payload if isinstance(body_payload, dict) else {})
    return SesEvent(known.name, mail, message_id, body, _unknown(payload, known, mail, body))


def _kind(name: str, payload: Mapping[str, Any]) -> Kind:
    """In any case, with blanks or without. Its object may stand under the kind's own name, as look-alikes have it:
    `Bulk Send` -> bulkSend, bulksend ...
    """
    known = KIND_BY_NAME.get(name) or _KIND_BY_FOLDED_NAME.get(_folded(name)) or Kind(name)
    if known.key in payload:
        return known
    folded = _folded(name)
    return replace(known, key=next((key for key in payload if key.casefold() == folded), known.key))


def _unknown(payload: Mapping[str, Any], kind: Kind, mail: Mail, body: EventObject) -> dict[str, Any]:
    unknown = {
        name: value
        for name, value in payload.items()
        if name != "mail" and value is not None and not _names_kind(name, value, kind)
    }
    if isinstance(unknown.get(kind.key), dict):
        unknown[kind.key] = dict(body.unknown)
    unknown["mail"] = dict(mail.unknown)
    if mail.common_headers and mail.common_headers.unknown:
        unknown["mail"]["commonHeaders"] = dict(mail.common_headers.unknown)
    return {name: value for name, value in unknown.items() if value != {}}


def _names_kind(name: str, value: object, kind: Kind) -> bool:
    if name not in ("eventType", "notificationType") or not isinstance(value, str):
        return False
    return value == kind.name or _folded(value) in ("", _folded(kind.name))
