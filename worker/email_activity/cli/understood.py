"""What a document comes to: as the worker would read it now, and in words."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from email_activity.activity.attribution import Entry, attribute
from email_activity.activity.export import Json, record_json
from email_activity.activity.status import EmailStatus, status
from email_activity.domain.errors import PermanentError
from email_activity.domain.facts import Item, email_id_of, read_fact
from email_activity.ses.interpret import InterpretedEvent, interpret
from email_activity.ses.tracking_policy import TrackingPolicy, reason_not_kept


@dataclass(frozen=True, slots=True)
class Understood:
    """What one document comes to. why: nothing is kept of it, in words; None if something is, or it has an error."""

    file: str
    line: int | None
    outcome: str
    form: str
    kind: str | None
    error: PermanentError | None
    why: str | None = None
    entries: tuple[tuple[Entry, int], ...] = ()  # with the number of the email's recipients
    facts: list[Json] = field(default_factory=list)

    @property
    def place(self) -> str:
        return f"line {self.line}" if self.line else self.file

    def as_json(self) -> Json:
        return {
            "file": self.file,
            "line": self.line,
            "outcome": self.outcome,
            "form": self.form,
            "kind": self.kind,
            "reason": self.error.reason if self.error else None,
            "detail": (self.error.detail or None) if self.error else self.why,
            "records": [record_json(entry) for entry, _ in self.entries],
            "facts": self.facts,
        }


def understand(file: str, line: int | None, body: str, wanted: TrackingPolicy) -> Understood:
    """As if it was sent now. Never raises, whatever the bytes."""
    now = datetime.now(UTC)
    found = interpret(body, wanted, recorded_at=now, sent_at=now)
    first = found.main_event
    entries = tuple(pair for event in found.events for pair in _entries(event))
    why = reason_not_kept(found.outcome, first.event, wanted) if first.event else None
    return Understood(
        file, line, found.outcome, first.form, first.kind, first.error, why, entries, [*found.items.values()]
    )


def _entries(event: InterpretedEvent) -> Iterator[tuple[Entry, int]]:
    """Attributed as if the email's recipients were known from all its events: this one names them too."""
    if event.event is None:
        return
    everybody = event.event.mail.destinations()
    for entry in attribute(event.activities, everybody):
        yield entry, len(everybody)


def emails_of(items: Iterable[Item]) -> Iterator[EmailStatus]:
    """The emails that these are about, in order, each folded from all of its own; as if they stood in a table."""
    by_email: dict[str, dict[str, Item]] = {}
    for item in items:
        by_email.setdefault(item["pk"], {})[item["sk"]] = item
    for own in by_email.values():
        facts = [fact for fact in map(read_fact, own.values()) if fact]
        yield status(email_id_of(next(iter(own.values()))), facts)
