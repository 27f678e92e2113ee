"""The benchmarks' stub of DynamoDB refuses what DynamoDB refuses, and counts write units as it does."""

import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from benchmarks.stub.client import Stub
from benchmarks.stub.delay import SLACK

TABLE = "email-activity"
KB = 1024

Item = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def dynamodb(running: Stub) -> Iterator[Any]:
    with running.connect("dynamodb") as client:
        yield client


def item(sk: str = "a", *, size: int = 0, **texts: str) -> Item:
    """size: bytes, if that is more than it has anyway."""
    made: Item = {name: {"S": text} for name, text in {"pk": "EMAIL#1", "sk": sk, **texts}.items()}
    missing = size - sum(len(name) + len(value["S"]) for name, value in made.items())
    return made | {"x": {"S": "x" * (missing - 1)}} if size else made


def write(dynamodb: Any, items: Sequence[Item]) -> None:
    answer = dynamodb.batch_write_item(RequestItems={TABLE: [{"PutRequest": {"Item": each}} for each in items]})
    assert answer["UnprocessedItems"] == {}


def told(stub: Stub) -> dict[str, int]:
    return stub.report()["tables"][TABLE]


@pytest.mark.parametrize(
    ("items", "reason"),
    [
        ([item(str(number)) for number in range(26)], "Too many items"),
        ([item("a"), item("b"), item("a", other="x")], "duplicates"),
        ([item("a"), item("b", size=400 * KB + 1)], "exceeded the maximum allowed size"),
        ([item("")], "empty string"),
        ([item("x" * 1025)], "more than 1024 bytes"),
        ([item("é" * 513)], "more than 1024 bytes"),
        ([{"pk": {"S": "EMAIL#1"}, "sk": {"N": "1"}}], "sk"),
    ],
    ids=["26 items", "two of one key", "over 400 KB", "empty key", "long key", "long key in UTF-8", "key of a number"],
)
def test_an_invalid_batch_is_refused_as_a_whole(stub: Stub, dynamodb: Any, items: Sequence[Item], reason: str) -> None:
    with pytest.raises(dynamodb.exceptions.ClientError, match=reason) as refused:
        write(dynamodb, items)
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    if len(items) == 1 or "maximum" in reason:
        with pytest.raises(dynamodb.exceptions.ClientError, match="ValidationException"):
            dynamodb.put_item(TableName=TABLE, Item=items[-1])
    assert stub.report()["entries"] == {}


def test_25_items_and_one_of_400_kb_are_taken(stub: Stub, dynamodb: Any) -> None:
    write(dynamodb, [item(f"{number:02}") for number in range(25)])
    write(dynamodb, [item("z", size=400 * KB)])
    assert told(stub)["facts"] == 26
    assert stub.report()["entries"] == {"dynamodb.BatchWriteItem": 26}


def test_a_put_tells_what_it_replaces(stub: Stub, dynamodb: Any) -> None:
    """As each process of a worker asks whether the table takes writes, and is still the same one."""

    def put(size: int) -> Item | None:
        asked = {"ReturnValues": "ALL_OLD", "ReturnConsumedCapacity": "TOTAL"}
        answer = dynamodb.put_item(TableName=TABLE, Item=item("b", size=size), **asked)
        assert answer["ConsumedCapacity"]
        return answer.get("Attributes")

    assert [put(10), put(3 * KB), put(10)] == [None, item("b", size=10), item("b", size=3 * KB)]
    assert (told(stub)["facts"], told(stub)["write_units"]) == (1, 1 + 3 + 3)


def test_what_is_no_fact_of_an_email_is_counted_apart(stub: Stub, dynamodb: Any) -> None:
    others = [{"pk": {"S": name}, "sk": {"S": "a"}} for name in ("WORKERS", "REPORTED#b")]
    write(dynamodb, [item("a"), *others])
    assert told(stub)["facts"] == 1


#: 133 bytes; an entry of by_document, the longest of its index entries, has 101.
MAIL = item(
    "RECIPIENT#a@b.example#01234567",
    mail_recipient="a@b.example",
    document="invoice#7",
    account="acme",
    sent_key="2026-11-25T10:49:00Z#1",
)
BOUNCE = item(
    "EVENT#2026-11-25T10:49:02Z#Bounce#1#89abcdef",
    failure_account="acme",
    failure_time="2026-11-25T10:49:02Z",
    failure_day="2026-11-25#1",
)


@pytest.mark.parametrize(
    ("puts", "table", "indexes"),
    [
        ([item(size=KB + 1)], 2, 0),
        ([item(size=400 * KB)], 400, 0),
        ([item(size=3 * KB), item()], 3 + 3, 0),  # the larger of old and new
        ([MAIL, MAIL], 1 + 1, 3),
        ([MAIL, MAIL | {"expires_at": {"N": "1827138517"}}], 1 + 1, 3),  # no index holds it
        ([MAIL, MAIL | {"account": {"S": "other"}}], 1 + 1, 3 + 2),  # one entry goes, one comes
        ([BOUNCE, BOUNCE], 1 + 1, 2),
        ([MAIL | {"document": {"S": "x" * 2000}}], 3, 3 + 1 + 1),  # an entry has its own size
    ],
)
def test_a_put_costs_what_dynamodb_bills(
    stub: Stub, dynamodb: Any, puts: Sequence[Item], table: int, indexes: int
) -> None:
    for each in puts:
        write(dynamodb, [each])
    found = told(stub)
    assert (found["table_write_units"], found["index_write_units"]) == (table, indexes)
    assert found["write_units"] == table + indexes


def test_the_first_event_of_an_email_tells_when_it_was_written(stub: Stub, dynamodb: Any) -> None:
    """That is when the answer leaves."""
    write(dynamodb, [MAIL])
    assert stub.written() == {}
    stub.configure(delay_ms=100)
    began = time.time()
    write(dynamodb, [BOUNCE])
    first = stub.written()
    assert list(first) == ["EMAIL#1"]
    assert began + 0.1 <= first["EMAIL#1"] <= time.time() + SLACK
    write(dynamodb, [item("EVENT#later")])
    assert stub.written() == first


def test_a_reset_table_is_another_table(stub: Stub, dynamodb: Any) -> None:
    """A worker's memory of what it has seen is bound to the table's time of creation."""
    write(dynamodb, [MAIL])
    before = dynamodb.describe_table(TableName=TABLE)["Table"]
    stub.reset()
    after = dynamodb.describe_table(TableName=TABLE)["Table"]
    assert told(stub)["facts"] == 0
    assert after["TableArn"] == before["TableArn"]
    assert after["CreationDateTime"] > before["CreationDateTime"]
