"""What became of an email, for each recipient: a pure fold over its facts.

Nothing of this is stored, so facts may come in any order and any number of times, and a better rule holds for
old mail too. Three facets:

    delivery    the highest state seen, in the order of DELIVERY; one more fact never lowers it
    engagement  the highest state seen, in the order of ENGAGEMENT
    consent     complained if ever; else the latest change of preferences

An out-of-office reply is a mark (`auto_replied_at`), never a bounce: that mail reached the inbox.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from worker.activity.attribution import Entry, attribute, destinations_of
from worker.activity.classify import NOT_COMPLAINTS, SUPPRESSION_KINDS, complaint_kind
from worker.activity.engagement import verdict
from worker.activity.preferences import preference
from worker.facts import Activity, Assignment, Document, Fact, MailFact

#: Low to high. A Delivery never lowers a bounce that follows it, and a delay never lowers anything.
DELIVERY = (
    "sent",
    "delayed",
    "delivered",
    "soft_bounced",
    "undetermined_bounce",
    "suppressed",
    "hard_bounced",
    "rejected",
    "render_failed",
)
ENGAGEMENT = ("none", "machine", "proxy_opened", "opened", "clicked")
CONSENT = ("none", "subscribed", "unsubscribed", "complained")

DELIVERY_BY_KIND = {
    "Send": "sent",
    "DeliveryDelay": "delayed",
    "Delivery": "delivered",
    "Reject": "rejected",
    "Rendering Failure": "render_failed",
}

#: `auto_reply` is missing on purpose: see above.
DELIVERY_BY_BOUNCE_CLASS = {
    "hard": "hard_bounced",
    "soft": "soft_bounced",
    "undetermined": "undetermined_bounce",
    "delayed": "delayed",
    "suppressed_account": "suppressed",
    "suppressed_tenant": "suppressed",
    "suppressed_global": "suppressed",
    "validation": "suppressed",
    "unsubscribed_recipient": "suppressed",
}

ENGAGEMENT_BY_VERDICT = {
    ("Open", "machine"): "machine",
    ("Open", "proxy"): "proxy_opened",
    ("Open", "person"): "opened",
    ("Click", "machine"): "machine",
    ("Click", "person"): "clicked",
}


@dataclass(frozen=True, slots=True)
class Seen:
    """How often a state was reported, and when first and last (UTC; None if no report told its time)."""

    count: int
    first_at: datetime | None
    last_at: datetime | None


@dataclass(frozen=True, slots=True)
class Facet:
    """A state, and every state that was seen on the way, so that `delivered` shows behind a late bounce."""

    state: str
    seen: Mapping[str, Seen] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Status:
    """The three facets, of one recipient or of an email's events that nobody can attribute."""

    recipient: str | None
    delivery: Facet
    engagement: Facet
    consent: Facet
    auto_replied_at: datetime | None = None
    is_destination: bool = True


@dataclass(frozen=True, slots=True)
class EmailStatus:
    """An email as a reader sees it.

    `recipients`: one status for each. `shared`: of events that may be any of several recipients' ("opened by
    one of 3"), None if there are none. A recipient with `is_destination` False is a forwarded address.
    """

    email_id: str
    document: Document | None
    account: str | None
    sent_at: datetime | None
    sender: str | None
    subject: str | None
    destination_count: int
    recipients: tuple[Status, ...]
    shared: Status | None
    timeline: tuple[Entry, ...]


def status(email_id: str, facts: Iterable[Fact]) -> EmailStatus:
    """The fold. facts: all of one email, in any order, with any repeats."""
    facts = list(facts)
    destinations = destinations_of(fact for fact in facts if isinstance(fact, MailFact))
    activities = [fact for fact in facts if isinstance(fact, Activity)]
    timeline = attribute(activities, destinations)
    named = {entry.recipient for entry in timeline if entry.recipient}
    ambiguous = [entry for entry in timeline if entry.recipient is None]
    unmatched = {entry.recipient for entry in timeline if entry.attribution == "unmatched"}
    recipients = tuple(
        fold(recipient, [entry for entry in timeline if entry.recipient == recipient], recipient not in unmatched)
        for recipient in sorted(named | destinations.keys())
    )
    mails = list(destinations.values())
    return EmailStatus(
        email_id=email_id,
        document=_document(mails, facts),
        account=next((mail.account for mail in mails if mail.account), None),
        sent_at=min((mail.sent_at for mail in mails if mail.sent_at), default=None),
        sender=_first(entry.activity.sender for entry in timeline),
        subject=_first(entry.activity.subject for entry in timeline),
        destination_count=max(len(destinations), *(each.destination_count or 0 for each in activities), 0),
        recipients=recipients,
        shared=fold(None, ambiguous) if ambiguous else None,
        timeline=timeline,
    )


def fold(recipient: str | None, entries: Sequence[Entry], is_destination: bool = True) -> Status:
    """Entries of one recipient to its three facets."""
    delivery = [(state, each) for each in entries if (state := _delivery_state(each))]
    engagement = [(state, each) for each in entries if (state := _engagement_state(each.activity))]
    consent = [(state, each) for each in entries if (state := _consent_state(each))]
    auto_replies = [each for each in entries if each.bounce_class == "auto_reply"]
    return Status(
        recipient=recipient,
        # Any report at all proves that SES accepted the call.
        delivery=Facet(_highest(DELIVERY, delivery), _seen(delivery)),
        engagement=Facet(_highest(ENGAGEMENT, engagement), _seen(engagement)),
        consent=Facet(_consent(consent), _seen(consent)),
        auto_replied_at=min(
            (each.activity.occurred_at for each in auto_replies if each.activity.occurred_at), default=None
        ),
        is_destination=is_destination,
    )


States = Sequence[tuple[str, Entry]]


def _delivery_state(entry: Entry) -> str | None:
    if entry.bounce_class:
        return DELIVERY_BY_BOUNCE_CLASS.get(entry.bounce_class)
    if entry.complaint_kind:
        # Any copy that names a subtype says that SES stopped the mail.
        return "suppressed" if complaint_kind(entry.activity.detail) in SUPPRESSION_KINDS else None
    return DELIVERY_BY_KIND.get(entry.activity.kind)


def _engagement_state(activity: Activity) -> str | None:
    if activity.kind not in ("Open", "Click"):
        return None
    return ENGAGEMENT_BY_VERDICT[activity.kind, verdict(activity.kind, activity.detail)]


def _consent_state(entry: Entry) -> str | None:
    if entry.complaint_kind:
        return None if entry.complaint_kind in NOT_COMPLAINTS else "complained"
    return preference(entry.activity.detail) if entry.activity.kind == "Subscription" else None


def _consent(states: States) -> str:
    changes = [state for state, _ in states]
    return "complained" if "complained" in changes else (changes[-1] if changes else CONSENT[0])


def _highest(order: Sequence[str], states: States) -> str:
    return max((state for state, _ in states), key=order.index, default=order[0])


def _seen(states: States) -> dict[str, Seen]:
    found: dict[str, list[datetime | None]] = {}
    for state, entry in states:
        found.setdefault(state, []).append(entry.activity.occurred_at)
    return {state: _summary(times) for state, times in found.items()}


def _summary(times: Sequence[datetime | None]) -> Seen:
    known = [at for at in times if at]
    return Seen(len(times), min(known, default=None), max(known, default=None))


def _document(mails: Sequence[MailFact], facts: Iterable[Fact]) -> Document | None:
    """What a person said last, else what the sender attached."""
    said = [fact for fact in facts if isinstance(fact, Assignment)]
    if said:
        return max(said, key=lambda each: (each.at, each.document.key)).document
    return next((mail.document for mail in mails if mail.document), None)


def _first(values: Iterable[str | None]) -> str | None:
    return next((value for value in values if value), None)
