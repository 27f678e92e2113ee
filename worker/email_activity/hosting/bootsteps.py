"""Two small steps in Celery's worker: keep one `poll` in every slot of the pool, and end in time."""

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

from email_activity.hosting.shutdown import looks, stop
from email_activity.settings import load_settings
from email_activity.telemetry import log

POLL = "email_activity.poll"

#: Seconds between two looks at the pool.
LOOK_EVERY = 0.1

#: Celery's pools in which the main process can do something else while a poll runs.
POOLS = ("celery.concurrency.prefork", "celery.concurrency.thread")

#: What every poll's message carries: no arguments, no callbacks.
NO_ARGUMENTS = '[[], {}, {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]'


class KeepPolling(bootsteps.StartStopStep):
    """Hands the consumer a poll for each slot that has none.

    In memory, through the consumer's own strategy for the task: Redis never holds a poll, so none is stale
    after a kill and no queue is left behind, and yet polls show in `inspect active`, events and Flower.
    `strategies` is Celery's inside; a test watches it, and Celery is pinned to one minor version.
    """

    requires = (Tasks,)

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._timer_entry: Any = None

    def start(self, parent: Any) -> None:
        """Called again after each reconnection to the broker; polls that run go on.

        By the timer only: at this point the pool is not yet in the event loop.
        """
        self._timer_entry = parent.timer.call_repeatedly(LOOK_EVERY, self._look, (parent,))

    def stop(self, parent: Any) -> None:  # noqa: ARG002  the signature is Celery's
        looks.forget()
        if self._timer_entry is not None:
            self._timer_entry.cancel()
            self._timer_entry = None

    shutdown = terminate = stop

    def _look(self, consumer: Any) -> None:
        looks.note()
        if stop.is_set():
            return
        polls = sum(request.name == POLL for request in list(state.reserved_requests))
        for _ in range(consumer.pool.num_processes - polls):
            _hand_over(consumer)


def _hand_over(consumer: Any) -> None:
    message = Message(
        body=NO_ARGUMENTS,
        content_type="application/json",
        content_encoding="utf-8",
        headers={"id": uuid(), "task": POLL, "lang": "py", "argsrepr": "()", "kwargsrepr": "{}"},
        properties={},
        delivery_info={},
    )
    consumer.strategies[POLL](message, None, _nothing, _nothing, consumer.on_task_message)


def _nothing(*_: Any, **__: Any) -> None:
    """There is no broker's message to acknowledge."""


#: When the stop began, on the monotonic clock.
_stops: list[float] = []


def begin_stop(**_: Any) -> None:
    """Called by the signal, which finds the main process wherever it waits, and by the step below.

    A silent Redis once held the main process for over 90 seconds when its children were long done.
    """
    if not stop.is_set():
        stop.set()
        _stops.append(time.monotonic())
        # Not a threading.Timer: started inside a signal handler, it can wait for a lock that it interrupted.
        signal.signal(signal.SIGALRM, _end)
        signal.setitimer(signal.ITIMER_REAL, load_settings().shutdown_seconds)


class EndInTime(bootsteps.StartStopStep):
    """Tells the children to stop however the worker is told to, and bounds the stop.

    `control shutdown` sends no signal, so it is done here too.
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
        begin_stop()


def say_stopped(**_: Any) -> None:
    """The last line of a log: who reads it need not ask whether the worker was killed."""
    log.info("stopped", seconds=round(time.monotonic() - _stops[0], 1) if _stops else 0.0)


def _end(*_: object) -> None:
    log.warning("shutdown_bound_reached")
    os._exit(1)
