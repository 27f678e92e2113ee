"""Is it still the table that was claimed for? DynamoDB is faked at the client."""

import threading
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from chaos.faults import friendly_200
from chaos.proxy import AwsProxy
from email_activity.aws.clients import dynamodb_client
from email_activity.domain.errors import TransientError
from email_activity.domain.worker_process import ThisProcess
from email_activity.ingest import table_identity as module
from email_activity.ingest.table_identity import LASTS, WRITE_EVERY, Space, TableIdentity
from email_activity.settings import SettingsError, load_settings
from fakesite import FakeDynamoDB

AWAY = EndpointConnectionError(endpoint_url="http://x")


def answer_next_put(dynamodb: FakeDynamoDB, answer: Any) -> None:
    """Without carrying it out."""
    put = dynamodb.put_item

    def instead(**_: Any) -> Any:
        dynamodb.calls.append("PutItem")
        dynamodb.put_item = put  # type: ignore[method-assign]
        if isinstance(answer, Exception):
            raise answer
        return answer

    dynamodb.put_item = instead  # type: ignore[method-assign]


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def dynamodb() -> FakeDynamoDB:
    return FakeDynamoDB()


@pytest.fixture
def table(dynamodb: FakeDynamoDB, now: list[float]) -> TableIdentity:  # noqa: ARG001
    """Of a poll that has begun."""
    made = TableIdentity(dynamodb, "table", ThisProcess())  # type: ignore[arg-type]
    made.look()
    dynamodb.calls.clear()
    return made


def test_the_item_is_written_before_the_last_look(dynamodb: FakeDynamoDB) -> None:
    """Else a table made in between would hold it, and be taken for the one that was looked at."""
    TableIdentity(dynamodb, "table", ThisProcess()).look()  # type: ignore[arg-type]
    assert dynamodb.calls == ["DescribeTable", "PutItem", "DescribeTable"]


def test_an_answer_counts_for_a_second(table: TableIdentity, dynamodb: FakeDynamoDB, now: list[float]) -> None:
    space = table.space()
    for _ in range(10):
        now[0] += LASTS / 10
        assert table.is_still(space)
    assert dynamodb.calls == []
    now[0] += LASTS / 10
    assert table.is_still(space)
    assert dynamodb.calls == ["PutItem"]


def test_another_table_under_the_same_name_is_seen(
    table: TableIdentity, dynamodb: FakeDynamoDB, now: list[float]
) -> None:
    space = table.space()
    dynamodb.replace()
    now[0] += LASTS * 1.1
    assert not table.is_still(space)
    assert table.space().name != space.name
    assert table.is_still(table.space())
    assert not table.is_still(space)


def test_the_question_whether_it_takes_writes_sees_it_too(table: TableIdentity, dynamodb: FakeDynamoDB) -> None:
    space = table.space()
    dynamodb.replace()
    table.ask()
    assert table.space().name != space.name


def test_a_new_poll_sees_it_too(table: TableIdentity, dynamodb: FakeDynamoDB) -> None:
    space = table.space()
    dynamodb.replace()
    table.look()
    assert not table.is_still(space)
    assert table.space().name != space.name


def test_a_table_that_was_emptied_is_looked_at_again(table: TableIdentity, dynamodb: FakeDynamoDB) -> None:
    space = table.space()
    dynamodb.items = {}
    table.ask()
    assert not table.is_still(space)
    assert table.space() == Space(space.name, space.generation + 1)


def test_an_unknown_table_ends_what_was_claimed(table: TableIdentity, dynamodb: FakeDynamoDB) -> None:
    space = table.space()
    table.doubt()
    assert not table.is_still(space)
    dynamodb.items = None
    with pytest.raises(TransientError, match="ResourceNotFoundException"):
        table.space()
    with pytest.raises(SettingsError, match="want a table that exists"):
        table.look()


def test_a_table_of_an_older_shape_is_refused_before_anything_is_written(dynamodb: FakeDynamoDB) -> None:
    dynamodb.indexes.remove("by_failure_day")
    table = TableIdentity(dynamodb, "table", ThisProcess())  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="by_failure_day"):
        table.look()
    with pytest.raises(TransientError, match="OlderTable"):
        table.space()
    assert dynamodb.items == {}


@pytest.mark.parametrize("status", ["CREATING", "DELETING"])
def test_a_table_that_comes_or_goes_is_none_to_claim_for(
    table: TableIdentity, dynamodb: FakeDynamoDB, status: str
) -> None:
    """One that is being deleted may take writes for a while."""
    space = table.space()
    dynamodb.status = status
    with pytest.raises(TransientError, match=status.lower()):
        table.look()
    dynamodb.status = "ACTIVE"
    assert not table.is_still(space)


def test_a_table_replaced_between_two_looks_is_not_taken_for_the_first(
    dynamodb: FakeDynamoDB, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = TableIdentity(dynamodb, "table", ThisProcess())  # type: ignore[arg-type]
    put = dynamodb.put_item
    monkeypatch.setattr(dynamodb, "put_item", lambda **asked: (put(**asked), dynamodb.replace())[0])
    with pytest.raises(TransientError, match="TableReplaced"):
        table.look()


def test_a_write_whose_answer_was_lost_does_not_hide_a_new_table(table: TableIdentity, dynamodb: FakeDynamoDB) -> None:
    """It may have been the first into that one."""
    space = table.space()
    dynamodb.replace()
    put = dynamodb.put_item

    def stored_but_lost(**asked: Any) -> Any:
        put(**asked)
        raise AWAY

    dynamodb.put_item = stored_but_lost  # type: ignore[method-assign]
    with pytest.raises(TransientError):
        table.ask()
    dynamodb.put_item = put  # type: ignore[method-assign]
    table.ask()
    assert not table.is_still(space)


def test_an_answer_that_is_not_dynamodbs_is_none(table: TableIdentity, dynamodb: FakeDynamoDB) -> None:
    """A proxy may say 200, with a page of its own, to anything."""
    answer_next_put(dynamodb, {"ResponseMetadata": {"HTTPStatusCode": 200}})
    with pytest.raises(TransientError):
        table.ask()


def test_nor_is_a_page_as_boto3_reads_it() -> None:
    with AwsProxy("http://127.0.0.1:1") as proxy:
        proxy.fault("*", friendly_200())
        settings = load_settings(aws_endpoint_url=proxy.endpoint_url, activity_table="table")
        client = dynamodb_client(settings)
        table = TableIdentity(client, "table", ThisProcess())
        for question in (table.ask, table.look, table.space):
            with pytest.raises(TransientError):
                question()
        client.close()


def test_not_known_is_not_the_same(table: TableIdentity, dynamodb: FakeDynamoDB, now: list[float]) -> None:
    space = table.space()
    now[0] += LASTS * 1.1
    answer_next_put(dynamodb, AWAY)
    with pytest.raises(TransientError, match="EndpointConnectionError"):
        table.is_still(space)


def test_threads_that_wait_for_one_answer_share_its_failure(
    table: TableIdentity, dynamodb: FakeDynamoDB, now: list[float]
) -> None:
    """Each would else wait for a time-out of its own, one after another."""
    space = table.space()
    now[0] += LASTS * 1.1
    answer_next_put(dynamodb, AWAY)
    failed = []

    def ask() -> None:
        try:
            table.is_still(space)
        except TransientError:
            failed.append(True)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(failed) == 8
    assert dynamodb.calls == ["PutItem"]
    now[0] += LASTS * 1.1
    assert table.is_still(space)


def test_a_busy_process_writes_its_item_every_half_minute(
    table: TableIdentity, dynamodb: FakeDynamoDB, now: list[float]
) -> None:
    for _ in range(int(WRITE_EVERY)):
        table.keep_written()
        now[0] += 1
    assert dynamodb.calls == []
    now[0] += 1
    answer_next_put(dynamodb, AWAY)
    with pytest.raises(TransientError):
        table.keep_written()
    table.keep_written()  # not at once again
    assert dynamodb.calls == ["PutItem"]
