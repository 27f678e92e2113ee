"""Which event is it? Pure: an id from what happened, the same for every copy.

The ids of SNS, SQS and EventBridge all differ between copies, and `mail.messageId` names the email, not the event.
"""

from email_activity.domain.keys import canonical_json, digest
from email_activity.domain.kinds import kind_named
from email_activity.ses.event_objects import (
    Bounce,
    Click,
    Complaint,
    DeliveryDelay,
    Open,
    Subscription,
)
from email_activity.ses.parse import SesEvent

#: Stands in an identity where an event names no recipient.
NO_RECIPIENT = "*"


def event_id(event: SesEvent, recipient: str) -> str:
    """128 bits, hex, from what happened; ids of SNS, SQS and EventBridge differ between copies.

    Two opens in one microsecond by one agent are one: acceptable.
    """
    recipient = recipient or NO_RECIPIENT
    if isinstance(event.body, Bounce | Complaint) and event.body.feedback_id:
        return digest(event.kind, event.body.feedback_id, recipient)
    return digest(event.kind.casefold(), event.message_id, recipient, *_particulars(event))


def _particulars(event: SesEvent) -> tuple[str | None, ...]:
    """What tells two events of one kind, email and recipient apart."""
    if kind_named(event.kind).concerns == "every destination":
        return ()
    time = event.time or event.mail.timestamp
    when = time.identity if time else None
    match event.body:
        case Click():
            return (when, event.body.ip_address, event.body.user_agent, event.body.link)
        case Open():
            return (when, event.body.ip_address, event.body.user_agent, None)
        case DeliveryDelay():
            return (when, event.body.delay_type)
        case Subscription():
            changed = (event.body.new_topic_preferences, event.body.old_topic_preferences)
            return (when, canonical_json(changed))
    return (when,)
