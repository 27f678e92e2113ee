"""A load of SES events with copies and nonsense among them, and what must be there when all is done."""

import json
import random
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

from chaos.proxy import AwsProxy
from events import Email, Event, lambda_sqs, raw
from harness import Site, Worker, eventually
from integration.test_whole_path import FATES, facts_of

#: Seconds that a received message stays hidden, so that what a fault has hidden comes back soon.
VISIBILITY = 8


@dataclass(frozen=True)
class Load:
    """emails: each with the status that its recipient must have. dead: body -> reason."""

    bodies: Sequence[str]
    emails: Sequence[tuple[Email, tuple[str, str, str]]]
    facts: dict[tuple[str, str], dict[str, Any]]
    dead: dict[str, str]

    @classmethod
    def make(cls, messages: int, seed: int = 0, *, most_copies: int = 3) -> Self:
        """About so many messages: of each event 1 to most_copies, and one in fifteen that is unreadable or half so."""
        chance = random.Random(seed)
        emails: list[tuple[Email, tuple[str, str, str]]] = []
        events: list[Event] = []
        bodies: list[str] = []
        dead: dict[str, str] = {}
        while len(bodies) + len(dead) < messages:
            wanted, happen = chance.choice(list(FATES.items()))
            email = Email(to=(f"person{seed}-{len(emails)}@example.com",), document_id=f"{seed}-{len(emails)}")
            emails.append((email, wanted))
            events += (told := happen(email))
            bodies += [copy for event in told for copy in [raw(event)] * chance.randint(1, most_copies)]
            if len(emails) % 5 == 1:
                dead[f"no event at all: {email.message_id}"] = "not_json"
                dead[lambda_sqs(raw(told[0]), "nor this")] = "not_json"
        chance.shuffle(bodies)
        return cls(bodies, emails, facts_of(*events), dead)

    @property
    def everything(self) -> list[str]:
        return [*self.dead, *self.bodies]


def side_by_side(scene: Callable[[Site, str], None], ways: Iterable[str], like: Site) -> None:
    """Each way at the same time as the others, since most of every scene is waiting, on a site of its own."""

    def play(way: str) -> None:
        prefix = f"{like.made.configuration_set}-{uuid.uuid4().hex[:8]}"
        scene(Site.make(str(like.made.endpoint_url), like.environment["REDIS_URL"], prefix, like.folder), way)

    with ThreadPoolExecutor() as pool:
        for _ in pool.map(play, ways):
            pass


@contextmanager
def watched_worker(site: Site, **environment: str) -> Iterator[tuple[AwsProxy, Worker]]:
    """A real worker with a proxy between it and AWS, and a queue that shows hidden messages again soon."""
    site.cloud.sqs.set_queue_attributes(QueueUrl=site.made.queue_url, Attributes={"VisibilityTimeout": str(VISIBILITY)})
    with (
        AwsProxy(site.made.endpoint_url) as proxy,
        site.worker(AWS_ENDPOINT_URL=proxy.endpoint_url, **environment) as worker,
    ):
        yield proxy, worker


def work_until_struck(site: Site, proxy: AwsProxy, loads: list[Load], struck: Mapping[str, int]) -> None:
    """Until each fault has struck so often. Nothing strikes an idle worker, so it gets more to do with each look."""

    def have_struck() -> bool:
        proxy.check()
        loads.append(Load.make(20, seed=len(loads)))
        site.send(loads[-1].everything)
        return all(proxy.injected[name] >= times for name, times in struck.items())

    eventually(have_struck, within=60, every=0.7)


def assert_exact(site: Site, *loads: Load) -> None:
    """The table, the statuses, the dead letters; and nothing is left in the queue."""
    assert site.waiting() == (0, 0)
    assert site.items() == {key: item for load in loads for key, item in load.facts.items()}
    for load in loads:
        for email, wanted in load.emails:
            (recipient,) = site.status(email.message_id).recipients
            assert (recipient.delivery.state, recipient.engagement.state, recipient.consent.state) == wanted
    # One may be there twice, if the answer to its copying or to its delete was lost.
    assert {_as_sent(body): reason for body, reason in site.dead_letters()} == {
        body: reason for load in loads for body, reason in load.dead.items()
    }


def _as_sent(body: str) -> str:
    """Without the envelope of SNS."""
    return str(json.loads(body)["Message"]) if body.startswith('{"Type"') else body
