"""Celery's broker is there, and refuses: all that the main process took for its attempts comes back, and polls go on.

Once, each attempt left descriptors behind, 11 a second where Redis answered READONLY; at the limit remote control was
dead for good, and children that died were never replaced.
"""

import itertools
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from chaos.load import Load, assert_exact, watched_worker
from chaos.refusing import Refusing
from chaos.test_celery_broker import Broker, kill_a_child_and_see_it_replaced, said_of_broker
from harness import Site, Worker, eventually
from servers import free_port

#: Seconds for which the broker refuses, in `make test` and at length.
SHORT = 6
LONG = 60

#: Descriptors by which a worker may differ from itself: of an attempt under way, or what it opens only when it is first
#: needed. The stock consumer opened 66 in the short form.
SLACK = 5

#: Bytes. The stock consumer took 31 MB in a minute.
MOST_MEMORY = 10 * 1024 * 1024


@contextmanager
def readonly(broker: Broker) -> Iterator[None]:
    """A master that was demoted."""
    with broker.server.client() as client:
        client.replicaof("127.0.0.1", free_port())
        yield
        client.replicaof("NO", "ONE")


@contextmanager
def misconf(broker: Broker) -> Iterator[None]:
    """A disk that cannot be written."""
    with broker.server.client() as client:
        (broker.server.data_dir / "in the way").mkdir()
        client.config_set("dbfilename", "in the way")
        client.bgsave()
        eventually(lambda: client.info("persistence")["rdb_last_bgsave_status"] == "err")
        yield
        client.config_set("stop-writes-on-bgsave-error", "no")


@contextmanager
def loading(broker: Broker) -> Iterator[None]:
    with Refusing("LOADING Redis is loading the dataset in memory") as server:
        broker.switch.target = server.port
        broker.switch.reset()
        yield
        broker.switch.target = broker.server.port
        broker.switch.reset()


@contextmanager
def noauth(broker: Broker) -> Iterator[None]:
    with broker.server.client() as client:
        client.config_set("requirepass", "another")
        client.execute_command("AUTH", "another")
        yield
        client.config_set("requirepass", "")


@contextmanager
def out_of_memory(broker: Broker) -> Iterator[None]:
    with broker.server.client() as client:
        client.config_set("maxmemory", "1")
        yield
        client.config_set("maxmemory", "0")


WAYS = {"READONLY": readonly, "MISCONF": misconf, "LOADING": loading, "NOAUTH": noauth, "OOM": out_of_memory}

#: In `make test`: one that takes connections and refuses writes, and one that refuses all. Five workers at once would
#: make it a test of the machine.
IN_SHORT = ("READONLY", "LOADING")


def descriptors(worker: Worker) -> list[str]:
    found = []
    for each in Path(f"/proc/{worker.process.pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            found.append(str(each.readlink()))
    return sorted(found)


def memory(worker: Worker) -> int:
    """Bytes."""
    pages = int(Path(f"/proc/{worker.process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def batches(worker: Worker) -> int:
    return worker.log.read_text().count('"event": "batch"')


class Work:
    """For the workers on one queue: more of it, until one that is meant has had some."""

    def __init__(self, site: Site) -> None:
        self.loads: list[Load] = []
        self._site = site
        self._seeds = itertools.count()

    def until_done_by(self, worker: Worker) -> None:
        before = batches(worker)

        def look() -> bool:
            load = Load.make(5, seed=next(self._seeds))
            self.loads.append(load)
            self._site.send(load.everything)
            return batches(worker) > before

        eventually(look, within=120, every=1)


@pytest.mark.timeout(900)
def test_a_broker_that_refuses_costs_nothing_that_does_not_come_back(site: Site, rounds: int) -> None:
    work = Work(site)

    def scene(name: str) -> None:
        with ExitStack() as stack:
            broker = stack.enter_context(Broker.started(save="3600 1", enable_protected_configs="yes"))
            _, worker = stack.enter_context(watched_worker(site, CELERY_BROKER_URL=broker.switched_url))
            eventually(broker.is_whole, within=120)
            before, bytes_before = descriptors(worker), memory(worker)
            with WAYS[name](broker):
                broker.switch.reset()  # who is connected may be served on, for instance without a password
                eventually(lambda: said_of_broker(worker, "dependency_failing"))
                time.sleep(LONG if rounds > 1 else SHORT)
                assert len(descriptors(worker)) <= len(before) + SLACK, (name, before, descriptors(worker))
                kill_a_child_and_see_it_replaced(worker)
                work.until_done_by(worker)
            eventually(lambda: said_of_broker(worker, "dependency_back"))
            eventually(broker.is_whole, within=120)
            assert len(descriptors(worker)) <= len(before) + SLACK, (name, before, descriptors(worker))
            assert memory(worker) - bytes_before < MOST_MEMORY, name
            assert said_of_broker(worker, "dependency_failing") == 1, name
            kill_a_child_and_see_it_replaced(worker)
            work.until_done_by(worker)
            worker.stop(within=60)
            assert worker.said('"stopped"'), name

    with ThreadPoolExecutor() as pool:
        for _ in pool.map(scene, WAYS if rounds > 1 else IN_SHORT):
            pass
    with site.worker():
        site.drained(within=120)  # what a child that was killed had in hand
    assert_exact(site, *work.loads)
