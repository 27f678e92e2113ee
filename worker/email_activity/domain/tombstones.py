"""Who was forgotten: an item for each request, under a keyed hash of the address, so that the table does not tell whom.

    pk FORGOTTEN    sk <number>

Numbers grow by one, whatever the clocks say: whoever has read up to one of them has missed none before it.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

from email_activity.domain.times import rfc3339

FORGOTTEN = "FORGOTTEN"

#: Digits of a number: more requests than a table will see, and texts that sort as numbers do.
DIGITS = 12


class PersonKey:
    """The secret under which people are hashed. id: tells one secret from another, and nothing of it."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()
        self.id = self._hash("key id of email-activity")[:16]
        #: Of a normalized address, hex. An address comes again and again.
        self.hash = lru_cache(maxsize=4096)(self._hash)

    def _hash(self, text: str) -> str:
        return hmac.digest(self._secret, text.encode("utf-8", "surrogatepass"), "sha256").hex()


@dataclass(frozen=True, slots=True)
class Tombstone:
    """forgotten_at: what was sent before goes. finished_at: None until everything is gone. progress: of the eraser."""

    number: int
    person: str
    key_id: str
    forgotten_at: datetime
    finished_at: datetime | None = None
    progress: Mapping[str, Any] = field(default_factory=dict)

    def to_item(self) -> dict[str, Any]:
        finished = {"finished_at": rfc3339(self.finished_at, "microseconds")} if self.finished_at else {}
        return {
            "pk": FORGOTTEN,
            "sk": sort_key(self.number),
            "person": self.person,
            "key_id": self.key_id,
            "forgotten_at": rfc3339(self.forgotten_at, "microseconds"),
            **finished,
            "progress": dict(self.progress),
        }

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> "Tombstone":
        finished_at = item.get("finished_at")
        return cls(
            number=int(item["sk"]),
            person=item["person"],
            key_id=item["key_id"],
            forgotten_at=datetime.fromisoformat(item["forgotten_at"]),
            finished_at=datetime.fromisoformat(finished_at) if finished_at else None,
            progress=item.get("progress", {}),
        )


def sort_key(number: int) -> str:
    return f"{number:0{DIGITS}}"
