"""Facts into DynamoDB, in batches; every write is a put under a key made from content, so it may be repeated.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from boto3.dynamodb.types import TypeSerializer
from botocore.exceptions import ClientError

from email_activity.aws.backoff import backoff
from email_activity.domain.chunks import chunks
from email_activity.domain.errors import THROTTLED, TransientError, code_of
from email_activity.domain.facts import Item, Key, key_of
from email_activity.ingest.model import StoreResult

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import WriteRequestTypeDef

#: Items in one BatchWriteItem, DynamoDB's limit.
MAX_ITEMS = 25

#: Bytes, as JSON. DynamoDB takes items of 400 KB and calls of 16 MB: a larger item goes by itself, so that
#: DynamoDB can refuse it alone, and 25 smaller ones always fit.
LARGE = 400 * 1024

#: How often one batch is offered again while DynamoDB takes only a part of it, and the longest pause, seconds.
MAX_ATTEMPTS = 6
MAX_PAUSE = 1.0

#: DynamoDB's codes for an item that it will never take: too large, a key too long, a number out of range.
INVALID = frozenset({"ValidationException", "ItemCollectionSizeLimitExceededException"})


def marshall(item: Item) -> dict[str, Any]:
    """In DynamoDB's JSON: `{"pk": {"S": "EMAIL#..."}}`. The common types at once, the others by boto3."""
    return {name: {"S": value} if type(value) is str else _marshall_value(value) for name, value in item.items()}


def _marshall_value(value: Any) -> Any:
    kind = type(value)
    if kind is int:
        return {"N": str(value)}
    return {"M": marshall(value)} if kind is dict else _serialize(value)


_serialize = TypeSerializer().serialize


class Store:
    def __init__(self, dynamodb: "DynamoDBClient", table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def put(self, items: Sequence[Item], optional: Sequence[Item] = ()) -> StoreResult:
        """Items with distinct keys. Never raises: what could not be written is in the answer.

        optional: items that are written only where a call has room for them, and offered once.
        """
        stored = StoreResult()
        for call_items, room in _calls(items):
            self._put_call(call_items, optional[:room], stored)
            if stored.failure or stored.is_throttled:
                break  # the rest would meet the same, and the messages' visibility goes on
            optional = optional[room:]
        stored.unprocessed = {key_of(item) for item in items} - stored.written - stored.refused.keys()
        if stored.is_throttled and not stored.written:
            stored.failure = TransientError("dynamodb", "Throttled")
        return stored

    def _put_call(self, call_items: Sequence[Item], optional: Sequence[Item], stored: StoreResult) -> None:
        try:
            items = {key_of(item): marshall(item) for item in call_items}
            self._write(items, {key_of(item): marshall(item) for item in optional}, stored)
        except Exception as error:  # noqa: BLE001  also no connection, no credentials, no answer that can be read
            if code_of(error) in INVALID:
                self._put_one_by_one(items, stored)
            else:
                stored.add_failure(error)

    def _write(self, items: Mapping[Key, Any], optional: Mapping[Key, Any], stored: StoreResult) -> None:
        """Offers the items until all are taken, or the attempts are used up; the optional ones once."""
        offered = {**items, **optional}
        for attempt in range(MAX_ATTEMPTS):
            if attempt:
                time.sleep(backoff(attempt, 0.05, MAX_PAUSE))
            unprocessed = self._write_once(offered)
            taken = offered.keys() - unprocessed.keys()
            stored.written |= taken - optional.keys()
            stored.optional |= taken & optional.keys()
            offered = {key: item for key, item in unprocessed.items() if key in items}
            if not offered:
                return
        stored.is_throttled = True

    def _write_once(self, items: dict[Key, Any]) -> dict[Key, Any]:
        """What DynamoDB did not take of them; of a call that is throttled as a whole, all."""
        requests: list[WriteRequestTypeDef] = [{"PutRequest": {"Item": item}} for item in items.values()]
        try:
            return _unprocessed(self._dynamodb.batch_write_item(RequestItems={self._table: requests}))
        except ClientError as error:
            if code_of(error) in THROTTLED:
                return items
            raise

    def _put_one_by_one(self, items: Mapping[Key, Any], stored: StoreResult) -> None:
        """DynamoDB refuses a whole batch for one invalid item, so that one must be found."""
        for key, item in items.items():
            try:
                self._dynamodb.put_item(TableName=self._table, Item=item)
                stored.written.add(key)
            except Exception as error:  # noqa: BLE001  as above
                if code_of(error) not in INVALID:
                    stored.add_failure(error)
                    return
                stored.refused[key] = code_of(error)


def _unprocessed(answer: Any) -> dict[Key, Any]:
    """By key, whatever name stands for the table, which may be called by its ARN.

    Raises KeyError for an answer that is not DynamoDB's: a proxy that says 200 has stored nothing.
    """
    requests = [request for table in answer["UnprocessedItems"].values() for request in table]
    items = [request["PutRequest"]["Item"] for request in requests]
    return {(item["pk"]["S"], item["sk"]["S"]): item for item in items}


def _calls(items: Sequence[Item]) -> Iterator[tuple[Sequence[Item], int]]:
    """The items of each call, with the number that it has room for besides."""
    small: list[Item] = []
    large: list[Item] = []
    for item in items:
        (large if len(msgspec.json.encode(item)) > LARGE else small).append(item)
    for call_items in chunks(small, MAX_ITEMS):
        yield call_items, MAX_ITEMS - len(call_items)
    for item in large:
        yield [item], 0
