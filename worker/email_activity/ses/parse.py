"""From an SES event to a typed one. Pure.

Every field that AWS documents has its place in a dataclass here; whatever else an event holds, or holds in
another shape than documented, stands under its own path in `SesEvent.unknown`, so nothing given is lost.
(A JSON null counts as absent.)

https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from email_activity.domain.errors import (
    MessageIdTooLongError,
    NoMailError,
    NoMessageIdError,
    NotSesError,
    TooManyRecipientsError,
)
from email_activity.domain.kinds import KIND_BY_NAME, KINDS, Kind
from email_activity.domain.times import Timestamp
from email_activity.ses.event_objects import EVENT_OBJECTS, MAX_RECIPIENTS, Body, Recipient, Unknown
from email_activity.ses.fields import (
    Fields,
    addresses,
    boolean,
    headers,
    odd_elements,
    ses_field,
    strings,
    tags,
    text,
    timestamp,
)

#: Characters; SES's own have 60.
MAX_MESSAGE_ID = 256


@dataclass(frozen=True, slots=True)
class CommonHeaders(Fields):
    sender: tuple[str, ...] | None = ses_field("from", strings)
    to: tuple[str, ...] | None = ses_field("to", strings)
    cc: tuple[str, ...] | None = ses_field("cc", strings)
    bcc: tuple[str, ...] | None = ses_field("bcc", strings)
    reply_to: tuple[str, ...] | None = ses_field("replyTo", strings)
    return_path: str | None = ses_field("returnPath", text)
    date: str | None = ses_field("date", text)
    message_id: str | None = ses_field("messageId", text)
    subject: str | None = ses_field("subject", text)


def common_headers(value: Any) -> CommonHeaders:
    if not isinstance(value, dict):
        raise ValueError
    return CommonHeaders.read(value)


@dataclass(frozen=True, slots=True)
class Mail(Fields):
    """The email that an event is about. `destination` is every recipient of the call, not of the event."""

    timestamp: Timestamp | None = ses_field("timestamp", timestamp)
    message_id: str | None = ses_field("messageId", text)
    source: str | None = ses_field("source", text)
    source_arn: str | None = ses_field("sourceArn", text)
    sending_account_id: str | None = ses_field("sendingAccountId", text)
    destination: tuple[str, ...] | None = ses_field("destination", addresses)
    headers_truncated: bool | None = ses_field("headersTruncated", boolean)
    headers: tuple[tuple[str, str], ...] | None = ses_field("headers", headers)
    common_headers: CommonHeaders | None = ses_field("commonHeaders", common_headers)
    tags: Mapping[str, tuple[str, ...]] | None = ses_field("tags", tags)
    source_ip: str | None = ses_field("sourceIp", text)
    caller_identity: str | None = ses_field("callerIdentity", text)


def _folded(kind: str) -> str:
    """`Rendering Failure` and `RenderingFailure` are one."""
    return "".join(kind.split()).casefold()


_KIND_BY_FOLDED_NAME = {_folded(kind.name): kind for kind in KINDS}


@dataclass(frozen=True, slots=True)
class SesEvent:
    """One SES event. `unknown` mirrors SES's own paths: `{"mail": {...}, "bounce": {...}, ...}`."""

    kind: str
    mail: Mail
    message_id: str
    body: Fields
    unknown: Mapping[str, Any]

    @property
    def time(self) -> Timestamp | None:
        """The event's own time; Send, Reject and Rendering Failure have none."""
        return self.body.timestamp if isinstance(self.body, Body) else None

    @property
    def odd_elements(self) -> int:
        """Of lists and maps, those that could not be read, or not wholly: they are in `unknown`."""
        parts = (self.mail, self.mail.common_headers, self.body, *self.recipients)
        nameless = sum("" in each.unknown for each in self.recipients)
        return nameless + sum(odd_elements(each) for each in parts if each and each.unknown)

    @property
    def recipients(self) -> tuple[Recipient, ...]:
        """Those that the event itself names."""
        return getattr(self.body, "recipients", None) or ()


def parse(kind: str, given: Mapping[str, Any]) -> SesEvent:
    """kind: `eventType` or `notificationType`, in any case, or any newer one.

    Raises NoMailError, NoMessageIdError, MessageIdTooLongError, TooManyRecipientsError or NotSesError.
    """
    mail = _mail(given)
    message_id = (mail.message_id or "").strip()
    if not message_id:
        raise NoMessageIdError
    if len(message_id) > MAX_MESSAGE_ID:
        raise MessageIdTooLongError(f"{len(message_id)} characters")
    if len(mail.destination or ()) > MAX_RECIPIENTS:
        raise TooManyRecipientsError(str(len(mail.destination or ())))
    known = _kind(kind.strip(), given)
    if not known.name:
        raise NotSesError("the kind is empty")
    body_given = given.get(known.key)
    body = EVENT_OBJECTS.get(known.name, Unknown).read(body_given if isinstance(body_given, dict) else {})
    return SesEvent(known.name, mail, message_id, body, _unknown(given, known, mail, body))


def _mail(given: Mapping[str, Any]) -> Mail:
    if not isinstance(given.get("mail"), dict):
        raise NoMailError
    return Mail.read(given["mail"])


def _kind(name: str, given: Mapping[str, Any]) -> Kind:
    """In any case, with blanks or without; its object may stand under the kind's own name, as look-alikes have it."""
    known = KIND_BY_NAME.get(name) or _KIND_BY_FOLDED_NAME.get(_folded(name)) or Kind(name)
    if known.key in given:
        return known
    return replace(known, key=_object_key(name, given) or known.key)


def _object_key(kind: str, given: Mapping[str, Any]) -> str:
    """Where a kind most likely keeps its object: `Bulk Send` -> bulkSend, bulksend ..."""
    wanted = _folded(kind)
    return next((name for name in given if name.casefold() == wanted), "")


def _unknown(given: Mapping[str, Any], kind: Kind, mail: Mail, body: Fields) -> dict[str, Any]:
    unknown = {
        name: value
        for name, value in given.items()
        if name != "mail" and value is not None and not _says_kind(name, value, kind)
    }
    if isinstance(unknown.get(kind.key), dict):
        unknown[kind.key] = dict(body.unknown)
    unknown["mail"] = dict(mail.unknown)
    if mail.common_headers and mail.common_headers.unknown:
        unknown["mail"]["commonHeaders"] = dict(mail.common_headers.unknown)
    return {name: value for name, value in unknown.items() if value != {}}


def _says_kind(name: str, value: object, kind: Kind) -> bool:
    is_name = name in ("eventType", "notificationType")
    return is_name and isinstance(value, str) and (value == kind.name or _folded(value) in ("", _folded(kind.name)))
