"""Which table the name stands for, and whether it is still the one that was claimed for.

Redis says `done` of what stands in a table. A table that was deleted and made again under the same name holds none of
it. So claims stand under the table's ARN and time of creation, and what they say counts only while that is the table
there is. Three things tell that it may be another one:

- DynamoDB says ResourceNotFound to any call.
- A process writes an item of its own again and again (`worker_process.py`); ALL_OLD tells what it replaces. If that is
  not what this process wrote last, the table is another one, or was emptied, or a write was lost.
- DescribeTable, at the beginning of each poll.

After each, what was claimed before counts for nothing, and DescribeTable is asked before anything else is claimed.
Whether ALL_OLD still fits is asked before messages are deleted, unless the last answer is younger than LASTS. What
remains: a table that is deleted and made again within LASTS of that answer, or while the deletes are under way.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_PutItem.html (ReturnValues: strongly consistent)
"""

import math
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from email_activity.domain.errors import RESOURCE_NOT_FOUND, TransientError, code_of
from email_activity.domain.indexes import refuse_older
from email_activity.domain.worker_process import ThisProcess
from email_activity.ingest.claims import namespace
from email_activity.ingest.store import wire_item
from email_activity.settings import SettingsError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

#: Seconds for which an answer counts when messages are to be deleted: a write unit a second at most, in each process.
LASTS = 1.0

#: Seconds after which a process writes its item, whatever it is busy with.
WRITE_EVERY = 30.0

#: States in which a table holds what it held. One that is being deleted may take writes for a while.
THERE = frozenset({"ACTIVE", "UPDATING"})


@dataclass(frozen=True, slots=True)
class Space:
    """name: of the claims of one table. generation: grows each time that the table may have become another one."""

    name: str
    generation: int


class TableIdentity:
    """Shared by the threads of a process. One asks at a time, and the others take its answer."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str, process: ThisProcess) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._process = process
        self._lock = threading.Lock()
        self._space = ""
        self._generation = 0
        self._is_in_doubt = True
        #: `written_at` of the last item that DynamoDB has certainly taken.
        self._last_written: str | None = None
        self._asked_at = self._failed_at = -math.inf
        self._failure = TransientError("dynamodb", "NotAsked")

    def look(self) -> None:
        """Which table is it now? Raises SettingsError if none fits, TransientError if DynamoDB fails."""
        try:
            with self._lock:
                self._read()
        except TransientError as error:
            if error.detail != RESOURCE_NOT_FOUND:
                raise
            raise SettingsError(f"ACTIVITY_TABLE: got {self._table!r}, want a table that exists") from None

    def space(self) -> Space:
        """What to claim under. Looks first if the table may be another one. Raises TransientError."""
        with self._lock:
            if self._is_in_doubt:
                try:
                    self._read()
                except SettingsError as error:  # which the next poll says
                    raise TransientError("dynamodb", "OlderTable") from error
            return Space(self._space, self._generation)

    def doubt(self) -> None:
        """DynamoDB knows no such table: what was claimed before counts for nothing."""
        with self._lock:
            self._doubt()

    def is_still(self, space: Space) -> bool:
        """Whether what was claimed under it counts. Raises TransientError if DynamoDB fails."""
        began = time.monotonic()
        with self._lock:
            if space.generation == self._generation and began - self._asked_at > LASTS:
                if self._failed_at > max(began - LASTS, self._asked_at):
                    raise self._failure  # which others have waited for long enough
                self._ask()
            return space.generation == self._generation

    def keep_written(self) -> None:
        """For who waits: writes the item if that was last tried WRITE_EVERY ago. Raises TransientError."""
        with self._lock:
            if time.monotonic() - max(self._asked_at, self._failed_at) > WRITE_EVERY:
                self._ask()

    def ask(self) -> None:
        """Whether the table takes writes. Raises TransientError."""
        with self._lock:
            self._ask()

    def _ask(self) -> None:
        last = self._last_written
        if self._write() != last:
            self._doubt()

    def _doubt(self) -> None:
        self._is_in_doubt = True
        self._generation += 1

    def _read(self) -> None:
        """Where it is in doubt, the item is written between two looks, so that a table which replaces this one after
        the last look does not have it.
        """
        found = self._describe()
        if self._is_in_doubt:
            self._write()
            if self._describe() != found:
                raise TransientError("dynamodb", "TableReplaced")
        if found != self._space:
            self._generation += 1
        self._space, self._is_in_doubt = found, False

    def _describe(self) -> str:
        try:
            found = self._dynamodb.describe_table(TableName=self._table)["Table"]
        except Exception as error:
            if code_of(error) == RESOURCE_NOT_FOUND:
                self._doubt()
            raise TransientError("dynamodb", code_of(error)) from error
        if found["TableStatus"] not in THERE:
            self._doubt()
            raise TransientError("dynamodb", f"table {found['TableStatus'].lower()}")
        refuse_older(found)
        return namespace(found["TableArn"], found["CreationDateTime"].isoformat())

    def _write(self) -> str | None:
        """What the item said that this one replaces. An answer that does not say what it cost is not DynamoDB's."""
        asked_at, item = time.monotonic(), self._process.now().to_item()
        try:
            answer: Any = self._dynamodb.put_item(
                TableName=self._table,
                Item=wire_item(item),
                ReturnValues="ALL_OLD",
                ReturnConsumedCapacity="TOTAL",
            )
            answer["ConsumedCapacity"]
        except Exception as error:
            if code_of(error) == RESOURCE_NOT_FOUND:
                self._doubt()
            self._failure, self._failed_at = TransientError("dynamodb", code_of(error)), time.monotonic()
            raise self._failure from error
        self._asked_at, self._last_written = asked_at, item["written_at"]
        old: str | None = answer.get("Attributes", {}).get("written_at", {}).get("S")
        return old
