"""Redis as a cluster: claims while slots move and nodes go; and what a start says where it cannot serve."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing

import psutil
import pytest

from email_activity.domain.errors import TransientError
from email_activity.domain.facts import Key
from email_activity.hosting.start_check import check_start
from email_activity.ingest.claims import Claims
from email_activity.ingest.model import Claim
from email_activity.redis_client.commands import RedisCommands
from email_activity.redis_url import read_redis_url
from email_activity.settings import SettingsError, load_settings
from events import Email, raw
from harness import Site, eventually
from redisservers import Cluster, answers, slot_of
from servers import free_port

#: Facts of a batch, spread over all nodes.
KEYS: list[Key] = [("EMAIL#1", f"EVENT#{number}") for number in range(60)]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster() as running:
        yield running


@pytest.fixture
def frail() -> Iterator[Cluster]:
    """One whose nodes the test may kill. The first has a replica."""
    with Cluster(with_replica=True) as running:
        yield running


def claims(commands: RedisCommands, space: str) -> Claims:
    return Claims(commands, space, 30, 60)


def test_a_batch_is_one_round_trip_for_each_node(cluster: Cluster, prefix: str) -> None:
    """As few reads of the network as there are nodes, however many facts the batch has."""
    batch = claims(cluster.commands, prefix)
    batch.claim(KEYS)  # connected by now
    nodes = cluster.nodes
    before = [cluster.ask(node, "INFO", "stats") for node in nodes]
    batch.claim(KEYS)
    after = [cluster.ask(node, "INFO", "stats") for node in nodes]
    reads = [_reads(late) - _reads(early) for early, late in zip(before, after, strict=True)]
    # This look is one read of each node, and connecting to it another: as many as without a batch, and one.
    idle = [_reads(cluster.ask(node, "INFO", "stats")) - _reads(said) for node, said in zip(nodes, after, strict=True)]
    assert [busy - calm for busy, calm in zip(reads, idle, strict=True)] == [1, 1, 1]


def _reads(stats: str) -> int:
    (line,) = [line for line in stats.splitlines() if line.startswith("total_reads_processed:")]
    return int(line.partition(":")[2])


def test_claims_follow_a_slot_that_has_moved(cluster: Cluster, prefix: str) -> None:
    batch, other = claims(cluster.commands, prefix), claims(cluster.commands, prefix)
    assert set(batch.claim(KEYS).values()) == {Claim.OURS}
    batch.commit(KEYS[:20])
    for key in KEYS[10:30]:
        cluster.move(slot_of(batch._name(key)))
    seen = other.claim(KEYS)
    assert [seen[key] for key in KEYS] == [Claim.DONE] * 20 + [Claim.HELD] * 40
    batch.release(KEYS[20:])
    assert set(other.claim(KEYS[20:]).values()) == {Claim.OURS}


def test_claims_go_on_while_a_slot_is_being_moved(cluster: Cluster, prefix: str) -> None:
    """What the old node has is asked of it, what it does not have of the new one: for hours, in a large cluster."""
    batch, other = claims(cluster.commands, prefix), claims(cluster.commands, prefix)
    batch.claim(KEYS[:30:3])
    batch.commit(KEYS[:30:3])
    moves = {slot: cluster.begin_to_move(slot) for slot in {slot_of(batch._name(key)) for key in KEYS[:30]}}
    try:
        first = batch.claim(KEYS)
        assert [key for key in KEYS if first[key] is Claim.DONE] == KEYS[:30:3]
        assert all(first[key] is Claim.OURS for key in KEYS if key not in KEYS[:30:3])
        assert {other.claim(KEYS)[key] for key in KEYS if key not in KEYS[:30:3]} == {Claim.HELD}
        batch.commit(KEYS)
    finally:
        for slot, (source, target) in moves.items():
            cluster.end_move(slot, source, target)
    assert set(other.claim(KEYS).values()) == {Claim.DONE}


def test_a_fail_over_is_an_outage_that_ends_by_itself(frail: Cluster, prefix: str) -> None:
    """Also for a worker whose URL names the node that died: the others are known."""
    batch = claims(frail.commands, prefix)
    batch.claim(KEYS)
    frail.nodes[0].terminate()
    with pytest.raises(TransientError):
        batch.claim(KEYS)
    with pytest.raises(TransientError):  # a probe goes to each shard, so that no receive is allowed too soon
        frail.commands.probe()
    eventually(lambda: answers(frail.commands))
    assert set(batch.claim(KEYS).values()) == {Claim.OURS}
    frail.nodes[0].start()  # a replica now
    eventually(lambda: "slave" in str(frail.ask(frail.nodes[0], "ROLE")))
    assert set(batch.claim(KEYS).values()) == {Claim.OURS}
    with closing(RedisCommands(read_redis_url(frail.url))) as fresh:
        assert set(claims(fresh, prefix).claim(KEYS).values()) == {Claim.HELD}


def test_a_node_that_restarts_is_an_outage_that_ends_by_itself(frail: Cluster, prefix: str) -> None:
    batch = claims(frail.commands, prefix)
    batch.claim(KEYS)
    frail.nodes[2].terminate()
    with pytest.raises(TransientError):
        batch.claim(KEYS)
    frail.nodes[2].start()
    eventually(lambda: answers(frail.commands))
    assert Claim.OURS in batch.claim(KEYS).values()  # what the node knew is forgotten; the rest is still there


def test_an_answer_that_is_an_error_leaves_no_other_answer_behind(cluster: Cluster, prefix: str) -> None:
    """Connections go on to the next batch, which must not take them for its own."""
    batch = claims(cluster.commands, prefix)
    batch.claim(KEYS[::2])
    cluster.ask(cluster.nodes[1], "CONFIG", "SET", "maxmemory", 1)
    try:
        with pytest.raises(TransientError, match="OutOfMemory"):
            batch.claim(KEYS[::-1])
    finally:
        cluster.ask(cluster.nodes[1], "CONFIG", "SET", "maxmemory", 0)
    seen = claims(cluster.commands, prefix).claim(KEYS)
    assert all(seen[key] is Claim.HELD for key in KEYS[::2])
    assert all(20 < lease <= 30 for lease in batch.leases(KEYS).values())


def start(**environment: str) -> tuple[int, list[str]]:
    command = [sys.executable, "-m", "celery", "-A", "email_activity", "worker", "--concurrency", "1"]
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, done.stderr.splitlines()[-2:]


NO_CLUSTER = (
    "CELERY_BROKER_URL: want a Redis that is no cluster, since Celery uses several keys at once (CROSSSLOT); "
    "or memory://, without remote control"
)


@pytest.mark.parametrize("urls", [{"redis_url"}, {"redis_url", "celery_broker_url"}, {"celery_broker_url"}])
def test_a_cluster_as_celerys_broker_stops_the_start_and_says_what_to_do(
    cluster: Cluster, redis_url: str, urls: set[str]
) -> None:
    settings = load_settings(**{"redis_url": redis_url} | dict.fromkeys(urls, cluster.url))
    with pytest.raises(SettingsError) as error:
        check_start(settings)
    assert str(error.value) == NO_CLUSTER


def test_a_worker_with_a_cluster_as_broker_ends_with_that_line(cluster: Cluster) -> None:
    code, said = start(REDIS_URL=cluster.url)
    assert code
    assert said == ["email-activity: wrong settings", NO_CLUSTER]


def test_a_cluster_for_duplicates_alone_is_no_mistake(cluster: Cluster, redis_url: str) -> None:
    check_start(load_settings(redis_url=cluster.url, celery_broker_url=redis_url))
    check_start(load_settings(redis_url=cluster.url, celery_broker_url="memory://"))


def test_a_database_that_no_cluster_has_stops_the_start(cluster: Cluster) -> None:
    settings = load_settings(redis_url=cluster.url.removesuffix("/0") + "/1", celery_broker_url="memory://")
    with pytest.raises(SettingsError) as error:
        check_start(settings)
    assert str(error.value) == "REDIS_URL: want database 0, the only one of a cluster, and not 1"


def test_what_does_not_answer_at_the_start_is_waited_for() -> None:
    check_start(load_settings(redis_url=f"redis://127.0.0.1:{free_port()}/0"))


def test_a_worker_without_a_broker_records_with_a_cluster(site: Site, cluster: Cluster) -> None:
    emails = [Email() for _ in range(30)]
    with site.worker(REDIS_URL=cluster.url, CELERY_BROKER_URL="memory://") as worker:
        site.send([raw(email.send()) for email in emails])
        site.drained()
        assert worker.said("no_remote_control")
        assert not worker.said("dependency_failing")
        assert sum("#Send#" in sk for _, sk in site.items()) == len(emails)
        site.send([raw(email.send()) for email in emails])  # known by now
        site.drained()
        eventually(lambda: worker.said('"facts_known"'))
        assert not worker.said("Traceback")
        main = psutil.Process(worker.process.pid)  # its children are a thread's, which the harness does not see
        before = main.children()
        before[0].kill()
        eventually(lambda: len(set(main.children()) - set(before)) == 1)
        eventually(lambda: worker.log.read_text().count('"event": "polling"') == len(before) + 1)
        assert worker.stop() < 15
