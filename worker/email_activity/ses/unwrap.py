"""From the body of an SQS message to the SES events in it. Pure.

An event reaches the queue in one of these forms, or in several around each other:

    sns          an SNS envelope; `Message` holds the event as text
    raw          SNS raw message delivery: the event itself
    eventbridge  an EventBridge envelope; `detail` is the event
    lambda       a Lambda payload that somebody queued; `Records` hold envelopes or bodies
    text         no JSON at all: the texts that SES sends when a topic is set up

What `aws sqs receive-message` prints is the bodies in it, each in its own form. In any of these, the event may stand
as a JSON string: EventBridge's input transformer puts one in quotes. One such level is taken off.

https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns.html
https://docs.aws.amazon.com/sns/latest/dg/sns-large-payload-raw-message-delivery.html
https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-ses.html
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
https://docs.aws.amazon.com/cli/latest/reference/sqs/receive-message.html
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

from email_activity.domain.errors import (
    NestedTooDeepError,
    NotJsonError,
    NotSesError,
    PermanentError,
    TooManyEventsError,
)
from email_activity.domain.jsontext import load_json, opened
from email_activity.domain.kinds import KIND_BY_DETAIL_TYPE
from email_activity.ses.control import (
    OTHER_MESSAGES_SOURCE,
    SNS_CONFIRMATIONS,
    TOPIC_VALIDATION,
    VALIDATION_TEXT,
    control_name,
)

#: Envelopes around an event. EventBridge -> SNS -> SQS makes two; a republished topic one more.
MAX_ENVELOPES = 4

#: Events in one message. As many of SES's smallest, in Lambda's records, are more than a message has room for.
MAX_EVENTS = 1_000

#: Characters. All of AWS's ids are UUIDs; a longer text names no copy, and could make the table refuse its event.
MAX_TRANSPORT_ID = 256

SNS_TYPES = SNS_CONFIRMATIONS | {"Notification"}


@dataclass(frozen=True, slots=True)
class Notification:
    """One SES event, still as SES wrote it. `form` is the outermost one; `kind` is SES's own spelling.

    transport_id: of the outermost envelope, if it has one. envelope: the outermost of SNS's, whose signature covers it.
    """

    form: str
    kind: str
    event: Mapping[str, Any]
    transport_id: str | None = None
    envelope: Mapping[str, Any] | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Control:
    """A message that is about no email sent. It is counted and deleted."""

    form: str
    name: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What can never become a record, and why."""

    form: str
    error: PermanentError


Unwrapped = Notification | Control | Unreadable


class _Envelopes(NamedTuple):
    """What was taken off so far: how many envelopes, the form and id of the outermost, and the outermost of SNS's."""

    depth: int = 0
    outermost: str | None = None
    transport_id: str | None = None
    of_sns: Mapping[str, Any] | None = None
    is_quoted: bool = False  # a JSON string was opened since the innermost

    @property
    def form(self) -> str:
        return self.outermost or "raw"

    def inside(self, form: str | None, transport_id: object) -> "_Envelopes":
        """form: None for what SQS printed, which is how a message came, and no form of it."""
        if self.outermost:
            return self._replace(depth=self.depth + 1, is_quoted=False)
        is_id = isinstance(transport_id, str) and 0 < len(transport_id) <= MAX_TRANSPORT_ID
        return _Envelopes(self.depth + 1, form, str(transport_id) if is_id else None, self.of_sns)

    def quoted(self) -> "_Envelopes":
        return self._replace(is_quoted=True)


def unwrap(body: str) -> tuple[Unwrapped, ...]:
    """Everything that a message holds, up to a bound; one thing unless it is a Lambda payload. Never raises."""
    try:
        unwrapped = tuple(islice(_from_text(body, _Envelopes()), MAX_EVENTS + 1))
    except RecursionError:
        return (Unreadable("raw", NestedTooDeepError("JSON")),)
    if len(unwrapped) <= MAX_EVENTS:
        return unwrapped
    return *unwrapped[:MAX_EVENTS], Unreadable(unwrapped[0].form, TooManyEventsError(f"more than {MAX_EVENTS}"))


def _from_text(text: str, envelopes: _Envelopes) -> Iterator[Unwrapped]:
    try:
        document = load_json(text)
    except ValueError:
        form = envelopes.outermost or "text"
        is_validation = text.strip().startswith(VALIDATION_TEXT)
        yield Control(form, TOPIC_VALIDATION) if is_validation else Unreadable(form, NotJsonError())
    except RecursionError:
        yield Unreadable(envelopes.form, NestedTooDeepError("JSON"))
    else:
        yield from _from_document(document, envelopes)


def _from_document(document: object, envelopes: _Envelopes) -> Iterator[Unwrapped]:
    """The order of these questions never takes one form for another."""
    if isinstance(document, str) and not envelopes.is_quoted and _may_hold_event(document):
        yield from _from_text(document, envelopes.quoted())
    elif not isinstance(document, dict):
        yield Unreadable(envelopes.form, NotSesError(f"a JSON {_json_type(document)}"))
    elif envelopes.depth > MAX_ENVELOPES:
        yield Unreadable(envelopes.form, NestedTooDeepError(f"more than {MAX_ENVELOPES} envelopes"))
    elif "Records" in document:
        yield from _from_lambda(document, envelopes)
    elif isinstance(document.get("Messages"), list) and document["Messages"]:
        for message in document["Messages"]:
            yield from _from_received(message, envelopes)
    elif "ReceiptHandle" in document:
        yield from _from_received(document, envelopes)
    elif "detail-type" in document:
        yield from _from_eventbridge(document, envelopes)
    elif _text(document, "Type") in SNS_TYPES:
        yield from _from_sns(document, envelopes)
    else:
        yield _from_event(document, envelopes)


def _from_lambda(payload: dict[str, Any], envelopes: _Envelopes) -> Iterator[Unwrapped]:
    """https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html, with-sqs.html; `ses` is mail received."""
    form, records = envelopes.outermost or "lambda", payload["Records"]
    if not isinstance(records, list) or not records:
        yield Unreadable(form, NotSesError("Records holds nothing"))
        return
    for record in records:
        match record:
            case {"Sns": {} as envelope}:
                yield from _from_sns(envelope, envelopes.inside("lambda", envelope.get("MessageId")))
            case {"body": str() as body}:
                yield from _from_text(body, envelopes.inside("lambda", record.get("messageId")))
            case {"ses": {}}:
                yield Control(form, "Received")
            case _:
                yield Unreadable(form, NotSesError("a record without Sns, body or ses"))


def _from_received(message: Any, envelopes: _Envelopes) -> Iterator[Unwrapped]:
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_Message.html"""
    if isinstance(message, dict) and isinstance(message.get("Body"), str):
        yield from _from_text(message["Body"], envelopes.inside(None, message.get("MessageId")))
    else:
        yield Unreadable(envelopes.form, NotSesError("a received message without a Body"))


def _from_sns(envelope: dict[str, Any], envelopes: _Envelopes) -> Iterator[Unwrapped]:
    """https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html"""
    inside = envelopes.inside("sns", envelope.get("MessageId"))._replace(of_sns=envelopes.of_sns or envelope)
    if _text(envelope, "Type") in SNS_CONFIRMATIONS:
        yield Control(inside.form, _text(envelope, "Type"))
        return
    message = envelope.get("Message")
    if isinstance(message, str):
        yield from _from_text(message, inside)
    else:
        yield from _from_document(message, inside)


def _from_eventbridge(envelope: dict[str, Any], envelopes: _Envelopes) -> Iterator[Unwrapped]:
    inside = envelopes.inside("eventbridge", envelope.get("id"))
    detail, detail_type = envelope.get("detail"), _text(envelope, "detail-type")
    if envelope.get("source") == OTHER_MESSAGES_SOURCE:
        yield Control(inside.form, detail_type)
        return
    if isinstance(detail, str) and _may_hold_event(detail):
        detail, inside = opened(detail), inside.quoted()
    is_email = isinstance(detail, dict) and ("mail" in detail or "eventType" in detail)
    is_ours = envelope.get("source") == "aws.ses" and bool(detail_type)
    may_be_named = bool(detail_type) and inside.depth <= MAX_ENVELOPES
    if is_ours and not is_email and detail_type not in KIND_BY_DETAIL_TYPE:
        # Sending Status Enabled/Disabled, Advisor Recommendation Status Open/Resolved.
        yield Control(inside.form, detail_type)
    elif may_be_named and isinstance(detail, dict) and "mail" in detail and not _kind_of(detail):
        # Some rules leave `eventType` out of what they pass on.
        known = KIND_BY_DETAIL_TYPE.get(detail_type)
        kind = known.name if known else detail_type
        yield Notification(inside.form, kind, detail, inside.transport_id, inside.of_sns)
    else:
        yield from _from_document(detail, inside)


def _may_hold_event(text: str) -> bool:
    return text.lstrip().startswith(("{", VALIDATION_TEXT))


def _from_event(document: dict[str, Any], envelopes: _Envelopes) -> Unwrapped:
    kind = _kind_of(document)
    if not kind:
        return Unreadable(envelopes.form, NotSesError("neither eventType nor notificationType"))
    name = control_name(kind, document)
    if name:
        return Control(envelopes.form, name)
    return Notification(envelopes.form, kind, document, envelopes.transport_id, envelopes.of_sns)


def _kind_of(document: dict[str, Any]) -> str:
    """`eventType` comes from configuration sets, `notificationType` from identities; never both from SES."""
    return _text(document, "eventType") or _text(document, "notificationType")


def _text(document: dict[str, Any], name: str) -> str:
    value = document.get(name)
    return value.strip() if isinstance(value, str) else ""


def _json_type(value: object) -> str:
    return {str: "string", bool: "boolean", list: "array", type(None): "null"}.get(type(value), "number")
