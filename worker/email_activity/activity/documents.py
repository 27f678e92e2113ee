"""What became of a document: its recipients over all its emails. Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from email_activity.activity import answers, model
from email_activity.activity.answers import Context, headline
from email_activity.activity.states import REACHED
from email_activity.activity.status import EmailStatus
from email_activity.domain import facts
from email_activity.domain.tags import tag, untag


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
    accounts = tuple(dict.fromkeys(each.account for each in shown if each.account))
    document = answers.document(found)
    assert document is not None  # noqa: S101  there is one
    return model.DocumentActivity(
        document=document,
        account=next(iter(accounts), None),
        accounts=accounts,
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
            known = newest.get(each.recipient)
            # What came of a forward takes no recipient's place.
            if known is None or (each.is_destination and not known[1].is_destination):
                newest[each.recipient] = email, each
            elif each.has_failed and each.is_destination:
                failed_before.add(each.recipient)
    merged = [
        model.DocumentRecipient(
            **dict(each), email_id=email.email_id, sent_at=email.sent_at, earlier_failed=address in failed_before
        )
        for address, (email, each) in newest.items()
    ]
    return tuple(sorted(merged, key=lambda each: (not each.has_failed, each.recipient)))


def reached_later(row: model.Failure, emails: Iterable[EmailStatus]) -> datetime | None:
    """When an email of the same account that was sent later reached the recipient: the first time."""
    sent_at = row.sent_at
    times = [
        seen.first_at
        for email in emails
        for each in email.recipients
        if each.recipient == row.recipient and each.is_destination and each.delivery.state in REACHED
        # Two customers may have documents of one id.
        if email.account == row.account
        if sent_at and email.sent_at and email.sent_at > sent_at
        if (seen := each.delivery.seen.get(each.delivery.state)) and seen.first_at
    ]
    return min(times, default=None)
