"""What became of an email, for each recipient: a pure fold over its facts.

Nothing of this is stored, so facts may come in any order and any number of times, and a better rule holds for
old mail too. `facets.py` says what becomes of a recipient's events, `attribution.py` whose they are.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from email_activity.activity.attribution import Entry, attribute
from email_activity.activity.facets import Status, fold
from email_activity.activity.mails import Conflict, account_of, conflict_of, document_of, earliest_of_each, in_order
from email_activity.domain.facts import Activity, Assignment, Document, Extra, Fact, RecipientFact


@dataclass(frozen=True, slots=True)
class EmailStatus:
    """An email as a reader sees it.

    `recipients`: one status for each. `shared`: of events that may be any of several recipients' ("opened by
    one of 3"), None if there are none. A recipient with `is_destination` False is a forwarded address.
    `conflict`: what copies of the email's events disagree on, None if they agree.
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
    conflict: Conflict | None = None


def status(email_id: str, facts: Iterable[Fact]) -> EmailStatus:
    """The fold. facts: all of one email, in any order, with any repeats."""
    facts = list(facts)
    recipient_facts = in_order(fact for fact in facts if isinstance(fact, RecipientFact))
    destinations = earliest_of_each(recipient_facts)
    mails = list(destinations.values())
    activities = [fact for fact in facts if isinstance(fact, Activity)]
    timeline = attribute(activities, destinations, (fact for fact in facts if isinstance(fact, Extra)))
    ambiguous = [entry for entry in timeline if entry.recipient is None]
    return EmailStatus(
        email_id=email_id,
        document=_assigned(facts) or document_of(mails),
        account=account_of(mails),
        sent_at=min((mail.sent_at for mail in mails if mail.sent_at), default=None),
        sender=_first(entry.activity.sender for entry in timeline),
        subject=_first(entry.activity.subject for entry in timeline),
        destination_count=max(len(destinations), *(each.destination_count or 0 for each in activities), 0),
        recipients=_recipients(timeline, destinations),
        shared=fold(None, ambiguous) if ambiguous else None,
        timeline=timeline,
        conflict=conflict_of(recipient_facts),
    )


def _recipients(timeline: Iterable[Entry], destinations: Iterable[str]) -> tuple[Status, ...]:
    of_each: dict[str, list[Entry]] = {recipient: [] for recipient in destinations}
    unmatched = set()
    for entry in timeline:
        if entry.recipient:
            of_each.setdefault(entry.recipient, []).append(entry)
            if entry.attribution == "unmatched":
                unmatched.add(entry.recipient)
    return tuple(fold(recipient, of_each[recipient], recipient not in unmatched) for recipient in sorted(of_each))


def _assigned(facts: Iterable[Fact]) -> Document | None:
    """What a person said last comes before what the sender attached."""
    said = [fact for fact in facts if isinstance(fact, Assignment)]
    return max(said, key=lambda each: (each.at, each.document.key)).document if said else None


def _first(values: Iterable[str | None]) -> str | None:
    return next((value for value in values if value), None)
