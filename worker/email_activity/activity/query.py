"""Reading the table: the facts of an email, and the indexes, which give hits, lazily, page by page.

The facts behind a hit say whether it counts (`bulk.py`).

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.html
"""

import heapq
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import groupby, islice
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer
from botocore.exceptions import ClientError

from email_activity.activity.bounded import MAX_FACTS, Facts, bounded_facts, unexpired
from email_activity.activity.ranges import Range, days_of, sort_condition
from email_activity.aws.backoff import backoff
from email_activity.aws.clients import dynamodb_client
from email_activity.domain.addresses import normalize_address
from email_activity.domain.chunks import distinct
from email_activity.domain.errors import THROTTLED, code_of
from email_activity.domain.facts import Document, Item
from email_activity.domain.indexes import INDEXES
from email_activity.domain.keys import (
    EMAIL,
    FAILURE_SHARDS,
    NO_ACCOUNT,
    email_id_of,
    email_key,
    failure_account,
    key_part,
    reported_key,
)
from email_activity.domain.worker_process import WORKERS, WorkerProcess
from email_activity.settings import ReaderSettings

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

#: Partition keys in one statement, DynamoDB's limit.
MAX_TOGETHER = 50

#: Facts of each of its emails, on average, up to which a statement is read on: beyond, a Query each is done sooner.
FACTS_TOGETHER = 100

#: Codes of what does not take statements, or does not allow them; anything else passes.
NO_PARTIQL = frozenset({"AccessDeniedException", "UnknownOperationException", "ValidationException"})

#: How often a throttled read is asked again, beside botocore's own attempts, and the longest pause, seconds.
MAX_ATTEMPTS = 8
MAX_PAUSE = 5.0

EVERYTHING = Range()


@dataclass(frozen=True, slots=True)
class Hit:
    """What an index knows of a fact. `sort_key` begins with the time; the last one shown is the next page's cursor."""

    email_id: str
    sort_key: str
    sk: str
    partition: str = ""


class ActivityTable:
    """Raises what botocore raises."""

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        self._client = client
        self._name = name
        self._deserialize = PlainDeserializer().deserialize
        #: The table and indexes that take no statements, or none that this role may send.
        self._without_partiql: set[str] = set()

    def facts(self, email_id: str) -> Facts:
        """Those of an email that are not expired, at most as many as `bounded.py` says."""
        pk = email_key(email_id)
        return bounded_facts(self._partition(pk), lambda _: self._partition(pk, "RECIPIENT#"))

    def workers(self) -> list[WorkerProcess]:
        """The processes that told of themselves within the last hour, the latest first."""
        found = map(WorkerProcess.from_item, unexpired(self._partition(WORKERS)))
        return sorted(found, key=attrgetter("written_at"), reverse=True)

    def has_reported(self, configuration_set: str, kind: str) -> bool:
        """Whether SES ever reported this kind for mail of this set (ingest/reported_kinds.py)."""
        return any(True for _ in self._partition(reported_key(configuration_set), f"{kind}#", Limit=1))

    def facts_of(self, email_ids: Sequence[str]) -> list[Facts]:
        """Those of each of at most MAX_TOGETHER emails.

        In one statement where PartiQL is there and allowed (dynamodb:PartiQLSelect): most of the time of a small
        Query is botocore's, so this folds a long list in a third of it. Else one Query each.
        """
        most = min(MAX_FACTS, FACTS_TOGETHER * len(email_ids))
        found = self._select(f'"{self._name}"', "pk", list(map(email_key, email_ids)), most)
        return list(map(bounded_facts, found)) if found else [self.facts(email_id) for email_id in email_ids]

    def newest_about(self, documents: Sequence[Document], count: int) -> list[list[str]]:
        """Of each of at most MAX_TOGETHER documents the ids of its newest emails, so many. As `facts_of` reads."""
        keys = [document.key for document in documents]
        found = self._select(f'"{self._name}"."by_document"', "document", keys, count * len(keys))
        if found is None:
            hits = (self.by_document(document, Range(page_size=2 * count)) for document in documents)
            return [list(islice(distinct(hit.email_id for hit in each), count)) for each in hits]
        newest = (sorted(items, key=itemgetter("sent_key"), reverse=True) for items in found)
        return [list(islice(distinct(map(email_id_of, items)), count)) for items in newest]

    def _select(self, source: str, key: str, values: Sequence[str], most: int | None = None) -> list[list[Item]] | None:
        """The items of each partition. None where Query has to do it: no statement is taken, or they are over `most`.

        `IN` on the partition key reads those partitions only, and answers in pages of ten items on AWS.
        https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-operators.html
        """
        if source in self._without_partiql or len(values) < 2:  # noqa: PLR2004  one is a Query
            return None
        by_value: dict[str, list[Item]] = {value: [] for value in values}
        marks = ", ".join("?" * len(by_value))
        statement = f'SELECT * FROM {source} WHERE "{key}" IN [{marks}]'  # noqa: S608  our own names
        request = {"Statement": statement, "Parameters": [{"S": value} for value in by_value]}
        try:
            items = self._items(self._client.execute_statement, request, "NextToken", "NextToken")
            for item in islice(items, most):
                by_value[item[key]].append(item)
            if next(items, None):
                return None
        except ClientError as error:
            # Query either does without it, or tells it better.
            if code_of(error) in NO_PARTIQL:
                self._without_partiql.add(source)
            return None
        return [by_value[value] for value in values]

    def by_document(self, document: Document, within: Range = EVERYTHING) -> Iterator[Hit]:
        return self._hits("by_document", document.key, within)

    def by_recipient(self, address: str, within: Range = EVERYTHING) -> Iterator[Hit]:
        """address: in any spelling."""
        return self._hits("by_recipient", key_part(normalize_address(address)), within)

    def by_account(self, account: str, within: Range = EVERYTHING) -> Iterator[Hit]:
        return self._hits("by_account", key_part(account), within)

    def by_failure(self, account: str | None, within: Range = EVERYTHING) -> Iterator[Hit]:
        """Bounces, complaints, rejects and rendering failures, of the account and of events that tell none.

        So not each belongs. account None: only of events that tell none.
        """
        partitions = dict.fromkeys((failure_account(account), NO_ACCOUNT))
        hits = (self._hits("by_failure", each, within) for each in partitions)
        return heapq.merge(*hits, key=attrgetter("sort_key"), reverse=within.newest_first)

    def by_failure_day(self, within: Range) -> Iterator[Hit]:
        """Failures of all accounts with a readable time. within: with `since`; without `until` it is one day.

        At least four Queries for each day (UTC): so many partitions share a day's writes.
        """
        if within.since and not within.until:
            within = replace(within, until=within.since + timedelta(days=1))
        for day in days_of(within):
            shards = (self._hits("by_failure_day", f"{day}#{shard}", within) for shard in range(FAILURE_SHARDS))
            yield from heapq.merge(*shards, key=attrgetter("sort_key"), reverse=within.newest_first)

    def emails(self, segment: int, segments: int) -> Iterator[Facts]:
        """Of one of so many parts of the table, whatever it costs: each email's facts that are not expired.

        They stand side by side, since they share a partition key.
        """
        request = {"TableName": self._name, "Segment": segment, "TotalSegments": segments}
        items = self._items(self._client.scan, request, "LastEvaluatedKey", "ExclusiveStartKey")
        for pk, items_of_one in groupby(items, key=itemgetter("pk")):
            if pk.startswith(EMAIL) and (facts := bounded_facts(items_of_one)):
                yield facts

    def size(self) -> int:
        """Bytes, without indexes, as DynamoDB told them within the last six hours."""
        return self._client.describe_table(TableName=self._name)["Table"].get("TableSizeBytes", 0)

    def _hits(self, index: str, partition: str, within: Range) -> Iterator[Hit]:
        partition_name, sort_name = INDEXES[index]
        condition, values = sort_condition(within)
        if condition is None or not partition:
            return
        request = {
            "IndexName": index,
            "KeyConditionExpression": f"#partition = :partition{condition}",
            "ExpressionAttributeNames": {"#partition": partition_name} | ({"#sort": sort_name} if values else {}),
            "ExpressionAttributeValues": {":partition": {"S": partition}, **values},
            "ScanIndexForward": not within.newest_first,
        }
        for item in self._query(request | ({"Limit": within.page_size} if within.page_size else {})):
            if item[sort_name] != within.after:
                yield Hit(email_id_of(item), item[sort_name], item["sk"], partition)

    def _partition(self, pk: str, prefix: str = "", **request: Any) -> Iterator[Item]:
        """prefix: of the sort keys."""
        condition, values = "pk = :pk", {":pk": {"S": pk}}
        if prefix:
            condition, values = f"{condition} AND begins_with(sk, :prefix)", values | {":prefix": {"S": prefix}}
        return self._query({"KeyConditionExpression": condition, "ExpressionAttributeValues": values, **request})

    def _query(self, request: dict[str, Any]) -> Iterator[Item]:
        request = {"TableName": self._name, **request}
        return self._items(self._client.query, request, "LastEvaluatedKey", "ExclusiveStartKey")

    def _items(self, call: Callable[..., Any], request: dict[str, Any], last: str, start: str) -> Iterator[Item]:
        """Over all pages; the next one is asked for when this one is used up.

        last: the field of an answer that says where it ended; start: that of the next request.
        """
        while True:
            answer = _retry_throttled(call, request)
            for item in answer["Items"]:
                yield {name: self._deserialize(value) for name, value in item.items()}
            if not answer.get(last):
                return
            request = {**request, start: answer[last]}


def open_table(settings: ReaderSettings) -> ActivityTable:
    return ActivityTable(dynamodb_client(settings), settings.activity_table)


def _retry_throttled(call: Callable[..., Any], request: dict[str, Any]) -> Any:
    for attempt in range(1, MAX_ATTEMPTS):
        try:
            return call(**request)
        except ClientError as error:
            if code_of(error) not in THROTTLED:
                raise
            time.sleep(backoff(attempt, 0.1, MAX_PAUSE))
    return call(**request)


class PlainDeserializer(TypeDeserializer):
    """Whole numbers as int, where boto3 gives Decimal."""

    def _deserialize_n(self, value: str) -> Any:
        number = super()._deserialize_n(value)  # type: ignore[misc]
        return int(number) if number == number.to_integral_value() else number
