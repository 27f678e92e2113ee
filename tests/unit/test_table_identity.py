"""Is it still the table that was claimed for? DynamoDB is faked at the client."""

import threading
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from chaos.faults import friendly_200
from chaos.proxy import AwsProxy
from email_activity.aws.clients import dynamodb_client
from email_activity.domain.errors import TransientError
from email_activity.ingest import table_identity as module
from email_activity.ingest.table_identity import ANSWER_LASTS, WRITE_EVERY, TableIdentity, TableVersion, ThisProcess
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
    made.refresh()
    dynamodb.calls.clear()
    return made


def test_the_item_is_written_before_the_last_look(dynamodb: FakeDynamoDB) -> None:
    """Else a table made in between would hold it, and be taken for the one that was looked at."""
    TableIdentity(dynamodb, "table", ThisProcess()).refresh()  # type: ignore[arg-type]
    assert dynamodb.calls == ["DescribeTable", "PutItem", "DescribeTable"]


def test_an_answer_counts_for_a_second(table: TableIdentity, dynamodb: FakeDynamoDB, now: list[float]) -> None:
    version = table.current()
    for _ in range(10):
        now[0] += ANSWER_LASTS / 10
        assert table.is_current(version)
    assert dynamodb.calls == []
    now[0] += ANSWER_LASTS / 10
    assert table.is_current(version)
    assert dynamodb.calls == ["PutItem"]


@pytest.mark.parametrize("learn", [TableIdentity.probe, TableIdentity.refresh, TableIdentity.current])
def test_another_table_under_the_same_name_is_seen(
    table: TableIdentity, dynamodb: FakeDynamoDB, now: list[float], learn: Any
) -> None:
    """By a probe, at the next poll, or when it is asked for after ANSWER_LASTS."""
    version = table.current()
    dynamodb.replace()
    now[0] += ANSWER_LASTS * 1.1
    learn(table)
    assert not table.is_current(version)
    assert table.current().namespace != version.namespace


def test_a_table_that_was_emptied_is_looked_at_again(table: TableIdentity, dynamodb: FakeDynamoDB) -> None:
    version = table.current()
    dynamodb.items = {}
    table.probe()
    assert not table.is_current(version)
    assert table.current() == TableVersion(version.namespace, version.generation + 1)


def test_an_unknown_table_ends_what_was_claimed(table: TableIdentity, dynamodb: FakeDynamoDB) -> None:
    version = table.current()
    table.invalidate()
    assert not table.is_current(version)
    dynamodb.items = None
    with pytest.raises(TransientError, match="ResourceNotFoundException"):
        table.current()
    with pytest.raises(SettingsError, match="want a table that exists"):
        table.refresh()


def test_a_table_of_an_older_shape_is_refused_before_anything_is_written(dynamodb: FakeDynamoDB) -> None:
    dynamodb.indexes.remove("by_failure_day")
    table = TableIdentity(dynamodb, "table", ThisProcess())  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="by_failure_day"):
        table.refresh()
    with pytest.raises(TransientError, match="OlderTable"):
        table.current()
    assert dynamodb.items == {}


@pytest.mark.parametrize("status", ["CREATING", "DELETING"])
def test_a_table_that_comes_or_goes_is_none_to_claim_for(
    table: TableIdentity, dynamodb: FakeDynamoDB, status: str
) -> None:
    """One that is being deleted may take writes for a while."""
    version = table.current()
    dynamodb.status = status
    with pytest.raises(TransientError, match=status.lower()):
        table.refresh()
    dynamodb.status = "ACTIVE"
    assert not table.is_current(version)


def test_a_table_replaced_between_two_looks_is_not_taken_for_the_first(
    dynamodb: FakeDynamoDB, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = TableIdentity(dynamodb, "table", ThisProcess())  # type: ignore[arg-type]
    put = dynamodb.put_item
    monkeypatch.setattr(dynamodb, "put_item", lambda **asked: (put(**asked), dynamodb.replace())[0])
    with pytest.raises(TransientError, match="TableReplaced"):
        table.refresh()


def test_a_write_whose_answer_was_lost_does_not_hide_a_new_table(table: TableIdentity, dynamodb: FakeDynamoDB) -> None:
    """It may have been the first into that one."""
    version = table.current()
    dynamodb.replace()
    put = dynamodb.put_item

    def stored_but_lost(**asked: Any) -> Any:
        put(**asked)
        raise AWAY

    dynamodb.put_item = stored_but_lost  # type: ignore[method-assign]
    with pytest.raises(TransientError):
        table.probe()
    dynamodb.put_item = put  # type: ignore[method-assign]
    table.probe()
    assert not table.is_current(version)


def test_an_answer_that_is_not_dynamodbs_is_none(table: TableIdentity, dynamodb: FakeDynamoDB) -> None:
    """A proxy may say 200, with a page of its own, to anything."""
    answer_next_put(dynamodb, {"ResponseMetadata": {"HTTPStatusCode": 200}})
    with pytest.raises(TransientError):
        table.probe()


def test_nor_is_a_page_as_boto3_reads_it() -> None:
    with AwsProxy("http://127.0.0.1:1") as proxy:
        proxy.fault("*", friendly_200())
        settings = load_settings(aws_endpoint_url=proxy.endpoint_url, activity_table="table")
        client = dynamodb_client(settings)
        table = TableIdentity(client, "table", ThisProcess())
        for question in (table.probe, table.refresh, table.current):
            with pytest.raises(TransientError):
                question()
        client.close()


def test_not_known_is_not_the_same(table: TableIdentity, dynamodb: FakeDynamoDB, now: list[float]) -> None:
    version = table.current()
    now[0] += ANSWER_LASTS * 1.1
    answer_next_put(dynamodb, AWAY)
    with pytest.raises(TransientError, match="EndpointConnectionError"):
        table.is_current(version)


def test_threads_that_wait_for_one_answer_share_its_failure(
    table: TableIdentity, dynamodb: FakeDynamoDB, now: list[float]
) -> None:
    """Each would else wait for a time-out of its own, one after another."""
    version = table.current()
    now[0] += ANSWER_LASTS * 1.1
    answer_next_put(dynamodb, AWAY)
    failed = []

    def ask() -> None:
        try:
            table.is_current(version)
        except TransientError:
            failed.append(True)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(failed) == 8
    assert dynamodb.calls == ["PutItem"]
    now[0] += ANSWER_LASTS * 1.1
    assert table.is_current(version)


def test_a_busy_process_writes_its_item_every_half_minute(
    table: TableIdentity, dynamodb: FakeDynamoDB, now: list[float]
) -> None:
    for _ in range(int(WRITE_EVERY)):
        table.write_if_due()
        now[0] += 1
    assert dynamodb.calls == []
    now[0] += 1
    answer_next_put(dynamodb, AWAY)
    with pytest.raises(TransientError):
        table.write_if_due()
    table.write_if_due()  # not at once again
    assert dynamodb.calls == ["PutItem"]
