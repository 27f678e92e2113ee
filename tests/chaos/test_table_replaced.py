"""The table is deleted and made again while workers run: what is acknowledged from then on is in the new one.

The watch (watch.py) asks the table before each delete of a message, so a delete that rests on the old table's facts
fails the test at that moment.
"""

import time

from chaos.load import Load, assert_exact, watched_worker
from chaos.proxy import AwsProxy
from email_activity.activity.query import ActivityTable
from harness import Site, Worker, eventually

#: Of Site's workers.
PROCESSES = 2

#: Seconds that the table is away for, in the short form and in the long one. Longer than an answer about it counts
#: (table_identity.LASTS), with room for a machine that is busy.
AWAY, LONG_AWAY = 4.0, 10.0

#: Seconds of load before and after.
BEFORE = 3.0


def test_what_redis_calls_done_of_a_table_that_is_no_more_is_recorded_anew(site: Site, rounds: int) -> None:
    loads: list[Load] = []
    away = AWAY if rounds == 1 else LONG_AWAY

    def work_for(seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            loads.append(Load.make(10 if rounds == 1 else 30, seed=len(loads)))
            site.send(loads[-1].everything)
            time.sleep(0.2)

    # As by default, so that no new poll begins while the table is away.
    with watched_worker(site, POLL_SECONDS="30") as (proxy, worker):
        work_for(BEFORE)
        eventually(lambda: proxy.calls["DeleteMessageBatch"] > 1)
        for _ in range(rounds):
            replace_table(site, lambda: work_for(away))
            work_for(BEFORE)
        for load in loads:
            site.send(load.everything)
        site.drained(within=120 * rounds)
        assert_bounded(proxy, worker, rounds)
    assert_exact(site, *loads)
    assert len(ActivityTable(site.cloud.dynamodb, site.made.table_name).workers()) == PROCESSES


def assert_bounded(proxy: AwsProxy, worker: Worker, times: int) -> None:
    """It costs a message a receive when the table goes, and one when another is there."""
    assert max(proxy.receives.values()) <= 1 + 2 * times
    assert worker.log.read_text().count('"dependency_failing"') <= PROCESSES * times


def replace_table(site: Site, meanwhile) -> None:
    """By one of the same name and shape, with nothing in it."""
    dynamodb, name = site.cloud.dynamodb, site.made.table_name
    old = dynamodb.describe_table(TableName=name)["Table"]
    dynamodb.update_table(TableName=name, DeletionProtectionEnabled=False)
    dynamodb.delete_table(TableName=name)
    dynamodb.get_waiter("table_not_exists").wait(TableName=name, WaiterConfig={"Delay": 1})
    meanwhile()
    indexes = [
        {part: index[part] for part in ("IndexName", "KeySchema", "Projection")}
        for index in old["GlobalSecondaryIndexes"]
    ]
    dynamodb.create_table(
        TableName=name,
        KeySchema=old["KeySchema"],
        AttributeDefinitions=old["AttributeDefinitions"],
        GlobalSecondaryIndexes=indexes,
        BillingMode="PAY_PER_REQUEST",
    )
