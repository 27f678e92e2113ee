"""What a message would come to if it came now, for the worker and for a reader. No input or output but the clock."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from email_activity.activity.attribution import TimelineEntry, attribute
from email_activity.activity.event_answers import event_answer
from email_activity.activity.status import EmailStatus, status
from email_activity.domain.facts import Item, read_fact
from email_activity.domain.keys import email_id_of
from email_activity.ses.interpret import Interpretation, InterpretedEvent, interpret
from email_activity.ses.tracking_policy import TrackingPolicy, reason_not_kept

#: What is shown of an event here; `status` and `timeline` show all.
RECORD = {
    *("occurred_at", "kind", "code", "reason", "label", "recipient", "attribution", "named"),
    *("bounce_class", "complaint_kind", "verdict", "judgement", "detail"),
}


@dataclass(frozen=True, slots=True)
class Preview:
    """why: nothing is kept of it, in words; None if something is, or it has an error.

    entries: each with the number of its email's recipients.
    """

    interpretation: Interpretation
    why: str | None
    entries: tuple[tuple[TimelineEntry, int], ...]

    def as_json(self) -> dict[str, Any]:
        event = self.interpretation.main_event
        return {
            "outcome": event.outcome,
            "form": event.form,
            "kind": event.kind,
            "reason": event.error.reason if event.error else None,
            "detail": (event.error.detail or None) if event.error else self.why,
            "records": [_record(entry, count) for entry, count in self.entries],
            "facts": list(self.interpretation.items.values()),
        }


def preview(body: str, policy: TrackingPolicy) -> Preview:
    """As if it was sent now. Never raises, whatever the body."""
    now = datetime.now(UTC)
    found = interpret(body, policy, recorded_at=now, sent_at=now)
    event = found.main_event
    why = reason_not_kept(event.outcome, event.event, policy) if event.event else None
    return Preview(found, why, tuple(pair for each in found.events for pair in _entries(each)))


def _entries(event: InterpretedEvent) -> Iterator[tuple[TimelineEntry, int]]:
    """Attributed as if the email's recipients were known from all its events: this one names them too."""
    if event.event is None:
        return
    everybody = event.event.mail.destinations()
    for entry in attribute(event.activities, everybody):
        yield entry, len(everybody)


def _record(entry: TimelineEntry, destination_count: int) -> dict[str, Any]:
    record: dict[str, Any] = event_answer(entry, destination_count).model_dump(mode="json", include=RECORD)
    return record


def emails_of(items: Iterable[Item]) -> Iterator[EmailStatus]:
    """The emails that these are about, in order, each folded from all of its own; as if they stood in a table."""
    by_email: dict[str, dict[str, Item]] = {}
    for item in items:
        by_email.setdefault(item["pk"], {})[item["sk"]] = item
    for own in by_email.values():
        facts = [fact for fact in map(read_fact, own.values()) if fact]
        yield status(email_id_of(next(iter(own.values()))), facts)
