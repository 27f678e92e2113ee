"""What became of an email, for each recipient: a pure fold over its facts.

Nothing of this is stored, so facts may come in any order and any number of times, and a better rule holds for
old mail too. `facets.py` says what becomes of a recipient's events, `attribution.py` whose they are.

Any event of an email writes recipient facts, so copies may disagree to whom it went, about what and for whom. Of a
recipient the earliest counts, and of the email the earliest of all. No pure rule can tell a wrong copy from a right
one, so a disagreement is shown.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from email_activity.activity.attribution import TimelineEntry, attribute
from email_activity.activity.bounded import Facts
from email_activity.activity.engagement import Signals, Together
from email_activity.activity.facets import Status, fold
from email_activity.domain.facts import Activity, Assignment, Document, Extra, Fact, RecipientFact

F = TypeVar("F", bound=Fact)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Conflict:
    """What the events of one email disagree on: each that was named, the one that counts first; empty if one."""

    documents: tuple[Document, ...]
    accounts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EmailStatus:
    """An email as a reader sees it.

    `recipients`: one status for each. `shared`: of events that may be any of several recipients' ("opened by
    one of 3"), None if there are none. A recipient with `is_destination` False is a forwarded address.
    `conflict`: what copies of the email's events disagree on, None if they agree. `signals`: what its opens and clicks
    were judged by, None if there are none. `has_more_facts`: not all were read.
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
    timeline: tuple[TimelineEntry, ...]
    conflict: Conflict | None = None
    configuration_set: str | None = None
    signals: Signals | None = None
    has_more_facts: bool = False


def status(email_id: str, facts: Iterable[Fact], together: Together | None = None) -> EmailStatus:
    """The fold. facts: all of one email, in any order, with any repeats. together: of the emails it was read with."""
    has_more_facts = isinstance(facts, Facts) and facts.has_more
    facts = list(facts)
    activities = _of_type(Activity, facts)
    recipient_facts = _in_order(_of_type(RecipientFact, facts))
    destinations = _earliest_of_each(recipient_facts)
    sent_at = _first(fact.sent_at for fact in destinations.values())
    timeline = attribute(activities, destinations, _of_type(Extra, facts), together, sent_at)
    ambiguous = [entry for entry in timeline if entry.recipient is None]
    return EmailStatus(
        email_id=email_id,
        document=_latest(_of_type(Assignment, facts)) or _first(fact.document for fact in destinations.values()),
        account=_first(fact.account for fact in destinations.values()),
        sent_at=sent_at,
        sender=_first(entry.activity.sender for entry in timeline),
        subject=_first(entry.activity.subject for entry in timeline),
        destination_count=max(len(destinations), *(each.destination_count or 0 for each in activities), 0),
        recipients=_recipients(timeline, destinations),
        shared=fold(None, ambiguous) if ambiguous else None,
        timeline=timeline,
        conflict=_conflict(recipient_facts),
        configuration_set=_first(entry.activity.configuration_set for entry in timeline),
        signals=next((entry.judged.signals for entry in timeline if entry.judged), None),
        has_more_facts=has_more_facts,
    )


def destinations_of(recipient_facts: Iterable[RecipientFact]) -> dict[str, RecipientFact]:
    """The recipients of an email, each with the fact that counts, earliest first."""
    return _earliest_of_each(_in_order(recipient_facts))


def _in_order(recipient_facts: Iterable[RecipientFact]) -> list[RecipientFact]:
    """Earliest first.

    One that tells the document and the account comes before one that does not: an identity notification has no
    tags, and yet a recipient fact where all mail is tracked.
    """
    facts = list(recipient_facts)
    return sorted(facts, key=_when_sent) if len(facts) > 1 else facts


def _when_sent(fact: RecipientFact) -> tuple[bool, bool, bool, str, str]:
    item = fact.to_item()
    return fact.document is None, fact.account is None, fact.sent_at is None, item["sent_key"], item["sk"]


def _earliest_of_each(in_order: Iterable[RecipientFact]) -> dict[str, RecipientFact]:
    earliest: dict[str, RecipientFact] = {}
    for fact in in_order:
        earliest.setdefault(fact.recipient, fact)
    return earliest


def _conflict(in_order: Sequence[RecipientFact]) -> Conflict | None:
    """A fact that tells nothing disagrees with none."""
    documents = tuple(dict.fromkeys(fact.document for fact in in_order if fact.document))
    accounts = tuple(dict.fromkeys(fact.account for fact in in_order if fact.account))
    if max(len(documents), len(accounts)) <= 1:
        return None
    return Conflict(documents if len(documents) > 1 else (), accounts if len(accounts) > 1 else ())


def _recipients(timeline: Iterable[TimelineEntry], destinations: Iterable[str]) -> tuple[Status, ...]:
    of_each: dict[str, list[TimelineEntry]] = {recipient: [] for recipient in destinations}
    unmatched = set()
    for entry in timeline:
        if entry.recipient:
            of_each.setdefault(entry.recipient, []).append(entry)
            if entry.attribution == "unmatched":
                unmatched.add(entry.recipient)
    return tuple(fold(recipient, of_each[recipient], recipient not in unmatched) for recipient in sorted(of_each))


def _latest(assignments: Iterable[Assignment]) -> Document | None:
    """What a person said last comes before what the sender attached."""
    latest = max(assignments, key=lambda each: (each.at, each.document.key), default=None)
    return latest.document if latest else None


def _of_type(wanted: type[F], facts: Iterable[Fact]) -> list[F]:
    return [fact for fact in facts if isinstance(fact, wanted)]


def _first(values: Iterable[T | None]) -> T | None:
    return next((value for value in values if value), None)
