"""Reading the table: the facts of an email, and the indexes that lead to emails.

An index gives hits, lazily, page by page; the facts behind a hit say whether it counts (`bulk.py`).

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.html
"""

import heapq
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer
from botocore.exceptions import ClientError

from email_activity.domain.addresses import normalize_address
from email_activity.domain.errors import THROTTLED, code_of
from email_activity.domain.facts import Document, Fact, email_id_of, read_fact
from email_activity.domain.indexes import INDEXES
from email_activity.domain.keys import FAILURE_SHARDS, decoded, email_key, failure_account, key_part
from email_activity.domain.times import rfc3339
from email_activity.domain.worker_process import WORKERS, WorkerProcess

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

#: Partition keys in one statement, DynamoDB's limit.
MAX_TOGETHER = 50

#: How often a throttled read is asked again, beside botocore's own attempts, and the longest pause, seconds.
MAX_ATTEMPTS = 8
MAX_PAUSE = 5.0


@dataclass(frozen=True, slots=True)
class Hit:
    """What an index knows of a fact. `recipient` is None on an activity and on an assignment.

    `sort_key` begins with the time; the last one shown is the cursor for the next page.
    """

    email_id: str
    recipient: str | None
    sort_key: str
    sk: str


@dataclass(frozen=True, slots=True)
class Span:
    """Which part of an index, and from which end.

    since is included, until is not; both count in whole seconds. after: the cursor, itself left out.
    """

    since: datetime | None = None
    until: datetime | None = None
    after: str | None = None
    newest_first: bool = True
    #: Hits in a page of DynamoDB's answer, for who wants only a few; else as many as it gives (1 MB).
    page: int | None = None


class Table:
    """Raises what botocore raises."""

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        self._client = client
        self._name = name
        self._deserialize = PlainDeserializer().deserialize
        self._has_partiql = True

    def facts(self, email_id: str) -> list[Fact]:
        """All of an email that is not expired."""
        return _living(self._items(_QUERY_FACTS | {"ExpressionAttributeValues": {":pk": {"S": email_key(email_id)}}}))

    def workers(self) -> list[WorkerProcess]:
        """The processes that told of themselves within the last hour, the latest first."""
        found = _unexpired(self._items(_QUERY_FACTS | {"ExpressionAttributeValues": {":pk": {"S": WORKERS}}}))
        return sorted(map(WorkerProcess.from_item, found), key=attrgetter("written_at"), reverse=True)

    def facts_of(self, email_ids: Sequence[str]) -> list[list[Fact]]:
        """Those of each of at most MAX_TOGETHER emails.

        In one statement where PartiQL is there and allowed (dynamodb:PartiQLSelect): most of the time of a small
        Query is botocore's, so this folds a long list in a third of it. Else one Query each.
        """
        if self._has_partiql and len(email_ids) > 1:
            try:
                return self._select(email_ids)
            except ClientError:
                # Whatever it is: Query either does without it, or tells it better.
                self._has_partiql = False
        return [self.facts(email_id) for email_id in email_ids]

    def _select(self, email_ids: Sequence[str]) -> list[list[Fact]]:
        """`IN` on the partition key reads those partitions only, and answers in pages of ten items on AWS.

        https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-operators.html
        """
        keys = [email_key(email_id) for email_id in email_ids]
        by_key: dict[str, list[dict[str, Any]]] = {key: [] for key in keys}
        marks = ", ".join("?" * len(by_key))
        select = {"Statement": f'SELECT * FROM "{self._name}" WHERE "pk" IN [{marks}]'}  # noqa: S608  the table's name
        for item in self._items(
            select | {"Parameters": [{"S": key} for key in by_key]}, self._client.execute_statement
        ):
            by_key[item["pk"]].append(item)
        return [_living(by_key[key]) for key in keys]

    def by_document(self, document_type: str, document_id: str, span: Span = Span()) -> Iterator[Hit]:
        """document_type: in any case; the worker writes it in lower case."""
        return self._hits("by_document", Document(document_type.lower(), document_id).key, span)

    def by_recipient(self, address: str, span: Span = Span()) -> Iterator[Hit]:
        """address: in any spelling."""
        return self._hits("by_recipient", key_part(normalize_address(address)), span)

    def by_account(
        self, account: str, since: datetime | None = None, until: datetime | None = None, span: Span = Span()
    ) -> Iterator[Hit]:
        return self._hits("by_account", key_part(account), _within(span, since, until))

    def by_failure(
        self, account: str | None, since: datetime | None = None, until: datetime | None = None, span: Span = Span()
    ) -> Iterator[Hit]:
        """Bounces, complaints, rejects and rendering failures; account None: of events that tell none."""
        return self._hits("by_failure", failure_account(account), _within(span, since, until))

    def by_failure_day(self, since: datetime, until: datetime | None = None, span: Span = Span()) -> Iterator[Hit]:
        """Failures of all accounts; those of one day if `until` is not given. None without a readable time.

        At least four Queries for each day (UTC) of the span: so many partitions share a day's writes.
        """
        span = _within(span, since, until or span.until or since + timedelta(days=1))
        for day in _days(span):
            shards = (self._hits("by_failure_day", f"{day}#{shard}", span) for shard in range(FAILURE_SHARDS))
            yield from heapq.merge(*shards, key=lambda hit: hit.sort_key, reverse=span.newest_first)

    def _hits(self, index: str, partition: str, span: Span) -> Iterator[Hit]:
        partition_name, sort_name = INDEXES[index]
        condition, values = _sort_condition(span)
        if condition is None or not partition:
            return
        request = {
            "IndexName": index,
            "KeyConditionExpression": f"#partition = :partition{condition}",
            "ExpressionAttributeNames": {"#partition": partition_name} | ({"#sort": sort_name} if values else {}),
            "ExpressionAttributeValues": {":partition": {"S": partition}, **values},
            "ScanIndexForward": not span.newest_first,
        }
        for item in self._items(request | ({"Limit": span.page} if span.page else {})):
            if item[sort_name] != span.after:
                yield Hit(email_id_of(item), _recipient_in(item["sk"]), item[sort_name], item["sk"])

    def _items(self, request: dict[str, Any], call: Callable[..., Any] | None = None) -> Iterator[dict[str, Any]]:
        """Over all pages; the next one is asked for when this one is used up."""
        request = request if call else {"TableName": self._name, **request}
        while True:
            answer = _patiently(call or self._client.query, request)
            for item in answer["Items"]:
                yield {name: self._deserialize(value) for name, value in item.items()}
            if answer.get("NextToken"):  # PartiQL's
                request = {**request, "NextToken": answer["NextToken"]}
            elif answer.get("LastEvaluatedKey") and not call:
                request = {**request, "ExclusiveStartKey": answer["LastEvaluatedKey"]}
            else:
                return


_QUERY_FACTS = {"KeyConditionExpression": "pk = :pk"}


def _patiently(call: Callable[..., Any], request: dict[str, Any]) -> Any:
    for attempt in range(1, MAX_ATTEMPTS):
        try:
            return call(**request)
        except ClientError as error:
            if code_of(error) not in THROTTLED:
                raise
            time.sleep(random.uniform(0, min(MAX_PAUSE, 0.1 * 2**attempt)))  # noqa: S311  jitter, no secret
    return call(**request)


def _living(items: Iterable[dict[str, Any]]) -> list[Fact]:
    return [fact for fact in map(read_fact, _unexpired(items)) if fact is not None]


def _unexpired(items: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """DynamoDB may take days to remove what has expired."""
    now = time.time()
    return (item for item in items if item.get("expires_at", now + 1) > now)


class PlainDeserializer(TypeDeserializer):
    """Whole numbers as int, where boto3 gives Decimal."""

    def _deserialize_n(self, value: str) -> Any:
        number = super()._deserialize_n(value)  # type: ignore[misc]
        return int(number) if number == number.to_integral_value() else number


def _within(span: Span, since: datetime | None, until: datetime | None) -> Span:
    return replace(span, since=since or span.since, until=until or span.until)


def _days(span: Span) -> Iterable[date]:
    """Those of a span with both ends, in UTC, in its order."""
    if span.since is None or span.until is None or span.until <= span.since:
        return ()
    first, last = (at.astimezone(UTC) for at in (span.since, span.until - timedelta(microseconds=1)))
    days = [first.date() + timedelta(days=number) for number in range((last.date() - first.date()).days + 1)]
    return reversed(days) if span.newest_first else days


def _sort_condition(span: Span) -> tuple[str | None, dict[str, Any]]:
    """DynamoDB takes one condition on a sort key, so the cursor narrows the span. None: nothing can match."""
    lower, upper = _bound(span.since), _bound(span.until)
    if span.after and span.newest_first:
        upper = min(upper, span.after) if upper else span.after
    elif span.after:
        lower = max(lower, span.after) if lower else span.after
    if lower and upper:
        if lower > upper:  # which DynamoDB refuses
            return None, {}
        return " AND #sort BETWEEN :lower AND :upper", {":lower": {"S": lower}, ":upper": {"S": upper}}
    if lower:
        return " AND #sort >= :lower", {":lower": {"S": lower}}
    if upper:
        return " AND #sort <= :upper", {":upper": {"S": upper}}
    return "", {}


def _bound(at: datetime | None) -> str | None:
    """`2026-11-23T10:00:00`, which sorts before that second's own keys (`...:00Z#`, `...:00.000Z`) and after
    all earlier ones: so BETWEEN, which includes both ends, has the second of `until` outside.
    """
    return rfc3339(at.astimezone(UTC), "seconds").removesuffix("Z") if at else None


def _recipient_in(sk: str) -> str | None:
    """As it stands in keys: a long address as its hash."""
    kind, _, rest = sk.partition("#")
    if kind != "RECIPIENT":
        return None
    return decoded(rest.rpartition("#")[0])
