"""What is particular to each kind of event: SES's objects as dataclasses, field by field. Pure.

https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from email_activity.domain.addresses import normalize_address
from email_activity.domain.errors import TooManyRecipientsError
from email_activity.domain.times import Moment
from email_activity.ses.fields import Fields, likely, moment, preferences, ses, tags, text, whole

#: Of one event. SES takes 50 in a call, look-alikes perhaps more; each costs an item or two.
#: https://docs.aws.amazon.com/ses/latest/dg/quotas.html
MAX_RECIPIENTS = 200


@dataclass(frozen=True, slots=True)
class Recipient(Fields):
    """One address that an event names, with what the receiving server said of it."""

    written: str | None = ses("emailAddress", text)
    action: str | None = ses("action", text)
    status: str | None = ses("status", text)
    diagnostic_code: str | None = ses("diagnosticCode", text)

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

    timestamp: Moment | None = ses("timestamp", moment)


@dataclass(frozen=True, slots=True)
class Send(Fields):
    """SES accepted the call and will try to deliver. It has no fields, nor a time of its own."""


@dataclass(frozen=True, slots=True)
class Reject(Fields):
    reason: str | None = ses("reason", text)


@dataclass(frozen=True, slots=True)
class Delivery(Body):
    recipients: tuple[Recipient, ...] | None = ses("recipients", recipients)
    processing_time_millis: int | None = ses("processingTimeMillis", whole)
    smtp_response: str | None = ses("smtpResponse", text)
    reporting_mta: str | None = ses("reportingMTA", text)
    remote_mta_ip: str | None = ses("remoteMtaIp", text)


@dataclass(frozen=True, slots=True)
class Bounce(Body):
    recipients: tuple[Recipient, ...] | None = ses("bouncedRecipients", recipients)
    bounce_type: str | None = ses("bounceType", text)
    bounce_sub_type: str | None = ses("bounceSubType", text)
    feedback_id: str | None = ses("feedbackId", text)
    reporting_mta: str | None = ses("reportingMTA", text)
    remote_mta_ip: str | None = ses("remoteMtaIp", text)


@dataclass(frozen=True, slots=True)
class Complaint(Body):
    recipients: tuple[Recipient, ...] | None = ses("complainedRecipients", recipients)
    feedback_id: str | None = ses("feedbackId", text)
    complaint_sub_type: str | None = ses("complaintSubType", text)
    complaint_feedback_type: str | None = ses("complaintFeedbackType", text)
    user_agent: str | None = ses("userAgent", text)
    arrival_date: Moment | None = ses("arrivalDate", moment)


@dataclass(frozen=True, slots=True)
class DeliveryDelay(Body):
    recipients: tuple[Recipient, ...] | None = ses("delayedRecipients", recipients)
    delay_type: str | None = ses("delayType", text)
    expiration_time: Moment | None = ses("expirationTime", moment)
    reporting_mta: str | None = ses("reportingMTA", text)


@dataclass(frozen=True, slots=True)
class Subscription(Body):
    contact_list: str | None = ses("contactList", text)
    source: str | None = ses("source", text)
    new_topic_preferences: Mapping[str, Any] | None = ses("newTopicPreferences", preferences)
    old_topic_preferences: Mapping[str, Any] | None = ses("oldTopicPreferences", preferences)


@dataclass(frozen=True, slots=True)
class Open(Body):
    ip_address: str | None = ses("ipAddress", text)
    user_agent: str | None = ses("userAgent", text)
    is_bot_event: str | None = ses("isBotEvent", likely)


@dataclass(frozen=True, slots=True)
class Click(Open):
    link: str | None = ses("link", text)
    link_tags: Mapping[str, tuple[str, ...]] | None = ses("linkTags", tags)


@dataclass(frozen=True, slots=True)
class RenderingFailure(Fields):
    template_name: str | None = ses("templateName", text)
    error_message: str | None = ses("errorMessage", text)


@dataclass(frozen=True, slots=True)
class Unknown(Body):
    """A kind newer than this version: only its time is read, the rest is kept as it is."""
