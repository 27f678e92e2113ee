"""Celery's tasks. There is one: `poll`."""

import os
import time

from billiard import current_process
from celery import shared_task

from email_activity.domain.errors import place_of
from email_activity.hosting.bootsteps import POLL
from email_activity.hosting.shutdown import main_loop, shutdown_flag
from email_activity.ingest.poller import PAUSE, Poller
from email_activity.ingest.receivers import WorkerReceivers
from email_activity.metrics.memory import figures
from email_activity.settings import load_settings
from email_activity.telemetry import log

#: Made before the fork, with which this module is loaded.
worker_receivers = WorkerReceivers()

#: By process: connections must not be shared over a fork.
_pollers: dict[int, Poller] = {}


@shared_task(name=POLL, ignore_result=True, acks_late=False)
def poll() -> None:
    """Polls for a bounded time, and again while the main process cannot start another poll: the broker is away.

    It has no time limits and never raises. Both once killed a worker for good: the traceback of a failed task filled
    the pipe to the main process, and a soft time limit broke into that write.
    """
    try:
        if os.getpid() not in _pollers:
            _pollers.clear()
            number = getattr(current_process(), "index", 0)  # with -P threads there is only one
            _pollers[os.getpid()] = Poller(
                load_settings(), shutdown_flag.is_set, figures.report, worker_receivers, number
            )
        poller = _pollers[os.getpid()]
        poller.poll()
        while not (shutdown_flag.is_set() or main_loop.is_alive()):
            poller.poll()
    except Exception as error:  # noqa: BLE001  see above
        log.error("poll_failed", error=place_of(error))
        time.sleep(PAUSE)
