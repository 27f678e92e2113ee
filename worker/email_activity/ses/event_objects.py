"""The objects of an SES event as dataclasses, field by field: `mail`, and what is particular to each kind. Pure.

https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from email_activity.domain.addresses import Address
from email_activity.domain.keys import canonical_json
from email_activity.domain.times import Timestamp
from email_activity.ses.fields import (
    address,
    addresses,
    boolean,
    headers,
    integer,
    likely,
    people,
    preferences,
    strings,
    tags,
    text,
    timestamp,
)
from email_activity.ses.ses_object import SesObject, ses_field


@dataclass(frozen=True, slots=True)
class CommonHeaders(SesObject):
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
    return CommonHeaders.from_json(value)


@dataclass(frozen=True, slots=True)
class Mail(SesObject):
    """The email that an event is about. `destination` is every recipient of the call, not of the event."""

    timestamp: Timestamp | None = ses_field("timestamp", timestamp)
    message_id: str | None = ses_field("messageId", text)
    source: str | None = ses_field("source", text)
    source_arn: str | None = ses_field("sourceArn", text)
    sending_account_id: str | None = ses_field("sendingAccountId", text)
    destination: tuple[Address, ...] | None = ses_field("destination", addresses)
    headers_truncated: bool | None = ses_field("headersTruncated", boolean)
    headers: tuple[tuple[str, str], ...] | None = ses_field("headers", headers)
    common_headers: CommonHeaders | None = ses_field("commonHeaders", common_headers)
    tags: Mapping[str, tuple[str, ...]] | None = ses_field("tags", tags)
    source_ip: str | None = ses_field("sourceIp", text)
    caller_identity: str | None = ses_field("callerIdentity", text)

    def destinations(self) -> dict[str, Address]:
        """The recipients of the call by normalized address, in order, each once."""
        by_mailbox: dict[str, Address] = {}
        for recipient in self.destination or ():
            if recipient.normalized:
                by_mailbox.setdefault(recipient.normalized, recipient)
        return by_mailbox


@dataclass(frozen=True, slots=True)
class Recipient(SesObject):
    """One address that an event names, with what the receiving server said of it."""

    address: Address | None = ses_field("emailAddress", address)
    action: str | None = ses_field("action", text)
    status: str | None = ses_field("status", text)
    diagnostic_code: str | None = ses_field("diagnosticCode", text)

    @classmethod
    def from_json(cls, payload: Any) -> Self:
        """Delivery lists plain addresses, the others objects. One without an address keeps what it has."""
        if isinstance(payload, dict):
            return super(Recipient, cls).from_json(payload)
        return cls(address=Address.of(payload)) if isinstance(payload, str) else cls(unknown={"": payload})

    @property
    def normalized(self) -> str:
        """Its address; empty if it has none."""
        return self.address.normalized if self.address else ""


def recipients(value: Any) -> tuple[Recipient, ...]:
    if not isinstance(value, list | dict | str):
        raise ValueError
    return tuple(Recipient.from_json(payload) for payload in people(value) if payload is not None)


@dataclass(frozen=True, slots=True)
class EventObject(SesObject):
    """What is particular to a kind."""

    #: Names of the fields that tell two events of this kind apart, beside email, recipient and time.
    DISTINGUISHING: ClassVar[tuple[str, ...]] = ()

    def particulars(self) -> tuple[str | None, ...]:
        """The values of these, as parts of an identity."""
        return tuple(getattr(self, name, None) for name in self.DISTINGUISHING)


@dataclass(frozen=True, slots=True)
class TimedObject(EventObject):
    """Of a kind whose event has a time of its own."""

    timestamp: Timestamp | None = ses_field("timestamp", timestamp)


@dataclass(frozen=True, slots=True)
class Send(EventObject):
    pass


@dataclass(frozen=True, slots=True)
class Reject(EventObject):
    reason: str | None = ses_field("reason", text)


@dataclass(frozen=True, slots=True)
class RenderingFailure(EventObject):
    template_name: str | None = ses_field("templateName", text)
    error_message: str | None = ses_field("errorMessage", text)


@dataclass(frozen=True, slots=True)
class Delivery(TimedObject):
    recipients: tuple[Recipient, ...] | None = ses_field("recipients", recipients)
    processing_time_millis: int | None = ses_field("processingTimeMillis", integer)
    smtp_response: str | None = ses_field("smtpResponse", text)
    reporting_mta: str | None = ses_field("reportingMTA", text)
    remote_mta_ip: str | None = ses_field("remoteMtaIp", text)


@dataclass(frozen=True, slots=True)
class Bounce(TimedObject):
    recipients: tuple[Recipient, ...] | None = ses_field("bouncedRecipients", recipients)
    bounce_type: str | None = ses_field("bounceType", text)
    bounce_sub_type: str | None = ses_field("bounceSubType", text)
    feedback_id: str | None = ses_field("feedbackId", text)
    reporting_mta: str | None = ses_field("reportingMTA", text)
    remote_mta_ip: str | None = ses_field("remoteMtaIp", text)


@dataclass(frozen=True, slots=True)
class Complaint(TimedObject):
    recipients: tuple[Recipient, ...] | None = ses_field("complainedRecipients", recipients)
    feedback_id: str | None = ses_field("feedbackId", text)
    complaint_sub_type: str | None = ses_field("complaintSubType", text)
    complaint_feedback_type: str | None = ses_field("complaintFeedbackType", text)
    user_agent: str | None = ses_field("userAgent", text)
    arrival_date: Timestamp | None = ses_field("arrivalDate", timestamp)


@dataclass(frozen=True, slots=True)
class DeliveryDelay(TimedObject):
    recipients: tuple[Recipient, ...] | None = ses_field("delayedRecipients", recipients)
    delay_type: str | None = ses_field("delayType", text)
    expiration_time: Timestamp | None = ses_field("expirationTime", timestamp)
    reporting_mta: str | None = ses_field("reportingMTA", text)

    DISTINGUISHING = ("delay_type",)


@dataclass(frozen=True, slots=True)
class Subscription(TimedObject):
    contact_list: str | None = ses_field("contactList", text)
    source: str | None = ses_field("source", text)
    new_topic_preferences: Mapping[str, Any] | None = ses_field("newTopicPreferences", preferences)
    old_topic_preferences: Mapping[str, Any] | None = ses_field("oldTopicPreferences", preferences)

    def particulars(self) -> tuple[str | None, ...]:
        return (canonical_json((self.new_topic_preferences, self.old_topic_preferences)),)


@dataclass(frozen=True, slots=True)
class Open(TimedObject):
    ip_address: str | None = ses_field("ipAddress", text)
    user_agent: str | None = ses_field("userAgent", text)
    is_bot_event: str | None = ses_field("isBotEvent", likely)

    DISTINGUISHING = ("ip_address", "user_agent", "link")  # an Open has no link


@dataclass(frozen=True, slots=True)
class Click(Open):
    link: str | None = ses_field("link", text)
    link_tags: Mapping[str, tuple[str, ...]] | None = ses_field("linkTags", tags)


#: By the kind's name. Of any other kind only its time is read, the rest is kept as it is.
EVENT_OBJECTS: Mapping[str, type[EventObject]] = {
    "Send": Send,
    "Reject": Reject,
    "Delivery": Delivery,
    "Bounce": Bounce,
    "Complaint": Complaint,
    "DeliveryDelay": DeliveryDelay,
    "Subscription": Subscription,
    "Open": Open,
    "Click": Click,
    "Rendering Failure": RenderingFailure,
}
