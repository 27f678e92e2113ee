"""Which table the name stands for, and whether it is still the one that was claimed for.

A table that was deleted and made again holds nothing of what Redis calls `done`, so claims count only for one ARN and
time of creation. That it may be another table is told by ResourceNotFound to any call, by DescribeTable at the
beginning of each poll, and by the item that a process overwrites (`worker_process.py`): if what ALL_OLD returns is not
what this process wrote last, the table is another one, or was emptied, or a write was lost. After each, what was
claimed before counts for nothing. docs/architecture.md tells what remains.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_PutItem.html (ReturnValues: strongly consistent)
"""

import math
import os
import secrets
import socket
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from email_activity import __version__
from email_activity.domain.errors import RESOURCE_NOT_FOUND, TransientError, code_of
from email_activity.domain.indexes import refuse_older
from email_activity.domain.worker_process import WorkerProcess
from email_activity.ingest import claims
from email_activity.ingest.store import marshall
from email_activity.ingest.tombstones import Tombstones
from email_activity.settings import SettingsError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

#: Seconds for which an answer counts when messages are to be deleted: a write unit a second at most, in each process.
ANSWER_LASTS = 1.0

#: Seconds after which a process writes its item, whatever it is busy with.
WRITE_EVERY = 30.0

#: States in which a table holds what it held. One that is being deleted may take writes for a while.
USABLE = frozenset({"ACTIVE", "UPDATING"})


@dataclass(frozen=True, slots=True)
class TableVersion:
    """namespace: of the claims of one table. generation: grows each time that it may have become another table."""

    namespace: str
    generation: int


class ThisProcess:
    """What this one tells. Under a name of its own: a container that starts anew has the same host and process id."""

    def __init__(self, tombstones: Tombstones | None = None) -> None:
        self._tombstones = tombstones
        self._host = socket.gethostname()
        self._process = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._last_poll_at = datetime.now(UTC)
        self._newest_event_at: datetime | None = None

    def record_poll(self) -> None:
        self._last_poll_at = datetime.now(UTC)

    def record_event(self, newest: datetime) -> None:
        """newest: when the newest event happened of those just stored."""
        self._newest_event_at = max(newest, self._newest_event_at or newest)

    def now(self) -> WorkerProcess:
        at, known = datetime.now(UTC), self._tombstones
        of_people = (known.ended_before, known.key_id) if known else (None, None)
        times = (at, self._last_poll_at, self._newest_event_at)
        return WorkerProcess(self._host, self._process, __version__, *times, *of_people)


class TableIdentity:
    """Shared by the threads of a process. One calls DynamoDB at a time, and the others take its answer."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str, process: ThisProcess) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._process = process
        self._lock = threading.RLock()
        self._namespace = ""
        self._generation = 0
        self._is_invalid = True
        #: `written_at` of the last item that DynamoDB has certainly taken.
        self._last_written: str | None = None
        self._written_at = self._failed_at = -math.inf
        self._failure = TransientError("dynamodb", "NotAsked")

    def refresh(self) -> None:
        """Describes the table. Raises SettingsError if none fits, TransientError if DynamoDB fails."""
        try:
            with self._lock:
                self._refresh()
        except TransientError as error:
            if error.detail != RESOURCE_NOT_FOUND:
                raise
            raise SettingsError(f"ACTIVITY_TABLE: got {self._table!r}, want a table that exists") from None

    def current(self) -> TableVersion:
        """What to claim for; refreshed first if it may be another table. Raises TransientError."""
        with self._lock:
            if self._is_invalid:
                try:
                    self._refresh()
                except SettingsError as error:  # which the next poll logs
                    raise TransientError("dynamodb", "OlderTable") from error
            return TableVersion(self._namespace, self._generation)

    def invalidate(self) -> None:
        """It may be another table: what was claimed before counts for nothing."""
        with self._lock:
            self._is_invalid = True
            self._generation += 1

    def is_current(self, version: TableVersion) -> bool:
        """Whether the table has not been replaced since `version` was read. Raises TransientError if DynamoDB fails."""
        began = time.monotonic()
        with self._lock:
            if version.generation == self._generation and began - self._written_at > ANSWER_LASTS:
                if self._failed_at > max(began - ANSWER_LASTS, self._written_at):
                    raise self._failure  # another thread's call failed just now, and need not be repeated
                self.probe()
            return version.generation == self._generation

    def write_if_due(self) -> None:
        """Writes the item if that was last tried WRITE_EVERY ago. Raises TransientError."""
        with self._lock:
            if time.monotonic() - max(self._written_at, self._failed_at) > WRITE_EVERY:
                self.probe()

    def probe(self) -> None:
        """Whether the table takes writes. Raises TransientError."""
        with self._lock:
            last = self._last_written
            if self._write() != last:
                self.invalidate()

    def _refresh(self) -> None:
        """Describes the table. If it may be another one: describes, writes the item, and describes again. If both
        descriptions are equal, the item is in this very table.
        """
        namespace = self._describe()
        if self._is_invalid:
            self._write()
            if self._describe() != namespace:
                raise TransientError("dynamodb", "TableReplaced")
        if namespace != self._namespace:
            self._generation += 1
        self._namespace, self._is_invalid = namespace, False

    def _describe(self) -> str:
        try:
            table = self._dynamodb.describe_table(TableName=self._table)["Table"]
        except Exception as error:
            raise self._error(error) from error
        if table["TableStatus"] not in USABLE:
            self.invalidate()
            raise TransientError("dynamodb", f"table {table['TableStatus'].lower()}")
        refuse_older(table)
        return claims.namespace(table["TableArn"], table["CreationDateTime"].isoformat())

    def _write(self) -> str | None:
        """`written_at` of the item that was replaced. An answer without the capacity it consumed is not DynamoDB's."""
        began, item = time.monotonic(), self._process.now().to_item()
        try:
            answer: Any = self._dynamodb.put_item(
                TableName=self._table,
                Item=marshall(item),
                ReturnValues="ALL_OLD",
                ReturnConsumedCapacity="TOTAL",
            )
            answer["ConsumedCapacity"]
        except Exception as error:
            self._failure, self._failed_at = self._error(error), time.monotonic()
            raise self._failure from error
        self._written_at, self._last_written = began, item["written_at"]
        old: str | None = answer.get("Attributes", {}).get("written_at", {}).get("S")
        return old

    def _error(self, error: Exception) -> TransientError:
        if code_of(error) == RESOURCE_NOT_FOUND:
            self.invalidate()
        return TransientError("dynamodb", code_of(error))
