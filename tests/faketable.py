"""A table in memory that answers as DynamoDB does, a few items a page, so that no reader can forget a page."""

import re
from collections.abc import Iterable
from typing import Any
from zlib import crc32

from boto3.dynamodb.types import TypeSerializer
from botocore.exceptions import ClientError

from email_activity.activity.query import ActivityTable, PlainDeserializer
from email_activity.domain.indexes import INDEXES

Item = dict[str, Any]


def error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "told so"}}, "Query")


class FakeDynamoDB:
    """`query` and `execute_statement`. `failures` are raised first, one a call; `calls` are what was asked."""

    def __init__(self, items: Iterable[Item] = (), page: int = 3, *, has_partiql: bool = True) -> None:
        self.items = {(item["pk"], item["sk"]): item for item in items}
        self.page = page
        self.has_partiql = has_partiql
        self.failures: list[Exception] = []
        self.calls: list[dict[str, Any]] = []

    def query(self, **request: Any) -> dict[str, Any]:
        self._called(request)
        partition, sort = INDEXES.get(request.get("IndexName", ""), ("pk", "sk"))
        values = {name: value["S"] for name, value in request["ExpressionAttributeValues"].items()}
        wanted = values.get(":pk", values.get(":partition"))
        prefix = values.get(":prefix", "")
        low, high = values.get(":lower", ""), values.get(":upper", "\U0010ffff")
        if low > high:
            raise error("ValidationException")
        found = [
            item
            for item in self.items.values()
            if item.get(partition) == wanted and low <= item.get(sort, "") <= high and item[sort].startswith(prefix)
        ]
        found.sort(
            key=lambda item: (item[sort], item["pk"], item["sk"]), reverse=not request.get("ScanIndexForward", True)
        )
        if "IndexName" in request:
            keys = {"pk", "sk", partition, sort}
            found = [{name: item[name] for name in keys} for item in found]
        return self._paged(found, request.get("ExclusiveStartKey"), "LastEvaluatedKey")

    def execute_statement(self, **request: Any) -> dict[str, Any]:
        self._called(request)
        if not self.has_partiql:
            raise error("AccessDeniedException")
        asked = re.fullmatch(
            r'SELECT \* FROM "facts"(?:\."(?P<index>\w+)")? WHERE "(?P<key>\w+)" IN \[\?(, \?)*\]', request["Statement"]
        )
        assert asked
        assert asked["key"] == (INDEXES[asked["index"]][0] if asked["index"] else "pk")
        keys = [value["S"] for value in request["Parameters"]]
        assert len(keys) <= 50
        assert request["Statement"].count("?") == len(keys)
        found = [item for item in self.items.values() if item.get(asked["key"]) in keys]
        if asked["index"]:
            found = [{name: item[name] for name in ("pk", "sk", *INDEXES[asked["index"]])} for item in found]
        return self._paged(found, request.get("NextToken"), "NextToken")

    def scan(self, **request: Any) -> dict[str, Any]:
        self._called(request)
        wanted = request.get("Segment", 0)
        mine = [pk for pk in sorted({pk for pk, _ in self.items}) if _segment(pk, request) == wanted]
        found = [item for pk in mine for (own, _), item in sorted(self.items.items()) if own == pk]
        return self._paged(found, request.get("ExclusiveStartKey"), "LastEvaluatedKey")

    def describe_table(self, **request: Any) -> dict[str, Any]:
        self._called(request)
        return {"Table": {"TableSizeBytes": 1_000 * len(self.items)}}

    def put_item(self, **request: Any) -> None:
        self._called(request)
        deserialize = PlainDeserializer().deserialize
        item = {name: deserialize(value) for name, value in request["Item"].items()}
        if request.get("ConditionExpression") == "attribute_not_exists(pk)" and (item["pk"], item["sk"]) in self.items:
            raise error("ConditionalCheckFailedException")
        self.items[item["pk"], item["sk"]] = item

    def batch_write_item(self, **request: Any) -> dict[str, Any]:
        self._called(request)
        for each in (each for requests in request["RequestItems"].values() for each in requests):
            if "DeleteRequest" in each:
                key = each["DeleteRequest"]["Key"]
                self.items.pop((key["pk"]["S"], key["sk"]["S"]), None)
            else:
                self.put_item(**each["PutRequest"])
        return {"UnprocessedItems": {}}

    def _called(self, request: dict[str, Any]) -> None:
        self.calls.append(request)
        if self.failures:
            raise self.failures.pop(0)

    def _paged(self, found: list[Item], start: Any, token: str) -> dict[str, Any]:
        serialize = TypeSerializer().serialize
        begin = int(start["at"] if isinstance(start, dict) else start or 0)
        page = [{name: serialize(value) for name, value in item.items()} for item in found[begin : begin + self.page]]
        end = begin + len(page)
        # As DynamoDB does, it says that there is more at the very end of a full page too.
        more = len(page) == self.page
        return {"Items": page, **({token: {"at": end} if token == "LastEvaluatedKey" else str(end)} if more else {})}


def _segment(pk: str, request: dict[str, Any]) -> int:
    """All items of a partition are in one."""
    return crc32(pk.encode()) % int(request.get("TotalSegments", 1))


def table_of(items: Iterable[Item], page: int = 3, *, has_partiql: bool = True) -> ActivityTable:
    return ActivityTable(FakeDynamoDB(items, page, has_partiql=has_partiql), "facts")  # type: ignore[arg-type]
