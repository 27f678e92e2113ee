"""What archived documents come to, gathered so that each call to the table is full. Pure."""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

from email_activity.domain.errors import PermanentError
from email_activity.domain.facts import Item, Key
from email_activity.ingest.store import MAX_ITEMS
from email_activity.replay.archive import Part
from email_activity.replay.checkpoint import Mark
from email_activity.ses.interpret import interpret
from email_activity.ses.tracking_policy import TrackingPolicy

#: A batch goes with this many documents or bytes, though they come to few facts, and after so many seconds.
MAX_DOCUMENTS = 250
MAX_BYTES = 4 * 1024 * 1024
MAX_AGE = 1.0


@dataclass(frozen=True, slots=True)
class Document:
    """A part and what it comes to. `error` sends it to the rejects."""

    file: str
    part: Part
    outcome: str
    items: dict[Key, Item] = field(default_factory=dict)
    error: PermanentError | None = None


@dataclass(slots=True)
class Batch:
    """`marks` is how far the files are done once this batch and all before it are."""

    documents: list[Document] = field(default_factory=list)
    items: dict[Key, Item] = field(default_factory=dict)
    marks: dict[str, Mark] = field(default_factory=dict)
    size: int = 0
    begun_at: float = field(default_factory=time.monotonic)

    def has_room_for(self, document: Document) -> bool:
        return not self.documents or len(self.items.keys() | document.items.keys()) <= MAX_ITEMS

    def add(self, document: Document, mark: Mark) -> None:
        self.documents.append(document)
        self.items |= document.items
        self.size += len(document.part.body or "")
        self.marks[document.file] = mark

    def is_ripe(self) -> bool:
        is_full = len(self.documents) >= MAX_DOCUMENTS or self.size >= MAX_BYTES
        return is_full or time.monotonic() - self.begun_at > MAX_AGE


def understand(file: str, part: Part, policy: TrackingPolicy) -> Document:
    """Never raises: a bug met on one document must not hold up the others."""
    if part.error or part.body is None:
        return Document(file, part, "quarantine", error=part.error)
    now = datetime.now(UTC)
    found = interpret(part.body, policy, recorded_at=now, sent_at=now)
    return Document(file, part, found.outcome, dict(found.items), found.error)
