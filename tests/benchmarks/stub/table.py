"""A table that writes down what it is told and works it out when it is asked.

While a benchmark runs, a write costs one entry in a list: the request as it came. Sizes, write units and what stands
in the table are found later, in the order of the writes, and so are the same as if they had been found at once.
"""

import time
from collections import deque
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

import msgspec

from benchmarks.stub.units import INDEXES, IndexKeys, WireItem, index_keys, index_units, item_size, units

ARN = "arn:aws:dynamodb:us-east-1:000000000000:table/"

#: The sort keys of facts that something happened; GET /_stub/written tells when the first of an email was stored.
EVENT = "EVENT#"

#: How the partition keys begin of what is no fact of an email.
NO_FACTS = ("WORKERS", "REPORTED#")


class Put(msgspec.Struct):
    Item: msgspec.Raw


class WriteRequest(msgspec.Struct):
    PutRequest: Put


class BatchWrite(msgspec.Struct):
    RequestItems: dict[str, list[WriteRequest]]


_batch = msgspec.json.Decoder(BatchWrite).decode
_put = msgspec.json.Decoder(Put).decode
_item = msgspec.json.Decoder(dict[str, dict[str, object]]).decode


def items_of_batch(body: bytes, table: str) -> list[msgspec.Raw]:
    """As JSON; views of the request."""
    return [each.PutRequest.Item for each in _batch(body).RequestItems[table]]


@dataclass(frozen=True, slots=True)
class Stored:
    """json: the item. size: bytes, as DynamoDB counts."""

    json: bytes
    size: int
    index_keys: IndexKeys


@dataclass(slots=True)
class Consumed:
    """Write units, of the table and of each of INDEXES."""

    table: int = 0
    indexes: list[int] = field(default_factory=lambda: [0] * len(INDEXES))

    def since(self, before: "Consumed") -> "Consumed":
        indexes = [now - then for now, then in zip(self.indexes, before.indexes, strict=True)]
        return Consumed(self.table - before.table, indexes)

    def copy(self) -> "Consumed":
        return Consumed(self.table, list(self.indexes))


class Table:
    """bytes: of all items, without what DynamoDB adds for storage. written: Unix seconds, by partition key.

    refused: puts whose condition was not met. They are billed one write unit each, which `consumed` leaves out.
    facts: items but those of NO_FACTS.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.arn = ARN + name
        self.created = time.time()
        self._log: deque[tuple[bytes, str | None, Collection[int], float]] = deque()
        self._items: dict[str, dict[str, Stored]] = {}
        self.consumed = Consumed()
        self.written: dict[str, float] = {}
        self.puts = self.count = self.facts = self.bytes = self.refused = 0
        self._put_singly: dict[tuple[str, str], bytes] = {}

    def batch(self, body: bytes, called: str, left: Collection[int], at: float) -> None:
        """called: the table, in the request. left: places of the items that were not processed. at: Unix seconds."""
        self._log.append((body, called, left, at))

    def put(self, body: bytes, at: float) -> None:
        self._log.append((body, None, (), at))

    def replace(self, body: bytes, at: float) -> tuple[bytes | None, Consumed]:
        """A put, the item that it replaces, and its cost; without working out all that came before it.

        So only another of its kind is seen to be replaced: no caller writes such a key in batches, too.
        """
        self.put(body, at)
        json = bytes(_put(body).Item)
        item: WireItem = _item(json)
        pk, sk = item["pk"]["S"], item["sk"]["S"]
        old, self._put_singly[pk, sk] = self._put_singly.get((pk, sk)), json
        before: WireItem = _item(old) if old else {}
        costs = index_units(pk, sk, index_keys(before), index_keys(item))
        return old, Consumed(units(max(item_size(item), item_size(before))), list(costs))

    def work_out(self) -> None:
        log = self._log
        while log:
            body, called, left, at = log.popleft()
            raws = [_put(body).Item] if called is None else items_of_batch(body, called)
            for place, raw in enumerate(raws):
                if place not in left:
                    self._apply(bytes(raw), at)

    def _apply(self, json: bytes, at: float) -> None:
        item: WireItem = _item(json)
        pk, sk = item["pk"]["S"], item["sk"]["S"]
        new = Stored(json, item_size(item), index_keys(item))
        partition = self._items.setdefault(pk, {})
        old = partition.get(sk)
        partition[sk] = new
        self.puts += 1
        self.count += old is None
        self.facts += old is None and not pk.startswith(NO_FACTS)
        self.bytes += new.size - (old.size if old else 0)
        self.consumed.table += units(max(new.size, old.size if old else 0))
        for number, cost in enumerate(index_units(pk, sk, old.index_keys if old else None, new.index_keys)):
            self.consumed.indexes[number] += cost
        if sk.startswith(EVENT):
            self.written.setdefault(pk, at)

    def get(self, pk: str, sk: str) -> Stored | None:
        self.work_out()
        return self._items.get(pk, {}).get(sk)

    def query(self, pk: str) -> Iterator[bytes]:
        """In the order of the sort keys' bytes."""
        self.work_out()
        partition = self._items.get(pk, {})
        return (partition[sk].json for sk in sorted(partition, key=str.encode))

    def report(self) -> Mapping[str, int]:
        self.work_out()
        index = sum(self.consumed.indexes)
        return {
            "items": self.count,
            "facts": self.facts,
            "puts": self.puts,
            "write_units": self.consumed.table + index,
            "table_write_units": self.consumed.table,
            "index_write_units": index,
            "refused_puts": self.refused,
            "bytes": self.bytes,
        }
