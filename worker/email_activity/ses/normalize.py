"""From a typed event to the facts that the table will hold. Pure.

An event becomes one activity for each recipient that it names (for each destination if it is a Send, a Reject
or a Rendering Failure), or a single one without a recipient; one recipient fact for each recipient that it names, or
for each destination; and one extra fact of whatever this version does not know. Two copies of one event, by
whatever route and in whatever spelling, become facts under the same identity.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from email_activity.domain.addresses import normalize_address
from email_activity.domain.facts import Activity, Document, Extra, RecipientFact
from email_activity.domain.keys import failure_account, failure_day, failure_time
from email_activity.domain.kinds import kind_named
from email_activity.domain.times import Timestamp
from email_activity.ses.detail import detail_of, unknown_of
from email_activity.ses.event_objects import Bounce, Recipient
from email_activity.ses.headers import decoded, headers, short_headers, short_tags
from email_activity.ses.identity import NO_RECIPIENT, event_id
from email_activity.ses.parse import Mail, SesEvent
from email_activity.ses.tags import CONFIGURATION_SET, TENANT, first_tag, kept_tags
from email_activity.ses.tracking_policy import TrackingPolicy, is_untracked, refuse_untrusted


@dataclass(frozen=True, slots=True)
class Provenance:
    """How one copy of an event reached us. `sent_at` is SQS's SentTimestamp: a clock that does not jump."""

    form: str
    transport_id: str | None
    recorded_at: datetime
    sent_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What an event comes to: `outcome` is activity, untracked or expired; only the first has facts."""

    outcome: str
    kind: str
    activities: tuple[Activity, ...] = ()
    recipient_facts: tuple[RecipientFact, ...] = ()
    extras: tuple[Extra, ...] = ()


def normalize(event: SesEvent, copy: Provenance, policy: TrackingPolicy) -> Facts:
    """Raises UntrustedAccountError or UntrustedConfigurationSetError, whatever else the event says."""
    refuse_untrusted(event.mail, policy)
    if is_untracked(event.mail, policy):
        return Facts("untracked", event.kind)
    expires_at = _expires_at(event, copy, policy)
    if copy.sent_at is not None and expires_at <= copy.sent_at.timestamp():
        return Facts("expired", event.kind)
    document_type, document, account = _said_of(event.mail, policy)
    activities = tuple(_activities(event, copy, policy, account, expires_at))
    recipient_facts = (
        tuple(_mail_facts(event, document, account, expires_at)) if document_type or not policy.tracked else ()
    )
    return Facts("activity", event.kind, activities, recipient_facts, tuple(_extra(event, activities)))


# --- Who and what an email is about ---


def destinations(mail: Mail) -> dict[str, str]:
    """Every recipient of the call: normalized -> as written, in order, each once."""
    written = {normalize_address(each): each for each in reversed(mail.destination or ())}
    return {address: written[address] for address in reversed(written) if address}


def _said_of(mail: Mail, policy: TrackingPolicy) -> tuple[str | None, Document | None, str | None]:
    """The document's type (in lower case), the document, and the account: as tags tell them, else headers.

    Headers come from whoever wrote the email, tags from whoever called SES. So where a tag tells of the document, no
    header tells of the account; and a header tells the id of no other type than its own.
    """
    carriers = (policy.document_type, policy.document_id, policy.account_id)
    tagged_type, tagged_id, account = (next(short_tags(mail, tag), None) for tag, _ in carriers)

    def in_header(carrier: tuple[str, str]) -> str | None:
        return next(short_headers(mail, carrier[1]), None)

    document_type = (tagged_type or in_header(policy.document_type) or "").lower()
    document_id = tagged_id
    if not document_id and (in_header(policy.document_type) or document_type).lower() == document_type:
        document_id = in_header(policy.document_id)
    if not (account or tagged_type or tagged_id):
        account = in_header(policy.account_id)
    document = Document(document_type, document_id) if document_type and document_id else None
    return document_type or None, document, account


def _expires_at(event: SesEvent, copy: Provenance, policy: TrackingPolicy) -> int:
    """Seconds since the epoch: the same for all facts of an email, since all carry `mail.timestamp`."""
    now = copy.sent_at or copy.recorded_at
    sent_at, occurred_at = _at(event.mail.timestamp), _at(event.time)
    return int((min(sent_at or occurred_at or now, now) + policy.retention).timestamp())


def _at(moment: Timestamp | None) -> datetime | None:
    return moment.at if moment else None


# --- Activities ---


def _activities(
    event: SesEvent, copy: Provenance, policy: TrackingPolicy, account: str | None, expires_at: int
) -> Iterator[Activity]:
    sent_at = _at(event.mail.timestamp)
    own = _at(event.time)
    occurred_at = own or sent_at
    shared = {
        "email_id": event.message_id,
        "kind": event.kind,
        "occurred_at": occurred_at,
        "occurred_at_source": ("event" if own else "mail") if occurred_at else None,
        "recorded_at": copy.recorded_at,
        "form": copy.form,
        "transport_id": copy.transport_id,
        "expires_at": expires_at,
        "destination_count": len(destinations(event.mail)) or None,
        "sender": event.mail.source,
        "subject": _subject(event.mail) if policy.store_subject else None,
        "configuration_set": first_tag(event.mail, CONFIGURATION_SET),
        "tenant": first_tag(event.mail, TENANT),
        "aws_account": event.mail.sending_account_id,
        "tags": kept_tags(event.mail, {policy.document_type[0], policy.document_id[0], policy.account_id[0]}),
    }
    is_failure = kind_named(event.kind).is_failure
    for recipient in _named(event):
        identity = event_id(event, recipient.address)
        failed_at = failure_time(occurred_at, sent_at, identity) if is_failure else None
        yield Activity(
            event_id=identity,
            recipient=recipient.address or None,
            recipient_as_written=recipient.written if recipient.written != recipient.address else None,
            detail=detail_of(event, recipient),
            failure_account=failed_at and failure_account(account),
            failure_time=failed_at,
            failure_day=failed_at and failure_day(failed_at, identity),
            **shared,  # type: ignore[arg-type]
        )


def _named(event: SesEvent) -> tuple[Recipient, ...]:
    """Each recipient that the event is about, once; a single one without an address if it names none."""
    if kind_named(event.kind).concerns == "every destination":
        named = tuple(Recipient(written=written) for written in destinations(event.mail).values())
    else:
        named = event.recipients
    by_address = {each.address: each for each in reversed(named)}
    return tuple(by_address[address] for address in reversed(by_address)) or (Recipient(),)


def _subject(mail: Mail) -> str | None:
    common = mail.common_headers and mail.common_headers.subject
    return decoded(common) if common else next(headers(mail, "Subject"), None)


def _extra(event: SesEvent, activities: Sequence[Activity]) -> Iterator[Extra]:
    """One for the event, however many recipients it names; none where every field is known."""
    unknown = unknown_of(event, _named(event))
    if unknown:
        first = activities[0]
        identity = first.event_id if len(activities) == 1 else event_id(event, NO_RECIPIENT)
        yield Extra(event.message_id, identity, event.kind, first.occurred_at, unknown, first.expires_at)


# --- Recipient facts ---


def _mail_facts(
    event: SesEvent, document: Document | None, account: str | None, expires_at: int
) -> Iterator[RecipientFact]:
    sent_at = _at(event.mail.timestamp)
    sent_at = sent_at and sent_at.replace(microsecond=0)
    for address in _addressed(event):
        yield RecipientFact(event.message_id, address, expires_at, document, account, sent_at)


def _addressed(event: SesEvent) -> tuple[str, ...]:
    """The recipients that the event names and that the email went to; all of the latter if it names none of them.

    A bounce may name a forwarded address, to which nobody sent this email: it must be found by document and recipient
    all the same. Without `mail.destination` nobody can tell, and what other events name is all there is.
    """
    all_of_them = tuple(destinations(event.mail))
    named = {each.address for each in event.recipients if each.address}
    if not all_of_them:
        return () if isinstance(event.body, Bounce) else tuple(sorted(named))
    return tuple(address for address in all_of_them if address in named) or all_of_them
