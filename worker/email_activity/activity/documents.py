"""What became of a document: its recipients over all its emails. Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from email_activity.activity import answers, model
from email_activity.activity.answers import Context, headline
from email_activity.activity.status import EmailStatus
from email_activity.domain import facts
from email_activity.domain.tags import tag, untag

#: Delivery states of what reached the recipient's mail server.
REACHED = frozenset({"arrived", "delivered"})


def spellings(document_type: str, document_id: str) -> list[facts.Document]:
    """A document as typed, and as senders encode it; one more, or both, may be in the table."""
    typed = document_id.strip()
    ids = dict.fromkeys((typed, tag(typed), untag(typed)))
    return [facts.Document(document_type.strip().lower(), each) for each in ids if each]


def document_activity(
    found: facts.Document, emails: Sequence[EmailStatus], context: Context, *, has_more: bool
) -> model.DocumentActivity:
    """emails: at least one, newest first; found: the document as it stands in them."""
    shown = tuple(answers.email(each, context) for each in emails)
    recipients = merged_recipients(shown)
    document = answers.document(found)
    assert document is not None  # noqa: S101  there is one
    return model.DocumentActivity(
        document=document,
        account=next((each.account for each in shown if each.account), None),
        status=headline(recipients) or shown[0].status,
        recipients=recipients,
        emails=shown,
        has_more=has_more,
        freshness=context.freshness,
    )


def merged_recipients(emails: Iterable[model.Email]) -> tuple[model.DocumentRecipient, ...]:
    """Each by its newest email; failures first. emails: newest first."""
    newest: dict[str, tuple[model.Email, model.Recipient]] = {}
    failed_before = set()
    for email in emails:
        for each in email.recipients:
            if each.recipient is None:
                continue
            if each.recipient not in newest:
                newest[each.recipient] = email, each
            elif each.has_failed:
                failed_before.add(each.recipient)
    merged = [
        model.DocumentRecipient(
            **dict(each), email_id=email.email_id, sent_at=email.sent_at, earlier_failed=address in failed_before
        )
        for address, (email, each) in newest.items()
    ]
    return tuple(sorted(merged, key=lambda each: (not each.has_failed, each.recipient)))


def reached_later(recipient: str, sent_at: datetime | None, emails: Iterable[EmailStatus]) -> datetime | None:
    """When an email that was sent after `sent_at` reached the recipient: the first time."""
    times = [
        seen.first_at
        for email in emails
        for each in email.recipients
        if each.recipient == recipient and each.delivery.state in REACHED
        if sent_at and email.sent_at and email.sent_at > sent_at
        if (seen := each.delivery.seen.get(each.delivery.state)) and seen.first_at
    ]
    return min(times, default=None)
