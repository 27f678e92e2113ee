"""Poll for a bounded time: a few threads, each of which receives a batch and processes it, again and again."""

import os
import random
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from email_activity.domain.errors import TransientError, place_of
from email_activity.ingest.components import Components
from email_activity.ingest.concurrency import SharedLock
from email_activity.ingest.health import ReportState, report_alone
from email_activity.ingest.model import Message
from email_activity.ingest.pipeline import Pipeline
from email_activity.ingest.receivers import Receivers, Turn, WorkerReceivers
from email_activity.settings import Settings, SettingsError
from email_activity.telemetry import log

#: Seconds that a thread sleeps when it may not receive, or after an error.
PAUSE = 1.0

#: A poll lasts this part of POLL_SECONDS at least, at random, so that never all slots wait for their next at once.
SHORTEST_POLL = 0.75

#: Seconds for which a thread may compute while others want to: longer than it takes to read a batch. Python's 5 ms
#: interrupt each batch a few times, and cost 4 to 10 % of the CPU.
SWITCH_INTERVAL = 0.05

#: Seconds beyond its deadline after which a poll whose thread does not come back is hung. Longer than a batch of
#: the default size can take with every call at its time-out but one.
HUNG_AFTER = 120

#: The process ends with this code, and the pool replaces it.
HUNG_EXIT_CODE = 70


class Poller:
    """Of one process."""

    def __init__(
        self,
        settings: Settings,
        stopping: Callable[[], bool],
        report_state: ReportState = report_alone,
        worker: WorkerReceivers | None = None,
        process: int = 0,
    ) -> None:
        """worker: what the processes of a worker share, of which this one has the number `process`."""
        sys.setswitchinterval(SWITCH_INTERVAL)
        self._settings = settings
        self._stopping = stopping
        self._components = Components.connect(settings, stopping, report_state)
        self._dependencies = self._components.dependencies
        stand_by = self._dependencies.record_polling
        self._receivers = Receivers(worker or WorkerReceivers(), process, settings, stand_by)
        #: Shared by threads that have messages in hand, exclusive for crash suspects.
        self._in_hand = SharedLock()

    def poll(self) -> None:
        """For POLL_SECONDS, or until the worker stops. Never raises: what fails is logged, and a poll follows."""
        deadline = time.monotonic() + self._settings.poll_seconds * random.uniform(SHORTEST_POLL, 1)  # noqa: S311
        self._components.this_process.record_poll()
        try:
            pipeline = self._components.pipeline()
        except TransientError as error:
            self._dependencies.record_failure(error)
            self._sleep()
        except SettingsError as error:
            self._dependencies.record_wrong_setting(error)
            self._sleep()
        else:
            self._run_threads(pipeline, deadline)

    def _run_threads(self, pipeline: Pipeline, deadline: float) -> None:
        threads = [
            threading.Thread(target=self._run, args=(pipeline, deadline), name=f"poll-{number}", daemon=True)
            for number in range(self._settings.threads_per_process)
        ]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            if time.monotonic() > deadline + HUNG_AFTER:
                log.critical("poll_hung", seconds=HUNG_AFTER)
                os._exit(HUNG_EXIT_CODE)
            self._wait_for(threads)

    def _wait_for(self, threads: Sequence[threading.Thread]) -> None:
        """For a while. All of them may be busy for long, so the process's item is written here."""
        until = time.monotonic() + PAUSE
        for thread in threads:
            thread.join(max(0, until - time.monotonic()))
        if any(thread.is_alive() for thread in threads):
            with suppress(TransientError):  # a probe will meet it, and log it
                self._components.table_identity.write_if_due()

    def _run(self, pipeline: Pipeline, deadline: float) -> None:
        while turn := self._receivers.take_turn(lambda: self._stopping() or time.monotonic() >= deadline):
            try:
                self._poll_once(pipeline, turn)
            finally:
                turn.end()

    def _poll_once(self, pipeline: Pipeline, turn: Turn) -> None:
        try:
            with self._in_hand.shared():
                is_allowed = self._dependencies.allows_receive()
                suspects = self._receive_and_process(pipeline, turn) if is_allowed else []
            if suspects:
                pipeline.process(suspects, turn.linger, self._in_hand.exclusive())
            elif not is_allowed:
                self._back_off()
        except TransientError as error:
            if error.dependency == "sqs":
                self._components.queue_finder.forget()
            self._dependencies.record_failure(error)
            self._back_off()
        except Exception as error:  # noqa: BLE001  a thread that dies polls no more; its messages return by themselves
            log.error("batch_failed", error=place_of(error))
            self._back_off()

    def _receive_and_process(self, pipeline: Pipeline, turn: Turn) -> list[Message]:
        """Returns the crash suspects, which are to be processed alone."""
        self._components.table_identity.current()
        self._components.this_process.record_poll()
        self._receivers.receives_for(self._settings.receive_wait_seconds)
        messages = pipeline.receive()
        turn.end(len(messages))
        self._dependencies.record_polling()
        queue = pipeline.settler.queue
        suspects = [message for message in messages if queue.is_crash_suspect(message.receive_count)]
        others = [message for message in messages if message not in suspects]
        if others:
            # Also when the worker is stopping. Returned at once, they would be received by another long poll of this
            # worker that is still open, again and again, until they are in the dead-letter queue.
            pipeline.process(others, turn.linger)
        return suspects

    def _back_off(self) -> None:
        """This process keeps its turn meanwhile, and another one may receive in its place."""
        self._receivers.receives_for(0)
        self._sleep()

    def _sleep(self) -> None:
        if not self._stopping():
            time.sleep(PAUSE)
