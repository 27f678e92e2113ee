"""Two steps in Celery's worker: keep one `poll` in every slot of the pool, and bound the shutdown."""

import os
import signal
import sys
import time
from typing import Any

from celery import bootsteps
from celery.worker import state
from celery.worker.consumer import Tasks
from kombu import Message
from kombu.utils.uuid import uuid

from email_activity.hosting.shutdown import main_loop, shutdown_flag
from email_activity.settings import load_settings
from email_activity.telemetry import log

POLL = "email_activity.poll"

#: Seconds between two checks of the pool.
CHECK_EVERY = 0.1

#: Celery's pools in which the main process can do something else while a poll runs.
POOLS = ("celery.concurrency.prefork", "celery.concurrency.thread")

#: The body of every poll's message: no arguments, no callbacks.
NO_ARGUMENTS = '[[], {}, {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]'


class KeepPolling(bootsteps.StartStopStep):
    """Gives the consumer a poll for each slot that has none.

    In memory, through the consumer's own strategy for the task: Redis never holds a poll, so none is stale
    after a kill and no queue is left behind, and yet polls show in `inspect active`, events and Flower.
    `strategies` is internal to Celery; a test covers it, and Celery is pinned to one minor version.
    """

    requires = (Tasks,)

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._timer_entry: Any = None

    def start(self, parent: Any) -> None:
        """Called again after each reconnection to the broker; polls that run go on.

        By the timer only: at this point the pool is not yet in the event loop.
        """
        self._timer_entry = parent.timer.call_repeatedly(CHECK_EVERY, self._fill_slots, (parent,))

    def stop(self, parent: Any) -> None:  # noqa: ARG002  the signature is Celery's
        main_loop.clear()
        if self._timer_entry is not None:
            self._timer_entry.cancel()
            self._timer_entry = None

    shutdown = terminate = stop

    def _fill_slots(self, consumer: Any) -> None:
        main_loop.beat()
        if shutdown_flag.is_set():
            return
        polls = sum(request.name == POLL for request in list(state.reserved_requests))
        for _ in range(consumer.pool.num_processes - polls):
            _start_poll(consumer)


def _start_poll(consumer: Any) -> None:
    message = Message(
        body=NO_ARGUMENTS,
        content_type="application/json",
        content_encoding="utf-8",
        headers={"id": uuid(), "task": POLL, "lang": "py", "argsrepr": "()", "kwargsrepr": "{}"},
        properties={},
        delivery_info={},
    )
    consumer.strategies[POLL](message, None, _acknowledge, _acknowledge, consumer.on_task_message)


def _acknowledge(*_: Any, **__: Any) -> None:
    """No broker holds the message."""


class BoundedShutdown(bootsteps.StartStopStep):
    """Tells the children to stop, and bounds how long that takes.

    `control shutdown` sends no signal, so it is done here as well as by the signal's handler.
    """

    requires = ("celery.worker.components:Pool",)

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        pool = parent.pool_cls.__module__
        if pool not in POOLS:
            sys.exit(
                f"email-activity: -P: got {pool.rpartition('.')[2]!r}, want prefork or threads, since no other pool "
                "answers remote control while it polls"
            )

    def close(self, parent: Any) -> None:  # noqa: ARG002  the signature is Celery's
        begin_shutdown()


#: When the shutdown began, on the monotonic clock.
_began: list[float] = []


def begin_shutdown(**_: Any) -> None:
    """Called by the signal's handler, which interrupts the main process wherever it waits.

    A silent Redis once held the main process for over 90 seconds when its children were long done.
    """
    if not shutdown_flag.is_set():
        shutdown_flag.set()
        _began.append(time.monotonic())
        # Not a threading.Timer: started inside a signal handler, it can wait for a lock that it interrupted.
        signal.signal(signal.SIGALRM, _exit)
        signal.setitimer(signal.ITIMER_REAL, load_settings().shutdown_seconds)


def _exit(*_: object) -> None:
    log.warning("shutdown_bound_reached")
    os._exit(1)


def log_stopped(**_: Any) -> None:
    """The last line of a log, which tells a stop from a kill."""
    log.info("stopped", seconds=round(time.monotonic() - _began[0], 1) if _began else 0.0)
