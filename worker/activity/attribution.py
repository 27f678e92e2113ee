"""Whose event was it? Pure, judged at reading, from all facts of one email.

Opens, clicks and preference changes name nobody, and all recipients of one call share their links. So:

    exact               the event names a recipient of the email
    single_destination  the email went to one recipient only, so it is theirs, whatever the event names
    inferred            it names nobody, and every other recipient's mail hard-failed before reaching them
    ambiguous           it names nobody, and several could be meant: it counts for the email alone
    unmatched           it names somebody to whom this email was not sent (a forwarded address)
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from worker.facts import Activity, MailFact
from worker.keys import FIRST, NOT_CONTENT

#: After one of these, and without a Delivery, a recipient has no mail to open.
NEVER_ARRIVED = frozenset(
    {"hard", "suppressed_account", "suppressed_tenant", "suppressed_global", "validation", "unsubscribed_recipient"}
)

#: Kinds that SES reports without a recipient. Another one that names nobody is malformed: who can still open
#: says nothing of whose mail was delivered, and a later Delivery would take back what was inferred.
NAMELESS = frozenset({"Open", "Click", "Subscription"})

#: The order of events that carry one time: a Send and a Reject both have the mail's.
SAME_TIME = ("Send", "Rendering Failure", "Reject", "DeliveryDelay", "Delivery", "Bounce", "Open", "Click")


@dataclass(frozen=True, slots=True)
class Entry:
    """One event of an email's timeline. `recipient` is None where nobody can tell."""

    activity: Activity
    recipient: str | None
    attribution: str


def attribute(activities: Iterable[Activity], destinations: Iterable[str]) -> tuple[Entry, ...]:
    """The timeline of an email, in order of time.

    destinations: its recipients as far as they are known, normalized.
    """
    events = merge_copies(activities)
    known = frozenset(destinations) or _named_in(events)
    count = max((event.destination_count or 0 for event in events), default=0)
    is_complete = bool(known) and len(known) >= count
    sole = next(iter(known)) if count == 1 and len(known) == 1 else None
    inferred = _only_reachable(events, known) if is_complete and len(known) > 1 else None

    def owner(event: Activity) -> tuple[str | None, str]:
        if event.recipient in known:
            return event.recipient, "exact"
        if sole:
            return sole, "single_destination"
        if event.recipient:
            return event.recipient, "unmatched" if is_complete else "exact"
        if inferred and event.kind in NAMELESS:
            return inferred, "inferred"
        return None, "ambiguous"

    return tuple(Entry(event, *owner(event)) for event in sorted(events, key=_in_time))


def merge_copies(activities: Iterable[Activity]) -> list[Activity]:
    """Facts of one event are that event, fullest first: what the fullest lacks, the others add."""
    by_event = defaultdict(list)
    for activity in activities:
        by_event[activity.event_id].append(activity)
    return [_merged(sorted(copies, key=_fullness)) for copies in by_event.values()]


def _fullness(activity: Activity) -> tuple[int, str]:
    """How a copy came does not count: the table keeps that of whichever copy was stored last."""
    content = {name: value for name, value in _content(activity).items() if name not in NOT_CONTENT}
    values = [value for value in content.values() if value not in (None, "", {})]
    return -(len(values) + len(activity.detail)), activity.sk or str(activity.to_item()["sk"])


def _merged(copies: Sequence[Activity]) -> Activity:
    fullest, *others = copies
    for other in others:
        own = _content(fullest)
        missing = {name: value for name, value in _content(other).items() if own[name] is None}
        fullest = replace(fullest, **missing, detail={**other.detail, **fullest.detail})
    return fullest


def _content(activity: Activity) -> dict[str, Any]:
    return {each.name: getattr(activity, each.name) for each in fields(activity) if each.name != "detail"}


def _named_in(events: Iterable[Activity]) -> frozenset[str]:
    """Without mail facts: whom the events name. A bounce may name a forwarded address, so it comes last."""
    sure = frozenset(event.recipient for event in events if event.recipient and event.kind != "Bounce")
    return sure or frozenset(event.recipient for event in events if event.recipient)


def _only_reachable(events: Iterable[Activity], known: frozenset[str]) -> str | None:
    delivered = {event.recipient for event in events if event.kind == "Delivery"}
    failed = {event.recipient for event in events if event.detail.get("bounce_class") in NEVER_ARRIVED}
    left = known - (failed - delivered)
    return next(iter(left)) if len(left) == 1 else None


def _in_time(event: Activity) -> tuple[datetime, int, str, str, str]:
    at = event.occurred_at or FIRST
    order = SAME_TIME.index(event.kind) if event.kind in SAME_TIME else len(SAME_TIME)
    return at, order, event.kind, event.recipient or "", event.event_id


def destinations_of(mail_facts: Iterable[MailFact]) -> dict[str, MailFact]:
    """The recipients of an email, each with the fact that counts: the earliest, where copies disagree.

    One that tells the document and the account comes before one that does not: an identity notification has no
    tags, and yet a mail fact where all mail is tracked.
    """
    earliest: dict[str, MailFact] = {}
    for fact in sorted(mail_facts, key=_when_sent, reverse=True):
        earliest[fact.recipient] = fact
    return earliest


def _when_sent(fact: MailFact) -> tuple[bool, bool, bool, str, str]:
    item = fact.to_item()
    return fact.document is None, fact.account is None, fact.sent_at is None, item["sent_key"], item["sk"]
