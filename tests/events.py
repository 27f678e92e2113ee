"""SES events for tests: an `Email` makes each of its events, and `FORMS` wrap one as it travels to the queue.

    email = Email(to=("ana@example.com", "ben@example.com"), document_id="2026-118")
    body = sns(email.bounce("Permanent", "General", recipients=["ben@example.com"]))

Each event is a plain dict in the shape of a configuration set's, free to be changed before it is wrapped.
Times lie minutes back unless given, since old mail expires. Every address is reserved for documentation.
"""

import json
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

Event = dict[str, Any]

ANA, BEN, CLEO = "ana@example.com", "ben@example.org", "cleo@example.net"

TOPIC = "arn:aws:sns:eu-west-1:111122223333:email-events"

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
APPLE_PREFETCH = "Mozilla/5.0"
GMAIL_PROXY = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
YAHOO_PROXY = "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html"

#: What the receiving server said, as a DSN reports it.
REFUSED = {"action": "failed", "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 no such user here"}
GAVE_UP = {
    "action": "failed",
    "status": "4.4.7",
    "diagnosticCode": "smtp; 550 4.4.7 Message expired: unable to deliver in 840 minutes",
}

#: SES sends this text when an event destination is made, and this notification when an identity gets a topic.
VALIDATION_TEXT = "Successfully validated SNS topic for Amazon SES event publishing."
TOPIC_SUBSCRIBED: Event = {
    "notificationType": "AmazonSnsSubscriptionSucceeded",
    "message": "You have successfully subscribed your Amazon SNS topic to receive 'Bounce' notifications.",
}

#: The kinds as SES spells them, with the key of the object that holds what is particular to each.
OBJECT_KEYS = {
    "Send": "send",
    "Reject": "reject",
    "Delivery": "delivery",
    "Bounce": "bounce",
    "Complaint": "complaint",
    "DeliveryDelay": "deliveryDelay",
    "Subscription": "subscription",
    "Open": "open",
    "Click": "click",
    "Rendering Failure": "failure",
}

#: EventBridge's own names for them.
DETAIL_TYPES = {
    "Send": "Email Sent",
    "Reject": "Email Rejected",
    "Delivery": "Email Delivered",
    "Bounce": "Email Bounced",
    "Complaint": "Email Complaint Received",
    "DeliveryDelay": "Email Delivery Delayed",
    "Subscription": "Email Subscribed",
    "Open": "Email Opened",
    "Click": "Email Clicked",
    "Rendering Failure": "Email Rendering Failed",
}

#: SES publishes these without the email's headers.
WITHOUT_HEADERS = frozenset({"DeliveryDelay", "Rendering Failure"})


def minutes_ago(minutes: float) -> datetime:
    """In whole milliseconds, which is what SES reports."""
    at = datetime.now(UTC) - timedelta(minutes=minutes)
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def stamp(at: datetime) -> str:
    """A time as SES writes it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def new_message_id() -> str:
    """Of the form and length of SES's own."""
    return f"0102{uuid.uuid4().hex[:12]}-{uuid.uuid4()}-000000"


@dataclass(frozen=True)
class Email:
    """One call to SES: `to` is every recipient of it. The document and account travel as tags and as headers.

    `tags` and `headers` add to what is carried (a value of None takes it away); `tags=None` means that no tags
    are told at all, as in an identity notification, and `headers=None` that no headers are.
    """

    to: Sequence[str] = (ANA,)
    document_id: str | None = "2026-117"
    document_type: str | None = "invoice"
    account: str | None = "acme"
    message_id: str = field(default_factory=new_message_id)
    sent_at: datetime = field(default_factory=lambda: minutes_ago(30))
    sender: str = "Billing <billing@sender.example>"
    subject: str = "Your invoice"
    tags: Mapping[str, str | None] | None = field(default_factory=dict)
    headers: Mapping[str, str | None] | None = field(default_factory=dict)

    def after(self, seconds: float) -> datetime:
        return self.sent_at + timedelta(seconds=seconds)

    def mail(self, *, with_headers: bool = True) -> Event:
        """The `mail` object that every event of this email carries."""
        mail: Event = {
            "timestamp": stamp(self.sent_at),
            "messageId": self.message_id,
            "source": self.sender,
            "sourceArn": "arn:aws:ses:eu-west-1:111122223333:identity/sender.example",
            "sendingAccountId": "111122223333",
            "destination": list(self.to),
        }
        if self.tags is not None:
            carried = {"document_type": self.document_type, "document_id": self.document_id, "account_id": self.account}
            automatic = {"ses:configuration-set": "tracked", "ses:from-domain": "sender.example"}
            tags = automatic | carried | dict(self.tags)
            mail["tags"] = {name: [value] for name, value in tags.items() if value is not None}
        if with_headers and self.headers is not None:
            plain = {
                "From": self.sender,
                "To": ", ".join(self.to),
                "Subject": self.subject,
                "X-Document-Type": self.document_type,
                "X-Document-Id": self.document_id,
                "X-Account-Id": self.account,
            }
            headers = plain | dict(self.headers)
            mail["headersTruncated"] = False
            mail["headers"] = [{"name": name, "value": value} for name, value in headers.items() if value is not None]
            mail["commonHeaders"] = {"from": [self.sender], "to": list(self.to), "subject": self.subject}
        return mail

    def event(self, kind: str, body: Mapping[str, Any] | None = None) -> Event:
        """Any kind, also one that SES does not have yet."""
        key = OBJECT_KEYS.get(kind, kind.lower())
        return {
            "eventType": kind,
            "mail": self.mail(with_headers=kind not in WITHOUT_HEADERS),
            key: {name: value for name, value in (body or {}).items() if value is not None},
        }

    def send(self) -> Event:
        return self.event("Send")

    def reject(self) -> Event:
        return self.event("Reject", {"reason": "Bad content"})

    def rendering_failure(self) -> Event:
        said = "Attribute 'amount' is not present in the rendering data."
        return self.event("Rendering Failure", {"templateName": "invoice", "errorMessage": said})

    def delivery(self, recipients: Iterable[str] | None = None, at: datetime | None = None) -> Event:
        body = {
            "timestamp": stamp(at or self.after(2)),
            "processingTimeMillis": 1932,
            "recipients": list(self.to if recipients is None else recipients),
            "smtpResponse": "250 2.0.0 OK queued",
            "reportingMTA": "a8-86.smtp-out.eu-west-1.amazonses.com",
            "remoteMtaIp": "192.0.2.44",
        }
        return self.event("Delivery", body)

    def bounce(
        self,
        bounce_type: str = "Permanent",
        sub_type: str = "General",
        recipients: Iterable[str] | None = None,
        said: Mapping[str, str] | None = REFUSED,
        *,
        at: datetime | None = None,
        feedback_id: str | None = "",
    ) -> Event:
        """said: what the server said of each recipient. feedback_id: None leaves it out; a new one if empty."""
        named = self.to if recipients is None else recipients
        body = {
            "bounceType": bounce_type,
            "bounceSubType": sub_type,
            "bouncedRecipients": [{"emailAddress": each, **(said or {})} for each in named],
            "timestamp": stamp(at or self.after(3)),
            "feedbackId": new_message_id() if feedback_id == "" else feedback_id,
            "reportingMTA": "dns; mail.example.com" if said else None,
        }
        return self.event("Bounce", body)

    def out_of_office(self, recipients: Iterable[str] | None = None, at: datetime | None = None) -> Event:
        """An automatic reply comes as a bounce without a word from any server."""
        return self.bounce("Transient", "General", recipients, said=None, at=at)

    def complaint(
        self,
        feedback_type: str | None = "abuse",
        recipients: Iterable[str] | None = None,
        sub_type: str | None = None,
        at: datetime | None = None,
        feedback_id: str | None = "",
    ) -> Event:
        """feedback_id: as for bounces."""
        body = {
            "complainedRecipients": [
                {"emailAddress": each} for each in (self.to if recipients is None else recipients)
            ],
            "timestamp": stamp(at or self.after(600)),
            "feedbackId": new_message_id() if feedback_id == "" else feedback_id,
            "complaintSubType": sub_type,
            "userAgent": "Example Feedback Loop/1.0",
            "complaintFeedbackType": feedback_type,
            "arrivalDate": stamp(self.after(4)),
        }
        return self.event("Complaint", body)

    def delay(
        self, delay_type: str = "MailboxFull", recipients: Iterable[str] | None = None, at: datetime | None = None
    ) -> Event:
        said = {"status": "4.2.2", "diagnosticCode": "smtp; 452 4.2.2 mailbox full"}
        named = self.to if recipients is None else recipients
        body = {
            "timestamp": stamp(at or self.after(60)),
            "delayType": delay_type,
            "delayedRecipients": [{"emailAddress": each, **said} for each in named],
            "expirationTime": stamp(self.after(14 * 3600)),
            "reportingMTA": "a8-86.smtp-out.eu-west-1.amazonses.com",
        }
        return self.event("DeliveryDelay", body)

    def subscription(
        self, new: Mapping[str, Any] | None = None, old: Mapping[str, Any] | None = None, at: datetime | None = None
    ) -> Event:
        """A change of preferences: `unsubscribe_all()` or `topics(news="OptOut")`; the former if not given."""
        body = {
            "contactList": "clients",
            "timestamp": stamp(at or self.after(900)),
            "source": "UnsubscribeHeader",
            "newTopicPreferences": unsubscribe_all() if new is None else new,
            "oldTopicPreferences": topics() if old is None else old,
        }
        return self.event("Subscription", body)

    def open(self, agent: str | None = BROWSER, bot: str | None = None, at: datetime | None = None) -> Event:
        body = {
            "ipAddress": "198.51.100.7",
            "timestamp": stamp(at or self.after(900)),
            "userAgent": agent,
            "isBotEvent": bot,
        }
        return self.event("Open", body)

    def click(
        self,
        link: str = "https://pay.sender.example/2026-117",
        agent: str | None = BROWSER,
        bot: str | None = None,
        at: datetime | None = None,
    ) -> Event:
        body = {
            "ipAddress": "198.51.100.7",
            "timestamp": stamp(at or self.after(930)),
            "userAgent": agent,
            "link": link,
            "linkTags": {"place": ["button"]},
            "isBotEvent": bot,
        }
        return self.event("Click", body)


#: Each kind as SES spells it, with what makes an event of it.
KINDS: dict[str, Callable[[Email], Event]] = {
    "Send": Email.send,
    "Reject": Email.reject,
    "Delivery": Email.delivery,
    "Bounce": Email.bounce,
    "Complaint": Email.complaint,
    "DeliveryDelay": Email.delay,
    "Subscription": Email.subscription,
    "Open": Email.open,
    "Click": Email.click,
    "Rendering Failure": Email.rendering_failure,
}

#: The key of the list of recipients, in the kinds that name theirs.
RECIPIENT_LISTS = {
    "Delivery": "recipients",
    "Bounce": "bouncedRecipients",
    "Complaint": "complainedRecipients",
    "DeliveryDelay": "delayedRecipients",
}


def unsubscribe_all() -> Event:
    return {"unsubscribeAll": True, "topicSubscriptionStatus": []}


def topics(**states: str) -> Event:
    """`topics(news="OptOut", offers="OptIn")`"""
    listed = [{"topicName": name, "subscriptionStatus": state} for name, state in states.items()]
    return {"unsubscribeAll": False, "topicSubscriptionStatus": listed}


def as_identity_notification(event: Event) -> Event:
    """The same event as an identity's own topic gets it: no tags, and headers only where they were asked for."""
    hidden = {"tags", "headers", "commonHeaders", "headersTruncated"}
    mail = {name: value for name, value in event["mail"].items() if name not in hidden}
    others = {name: value for name, value in event.items() if name not in ("eventType", "mail")}
    return {
        "notificationType": event["eventType"],
        "mail": {**mail, "sourceIp": "192.0.2.10", "callerIdentity": "billing"},
        **others,
    }


def received_mail() -> Event:
    """SES publishes the mail that it receives for a domain on the same topics."""
    mail = Email().mail()
    return {"notificationType": "Received", "mail": mail, "receipt": {"spamVerdict": {"status": "PASS"}}}


# --- Forms: an event, or whatever else, as the body of an SQS message. ---


def raw(event: object) -> str:
    """SNS raw message delivery, with the newline that SES ends its texts with."""
    return event if isinstance(event, str) else json.dumps(event) + "\n"


def sns(event: object, **changes: object) -> str:
    """An SNS envelope. changes: fields of the envelope to set, or to leave out if None."""
    return json.dumps(sns_envelope(event, **changes))


def sns_envelope(event: object, **changes: object) -> Event:
    envelope = {
        "Type": "Notification",
        "MessageId": str(uuid.uuid4()),
        "TopicArn": TOPIC,
        "Subject": "Amazon SES Email Event Notification",
        "Message": raw(event),
        "Timestamp": stamp(minutes_ago(0)),
        "SignatureVersion": "1",
        "Signature": "c2lnbmF0dXJl",
        "SigningCertURL": "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0.pem",
        "UnsubscribeURL": "https://sns.eu-west-1.amazonaws.com/?Action=Unsubscribe",
    }
    return {name: value for name, value in (envelope | changes).items() if value is not None}


def sns_confirmation(kind: str = "SubscriptionConfirmation") -> str:
    url = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription"
    said = "You have chosen to subscribe to the topic."
    return sns(said, Type=kind, Token="token", SubscribeURL=url, Subject=None, UnsubscribeURL=None)


def eventbridge(event: object, **changes: object) -> str:
    """An EventBridge envelope. changes: as for `sns`; `**{"detail-type": ...}` for that one."""
    kind = event.get("eventType") if isinstance(event, dict) else None
    envelope = {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": DETAIL_TYPES.get(str(kind), "Email Sent"),
        "source": "aws.ses",
        "account": "111122223333",
        "time": stamp(minutes_ago(0)),
        "region": "eu-west-1",
        "resources": ["arn:aws:ses:eu-west-1:111122223333:configuration-set/tracked"],
        "detail": event,
    }
    return json.dumps({name: value for name, value in (envelope | changes).items() if value is not None})


def lambda_sns(*events: object) -> str:
    """The payload of a Lambda function that SNS calls, put on a queue by somebody."""
    spelled = {"SigningCertURL": "SigningCertUrl", "UnsubscribeURL": "UnsubscribeUrl"}
    envelopes = [{spelled.get(name, name): value for name, value in sns_envelope(each).items()} for each in events]
    records = [
        {"EventSource": "aws:sns", "EventVersion": "1.0", "Sns": {"Subject": None, **each}} for each in envelopes
    ]
    return json.dumps({"Records": records})


def lambda_sqs(*bodies: str) -> str:
    """The payload of a Lambda function that reads a queue: each record holds the body of a message."""
    records = [{"messageId": str(uuid.uuid4()), "body": body, "eventSource": "aws:sqs"} for body in bodies]
    return json.dumps({"Records": records})


def nested(event: object, envelopes: int) -> str:
    """An event inside so many SNS envelopes, as when one topic republishes another's messages."""
    body = raw(event)
    for _ in range(envelopes):
        body = sns(body)
    return body


#: Every way in which one event may reach the queue; all mean the same.
FORMS: dict[str, Callable[[Event], str]] = {
    "raw": raw,
    "sns": sns,
    "sns with an object for a message": lambda event: sns(event, Message=event),
    "eventbridge": eventbridge,
    "lambda called by sns": lambda_sns,
    "lambda called by sqs": lambda event: lambda_sqs(raw(event)),
    "eventbridge in sns": lambda event: sns(eventbridge(event)),
    "sns in sns": lambda event: nested(event, 2),
    "sns in a lambda record of sqs": lambda event: lambda_sqs(sns(event)),
}
