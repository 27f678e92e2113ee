"""The benchmarks' stub of DynamoDB refuses what DynamoDB refuses, and counts write units as it does."""

import time
from collections.abc import Iterator, Mapping, Sequence
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


@pytest.fixture
def stub(running: Stub) -> Stub:
    running.reset()
    running.configure(delay_ms=0, unprocessed=0, seed=0)
    return running


def item(sk: str = "a", *, size: int = 0, **texts: str) -> Item:
    """size: bytes, if that is more than it has anyway."""
    made: Item = {name: {"S": text} for name, text in {"pk": "EMAIL#1", "sk": sk, **texts}.items()}
    missing = size - sum(len(name) + len(value["S"]) for name, value in made.items())
    return made | {"x": {"S": "x" * (missing - 1)}} if size else made


def write(dynamodb: Any, items: Sequence[Item], **wanted: Any) -> Mapping[str, Any]:
    return dynamodb.batch_write_item(RequestItems={TABLE: [{"PutRequest": {"Item": each}} for each in items]}, **wanted)


def keys(requests: Mapping[str, Any]) -> list[str]:
    return [each["PutRequest"]["Item"]["sk"]["S"] for each in requests.get(TABLE, [])]


def stored(dynamodb: Any) -> list[str]:
    found = dynamodb.query(
        TableName=TABLE, KeyConditionExpression="pk = :pk", ExpressionAttributeValues={":pk": {"S": "EMAIL#1"}}
    )
    return [each["sk"]["S"] for each in found["Items"]]


# ---- what is refused -----------------------------------------------------------------------------------------------


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
    assert stored(dynamodb) == []
    assert stub.report()["entries"] == {}


def test_an_item_over_400_kb_is_refused_by_itself_too(stub: Stub, dynamodb: Any) -> None:  # noqa: ARG001
    with pytest.raises(dynamodb.exceptions.ClientError, match="ValidationException"):
        dynamodb.put_item(TableName=TABLE, Item=item(size=400 * KB + 1))
    assert stored(dynamodb) == []


def test_25_items_and_one_of_400_kb_are_taken(stub: Stub, dynamodb: Any) -> None:
    assert write(dynamodb, [item(f"{number:02}") for number in range(25)])["UnprocessedItems"] == {}
    write(dynamodb, [item("z", size=400 * KB)])
    assert stored(dynamodb) == [*(f"{number:02}" for number in range(25)), "z"]
    assert stub.report()["entries"] == {"dynamodb.BatchWriteItem": 26}


def test_a_put_whose_condition_nothing_meets_is_refused_and_leaves_nothing(stub: Stub, dynamodb: Any) -> None:
    with pytest.raises(dynamodb.exceptions.ConditionalCheckFailedException):
        dynamodb.put_item(
            TableName=TABLE,
            Item=item(),
            ConditionExpression="attribute_exists(pk) AND attribute_not_exists(pk)",
        )
    told = stub.report()["tables"][TABLE]
    assert (told["refused_puts"], told["items"], told["write_units"]) == (1, 0, 0)


def test_a_put_tells_what_it_replaces(stub: Stub, dynamodb: Any) -> None:
    """As each process of a worker asks whether the table takes writes, and is still the same one."""

    def put(size: int) -> tuple[Any, float]:
        asked = {"ReturnValues": "ALL_OLD", "ReturnConsumedCapacity": "TOTAL"}
        answer = dynamodb.put_item(TableName=TABLE, Item=item("b", size=size), **asked)
        return answer.get("Attributes"), answer["ConsumedCapacity"]["CapacityUnits"]

    assert put(10) == (None, 1)
    assert put(3 * KB) == (item("b", size=10), 3)
    assert put(10) == (item("b", size=3 * KB), 3)
    told = stub.report()["tables"][TABLE]
    assert (told["items"], told["write_units"]) == (1, 7)


def test_what_is_no_fact_of_an_email_is_counted_apart(stub: Stub, dynamodb: Any) -> None:
    write(
        dynamodb, [item("a"), {"pk": {"S": "WORKERS"}, "sk": {"S": "a"}}, {"pk": {"S": "REPORTED#b"}, "sk": {"S": "a"}}]
    )
    told = stub.report()["tables"][TABLE]
    assert (told["items"], told["facts"]) == (3, 1)


def test_a_call_that_is_not_in_the_stub_is_refused(stub: Stub, dynamodb: Any) -> None:  # noqa: ARG001
    with pytest.raises(dynamodb.exceptions.ClientError, match="not in the stub"):
        dynamodb.scan(TableName=TABLE)


# ---- what is left out ----------------------------------------------------------------------------------------------


def test_items_that_are_not_processed_come_back_and_are_not_stored(stub: Stub, dynamodb: Any) -> None:
    stub.configure(unprocessed=0.5, seed=7)
    offered = {each["sk"]["S"]: each for each in (item(f"{number:02}") for number in range(25))}
    left = write(dynamodb, list(offered.values()))["UnprocessedItems"]
    assert 0 < len(keys(left)) < 25
    assert stored(dynamodb) == sorted(offered.keys() - keys(left))
    assert [each["PutRequest"]["Item"] for each in left[TABLE]] == [offered[key] for key in keys(left)]
    while left:
        left = dynamodb.batch_write_item(RequestItems=left)["UnprocessedItems"]
    told = stub.report()
    assert stored(dynamodb) == sorted(offered)
    assert told["tables"][TABLE]["puts"] == 25
    assert told["entries"]["dynamodb.BatchWriteItem"] > 25


def test_one_seed_leaves_out_the_same_again(stub: Stub, dynamodb: Any) -> None:
    items = [item(f"{number:02}") for number in range(25)]
    runs = []
    for seed in (1, 1, 2):
        stub.configure(unprocessed=0.5, seed=seed)
        runs.append(keys(write(dynamodb, items)["UnprocessedItems"]))
    assert runs[0] == runs[1] != runs[2]


def test_all_items_may_be_left_out(stub: Stub, dynamodb: Any) -> None:
    stub.configure(unprocessed=1)
    assert keys(write(dynamodb, [item("a"), item("b")])["UnprocessedItems"]) == ["a", "b"]
    assert stored(dynamodb) == []


# ---- write units ---------------------------------------------------------------------------------------------------

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


def units(stub: Stub) -> tuple[int, int]:
    """Of the table, and of its indexes."""
    told = stub.report()["tables"][TABLE]
    assert told["write_units"] == told["table_write_units"] + told["index_write_units"]
    return told["table_write_units"], told["index_write_units"]


@pytest.mark.parametrize(
    ("puts", "table", "indexes"),
    [
        ([item(size=KB)], 1, 0),
        ([item(size=KB + 1)], 2, 0),
        ([item(size=400 * KB)], 400, 0),
        ([item(size=3 * KB), item()], 3 + 3, 0),  # the larger of old and new
        ([MAIL], 1, 3),
        ([MAIL, MAIL], 1 + 1, 3),
        ([MAIL, MAIL | {"expires_at": {"N": "1827138517"}}], 1 + 1, 3),  # no index holds it
        ([MAIL, MAIL | {"account": {"S": "other"}}], 1 + 1, 3 + 2),  # one entry goes, one comes
        ([MAIL, MAIL | {"sent_key": {"S": "-"}}], 1 + 1, 3 + 6),
        ([MAIL, {name: value for name, value in MAIL.items() if name != "account"}], 1 + 1, 3 + 1),
        ([BOUNCE], 1, 2),
        ([BOUNCE, BOUNCE], 1 + 1, 2),
        ([item("EVENT#2026-11-25T10:49:02Z#Open#1#89abcdef", kind="Open")], 1, 0),
        ([MAIL | {"document": {"S": "x" * 2000}}], 3, 3 + 1 + 1),  # an entry has its own size
    ],
)
def test_a_put_costs_what_dynamodb_bills(
    stub: Stub, dynamodb: Any, puts: Sequence[Item], table: int, indexes: int
) -> None:
    for each in puts:
        write(dynamodb, [each])
    assert units(stub) == (table, indexes)


def test_the_answer_tells_what_it_cost(stub: Stub, dynamodb: Any) -> None:  # noqa: ARG001
    (told,) = write(dynamodb, [MAIL, BOUNCE], ReturnConsumedCapacity="INDEXES")["ConsumedCapacity"]
    assert (told["CapacityUnits"], told["Table"]["CapacityUnits"]) == (7, 2)
    each = {name: index["CapacityUnits"] for name, index in told["GlobalSecondaryIndexes"].items()}
    assert each == {"by_document": 1, "by_recipient": 1, "by_account": 1, "by_failure": 1, "by_failure_day": 1}
    put = dynamodb.put_item(TableName=TABLE, Item=MAIL, ReturnConsumedCapacity="TOTAL")["ConsumedCapacity"]
    assert put == {"TableName": TABLE, "CapacityUnits": 1}


# ---- what a benchmark is told --------------------------------------------------------------------------------------


def test_a_put_again_is_one_item(stub: Stub, dynamodb: Any) -> None:
    for text in ("long", "ab"):
        dynamodb.put_item(TableName=TABLE, Item=item(x=text))
    told = stub.report()["tables"][TABLE]
    # pk EMAIL#1, sk a, x ab
    assert (told["items"], told["puts"], told["bytes"]) == (1, 2, 9 + 3 + 3)
    assert dynamodb.get_item(TableName=TABLE, Key=item())["Item"] == item(x="ab")


def test_the_first_event_of_an_email_tells_when_it_was_written(stub: Stub, dynamodb: Any) -> None:
    write(dynamodb, [MAIL])
    assert stub.written() == {}
    began = time.time()
    write(dynamodb, [BOUNCE])
    first = stub.written()
    assert list(first) == ["EMAIL#1"]
    assert began <= first["EMAIL#1"] <= time.time()
    write(dynamodb, [item("EVENT#later")])
    assert stub.written() == first


def test_a_write_counts_as_written_when_its_answer_leaves(stub: Stub, dynamodb: Any) -> None:
    stub.configure(delay_ms=100)
    began = time.time()
    write(dynamodb, [BOUNCE])
    assert began + 0.1 <= stub.written()["EMAIL#1"] <= time.time() + SLACK


def test_facts_come_in_the_order_of_the_bytes_of_their_keys(stub: Stub, dynamodb: Any) -> None:  # noqa: ARG001
    write(dynamodb, [item(sk) for sk in ("é", "b", "B", "\U0001f4ec", "\uffff", "a")])
    assert stored(dynamodb) == ["B", "a", "b", "é", "\uffff", "\U0001f4ec"]


def test_the_table_is_described_as_the_template_has_it(stub: Stub, dynamodb: Any) -> None:  # noqa: ARG001
    told = dynamodb.describe_table(TableName=TABLE)["Table"]
    assert [(each["AttributeName"], each["KeyType"]) for each in told["KeySchema"]] == [("pk", "HASH"), ("sk", "RANGE")]
    indexes = {each["IndexName"]: each["KeySchema"][0]["AttributeName"] for each in told["GlobalSecondaryIndexes"]}
    assert indexes == {
        "by_document": "document",
        "by_recipient": "mail_recipient",
        "by_account": "account",
        "by_failure": "failure_account",
        "by_failure_day": "failure_day",
    }


def test_a_reset_table_is_another_table(stub: Stub, dynamodb: Any) -> None:
    """A worker's memory of what it has seen is bound to the table's time of creation."""
    write(dynamodb, [MAIL])
    before = dynamodb.describe_table(TableName=TABLE)["Table"]
    stub.reset()
    after = dynamodb.describe_table(TableName=TABLE)["Table"]
    assert stored(dynamodb) == []
    assert after["TableArn"] == before["TableArn"]
    assert after["CreationDateTime"] > before["CreationDateTime"]
