"""Celery's tasks. There is one: `poll`."""

import os
import time

from celery import shared_task

from email_activity.domain.errors import place_of
from email_activity.hosting.bootsteps import POLL
from email_activity.hosting.shutdown import looks, stop
from email_activity.ingest.poller import PAUSE, Poller
from email_activity.settings import Settings, load_settings
from email_activity.telemetry import log

_pollers: dict[int, Poller] = {}


@shared_task(name=POLL, ignore_result=True, acks_late=False)
def poll() -> None:
    """Polls for a bounded time, and again while the main process cannot hand over another: the broker is away.

    It has no time limits and never raises. Both once killed a worker for good: the traceback of a failed task filled
    the pipe to the main process, and a soft time limit broke into that write.
    """
    try:
        poller = _poller(load_settings())
        poller.poll()
        while not (stop.is_set() or looks.go_on()):
            poller.poll()
    except Exception as error:  # noqa: BLE001  see above
        log.error("poll_failed", error=place_of(error))
        time.sleep(PAUSE)


def _poller(settings: Settings) -> Poller:
    """One for each process: connections must not be shared over a fork."""
    if os.getpid() not in _pollers:
        _pollers.clear()
        _pollers[os.getpid()] = Poller(settings, stop.is_set)
    return _pollers[os.getpid()]
