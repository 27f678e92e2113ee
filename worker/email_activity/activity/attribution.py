"""Whose event was it? Pure, judged at reading, from all facts of one email.

Opens, clicks and preference changes name nobody, and all recipients of one call share their links. So:

    exact               the event names a recipient of the email
    candidate           the complaint names several recipients: it is at least one's of them, since providers hide
                        who complained, and SES names all that the email had there
    single_destination  the email went to one recipient only, so it is theirs, whatever the event names
    inferred            it names nobody, and every other recipient's mail hard-failed before reaching them
    ambiguous           it names nobody, and several could be meant: it counts for the email alone
    unmatched           it names somebody to whom this email was not sent (a forwarded address)
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from email_activity.activity.copies import Event, Notice, merge_copies, notice_of, unknown_by_event
from email_activity.activity.engagement import Together, Verdict, judge
from email_activity.domain.facts import Activity, Extra
from email_activity.domain.keys import FIRST
from email_activity.domain.kinds import BOUNCE_CLASSES, COMPLAINT_KIND_BY_NAME, ORDER, kind_named

#: After one of these, and without a Delivery, a recipient has no mail to open.
NEVER_ARRIVED = frozenset(each.name for each in BOUNCE_CLASSES if each.delivery in ("suppressed", "hard_bounced"))


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One event of an email's timeline. `recipient` is None where nobody can tell.

    `bounce_class` and `complaint_kind` are of bounces and complaints, else None. `unknown`: a JSON text of the fields
    that the worker's version did not know. `judged`: who did it, of opens and
    clicks.
    """

    activity: Activity
    recipient: str | None
    attribution: str
    bounce_class: str | None = None
    complaint_kind: str | None = None
    unknown: str | None = None
    judged: Verdict | None = None

    @property
    def other_address(self) -> str | None:
        """The address that the event names, where that is another one than the recipient's: a forward or an alias."""
        named = self.activity.recipient
        return named if self.recipient and named != self.recipient else None


Owner = Callable[[Activity], tuple[str | None, str]]


def attribute(
    activities: Sequence[Activity],
    destinations: Iterable[str],
    extras: Iterable[Extra] = (),
    together: Together | None = None,
    sent_at: datetime | None = None,
) -> tuple[TimelineEntry, ...]:
    """The timeline of an email, in order of time.

    destinations: its recipients as far as they are known, normalized. extras: of the same email. together, sent_at: as
    in `judge`.
    """
    unknown = unknown_by_event(extras, activities)
    events = sorted(merge_copies(activities), key=lambda event: _in_time(event.activity))
    owner = _owners(events, frozenset(destinations))
    candidates = _candidates(events)
    judged = judge([event.activity for event in events], together, sent_at=sent_at)

    def entry(event: Event) -> TimelineEntry:
        recipient, attribution = owner(event.activity)
        if event.complaint_kind and attribution == "exact" and notice_of(event.activity) in candidates:
            attribution = "candidate"
        unknown_fields = unknown.get(event.activity.event_id)
        return TimelineEntry(
            event.activity,
            recipient,
            attribution,
            event.bounce_class,
            event.complaint_kind,
            unknown_fields,
            judged.get(event.activity.event_id),
        )

    return tuple(map(entry, events))


def _owners(events: Iterable[Event], destinations: frozenset[str]) -> Owner:
    known = destinations or _named_in(event.activity for event in events)
    count = max((event.activity.destination_count or 0 for event in events), default=0)
    is_complete = bool(known) and len(known) >= count
    sole = next(iter(known)) if count == 1 and len(known) == 1 else None
    inferred = _only_reachable(events, known) if is_complete and len(known) > 1 else None

    def owner(activity: Activity) -> tuple[str | None, str]:
        if activity.recipient in known:
            return activity.recipient, "exact"
        if sole:
            return sole, "single_destination"
        if activity.recipient:
            return activity.recipient, "unmatched" if is_complete else "exact"
        # Only for kinds that never name a recipient. A Delivery without one is malformed, and a later one that names
        # its recipient would overturn what was inferred.
        if inferred and kind_named(activity.kind).concerns == "unnamed":
            return inferred, "inferred"
        return None, "ambiguous"

    return owner


def _candidates(events: Iterable[Event]) -> frozenset[Notice]:
    """Complaints that name several. SES knows whom it stopped, so a suppression is exact."""
    named = defaultdict(set)
    for event in events:
        if event.complaint_kind and not COMPLAINT_KIND_BY_NAME[event.complaint_kind].delivery:
            named[notice_of(event.activity)].add(event.activity.recipient)
    return frozenset(notice for notice, recipients in named.items() if len(recipients) > 1)


def _named_in(activities: Iterable[Activity]) -> frozenset[str]:
    """Without recipient facts: whom the events name. A bounce may name a forwarded address, so it comes last."""
    named = [(each.recipient, each.kind) for each in activities if each.recipient]
    sure = frozenset(recipient for recipient, kind in named if kind != "Bounce")
    return sure or frozenset(recipient for recipient, _ in named)


def _only_reachable(events: Iterable[Event], known: frozenset[str]) -> str | None:
    delivered = {event.activity.recipient for event in events if event.activity.kind == "Delivery"}
    failed = {event.activity.recipient for event in events if event.bounce_class in NEVER_ARRIVED}
    left = known - (failed - delivered)
    return next(iter(left)) if len(left) == 1 else None


def _in_time(event: Activity) -> tuple[datetime, int, str, str, str]:
    at = event.occurred_at or FIRST
    return at, ORDER.get(event.kind, len(ORDER)), event.kind, event.recipient or "", event.event_id
