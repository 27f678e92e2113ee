"""Who was forgotten, as the workers know it: what comes later does not bring them back.

A process reads the tombstones that are newer than the last it saw: at the beginning of each poll, and of a batch where
that is READ_EVERY ago. A batch is interpreted under what was known when it began, and its process's `WORKERS` item
tells the oldest number under which it has anything in hand. So once no live process tells less than a tombstone's
number, nothing of that person is written any more, and `email-activity forget` may delete what there is.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from email_activity.activity.erasure import changes
from email_activity.domain.errors import TransientError, code_of
from email_activity.domain.facts import Item, Key, key_of
from email_activity.domain.tombstones import FORGOTTEN, PersonKey, sort_key
from email_activity.ses.interpret import Interpretation, InterpretedEvent, Outcome
from email_activity.settings import SettingsError
from email_activity.telemetry import log

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

#: Seconds: one Query that finds nothing, a read unit, in each process.
READ_EVERY = 10.0

#: Seconds after which what is known counts for no write: a process that was held up so long in the middle of a batch
#: (suspended, swapped out) may have been taken for gone. No batch takes as long at the default POLL_SECONDS.
TOO_OLD = 300.0

#: Sorts before every time of a tombstone.
NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What one batch goes by. people: by hash, when; mail that was sent before is not recorded."""

    number: int = 0
    people: Mapping[str, datetime] = field(default_factory=dict)
    key: PersonKey | None = None
    read_at: float = 0.0

    @property
    def is_too_old(self) -> bool:
        return time.monotonic() - self.read_at > TOO_OLD

    def without_people(self, interpretation: Interpretation) -> Interpretation:
        """The same object if it names nobody who was forgotten. Costs nothing while nobody was."""
        key = self.key
        if not self.people or key is None or not interpretation.items:
            return interpretation
        own = list(interpretation.items.values()) if len(interpretation.events) == 1 else None
        changed = [self._changes(event, key, own) for event in interpretation.events]
        if not any(changed):
            return interpretation
        events = tuple(map(_with_outcome, interpretation.events, changed))
        merged = {key: after for each in changed for key, after in each.items()}
        remaining = ((item, merged.get(key, item)) for key, item in interpretation.items.items())
        return Interpretation.of(events, {key_of(after): after for _, after in remaining if after is not None})

    def _changes(self, event: InterpretedEvent, key: PersonKey, items: Sequence[Item] | None) -> dict[Key, Item | None]:
        """sent_at: who was forgotten and is written to anew is recorded; without a time nobody can tell.

        items: of the event, where they are known already.
        """
        if event.outcome is not Outcome.ACTIVITY or event.event is None:
            return {}
        mail = event.event.mail
        sent_at = mail.timestamp.at if mail.timestamp and mail.timestamp.at else NEVER
        items = items or [fact.to_item() for fact in event.facts]
        return changes(items, lambda each: self.people.get(key.hash(each), NEVER) > sent_at, mail.destinations())


def _with_outcome(event: InterpretedEvent, changed: Mapping[Key, Item | None]) -> InterpretedEvent:
    is_gone = bool(changed) and len(changed) == len(event.facts) and not any(changed.values())
    return replace(event, outcome=Outcome.FORGOTTEN) if is_gone else event


class Tombstones:
    """Shared by the threads of a process."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str, key: PersonKey | None) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._key = key
        self._lock = threading.Lock()
        self._known = Forgotten(key=key, read_at=-READ_EVERY)
        self._generation: int | None = None
        self._in_use: Counter[int] = Counter()
        self._is_logged = False

    @property
    def key_id(self) -> str | None:
        return self._key.id if self._key else None

    @property
    def ended_before(self) -> int | None:
        """The least number under which anything is in hand; None before any was read."""
        with self._lock:
            return None if self._generation is None else min(self._in_use, default=self._known.number)

    def read(self, generation: int) -> None:
        """generation: of the table (`table_identity.py`); another one has tombstones of its own.

        Raises TransientError if DynamoDB fails, SettingsError if there are tombstones and FORGET_KEY is not their key.
        """
        with self._lock:
            self._read(generation)

    def begin(self, generation: int) -> Forgotten:
        """What a batch goes by, until `ending` it. Raises TransientError."""
        with self._lock:
            if generation != self._generation or time.monotonic() - self._known.read_at > READ_EVERY:
                try:
                    self._read(generation)
                except SettingsError as error:  # which the next poll logs
                    raise TransientError("dynamodb", "OtherForgetKey") from error
            self._in_use[self._known.number] += 1
            return self._known

    @contextmanager
    def ending(self, begun: Forgotten) -> Iterator[None]:
        try:
            yield
        finally:
            with self._lock:
                self._in_use[begun.number] -= 1
                self._in_use += Counter()  # which leaves out what is zero

    def _read(self, generation: int) -> None:
        known = self._known if generation == self._generation else Forgotten(key=self._key)
        number, people, began = known.number, dict(known.people), time.monotonic()
        for item in self._newer_than(number):
            if item["key_id"]["S"] != self.key_id:
                raise SettingsError(
                    f"FORGET_KEY: {'got another' if self._key else 'not set'}, want the one under which people were "
                    f"forgotten in the table {self._table}: without it this worker would record them again"
                )
            number = max(number, int(item["sk"]["S"]))
            people[item["person"]["S"]] = datetime.fromisoformat(item["forgotten_at"]["S"])
        self._known = Forgotten(number, people if people != known.people else known.people, self._key, began)
        self._generation = generation

    def _newer_than(self, number: int) -> Iterator[Mapping[str, Mapping[str, str]]]:
        """In order, so that of one person the latest counts."""
        values = {":pk": {"S": FORGOTTEN}, ":last": {"S": sort_key(number)}}
        condition = {"KeyConditionExpression": "pk = :pk AND sk > :last", "ExpressionAttributeValues": values}
        start: dict[str, object] = {}
        while True:
            try:
                answer = self._dynamodb.query(TableName=self._table, ConsistentRead=True, **condition, **start)  # type: ignore[arg-type]
                items = answer["Items"]  # which a proxy's own page lacks
            except Exception as error:
                if code_of(error).startswith("AccessDenied") and not self._key:
                    self._log_not_allowed()
                    return
                raise TransientError("dynamodb", code_of(error)) from error
            yield from items  # type: ignore[misc]
            if "LastEvaluatedKey" not in answer:
                return
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def _log_not_allowed(self) -> None:
        """Of a role of an older template, where nobody can have been forgotten with this worker's knowledge."""
        if not self._is_logged:
            self._is_logged = True
            log.warning("tombstones_not_readable", table=self._table)
