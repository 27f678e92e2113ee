"""DynamoDB's operations that a worker calls, on tables that are there as soon as they are called.

A write is applied when it was read, and counts as written when its answer leaves. Not checked: that attributes of
index keys are texts, and that numbers are in range.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from benchmarks.stub.answers import Answers, ServiceError, encode
from benchmarks.stub.delay import DelayLine
from benchmarks.stub.server import Connection, Handler
from benchmarks.stub.table import Table, items_of_batch
from benchmarks.stub.units import INDEXES, item_size

MAX_ITEMS = 25

#: Bytes of an item, of a call, of keys.
MAX_ITEM = 400 * 1024
MAX_CALL = 16 * 1024 * 1024
MAX_PARTITION_KEY = 2048
MAX_SORT_KEY = 1024

#: Characters, each of at most four bytes, that neither key can be too long with.
SURELY_SHORT = MAX_SORT_KEY // 4

PREFIX = b"DynamoDB_20120810."


class Text(msgspec.Struct):
    S: str


class Keys(msgspec.Struct):
    pk: Text
    sk: Text


class Put(msgspec.Struct):
    Item: Keys


class WriteRequest(msgspec.Struct):
    PutRequest: Put


class BatchWrite(msgspec.Struct):
    """Of an item only its keys are read; all else waits until somebody asks for it."""

    RequestItems: dict[str, list[WriteRequest]]


class PutItem(msgspec.Struct):
    TableName: str
    Item: Keys
    ReturnValues: str = "NONE"


class Described(msgspec.Struct):
    TableName: str


_batch = msgspec.json.Decoder(BatchWrite).decode
_put = msgspec.json.Decoder(PutItem).decode
_described = msgspec.json.Decoder(Described).decode
_raw_item = msgspec.json.Decoder(dict[str, dict[str, Any]]).decode


@dataclass(slots=True)
class DynamoDb:
    """entries: items of batches."""

    answers: Answers
    line: DelayLine
    tables: dict[str, Table] = field(default_factory=dict)
    entries: int = 0

    def clear(self) -> None:
        """Each table is a new one, made now: a worker's memory of the old says nothing of it."""
        self.tables = {name: Table(name) for name in self.tables}
        self.entries = 0

    def handlers(self) -> Mapping[bytes, Handler]:
        return {
            PREFIX + b"BatchWriteItem": self._batch_write_item,
            PREFIX + b"PutItem": self._put_item,
            PREFIX + b"DescribeTable": self._describe_table,
            PREFIX + b"Query": self._query,
        }

    def table(self, name_or_arn: str) -> Table:
        table = self.tables.get(name_or_arn)
        if table is None:
            name = name_or_arn.rpartition("/")[2]
            table = self.tables.get(name) or self.tables.setdefault(name, Table(name))
        return table

    def _batch_write_item(self, body: bytes, connection: Connection, now: float) -> bytes:  # noqa: ARG002
        try:
            asked = _batch(body)
        except msgspec.ValidationError as error:
            raise invalid(str(error)) from None
        self.entries += _check_batch(asked, body)
        applied_at = time.time() + self.line.seconds
        for called in asked.RequestItems:
            self.table(called).batch(body, called, applied_at)
        return self.answers.ok(b'{"UnprocessedItems":{}}')

    def _query(self, body: bytes, connection: Connection, now: float) -> bytes:  # noqa: ARG002
        """Finds nothing: the worker asks only for people who are to be forgotten."""
        return self.answers.ok(encode({"Items": [], "Count": 0, "ScannedCount": 0}))

    def _put_item(self, body: bytes, connection: Connection, now: float) -> bytes:  # noqa: ARG002
        try:
            asked = _put(body)
        except msgspec.ValidationError as error:
            raise invalid(str(error)) from None
        _check_key(asked.Item.pk.S, MAX_PARTITION_KEY)
        _check_key(asked.Item.sk.S, MAX_SORT_KEY)
        if len(body) > MAX_ITEM:
            _check_size(msgspec.json.decode(body)["Item"])
        old = self.table(asked.TableName).put(body, time.time() + self.line.seconds)
        # By what it says of its cost a worker knows that DynamoDB answered. The true cost is worked out later.
        answer: dict[str, Any] = {"ConsumedCapacity": {"TableName": asked.TableName, "CapacityUnits": 1.0}}
        if old and asked.ReturnValues == "ALL_OLD":
            answer["Attributes"] = msgspec.Raw(old)
        return self.answers.ok(encode(answer))

    def _describe_table(self, body: bytes, connection: Connection, now: float) -> bytes:  # noqa: ARG002
        table = self.table(_described(body).TableName)
        return self.answers.ok(encode({"Table": _description(table)}))


def invalid(message: str) -> ServiceError:
    return ServiceError("com.amazon.coral.validate#ValidationException", message)


def _check_batch(asked: BatchWrite, body: bytes) -> int:
    """How many items it has."""
    count = 0
    for called, requests in asked.RequestItems.items():
        keys = [(each.PutRequest.Item.pk.S, each.PutRequest.Item.sk.S) for each in requests]
        count += len(keys)
        if len(set(keys)) < len(keys):
            raise invalid("Provided list of item keys contains duplicates")
        for pk, sk in keys:
            if not (0 < len(pk) <= SURELY_SHORT and 0 < len(sk) <= SURELY_SHORT):
                _check_key(pk, MAX_PARTITION_KEY)
                _check_key(sk, MAX_SORT_KEY)
        # An item's JSON is never shorter than its size.
        if len(body) > MAX_ITEM:
            for raw in items_of_batch(body, called):
                _check_size(_raw_item(raw))
    if not count:
        raise invalid("The batch write request list for a table cannot be null or empty")
    if count > MAX_ITEMS:
        raise invalid("Too many items requested for the BatchWriteItem call")
    if len(body) > MAX_CALL:
        raise invalid("The call is larger than 16 MB")
    return count


def _check_key(key: str, most: int) -> None:
    """most: bytes."""
    if not key:
        raise invalid("One or more parameter values are not valid: an empty string value for a key attribute")
    if len(key.encode()) > most:
        raise invalid(f"One or more parameter values were invalid: a key has more than {most} bytes")


def _check_size(item: Mapping[str, Mapping[str, Any]]) -> None:
    if item_size(item) > MAX_ITEM:
        raise invalid("Item size has exceeded the maximum allowed size")


def _description(table: Table) -> Mapping[str, Any]:
    """What a worker looks at: which table it is, and that it has all indexes."""
    return {
        "TableName": table.name,
        "TableArn": table.arn,
        "TableStatus": "ACTIVE",
        "CreationDateTime": table.created,
        "GlobalSecondaryIndexes": [{"IndexName": name, "IndexStatus": "ACTIVE"} for name in INDEXES],
    }
