"""The table as whoever erases or exports a person needs it: every item of an email, expired ones too, read with strong
consistency; a scan; writes of both kinds; tombstones and the workers' items.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from email_activity.activity.query import EVERYTHING, ActivityTable, Hit
from email_activity.aws.backoff import backoff
from email_activity.aws.clients import dynamodb_client
from email_activity.domain.chunks import chunks
from email_activity.domain.errors import THROTTLED, ActivityError, code_of
from email_activity.domain.facts import Item, Key, key_of
from email_activity.domain.indexes import INDEXES
from email_activity.domain.tombstones import FORGOTTEN, Tombstone
from email_activity.domain.worker_process import WORKERS, WorkerProcess
from email_activity.ingest.store import MAX_ITEMS, marshall
from email_activity.settings import ReaderSettings

#: How often writes that DynamoDB leaves are offered again, and the longest pause, seconds: a few minutes in all.
MAX_ATTEMPTS = 60
MAX_PAUSE = 5.0

#: Where an item stands in an index: its name, partition, sort key, and the item's own key.
IndexEntry = tuple[str, str, str, Key]


class NotWrittenError(ActivityError):
    """DynamoDB does not take the writes. What was done stays done; the same command goes on from there."""


class CannotForgetError(ActivityError):
    """Nothing was deleted. What to do is in the message."""


class PersonalTable(ActivityTable):
    """Raises what botocore raises, NotWrittenError."""

    @classmethod
    def open(cls, settings: ReaderSettings) -> "PersonalTable":
        return cls(dynamodb_client(settings), settings.activity_table)

    def described(self) -> Mapping[str, Any]:
        return self._client.describe_table(TableName=self._name)["Table"]

    # --- Reading ---

    def partition(self, pk: str) -> Iterator[Item]:
        return self._partition(pk, ConsistentRead=True)

    def scan(self, after: str | None = None) -> Iterator[Item]:
        """All items. after: a partition key, from which to go on; that partition comes once more."""
        request: dict[str, Any] = {"TableName": self._name, "ConsistentRead": True}
        if after:  # a scan may start at a key that is not there, and no sort key is less than a blank
            request["ExclusiveStartKey"] = marshall({"pk": after, "sk": " "})
        return self._items(self._client.scan, request, "LastEvaluatedKey", "ExclusiveStartKey")

    def hits(self, address: str) -> Iterator[Hit]:
        return self.by_recipient(address, EVERYTHING)

    def is_in_index(self, entry: IndexEntry) -> bool:
        index, partition, sort, key = entry
        names = dict(zip(("#partition", "#sort"), INDEXES[index], strict=True))
        request = {
            "IndexName": index,
            "KeyConditionExpression": "#partition = :partition AND #sort = :sort",
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": {":partition": {"S": partition}, ":sort": {"S": sort}},
        }
        return any(key_of(item) == key for item in self._query(request))

    def processes(self) -> list[WorkerProcess]:
        """Each that told of itself, however long ago."""
        return [WorkerProcess.from_item(item) for item in self.partition(WORKERS)]

    # --- Writing ---

    def put(self, items: Sequence[Item]) -> None:
        self._write([{"PutRequest": {"Item": marshall(item)}} for item in items])

    def delete(self, keys: Iterable[Key]) -> None:
        self._write([{"DeleteRequest": {"Key": marshall({"pk": pk, "sk": sk})}} for pk, sk in keys])

    def _write(self, requests: Sequence[dict[str, Any]]) -> None:
        """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html"""
        for some in chunks(requests, MAX_ITEMS):
            left = list(some)
            for attempt in range(1, MAX_ATTEMPTS):
                left = self._write_once(left)
                if not left:
                    break
                time.sleep(backoff(attempt, 0.05, MAX_PAUSE))
            if left:
                raise NotWrittenError("DynamoDB takes no more writes just now: run the same command again")

    def _write_once(self, requests: list[Any]) -> list[Any]:
        try:
            answer = self._client.batch_write_item(RequestItems={self._name: requests})
        except ClientError as error:
            if code_of(error) in THROTTLED:
                return requests
            raise
        # A proxy's own page lacks the name.
        return [request for of_table in answer["UnprocessedItems"].values() for request in of_table]

    # --- Tombstones ---

    def tombstones(self) -> list[Tombstone]:
        """In order."""
        return [Tombstone.from_item(item) for item in self.partition(FORGOTTEN)]

    def tombstones_under(self, key_id: str) -> list[Tombstone]:
        """Raises CannotForgetError if any is under another key."""
        found = self.tombstones()
        if any(each.key_id != key_id for each in found):
            raise CannotForgetError(
                "FORGET_KEY is not the key under which others were forgotten in this table: workers know one only"
            )
        return found

    def add_tombstone(self, person: str, key_id: str, forgotten_at: datetime) -> Tombstone:
        """The next tombstone. Two at once get a number each, if they have one key. Raises CannotForgetError."""
        while True:
            number = max((each.number for each in self.tombstones_under(key_id)), default=0) + 1
            tombstone = Tombstone(number, person, key_id, forgotten_at)
            try:
                self._client.put_item(
                    TableName=self._name,
                    Item=marshall(tombstone.to_item()),
                    ConditionExpression="attribute_not_exists(pk)",
                )
            except ClientError as error:
                if code_of(error) != "ConditionalCheckFailedException":
                    raise
            else:
                return tombstone

    def note(self, tombstone: Tombstone) -> None:
        """How far the eraser has come. Of workers, only those that begin read it again."""
        self._client.put_item(TableName=self._name, Item=marshall(tombstone.to_item()))


def index_entries(item: Item) -> Iterator[IndexEntry]:
    for index, (partition, sort) in INDEXES.items():
        if partition in item and sort in item:
            yield index, item[partition], item[sort], key_of(item)
