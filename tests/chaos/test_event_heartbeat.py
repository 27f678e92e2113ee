"""Celery's event heartbeat must not hold the main process.

It is published with retries that have no end and say nothing. Where it meets a dead broker before the event loop does
(a busy machine, a broker that is silent), the main process once waited in it for as long as the broker was away: no
word of a lost connection, no next poll. The symptom is that of https://github.com/celery/celery/issues/8091.
"""

import os
import signal
import time

from chaos.load import Load, assert_exact, side_by_side
from chaos.test_celery_broker import (
    STOPS_WITHIN,
    Broker,
    kill_a_child_and_see_it_replaced,
    said_of_broker,
)
from email_activity.redis_url import MEMORY
from harness import Site, eventually
from servers import stopped

#: Seconds; a poll of Site's workers lasts 3 at most.
LONGER_THAN_A_POLL = 5

#: Seconds; Celery sends one every two.
LONGER_THAN_A_HEARTBEAT = 4


def test_a_heartbeat_that_meets_the_dead_broker_first_does_not_hide_its_death(site: Site) -> None:
    load = Load.make(20)
    with Broker.started() as broker, site.worker(CELERY_BROKER_URL=broker.url) as worker:
        eventually(broker.is_whole)
        os.kill(worker.process.pid, signal.SIGSTOP)  # a machine with better things to do
        with stopped(broker.server):
            time.sleep(LONGER_THAN_A_HEARTBEAT)
            os.kill(worker.process.pid, signal.SIGCONT)
            eventually(lambda: said_of_broker(worker, "dependency_failing"))
        site.send(load.everything)
        site.drained()
        eventually(broker.is_whole)
    assert_exact(site, load)


def test_a_main_process_that_is_busy_stops_no_poll(site: Site) -> None:
    """Without a broker, too: then another thread hands over the polls."""

    def scene(site: Site, broker: str) -> None:
        loads = [Load.make(10, seed=seed) for seed in range(2)]
        with site.worker(CELERY_BROKER_URL=broker) as worker:
            site.send(loads[0].everything)
            site.drained()
            os.kill(worker.process.pid, signal.SIGSTOP)
            time.sleep(LONGER_THAN_A_POLL)
            site.send(loads[1].everything)
            site.drained()
            os.kill(worker.process.pid, signal.SIGCONT)
            kill_a_child_and_see_it_replaced(worker)
            assert worker.stop(within=60) < STOPS_WITHIN

    side_by_side(scene, (site.environment["CELERY_BROKER_URL"], MEMORY), site)
