"""A rolling deployment: workers are stopped and replaced one after another, while events keep coming."""

import itertools
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from chaos.kills import Kills
from chaos.load import Load, assert_exact
from harness import Site, Worker, eventually

WORKERS = 3

#: Seconds. The bound that the worker sets itself, and less than the 30 that a container gets.
STOPS_WITHIN = 25

#: A message lives for less than one deployment, and each worker that is replaced in it may have received it and not
#: begun. One more, for a copy may have to wait for the worker that writes the other.
MOST_RECEIVES = 1 + WORKERS + 1

#: Seconds between two parts of the load, and the messages of one.
PAUSE = 0.5
PART = 10


@contextmanager
def coming(site: Site, seed: int) -> Iterator[list[Load]]:
    """Events come until the block ends; in the list is all that came."""
    loads: list[Load] = []
    over = threading.Event()

    def send() -> None:
        for number in itertools.count(seed):
            load = Load.make(PART, number)
            site.send(load.everything)
            loads.append(load)
            if over.wait(PAUSE):
                return

    sender = threading.Thread(target=send)
    sender.start()
    try:
        yield loads
    finally:
        over.set()
        sender.join()


def test_a_rolling_deployment_loses_nothing_and_receives_little_again(site: Site, tmp_path: Path, rounds: int) -> None:
    kills = Kills(tmp_path)  # armed nowhere: it only notes what is received
    loads: list[Load] = []
    with ExitStack() as stack:

        def start() -> Worker:
            return stack.enter_context(kills.worker(site, "--concurrency", "1"))

        running = [start() for _ in range(WORKERS)]
        with coming(site, seed=0) as loads:
            for _ in range(rounds * WORKERS):
                for worker in running:
                    eventually(lambda worker=worker: worker.said('"facts_written"'), within=60)
                old = running.pop(0)
                old.stop(within=STOPS_WITHIN)
                assert old.process.returncode == 0
                assert not old.said("shutdown_bound_reached")
                running.append(start())
        site.drained(within=120)
        for worker in running:
            worker.stop(within=STOPS_WITHIN)
    assert max(kills.receives().values()) <= MOST_RECEIVES
    assert_exact(site, *loads)
