"""The examples of the OpenAPI document: answers of the reader itself about two made-up emails, so none can be wrong."""

import json
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any

from email_activity.activity import answers, model
from email_activity.activity.documents import document_activity
from email_activity.activity.pages import cursor_of
from email_activity.activity.preview import emails_of
from email_activity.activity.status import EmailStatus
from email_activity.activity.verdicts import verdict
from email_activity.activity.words import VERDICTS, words
from email_activity.domain import facts
from email_activity.domain.keys import sent_key
from email_activity.domain.times import rfc3339
from email_activity.ses.interpret import interpret
from email_activity.ses.tracking_policy import TrackingPolicy

EMAIL_ID = "0100018e77d94dc5-c421e265-f034-4575-9ecc-3ca34038e91f-000000"
DOCUMENT = facts.Document("invoice", "2026_2F117")
ACCOUNT = "4711"
ANNA, BOB = "anna@example.com", "bob@example.com"
SENT_AT = datetime(2026, 11, 23, 9, tzinfo=UTC)

CONTEXT = answers.Context(
    now=SENT_AT + timedelta(hours=3),
    opens_tracked=lambda _: True,
    freshness=model.Freshness(
        newest_recorded_at=SENT_AT + timedelta(hours=2), last_poll_at=SENT_AT + timedelta(hours=3), reading=True
    ),
)


def _event(kind: str, seconds: float, **detail: Any) -> str:
    at = rfc3339(SENT_AT + timedelta(seconds=seconds))
    mail = {
        "timestamp": rfc3339(SENT_AT),
        "messageId": EMAIL_ID,
        "source": "billing@example.com",
        "destination": [ANNA, BOB],
        "commonHeaders": {"subject": "Your invoice"},
        "tags": {
            "document_type": [DOCUMENT.type],
            "document_id": [DOCUMENT.id],
            "account_id": [ACCOUNT],
            "ses:configuration-set": ["email-activity"],
        },
    }
    return json.dumps({"eventType": kind, "mail": mail, kind.lower(): {"timestamp": at, **detail}})


EVENTS = (
    _event("Send", 0),
    _event("Delivery", 2, recipients=[ANNA], smtpResponse="250 2.0.0 OK"),
    _event(
        "Bounce",
        4,
        bounceType="Permanent",
        bounceSubType="General",
        feedbackId="0100018e77d94f01",
        bouncedRecipients=[
            {
                "emailAddress": BOB,
                "action": "failed",
                "status": "5.1.1",
                "diagnosticCode": "smtp; 550 5.1.1 user unknown",
            }
        ],
    ),
)


def _email() -> EmailStatus:
    policy = TrackingPolicy(retention=timedelta(days=36_500))
    read = (interpret(body, policy, recorded_at=SENT_AT + timedelta(seconds=5), sent_at=SENT_AT) for body in EVENTS)
    (email,) = emails_of(chain.from_iterable(each.items.values() for each in read))
    return email


def _examples() -> dict[str, model.Model]:
    found = _email()
    email = answers.email_with_timeline(found, CONTEXT)
    cursor = cursor_of(sent_key(SENT_AT, EMAIL_ID))
    listed = answers.listed_email(found, cursor, CONTEXT)
    bob = next(each for each in email.recipients if each.recipient == BOB)
    to_bob = replace(found, recipients=tuple(each for each in found.recipients if each.recipient == BOB))
    failure = model.Failure(
        occurred_at=bob.status.since,
        document=email.document,
        account=ACCOUNT,
        email_id=EMAIL_ID,
        sent_at=SENT_AT,
        subject=email.subject,
        recipient=BOB,
        status=bob.status,
        also=bob.also,
        delivered_since=None,
        simulator=False,
        cursor=cursor_of(f"{rfc3339(SENT_AT + timedelta(seconds=4))}#0a1b2c3d"),
    )
    return {
        "document": document_activity(DOCUMENT, [found], CONTEXT, has_more=False),
        "email": email,
        "look_up_recipient": model.RecipientActivity(
            recipient=BOB,
            verdict=verdict([to_bob]),
            emails=(listed.model_copy(update={"recipients": (bob,)}),),
            has_more=False,
            next_cursor=None,
            freshness=CONTEXT.freshness,
        ),
        "account_emails": _page(listed, cursor),
        "account_failures": _page(failure, failure.cursor),
        "failures": _page(failure, failure.cursor),
        "freshness": CONTEXT.freshness or model.Freshness(newest_recorded_at=None, last_poll_at=None, reading=False),
    }


def _page(row: model.Model, cursor: str) -> model.Page[Any]:
    return model.Page(data=(row,), has_more=True, next_cursor=cursor, looked_until=SENT_AT, freshness=CONTEXT.freshness)


#: By the operation's id, which is its function's name in `api.py`.
EXAMPLES: dict[str, Any] = {
    **{name: found.model_dump(mode="json") for name, found in _examples().items()},
    "words": {
        "statuses": [asdict(words("hard_bounced", "no_such_address"))],
        "verdicts": [asdict(VERDICTS["hard_bounced"])],
    },
}
