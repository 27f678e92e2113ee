"""Which event is it? Pure: an id from what happened, the same for every copy.

The ids of SNS, SQS and EventBridge all differ between copies, and `mail.messageId` names the email, not the event.
"""

from email_activity.domain.keys import digest
from email_activity.domain.kinds import kind_named
from email_activity.ses.parse import SesEvent

#: Stands in an identity where an event names no recipient.
NO_RECIPIENT = "*"


def event_id(event: SesEvent, recipient: str) -> str:
    """128 bits, hex. recipient: normalized; empty if the event names none.

    Two opens in one microsecond by one agent are one: acceptable.
    """
    recipient = recipient or NO_RECIPIENT
    feedback_id = getattr(event.body, "feedback_id", None)
    if feedback_id:
        return digest(event.kind, feedback_id, recipient)
    particulars: tuple[str | None, ...] = ()
    if kind_named(event.kind).concerns != "every destination":
        time = event.time or event.mail.timestamp
        particulars = (time.identity if time else None, *event.body.particulars())
    return digest(event.kind.casefold(), event.message_id, recipient, *particulars)
