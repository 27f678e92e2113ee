"""What is particular to each kind of event: SES's objects as dataclasses, field by field. Pure.

https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from email_activity.domain.addresses import normalize_address
from email_activity.domain.errors import TooManyRecipientsError
from email_activity.domain.times import Timestamp
from email_activity.ses.fields import Fields, integer, likely, preferences, ses_field, tags, text, timestamp

#: Of one event. SES takes 50 in a call, look-alikes perhaps more; each costs an item or two.
#: https://docs.aws.amazon.com/ses/latest/dg/quotas.html
MAX_RECIPIENTS = 200


@dataclass(frozen=True, slots=True)
class Recipient(Fields):
    """One address that an event names, with what the receiving server said of it."""

    written: str | None = ses_field("emailAddress", text)
    action: str | None = ses_field("action", text)
    status: str | None = ses_field("status", text)
    diagnostic_code: str | None = ses_field("diagnosticCode", text)

    @classmethod
    def read(cls, given: Any) -> Self:
        """Delivery lists plain addresses, the others objects. One without an address keeps what it has."""
        if isinstance(given, dict):
            return super(Recipient, cls).read(given)
        return cls(written=given) if isinstance(given, str) else cls(unknown={"": given})

    @property
    def address(self) -> str:
        """Normalized; empty if there is none."""
        return normalize_address(self.written or "")


def recipients(value: Any) -> "tuple[Recipient, ...]":
    """Counted before they are made: a megabyte has room for half a million."""
    given = value if isinstance(value, list) else [value]
    if not isinstance(value, list | dict | str):
        raise ValueError
    if len(given) > MAX_RECIPIENTS:
        raise TooManyRecipientsError(str(len(given)))
    return tuple(Recipient.read(each) for each in given if each is not None)


@dataclass(frozen=True, slots=True)
class Body(Fields):
    """What is particular to a kind of event."""

    timestamp: Timestamp | None = ses_field("timestamp", timestamp)


@dataclass(frozen=True, slots=True)
class Send(Fields):
    """SES accepted the call and will try to deliver. It has no fields, nor a time of its own."""


@dataclass(frozen=True, slots=True)
class Reject(Fields):
    reason: str | None = ses_field("reason", text)


@dataclass(frozen=True, slots=True)
class Delivery(Body):
    recipients: tuple[Recipient, ...] | None = ses_field("recipients", recipients)
    processing_time_millis: int | None = ses_field("processingTimeMillis", integer)
    smtp_response: str | None = ses_field("smtpResponse", text)
    reporting_mta: str | None = ses_field("reportingMTA", text)
    remote_mta_ip: str | None = ses_field("remoteMtaIp", text)


@dataclass(frozen=True, slots=True)
class Bounce(Body):
    recipients: tuple[Recipient, ...] | None = ses_field("bouncedRecipients", recipients)
    bounce_type: str | None = ses_field("bounceType", text)
    bounce_sub_type: str | None = ses_field("bounceSubType", text)
    feedback_id: str | None = ses_field("feedbackId", text)
    reporting_mta: str | None = ses_field("reportingMTA", text)
    remote_mta_ip: str | None = ses_field("remoteMtaIp", text)


@dataclass(frozen=True, slots=True)
class Complaint(Body):
    recipients: tuple[Recipient, ...] | None = ses_field("complainedRecipients", recipients)
    feedback_id: str | None = ses_field("feedbackId", text)
    complaint_sub_type: str | None = ses_field("complaintSubType", text)
    complaint_feedback_type: str | None = ses_field("complaintFeedbackType", text)
    user_agent: str | None = ses_field("userAgent", text)
    arrival_date: Timestamp | None = ses_field("arrivalDate", timestamp)


@dataclass(frozen=True, slots=True)
class DeliveryDelay(Body):
    recipients: tuple[Recipient, ...] | None = ses_field("delayedRecipients", recipients)
    delay_type: str | None = ses_field("delayType", text)
    expiration_time: Timestamp | None = ses_field("expirationTime", timestamp)
    reporting_mta: str | None = ses_field("reportingMTA", text)


@dataclass(frozen=True, slots=True)
class Subscription(Body):
    contact_list: str | None = ses_field("contactList", text)
    source: str | None = ses_field("source", text)
    new_topic_preferences: Mapping[str, Any] | None = ses_field("newTopicPreferences", preferences)
    old_topic_preferences: Mapping[str, Any] | None = ses_field("oldTopicPreferences", preferences)


@dataclass(frozen=True, slots=True)
class Open(Body):
    ip_address: str | None = ses_field("ipAddress", text)
    user_agent: str | None = ses_field("userAgent", text)
    is_bot_event: str | None = ses_field("isBotEvent", likely)


@dataclass(frozen=True, slots=True)
class Click(Open):
    link: str | None = ses_field("link", text)
    link_tags: Mapping[str, tuple[str, ...]] | None = ses_field("linkTags", tags)


@dataclass(frozen=True, slots=True)
class RenderingFailure(Fields):
    template_name: str | None = ses_field("templateName", text)
    error_message: str | None = ses_field("errorMessage", text)


@dataclass(frozen=True, slots=True)
class Unknown(Body):
    """A kind newer than this version: only its time is read, the rest is kept as it is."""


#: By the kind's name.
EVENT_OBJECTS: Mapping[str, type[Fields]] = {
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
