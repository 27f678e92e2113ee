"""The story that the demo publishes: a morning's invoices, as SES would report them. Pure."""

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from email_activity.domain.tags import tag
from email_activity.domain.times import rfc3339

ACCOUNT = "acme"

#: An invoice with a slash in its printed number, which a tag cannot hold, and whom it was refused for.
PRINTED_NUMBER, REFUSED = "2026/117", "bob@example.com"

#: SES's text when an event destination is made; it comes to every queue once.
VALIDATION = "Successfully validated SNS topic for Amazon SES event publishing."

UNREADABLE = "Hello, is this the accounting department?"

PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
LAPTOP = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
APPLE_PREFETCH = "Mozilla/5.0"
GMAIL_PROXY = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"


@dataclass(frozen=True, slots=True)
class Published:
    """One message to the topic, and what must become of it.

    fate: recorded, duplicate, untracked, control or quarantined. The other fields say which event it is.
    """

    body: str
    fate: str
    email_id: str = ""
    kind: str = ""
    occurred_at: str = ""
    recipients: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Mail:
    """An email about a document, sent at a time, and the events that SES reports of it.

    number: as printed on the document; its tag holds it encoded where it must be.
    """

    number: str
    recipients: tuple[str, ...]
    sent_at: datetime
    document_type: str = "invoice"

    @property
    def id(self) -> str:
        return f"0100demo{self.document_type}-{tag(self.number)}-000000"

    def event(self, kind: str, key: str, after: float, named: tuple[str, ...] = (), **fields: Any) -> Published:
        """after: seconds after the sending. Kinds without a time of their own take the mail's."""
        has_time = kind not in ("Send", "Reject", "Rendering Failure")
        at = rfc3339(self.sent_at + timedelta(seconds=after if has_time else 0))
        body = {"eventType": kind, "mail": self._mail(), key: {**({"timestamp": at} if has_time else {}), **fields}}
        recipients = named or (() if has_time else self.recipients)
        fate = "recorded" if self.document_type == "invoice" else "untracked"
        return Published(json.dumps(body), fate, self.id, kind, at, recipients)

    def send(self) -> Published:
        return self.event("Send", "send", 0)

    def delivery(self, recipient: str, after: float = 1.2) -> Published:
        return self.event(
            "Delivery",
            "delivery",
            after,
            (recipient,),
            recipients=[recipient],
            processingTimeMillis=int(after * 1000),
            smtpResponse="250 2.0.0 OK",
            reportingMTA="a8-30.smtp-out.amazonses.com",
        )

    def bounce(self, recipient: str, after: float, kind: str, sub_type: str, **status: str) -> Published:
        return self.event(
            "Bounce",
            "bounce",
            after,
            (recipient,),
            bounceType=kind,
            bounceSubType=sub_type,
            bouncedRecipients=[{"emailAddress": recipient, **status}],
            feedbackId=f"0100feedback-{tag(self.number)}",
        )

    def open(self, after: float, agent: str, **fields: Any) -> Published:
        return self.event("Open", "open", after, ipAddress="192.0.2.10", userAgent=agent, **fields)

    def click(self, after: float, agent: str) -> Published:
        link = f"https://billing.example/invoices/{tag(self.number)}"
        return self.event("Click", "click", after, ipAddress="192.0.2.10", userAgent=agent, link=link, linkTags=None)

    def _mail(self) -> Mapping[str, Any]:
        subject = f"Your {self.document_type} {self.number}"
        return {
            "timestamp": rfc3339(self.sent_at),
            "messageId": self.id,
            "source": "Billing <billing@example.com>",
            "sendingAccountId": "123456789012",
            "destination": list(self.recipients),
            "headersTruncated": False,
            "headers": [{"name": "To", "value": ", ".join(self.recipients)}, {"name": "Subject", "value": subject}],
            "commonHeaders": {"from": ["billing@example.com"], "to": list(self.recipients), "subject": subject},
            "tags": {
                "document_type": [self.document_type],
                "document_id": [tag(self.number)],
                "account_id": [ACCOUNT],
                "ses:configuration-set": ["demo"],
            },
        }


def events(now: datetime) -> Iterator[Published]:
    """In the order in which it happened."""

    def mail(number: str, *recipients: str, minutes: float, document_type: str = "invoice") -> Mail:
        return Mail(number, recipients, now - timedelta(minutes=minutes), document_type)

    read = mail("2026-001", "alice@example.com", minutes=58)
    yield from (read.send(), read.delivery("alice@example.com"), read.open(340, PHONE, isBotEvent="Unlikely"))
    yield read.click(367, PHONE)

    refused = mail(PRINTED_NUMBER, REFUSED, minutes=54)
    yield refused.send()
    gone = {"action": "failed", "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 user unknown"}
    yield refused.bounce(REFUSED, 2, "Permanent", "General", **gone)

    away = mail("2026-003", "carol@example.com", minutes=50)
    # An out-of-office reply: without a status, and some milliseconds before its own Delivery, as recorded.
    yield from (away.send(), away.bounce("carol@example.com", 1.177, "Transient", "General"))
    yield away.delivery("carol@example.com")

    late = mail("2026-004", "dave@example.com", minutes=46)
    full = {"emailAddress": "dave@example.com", "status": "4.2.2", "diagnosticCode": "smtp; 452 4.2.2 mailbox full"}
    yield late.send()
    yield late.event(
        "DeliveryDelay", "deliveryDelay", 60, ("dave@example.com",), delayType="MailboxFull", delayedRecipients=[full]
    )
    yield late.delivery("dave@example.com", after=1500)
    # An ordinary browser so soon after the delivery: a person or a scanner.
    yield late.open(1540, LAPTOP)

    angry = mail("2026-005", "erin@example.com", minutes=42)
    yield from (angry.send(), angry.delivery("erin@example.com"))
    yield angry.event(
        "Complaint",
        "complaint",
        600,
        ("erin@example.com",),
        complainedRecipients=[{"emailAddress": "erin@example.com"}],
        feedbackId="0100feedback-2026-005",
        complaintFeedbackType="abuse",
    )

    leaving = mail("2026-006", "frank@example.com", minutes=38)
    yield from (leaving.send(), leaving.delivery("frank@example.com"), leaving.open(280, GMAIL_PROXY))
    yield leaving.event(
        "Subscription",
        "subscription",
        300,
        contactList="customers",
        source="UnsubscribeHeader",
        newTopicPreferences={"unsubscribeAll": True, "topicSubscriptionStatus": []},
        oldTopicPreferences={"unsubscribeAll": False, "topicSubscriptionStatus": []},
    )

    infected = mail("2026-007", "grace@example.com", minutes=34)
    yield from (infected.send(), infected.event("Reject", "reject", 0, reason="Bad content"))

    broken = mail("2026-008", "heidi@example.com", minutes=30)
    missing = "Attribute 'total' is not present in the rendering data."
    yield broken.event("Rendering Failure", "failure", 0, templateName="invoice", errorMessage=missing)

    unread = mail("2026-009", "ivan@example.com", minutes=26)
    yield from (unread.send(), unread.delivery("ivan@example.com"))
    yield unread.open(3, APPLE_PREFETCH, isBotEvent="Likely")

    shared = mail("2026-010", "judy@example.com", "karl@example.com", "lea@example.com", minutes=22)
    yield shared.send()
    yield from (shared.delivery(recipient) for recipient in shared.recipients)
    yield shared.open(900, LAPTOP)

    yield mail("C-77", "mallory@example.com", minutes=18, document_type="contract").send()


def story(now: datetime, seed: int = 7) -> list[Published]:
    """All that is published: the events, some of them twice, two that are none, in any order."""
    shuffle = random.Random(seed)  # noqa: S311  a story, no secret
    told = list(events(now))
    again = shuffle.sample([event for event in told if event.fate == "recorded"], k=8)
    copies = [Published(event.body, "duplicate", event.email_id, event.kind, event.occurred_at) for event in again]
    noise = [Published(VALIDATION, "control"), Published(UNREADABLE, "quarantined")]
    everything = [*told, *copies, *noise]
    shuffle.shuffle(everything)
    return everything
