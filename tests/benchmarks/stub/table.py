"""A table that writes down what it is told and works it out when it is asked.

While a benchmark runs, a write costs one entry in a list: the request as it came. Sizes, write units and what stands
in the table are found later, in the order of the writes, and so are the same as if they had been found at once.
"""

import time
from collections import deque
from collections.abc import Mapping

import msgspec

from benchmarks.stub.units import IndexKeys, WireItem, index_keys, index_units, item_size, units

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


class Table:
    """written: Unix seconds, by partition key. write_units: of the table and of its indexes."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.arn = ARN + name
        self.created = time.time()
        self.written: dict[str, float] = {}
        #: The request of each write, and the table's name in it if it is a batch.
        self._log: deque[tuple[bytes, str | None, float]] = deque()
        #: Bytes and keys in the indexes, by key of the item.
        self._items: dict[tuple[str, str], tuple[int, IndexKeys]] = {}
        self._facts = self._table_units = self._index_units = 0
        self._put_singly: dict[tuple[str, str], bytes] = {}

    def batch(self, body: bytes, called: str, at: float) -> None:
        """called: the table, in the request. at: Unix seconds."""
        self._log.append((body, called, at))

    def put(self, body: bytes, at: float) -> bytes | None:
        """The item that it replaces, of those put by this call: no caller writes such a key in batches, too."""
        self._log.append((body, None, at))
        json = bytes(_put(body).Item)
        item: WireItem = _item(json)
        key = item["pk"]["S"], item["sk"]["S"]
        old, self._put_singly[key] = self._put_singly.get(key), json
        return old

    def work_out(self) -> None:
        while self._log:
            body, called, at = self._log.popleft()
            for raw in [_put(body).Item] if called is None else items_of_batch(body, called):
                self._apply(_item(raw), at)

    def _apply(self, item: WireItem, at: float) -> None:
        pk, sk = item["pk"]["S"], item["sk"]["S"]
        size, keys = item_size(item), index_keys(item)
        old_size, old_keys = self._items.get((pk, sk), (0, None))
        self._facts += not old_size and not pk.startswith(NO_FACTS)
        self._table_units += units(max(size, old_size))
        self._index_units += sum(index_units(pk, sk, old_keys, keys))
        self._items[pk, sk] = size, keys
        if sk.startswith(EVENT):
            self.written.setdefault(pk, at)

    def report(self) -> Mapping[str, int]:
        """facts: items of emails, each key once."""
        self.work_out()
        return {
            "facts": self._facts,
            "write_units": self._table_units + self._index_units,
            "table_write_units": self._table_units,
            "index_write_units": self._index_units,
        }
