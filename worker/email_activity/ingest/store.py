"""Facts into DynamoDB, in batches; every write is a put under a key made from content, so it may be repeated.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
"""

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
from boto3.dynamodb.types import TypeSerializer
from botocore.exceptions import ClientError

from email_activity.domain.chunks import chunks
from email_activity.domain.errors import THROTTLED, TransientError, code_of
from email_activity.domain.facts import Item, Key, key_of

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

#: DynamoDB says this of an item that it will never take: too large, a key too long, a number out of range.
INVALID = frozenset({"ValidationException", "ItemCollectionSizeLimitExceededException"})


@dataclass(slots=True)
class Stored:
    """What became of the items: stored; refused for good (with DynamoDB's code); or not taken, for another time."""

    written: set[Key] = field(default_factory=set)
    refused: dict[Key, str] = field(default_factory=dict)
    unprocessed: set[Key] = field(default_factory=set)
    #: Of the riders, those that DynamoDB took.
    riders: set[Key] = field(default_factory=set)
    #: Why items were not taken, if DynamoDB failed, or throttled so hard that it took nothing at all.
    failure: TransientError | None = None
    is_throttled: bool = False


def wire_item(item: Item) -> dict[str, Any]:
    """As DynamoDB's JSON has it: `{"pk": {"S": "EMAIL#..."}}`. The common types at once, the others by boto3."""
    return {name: {"S": value} if type(value) is str else _wire_value(value) for name, value in item.items()}


def _wire_value(value: Any) -> Any:
    kind = type(value)
    if kind is str:
        return {"S": value}
    if kind is int:
        return {"N": str(value)}
    if kind is dict:
        return {"M": wire_item(value)}
    return _serialize(value)


_serialize = TypeSerializer().serialize


class Store:
    def __init__(self, dynamodb: "DynamoDBClient", table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def put(self, items: Sequence[Item], riders: Sequence[Item] = ()) -> Stored:
        """Items with distinct keys. Never raises: what could not be written is in the answer.

        riders: items that go along where a call has room for them. They are in none of the answer's other sets.
        """
        stored = Stored()
        for batch, along in _with_riders(_batches(items), riders):
            # The rest would meet the same, and the messages' visibility does not wait.
            if stored.failure is None and not stored.is_throttled:
                self._put_batch(batch, along, stored)
        stored.unprocessed = {key_of(item) for item in items} - stored.written - stored.refused.keys()
        if stored.is_throttled and not stored.written:
            stored.failure = TransientError("dynamodb", "Throttled")
        return stored

    def _put_batch(self, batch: Sequence[Item], riders: Sequence[Item], stored: Stored) -> None:
        along = {key_of(item): wire_item(item) for item in riders}
        try:
            wire = {key_of(item): wire_item(item) for item in batch}
            self._offer(wire, along, stored)
        except Exception as error:  # noqa: BLE001  also no connection, no credentials, no answer that can be read
            if code_of(error) in INVALID:
                self._put_one_by_one(wire, stored)
            else:
                _give_up(stored, error)

    def _offer(self, wire: Mapping[Key, Any], along: Mapping[Key, Any], stored: Stored) -> None:
        """Until all of it is taken, or the attempts are used up. What goes along is offered once."""
        left = {**wire, **along}
        for attempt in range(MAX_ATTEMPTS):
            if attempt:
                time.sleep(random.uniform(0, min(MAX_PAUSE, 0.05 * 2**attempt)))  # noqa: S311  jitter, no secret
            kept = self._not_taken(left)
            taken = left.keys() - kept.keys()
            stored.written |= taken - along.keys()
            stored.riders |= taken & along.keys()
            left = {key: item for key, item in kept.items() if key in wire}
            if not left:
                return
        stored.is_throttled = True

    def _not_taken(self, items: dict[Key, Any]) -> dict[Key, Any]:
        """What DynamoDB left of them; a call that is throttled as a whole leaves all."""
        requests: list[WriteRequestTypeDef] = [{"PutRequest": {"Item": item}} for item in items.values()]
        try:
            return _unprocessed(self._dynamodb.batch_write_item(RequestItems={self._table: requests}))
        except ClientError as error:
            if code_of(error) in THROTTLED:
                return items
            raise

    def _put_one_by_one(self, wire: Mapping[Key, Any], stored: Stored) -> None:
        """DynamoDB refuses a whole batch for one invalid item, so that one must be found."""
        for key, item in wire.items():
            try:
                self._dynamodb.put_item(TableName=self._table, Item=item)
                stored.written.add(key)
            except Exception as error:  # noqa: BLE001  as above
                if code_of(error) not in INVALID:
                    _give_up(stored, error)
                    return
                stored.refused[key] = code_of(error)


def _give_up(stored: Stored, error: Exception) -> None:
    """What is neither written nor refused by now is left for another time."""
    if code_of(error) in THROTTLED:
        stored.is_throttled = True
    else:
        stored.failure = TransientError("dynamodb", code_of(error))


def _unprocessed(answer: Any) -> dict[Key, Any]:
    """Raises KeyError for an answer that is not DynamoDB's: a proxy's friendly 200 has stored nothing.

    Under whatever name the table stands there: a table may be called by its ARN.
    """
    requests = [request for table in answer["UnprocessedItems"].values() for request in table]
    items = [request["PutRequest"]["Item"] for request in requests]
    return {(item["pk"]["S"], item["sk"]["S"]): item for item in items}


def _batches(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    large = {key_of(item) for item in items if is_large(item)}
    yield from chunks([item for item in items if key_of(item) not in large], MAX_ITEMS)
    yield from chunks([item for item in items if key_of(item) in large], 1)


def _with_riders(
    batches: Iterator[Sequence[Item]], riders: Sequence[Item]
) -> Iterator[tuple[Sequence[Item], Sequence[Item]]]:
    """Each batch with as many of the riders as it has room for, beside a large item none."""
    for batch in batches:
        room = MAX_ITEMS - len(batch) if riders and not is_large(batch[0]) else 0
        yield batch, riders[:room]
        riders = riders[room:]


def is_large(item: Item) -> bool:
    return len(msgspec.json.encode(item)) > LARGE
