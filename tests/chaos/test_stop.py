"""A worker that is told to stop receives no more, finishes what it has begun, and ends in time."""

import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from chaos.faults import hang, slow
from chaos.held import held_until
from chaos.kills import Kills, is_gone
from chaos.load import VISIBILITY, Load, assert_exact
from chaos.proxy import AwsProxy
from email_activity.redis_url import MEMORY
from events import Email, raw
from harness import Site, Worker, eventually
from integration.test_whole_path import facts_of

#: Seconds: the bound that the worker sets itself, and what a busy machine may take to see that it has ended.
STOPS_WITHIN = 25
MARGIN = 15

#: What Celery says of a stop in which tasks may end.
WARM = "Warm shutdown"

#: To the main process or to all of its group; a further step is taken when the stop has begun.
Step = tuple[Callable[[int, int], None], signal.Signals]

WAYS: dict[str, Sequence[Step]] = {
    "told by hand, twice": [(os.kill, signal.SIGINT), (os.kill, signal.SIGINT)],
    "cold": [(os.kill, signal.SIGQUIT)],
    "warm, then cold": [(os.kill, signal.SIGTERM), (os.kill, signal.SIGQUIT)],
    "out of patience": [(os.kill, signal.SIGTERM), (os.killpg, signal.SIGKILL)],
    "each process told, as systemd does by default": [(os.killpg, signal.SIGTERM)],
}


def take_out(site: Site, messages: int) -> list[int]:
    """Their receive counts, as a fresh consumer sees them."""
    counts: list[int] = []

    def look() -> bool:
        for each in site.cloud.sqs.receive_message(
            QueueUrl=site.made.queue_url,
            MaxNumberOfMessages=10,
            MessageSystemAttributeNames=["ApproximateReceiveCount"],
        ).get("Messages", []):
            counts.append(int(each["Attributes"]["ApproximateReceiveCount"]))
            site.cloud.sqs.delete_message(QueueUrl=site.made.queue_url, ReceiptHandle=each["ReceiptHandle"])
        return len(counts) >= messages

    eventually(look)
    return counts


#: What Celery hears remote control by; without one it has no event loop, and its pool other threads.
BROKERS = {"redis": {}, "memory": {"CELERY_BROKER_URL": MEMORY}}


@pytest.mark.parametrize("broker", BROKERS)
def test_a_stop_told_twice_receives_no_more_and_finishes_what_was_begun(site: Site, broker: str) -> None:
    begun, late = [Email().send() for _ in range(20)], [Email().send() for _ in range(5)]
    released = threading.Event()
    with (
        AwsProxy(site.made.endpoint_url) as proxy,
        site.worker("--concurrency", "1", AWS_ENDPOINT_URL=proxy.endpoint_url, **BROKERS[broker]) as worker,
    ):
        proxy.fault("BatchWriteItem", held_until(released))
        site.send([raw(event) for event in begun])
        eventually(lambda: proxy.calls["BatchWriteItem"] and site.waiting()[0] == 0)
        worker.process.terminate()
        eventually(lambda: worker.said(WARM))
        worker.process.terminate()
        time.sleep(2)  # RECEIVE_WAIT_SECONDS is 1: what was open is over
        receives = proxy.calls["ReceiveMessage"]
        site.send([raw(event) for event in late])
        time.sleep(2)
        assert worker.process.poll() is None
        released.set()
        assert worker.process.wait(STOPS_WITHIN) == 0
        assert proxy.calls["ReceiveMessage"] == receives
    assert site.items() == facts_of(*begun)
    assert site.waiting() == (len(late), 0)
    assert take_out(site, len(late)) == [1] * len(late)


def test_what_arrives_during_a_stop_is_counted_once(site: Site) -> None:
    """Once, each of 16 long polls still open gave back at once what the one before had given back: twelve receives
    in a fifth of a second, and so into the dead-letter queue.
    """
    events = [Email().send() for _ in range(3)]
    with (
        AwsProxy(site.made.endpoint_url) as proxy,
        site.worker(AWS_ENDPOINT_URL=proxy.endpoint_url, RECEIVE_WAIT_SECONDS="3", POLL_SECONDS="60") as worker,
    ):
        eventually(lambda: proxy.calls["ReceiveMessage"] >= 2)
        worker.process.terminate()
        eventually(lambda: worker.said(WARM))
        site.send([raw(event) for event in events])
        assert worker.process.wait(STOPS_WITHIN) == 0
        assert max(proxy.receives.values(), default=1) == 1
    recorded = [event for event in events if facts_of(event).items() <= site.items().items()]
    assert all(count <= 2 for count in take_out(site, len(events) - len(recorded)))
    assert site.waiting() == (0, 0)
    assert site.dead_letters() == []


def test_no_way_to_stop_a_worker_loses_anything(site: Site, tmp_path: Path, rounds: int) -> None:
    site.cloud.sqs.set_queue_attributes(QueueUrl=site.made.queue_url, Attributes={"VisibilityTimeout": str(VISIBILITY)})
    kills = Kills(tmp_path)  # armed nowhere: it only notes what is received
    loads = [Load.make(100, seed, most_copies=1) for seed in range(rounds)]
    for number, load in enumerate(loads):
        with AwsProxy(site.made.endpoint_url) as proxy, ExitStack() as stack:
            proxy.fault("BatchWriteItem", slow(3))
            few = {"AWS_ENDPOINT_URL": proxy.endpoint_url, "THREADS_PER_PROCESS": "2", "BATCH_SIZE": "10"}
            few |= BROKERS["memory" if number % 2 else "redis"]
            workers = [stack.enter_context(kills.worker(site, "--concurrency", "1", **few)) for _ in WAYS]
            eventually(lambda workers=workers: all(worker.said(" ready.") for worker in workers), within=60)
            site.send(load.everything)
            for worker, steps in zip(workers, WAYS.values(), strict=True):
                eventually(lambda worker=worker: kills.has_received(worker))
                take(worker, steps)
            for worker in workers:
                worker.process.wait(STOPS_WITHIN)
                eventually(lambda worker=worker: is_gone(worker))
        with kills.worker(site):
            site.drained(within=120)
    assert max(kills.receives().values()) > 1  # else nobody was stopped in the middle of anything
    assert_exact(site, *loads)


def take(worker: Worker, steps: Sequence[Step]) -> None:
    for number, (send, which) in enumerate(steps):
        if number:
            eventually(lambda: worker.said(WARM))
        send(worker.process.pid, which)


@pytest.mark.parametrize("broker", BROKERS)
def test_a_stop_while_dynamodb_hangs_ends_in_time_and_loses_nothing(site: Site, broker: str) -> None:
    site.cloud.sqs.set_queue_attributes(QueueUrl=site.made.queue_url, Attributes={"VisibilityTimeout": str(VISIBILITY)})
    load, bound = Load.make(30, seed=3), 6
    with (
        AwsProxy(site.made.endpoint_url) as proxy,
        site.worker(AWS_ENDPOINT_URL=proxy.endpoint_url, SHUTDOWN_SECONDS=str(bound), **BROKERS[broker]) as worker,
    ):
        proxy.fault("BatchWriteItem", hang(60))
        site.send(load.everything)
        eventually(lambda: proxy.injected["hang"])
        worker.process.terminate()
        assert worker.process.wait(bound + MARGIN) == 1
        assert worker.said("shutdown_bound_reached")
        eventually(lambda: is_gone(worker))
    with site.worker():
        site.drained(within=120)
    assert_exact(site, load)
