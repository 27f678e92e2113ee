"""What each process of a worker tells of itself in the table: when it last polled, and how new the newest event is
that it recorded. Readers see by it how fresh is what they read.

The only item that is overwritten: pk `WORKERS`, sk `<host>#<process>`. It expires an hour after it was last written.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from email_activity.domain.keys import key_part, undo_key_part
from email_activity.domain.times import rfc3339, rfc3339_exact

WORKERS = "WORKERS"

#: A process that has not written for so long is gone.
KEPT = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class WorkerProcess:
    """Times are UTC. newest_event_at: None before the first event. written_at: when this was told.

    tombstone: the number of the last one (`tombstones.py`) that all it has in hand was interpreted under; None before
    it read any, and of a version that reads none. key_id: of its FORGET_KEY, None without one.
    """

    host: str
    process: str
    version: str
    written_at: datetime
    last_poll_at: datetime
    newest_event_at: datetime | None = None
    tombstone: int | None = None
    key_id: str | None = None

    def to_item(self) -> dict[str, Any]:
        newest = {"newest_event_at": rfc3339_exact(self.newest_event_at)} if self.newest_event_at else {}
        of_people = {"tombstone": self.tombstone, "key_id": self.key_id}
        return {
            "pk": WORKERS,
            "sk": f"{key_part(self.host)}#{self.process}",
            "version": self.version,
            # No two writes of a process have the same.
            "written_at": rfc3339(self.written_at, "microseconds"),
            "last_poll_at": rfc3339_exact(self.last_poll_at),
            **newest,
            **{name: value for name, value in of_people.items() if value is not None},
            "expires_at": int((self.written_at + KEPT).timestamp()),
        }

    @classmethod
    def from_item(cls, item: dict[str, Any]) -> "WorkerProcess":
        host, _, process = item["sk"].rpartition("#")
        told: dict[str, Any] = {
            name: datetime.fromisoformat(item[name])
            for name in ("written_at", "last_poll_at", "newest_event_at")
            if name in item
        }
        told |= {"tombstone": item.get("tombstone"), "key_id": item.get("key_id")}
        return cls(host=undo_key_part(host), process=process, version=item["version"], **told)
