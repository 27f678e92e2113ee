"""From a typed event to the facts that the table will hold. Pure.

An event becomes one activity for each recipient that it names (for each destination if it is a Send, a Reject
or a Rendering Failure), or a single one without a recipient; one recipient fact for each recipient that it names, or
for each destination; and one extra fact of whatever this version does not know. Two copies of one event, by
whatever route and in whatever spelling, become facts under the same identity.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from email_activity.domain.addresses import Address
from email_activity.domain.facts import Activity, Document, Extra, RecipientFact
from email_activity.domain.keys import digest, failure_account, failure_day, failure_time
from email_activity.domain.kinds import kind_named
from email_activity.domain.times import Timestamp
from email_activity.ses.detail import detail_of, unknown_of
from email_activity.ses.encoded_words import decode_words
from email_activity.ses.event_objects import Bounce, Mail, Recipient
from email_activity.ses.minimize import minimized
from email_activity.ses.parse import SesEvent
from email_activity.ses.tags_and_headers import (
    CONFIGURATION_SET,
    TENANT,
    first_tag,
    header_texts,
    kept_tags,
    short_headers,
    short_tags,
)
from email_activity.ses.tracking_policy import TrackingPolicy

#: Stands in an identity where an event names no recipient.
NO_RECIPIENT = "*"


@dataclass(frozen=True, slots=True)
class Provenance:
    """How one copy of an event reached us. `sent_at` is SQS's SentTimestamp: a clock that does not jump."""

    form: str
    transport_id: str | None
    recorded_at: datetime
    sent_at: datetime | None = None


class EventFacts(NamedTuple):
    activities: tuple[Activity, ...]
    recipient_facts: tuple[RecipientFact, ...]
    extras: tuple[Extra, ...]


def normalize(event: SesEvent, provenance: Provenance, policy: TrackingPolicy, expires_at: int) -> EventFacts:
    """expires_at: what `expiry` gave."""
    event = minimized(event, policy)
    destinations = event.mail.destinations()
    recipients = _recipients(event, destinations)
    document_type, document, account = _document_and_account(event.mail, policy)
    shared = _shared_attributes(event, provenance, policy) | {
        "destination_count": len(destinations) or None,
        "expires_at": expires_at,
    }
    activities = tuple(_activities(event, recipients, account, shared))
    extras = tuple(_extra(event, recipients, activities))
    if not document_type and policy.tracked:
        return EventFacts(activities, (), extras)
    sent_at = _at(event.mail.timestamp)
    sent_at = sent_at and sent_at.replace(microsecond=0)
    recipient_facts = tuple(
        RecipientFact(event.message_id, address, expires_at, document, account, sent_at)
        for address in _addressed(event, destinations)
    )
    return EventFacts(activities, recipient_facts, extras)


def event_id(event: SesEvent, recipient: str) -> str:
    """128 bits, hex, of what happened: the ids of SNS, SQS and EventBridge all differ between copies of an event, and
    `mail.messageId` names the email. recipient: normalized; empty if the event names none.

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


def expiry(event: SesEvent, provenance: Provenance, policy: TrackingPolicy) -> int:
    """Seconds since the epoch: the same for all facts of an email, since all carry `mail.timestamp`."""
    now = provenance.sent_at or provenance.recorded_at
    happened_at = _at(event.mail.timestamp) or _at(event.time) or now
    return int((min(happened_at, now) + policy.retention).timestamp())


def _at(timestamp: Timestamp | None) -> datetime | None:
    return timestamp.at if timestamp else None


def _recipients(event: SesEvent, destinations: Mapping[str, Address]) -> tuple[Recipient, ...]:
    """Each that the event is about, once; a single one without an address if it names none."""
    if kind_named(event.kind).concerns == "every destination":
        return tuple(Recipient(address=address) for address in destinations.values()) or (Recipient(),)
    by_mailbox: dict[str, Recipient] = {}
    for recipient in event.recipients:
        by_mailbox.setdefault(recipient.normalized, recipient)
    return tuple(by_mailbox.values()) or (Recipient(),)


def _addressed(event: SesEvent, destinations: Collection[str]) -> Sequence[str]:
    """The recipients that the event names and that the email went to; all of the latter if it names none of them.

    A bounce may name a forwarded address, to which nobody sent this email: it must be found by document and recipient
    all the same. Without `mail.destination` nobody can tell, and what other events name is all there is.
    """
    named = {recipient.normalized for recipient in event.recipients if recipient.normalized}
    if not destinations:
        return () if isinstance(event.body, Bounce) else sorted(named)
    return [address for address in destinations if address in named] or list(destinations)


def _document_and_account(mail: Mail, policy: TrackingPolicy) -> tuple[str | None, Document | None, str | None]:
    """The document's type (in lower case), the document, and the account: as tags tell them, else headers.

    Headers come from whoever wrote the email, tags from whoever called SES. So where a tag tells of the document, no
    header tells of the account; and a header tells the id of no other type than its own.
    """
    tagged_type, tagged_id, account = (
        next(short_tags(mail, tag), None) for tag, _ in (policy.document_type, policy.document_id, policy.account_id)
    )

    def in_header(names: tuple[str, str]) -> str | None:
        return next(short_headers(mail, names[1]), None)

    document_type = (tagged_type or in_header(policy.document_type) or "").lower()
    document_id = tagged_id
    if not document_id and (in_header(policy.document_type) or document_type).lower() == document_type:
        document_id = in_header(policy.document_id)
    if not (account or tagged_type or tagged_id):
        account = in_header(policy.account_id)
    document = Document(document_type, document_id) if document_type and document_id else None
    return document_type or None, document, account


def _shared_attributes(event: SesEvent, provenance: Provenance, policy: TrackingPolicy) -> dict[str, Any]:
    """Of all activities of an event."""
    mail, own_time = event.mail, _at(event.time)
    occurred_at = own_time or _at(mail.timestamp)
    return {
        "email_id": event.message_id,
        "kind": event.kind,
        "occurred_at": occurred_at,
        "occurred_at_source": ("event" if own_time else "mail") if occurred_at else None,
        "recorded_at": provenance.recorded_at,
        "form": provenance.form,
        "transport_id": provenance.transport_id,
        "sender": mail.source,
        "subject": _subject(mail),
        "configuration_set": first_tag(mail, CONFIGURATION_SET),
        "tenant": first_tag(mail, TENANT),
        "aws_account": mail.sending_account_id,
        "tags": kept_tags(mail, {policy.document_type[0], policy.document_id[0], policy.account_id[0]}),
    }


def _subject(mail: Mail) -> str | None:
    common = mail.common_headers and mail.common_headers.subject
    return decode_words(common) if common else next(header_texts(mail, "Subject"), None)


def _activities(
    event: SesEvent, recipients: Sequence[Recipient], account: str | None, shared: Mapping[str, Any]
) -> Iterator[Activity]:
    is_failure = kind_named(event.kind).is_failure
    for recipient in recipients:
        identity = event_id(event, recipient.normalized)
        failed_at = failure_time(shared["occurred_at"], _at(event.mail.timestamp), identity) if is_failure else None
        written = recipient.address and recipient.address.written
        yield Activity(
            event_id=identity,
            recipient=recipient.normalized or None,
            recipient_as_written=written if written != recipient.normalized else None,
            detail=detail_of(event, recipient),
            failure_account=failed_at and failure_account(account),
            failure_time=failed_at,
            failure_day=failed_at and failure_day(failed_at, identity),
            **shared,
        )


def _extra(event: SesEvent, recipients: Sequence[Recipient], activities: Sequence[Activity]) -> Iterator[Extra]:
    """One for the event, however many recipients it names; none where every field is known."""
    unknown = unknown_of(event, recipients)
    if unknown:
        first = activities[0]
        identity = first.event_id if len(activities) == 1 else event_id(event, NO_RECIPIENT)
        yield Extra(event.message_id, identity, event.kind, first.occurred_at, unknown, first.expires_at)
