"""The count at the end: what was published against what the table and the queues hold.

It asks no counter of the worker's: it reads the table and the dead-letter queue as anybody could.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from demo.story import Published
from email_activity.activity.status import EmailStatus
from email_activity.domain.times import rfc3339

#: An event as both sides know it: email, kind, time, recipient.
Occurrence = tuple[str, str, str, str | None]


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """missing: published, yet not there. extra: there, yet not published. waiting: messages still in the queue."""

    published: Counter[str]
    missing: list[str] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)
    waiting: int = 0

    @property
    def ok(self) -> bool:
        return not (self.missing or self.extra or self.waiting)


def expected(published: Iterable[Published]) -> Counter[Occurrence]:
    """Each event once for each recipient that it names, however often it was published."""
    return Counter(
        (each.email_id, each.kind, each.occurred_at, recipient)
        for each in published
        if each.fate == "recorded"
        for recipient in each.recipients or (None,)
    )


def found(emails: Iterable[EmailStatus]) -> Counter[Occurrence]:
    activities = (entry.activity for email in emails for entry in email.timeline)
    return Counter(
        (each.email_id, each.kind, rfc3339(each.occurred_at) if each.occurred_at else "", each.recipient)
        for each in activities
    )


def reconcile(
    published: Sequence[Published], emails: Iterable[EmailStatus], dead_letters: Sequence[tuple[str, str]], waiting: int
) -> Reconciliation:
    """dead_letters: (body, reason) of each message there."""
    wanted, stored = expected(published), found(emails)
    unreadable = Counter(each.body for each in published if each.fate == "quarantined")
    dead = Counter(body for body, reason in dead_letters if reason)
    return Reconciliation(
        published=Counter(each.fate for each in published),
        missing=[
            *map(_described, (wanted - stored).elements()),
            *(f"dead letter: {body}" for body in unreadable - dead),
        ],
        extra=[*map(_described, (stored - wanted).elements()), *(f"dead letter: {body}" for body in dead - unreadable)],
        waiting=waiting,
    )


def _described(occurrence: Occurrence) -> str:
    email_id, kind, at, recipient = occurrence
    return f"{kind} of {email_id} at {at}" + (f" for {recipient}" if recipient else "")
