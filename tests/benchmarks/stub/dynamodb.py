"""DynamoDB's operations, on tables that are there as soon as they are called.

A write is applied when it was read, and counts as written when its answer leaves. Not checked: that attributes of
index keys are texts, and that numbers are in range.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
"""

import random
import re
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from benchmarks.stub.answers import Answers, ServiceError, encode
from benchmarks.stub.delay import DelayLine
from benchmarks.stub.server import Connection, Handler
from benchmarks.stub.table import Consumed, Table, items_of_batch
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
    ReturnConsumedCapacity: str = "NONE"


class PutItem(msgspec.Struct):
    TableName: str
    Item: Keys
    ConditionExpression: str = ""
    ReturnConsumedCapacity: str = "NONE"
    ReturnValues: str = "NONE"


class GetItem(msgspec.Struct):
    TableName: str
    Key: Keys


class Query(msgspec.Struct):
    TableName: str
    KeyConditionExpression: str
    ExpressionAttributeValues: dict[str, Any]
    ExpressionAttributeNames: dict[str, str] = {}
    IndexName: str = ""


class Described(msgspec.Struct):
    TableName: str


_batch = msgspec.json.Decoder(BatchWrite).decode
_put = msgspec.json.Decoder(PutItem).decode
_get = msgspec.json.Decoder(GetItem).decode
_query = msgspec.json.Decoder(Query).decode
_described = msgspec.json.Decoder(Described).decode
_raw_item = msgspec.json.Decoder(dict[str, dict[str, Any]]).decode

#: Whether a put under this condition is done, by whether the item exists.
CONDITIONS: Mapping[str, Callable[[bool], bool]] = {
    "attribute_exists(pk) AND attribute_not_exists(pk)": lambda exists: False,  # noqa: ARG005
    "attribute_not_exists(pk)": lambda exists: not exists,
    "attribute_exists(pk)": lambda exists: exists,
}

PARTITION = re.compile(r"\(?\s*(#?\w+)\s*=\s*(:\w+)\s*\)?")


@dataclass(slots=True)
class DynamoDb:
    """unprocessed: the part of the items of batches that is left out, 0 to 1; chance says which, from a seed.

    Also if that is all of them, which DynamoDB would answer with an error.
    """

    answers: Answers
    line: DelayLine
    unprocessed: float = 0
    chance: random.Random = field(default_factory=lambda: random.Random(0))
    tables: dict[str, Table] = field(default_factory=dict)
    entries: int = 0

    def clear(self) -> None:
        """Each table is a new one, made now: a worker's memory of the old says nothing of it."""
        self.tables = {name: Table(name) for name in self.tables}
        self.chance.seed(0)
        self.entries = 0

    def handlers(self) -> Mapping[bytes, Handler]:
        return {
            PREFIX + b"BatchWriteItem": self._batch_write_item,
            PREFIX + b"PutItem": self._put_item,
            PREFIX + b"GetItem": self._get_item,
            PREFIX + b"Query": self._run_query,
            PREFIX + b"DescribeTable": self._describe_table,
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
        count = _check_batch(asked, body)
        self.entries += count
        left = {name: self._left(len(requests)) for name, requests in asked.RequestItems.items()}
        applied_at = time.time() + self.line.seconds
        consumed = []
        for called, places in left.items():
            table = self.table(called)
            before = self._now(table, asked.ReturnConsumedCapacity)
            table.batch(body, called, places, applied_at)
            if before:
                table.work_out()
                consumed.append(_capacity(called, asked.ReturnConsumedCapacity, table.consumed.since(before)))
        if not consumed and not any(left.values()):
            return self.answers.ok(b'{"UnprocessedItems":{}}')
        unprocessed = {called: _again(body, called, places) for called, places in left.items() if places}
        answer: dict[str, Any] = {"UnprocessedItems": unprocessed}
        return self.answers.ok(encode(answer | {"ConsumedCapacity": consumed} if consumed else answer))

    def _left(self, count: int) -> Collection[int]:
        if not self.unprocessed:
            return ()
        return {place for place in range(count) if self.chance.random() < self.unprocessed}

    @staticmethod
    def _now(table: Table, asked: str) -> Consumed | None:
        """What was consumed so far, if that matters."""
        if asked == "NONE":
            return None
        table.work_out()
        return table.consumed.copy()

    def _put_item(self, body: bytes, connection: Connection, _: float) -> bytes:  # noqa: ARG002
        try:
            asked = _put(body)
        except msgspec.ValidationError as error:
            raise invalid(str(error)) from None
        _check_key(asked.Item.pk.S, MAX_PARTITION_KEY)
        _check_key(asked.Item.sk.S, MAX_SORT_KEY)
        if len(body) > MAX_ITEM:
            _check_size(msgspec.json.decode(body)["Item"])
        table = self.table(asked.TableName)
        if asked.ConditionExpression:
            condition = CONDITIONS.get(asked.ConditionExpression)
            if condition is None:
                raise invalid(f"a condition that is not in the stub: {asked.ConditionExpression}")
            if not condition(table.get(asked.Item.pk.S, asked.Item.sk.S) is not None):
                table.refused += 1
                raise _error("ConditionalCheckFailedException", "The conditional request failed")
        now = time.time() + self.line.seconds
        answer: dict[str, Any] = {}
        if asked.ReturnValues == "ALL_OLD":
            old, consumed = table.replace(body, now)
            answer = {"Attributes": msgspec.Raw(old)} if old else {}
        else:
            before = self._now(table, asked.ReturnConsumedCapacity)
            table.put(body, now)
            if before:
                table.work_out()
            consumed = table.consumed.since(before) if before else Consumed()
        if asked.ReturnConsumedCapacity != "NONE":
            answer["ConsumedCapacity"] = _capacity(asked.TableName, asked.ReturnConsumedCapacity, consumed)
        return self.answers.ok(encode(answer))

    def _get_item(self, body: bytes, connection: Connection, now: float) -> bytes:  # noqa: ARG002
        asked = _get(body)
        found = self.table(asked.TableName).get(asked.Key.pk.S, asked.Key.sk.S)
        return self.answers.ok(b'{"Item":%b}' % found.json if found else b"{}")

    def _run_query(self, body: bytes, connection: Connection, now: float) -> bytes:  # noqa: ARG002
        asked = _query(body)
        condition = PARTITION.fullmatch(asked.KeyConditionExpression)
        name = condition and asked.ExpressionAttributeNames.get(condition[1], condition[1])
        if asked.IndexName or not condition or name != "pk":
            raise invalid("the stub knows no query but pk = :value")
        found = list(self.table(asked.TableName).query(asked.ExpressionAttributeValues[condition[2]]["S"]))
        body = b'{"Items":[%b],"Count":%d,"ScannedCount":%d}' % (b",".join(found), len(found), len(found))
        return self.answers.ok(body)

    def _describe_table(self, body: bytes, connection: Connection, now: float) -> bytes:  # noqa: ARG002
        table = self.table(_described(body).TableName)
        return self.answers.ok(encode({"Table": _description(table)}))


def invalid(message: str) -> ServiceError:
    return ServiceError("com.amazon.coral.validate#ValidationException", message)


def _error(name: str, message: str) -> ServiceError:
    return ServiceError(f"com.amazonaws.dynamodb.v20120810#{name}", message)


def _check_batch(asked: BatchWrite, body: bytes) -> int:
    """How many items it has."""
    count = 0
    for called, requests in asked.RequestItems.items():
        items = [each.PutRequest.Item for each in requests]
        count += len(items)
        keys = [(item.pk.S, item.sk.S) for item in items]
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


def _again(body: bytes, called: str, places: Collection[int]) -> list[Any]:
    items = items_of_batch(body, called)
    return [{"PutRequest": {"Item": items[place]}} for place in sorted(places)]


def _capacity(called: str, asked: str, consumed: Consumed) -> Mapping[str, Any]:
    indexes = {name: cost for name, cost in zip(INDEXES, consumed.indexes, strict=True) if cost}
    total = {"TableName": called, "CapacityUnits": float(consumed.table + sum(indexes.values()))}
    if asked != "INDEXES":
        return total
    each = {name: {"CapacityUnits": float(cost)} for name, cost in indexes.items()}
    answer = total | {"Table": {"CapacityUnits": float(consumed.table)}}
    return answer | {"GlobalSecondaryIndexes": each} if each else answer


def _key_schema(*names: str) -> list[Mapping[str, str]]:
    return [{"AttributeName": name, "KeyType": kind} for name, kind in zip(names, ("HASH", "RANGE"), strict=True)]


def _description(table: Table) -> Mapping[str, Any]:
    names = {"pk", "sk"}.union(*INDEXES.values())
    return {
        "TableName": table.name,
        "TableArn": table.arn,
        "TableStatus": "ACTIVE",
        "CreationDateTime": table.created,
        "KeySchema": _key_schema("pk", "sk"),
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in sorted(names)],
        "BillingModeSummary": {"BillingMode": "PAY_PER_REQUEST"},
        "GlobalSecondaryIndexes": [
            {
                "IndexName": name,
                "IndexStatus": "ACTIVE",
                "IndexArn": f"{table.arn}/index/{name}",
                "KeySchema": _key_schema(*keys),
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
            for name, keys in INDEXES.items()
        ],
    }
