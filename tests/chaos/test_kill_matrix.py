"""A worker may be killed at any boundary between two stages, in the middle of a write and of the deletes.

A kill that missed its point, or after which nothing was received again, has proved nothing, so it fails.
"""

import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis

from chaos.held import claims_on
from chaos.kills import Hit, Kills, is_gone
from chaos.load import VISIBILITY, Load, assert_exact
from email_activity.domain.facts import Key
from email_activity.ingest.claims import DONE
from harness import Site, Worker, eventually

#: In the order in which a batch meets them.
POINTS = ("receive", "claim", "half-write", "write", "commit", "half-delete")

#: In `make test`, where a worker's start takes longest.
POINTS_OF_A_WORKER = ("claim", "half-write", "half-delete")

#: Messages sent before each kill.
MESSAGES = 30

#: What Redis says of a fact, and for how many seconds: -1 is for ever, -2 not at all.
Said = Callable[[Key], tuple[str | None, int]]


@pytest.fixture
def said(site: Site, redis_url: str) -> Iterator[Said]:
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        name = claims_on(site, client, lease_seconds=1)._name
        yield lambda key: (client.get(name(key)), client.ttl(name(key)))


@dataclass
class AdaptiveConcurrency:
    """One worker; where the whole of it is killed, the next takes its place."""

    start: Callable[[], Worker]
    kills: Kills
    victim: str
    worker: Worker

    def dies_at(self, point: str) -> Hit:
        hit = self.kills.hit(point, self.victim)
        if self.victim == "worker":
            assert self.worker.process.wait(60) == -signal.SIGKILL
            eventually(lambda: is_gone(self.worker))
            self.worker = self.start()
        else:
            eventually(lambda: hit.pid not in self.worker.children())
        return hit


@contextmanager
def crew_of(site: Site, kills: Kills, victim: str) -> Iterator[AdaptiveConcurrency]:
    with ExitStack() as workers:

        def start() -> Worker:
            return workers.enter_context(kills.worker(site, THREADS_PER_PROCESS="3"))

        yield AdaptiveConcurrency(start, kills, victim, start())


@pytest.mark.parametrize("victim", ["child", "worker"])
def test_a_kill_at_any_boundary_loses_nothing(site: Site, tmp_path: Path, said: Said, victim: str, rounds: int) -> None:
    site.cloud.sqs.set_queue_attributes(QueueUrl=site.made.queue_url, Attributes={"VisibilityTimeout": str(VISIBILITY)})
    kills = Kills(tmp_path)
    loads: list[Load] = []
    wrong: list[str] = []
    points = POINTS if victim == "child" or rounds > 1 else POINTS_OF_A_WORKER
    for _ in range(rounds):
        hits: dict[str, Hit] = {}
        with crew_of(site, kills, victim) as crew:
            for point in points:
                loads.append(Load.make(MESSAGES, seed=len(loads), most_copies=2))
                kills.arm(point, victim)
                site.send(loads[-1].everything)
                hits[point] = crew.dies_at(point)
                wrong += [f"killed at {point}: {what}" for what in wrong_claims(site, said, loads[-1].facts)]
            site.drained(within=120)
        for point, hit in hits.items():
            left = set(hit.messages) - set(hit.deleted)
            missed = kills.not_received_again(hit)
            if missed or not left:
                wrong.append(f"killed at {point}: of {len(left)} left in the queue {len(missed)} never came again")
    assert not wrong, "\n".join(wrong)
    assert_exact(site, *loads)
    # So Redis was asked for the right names all along.
    assert {said(key)[0] for key in site.items()} == {DONE}


def wrong_claims(site: Site, said: Said, keys: Iterable[Key]) -> Iterator[str]:
    """Each claim must end, and what is said to be done must be in the table."""
    told = {key: said(key) for key in keys}
    stored = site.items().keys()  # later, for the table is always ahead
    for_ever = [key for key, (_, seconds) in told.items() if seconds == -1]
    untrue = [key for key, (value, _) in told.items() if value == DONE and key not in stored]
    if for_ever:
        yield f"{len(for_ever)} claims for ever"
    if untrue:
        yield f"{len(untrue)} done, but not stored"
