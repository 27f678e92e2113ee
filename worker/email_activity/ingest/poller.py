"""Poll for a bounded time: a few threads, each receive -> pipeline -> settle, again and again.

One Poller for each process, made after the fork. It never raises: what fails is logged, and the next poll
comes in a second.
"""

import math
import os
import random
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from email_activity.aws.clients import dynamodb_client, log_if_not_fast, sqs_client
from email_activity.domain.errors import TransientError, place_of
from email_activity.domain.worker_process import ThisProcess
from email_activity.ingest.circuit_breaker import CircuitBreaker, Dependency
from email_activity.ingest.claims import Claims
from email_activity.ingest.concurrency import AdaptiveConcurrency
from email_activity.ingest.health import Health, HealthFile, State
from email_activity.ingest.heartbeat import Heartbeat
from email_activity.ingest.pipeline import Pipeline
from email_activity.ingest.queue_finder import QueueFinder
from email_activity.ingest.receive import MAX_MESSAGES, Message, Queue, Receiver
from email_activity.ingest.reported import Reported
from email_activity.ingest.settle import Settler
from email_activity.ingest.shared_lock import SharedLock
from email_activity.ingest.store import Store
from email_activity.ingest.suspects import Suspects
from email_activity.ingest.table_identity import TableIdentity
from email_activity.redis_client.commands import RedisCommands
from email_activity.ses.tracking_policy import tracking_policy
from email_activity.settings import Settings, SettingsError
from email_activity.telemetry import log

#: Seconds that a thread sleeps when it may not receive, or after an error.
PAUSE = 1.0

#: Part of POLL_SECONDS that a poll lasts at least. By chance, so that never all slots wait for their next at once.
SHORTEST_POLL = 0.75

#: Seconds for which a thread may compute while others want to: longer than it takes to read a batch. Python's 5 ms
#: interrupt each batch a few times, and cost 4 to 10 % of the CPU.
SWITCH_INTERVAL = 0.05

#: Seconds beyond its bound after which a poll whose thread does not come back is hung. Longer than a batch of
#: the default size can take with every call at its time-out but one.
HUNG_AFTER = 120

#: The child ends with this code, and the pool replaces it.
HUNG_EXIT_CODE = 70


class Poller:
    def __init__(self, settings: Settings, stopping: Callable[[], bool]) -> None:
        sys.setswitchinterval(SWITCH_INTERVAL)
        self._settings = settings
        self._stopping = stopping
        self._sqs = sqs_client(settings)
        self._dynamodb = dynamodb_client(settings)
        log_if_not_fast(settings, self._sqs, self._dynamodb)
        self._redis = RedisCommands(settings.redis)
        self._this_process = ThisProcess()
        self._queue = QueueFinder(self._sqs, settings)
        self._table = TableIdentity(self._dynamodb, settings.activity_table, self._this_process)
        dependencies = {
            # A receive asks by itself, and takes nothing from a queue that fails.
            "sqs": Dependency(self._tell(self._queue.ask), lasts=math.inf),
            "redis": Dependency(self._tell(self._ask_redis)),
            "dynamodb": Dependency(self._tell(self._table.ask)),
        }
        self._breaker = CircuitBreaker(dependencies, settings.receive_wait_seconds)
        self._heartbeat = Heartbeat()
        self._reported = Reported(settings.retention)
        self._concurrency = AdaptiveConcurrency(settings.threads_per_process)
        self._health = HealthFile(settings.health_file)
        #: Held by each thread while it has messages in hand, and alone for those that may kill the process.
        self._in_hand = SharedLock()
        self._complaints: dict[str, str] = {}
        self._is_announced = False

    def poll(self) -> None:
        """For POLL_SECONDS, or until the worker stops."""
        deadline = time.monotonic() + self._settings.poll_seconds * random.uniform(SHORTEST_POLL, 1)  # noqa: S311
        try:
            work = self._work(deadline)
        except TransientError as error:
            self._fail(error)
            return
        except SettingsError as error:
            self._say(Health(State.WRONG_SETTING, str(error)))
            self._complain("setting", error)
            self._sleep()
            return
        self._complaints.pop("setting", None)
        threads = [
            threading.Thread(target=work, args=(number,), name=f"poll-{number}", daemon=True)
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
        """For a while. All may be busy for long, and this one is not, so it writes the process's item then."""
        until = time.monotonic() + PAUSE
        for thread in threads:
            thread.join(max(0, until - time.monotonic()))
        if any(thread.is_alive() for thread in threads):
            with suppress(TransientError):  # the gate asks by itself, and says so
                self._table.keep_written()

    def _work(self, deadline: float) -> Callable[[int], None]:
        """What each thread does, by its number. The table is looked up anew: it may have been replaced."""
        self._this_process.polled()
        queue = self._queue.find()
        self._table.look()
        pipeline = self._pipeline(queue)
        self._announce(queue)

        def work(number: int) -> None:
            while not self._stopping() and time.monotonic() < deadline:
                if self._concurrency.may_poll(number):
                    self._once(pipeline)

        return work

    def _pipeline(self, queue: Queue) -> Pipeline:
        settings = self._settings
        times = settings.lease_seconds, settings.dedupe_window_seconds
        return Pipeline(
            receiver=Receiver(self._sqs, queue.url, settings, self._stopping),
            policy=tracking_policy(settings),
            new_claims=lambda space: Claims(self._redis, space, *times),
            table=Store(self._dynamodb, settings.activity_table),
            table_identity=self._table,
            settler=Settler(self._sqs, queue),
            breaker=self._breaker,
            heartbeat=self._heartbeat,
            reported=self._reported,
            this_process=self._this_process,
            suspects=Suspects(self._redis),
        )

    def _announce(self, queue: Queue) -> None:
        """Once for each process, so that a log without batches tells an idle worker from one that never began."""
        if not self._is_announced:
            self._is_announced = True
            log.info("polling", queue=queue.name, table=self._settings.activity_table)

    def _once(self, pipeline: Pipeline) -> None:
        try:
            with self._in_hand.shared():
                suspects = self._receive_and_process(pipeline)
            if suspects is None:
                self._say(self._waits())
                self._sleep()
            elif suspects:
                pipeline.process(suspects, alone=self._in_hand.alone())
        except TransientError as error:
            if error.dependency == "sqs":
                self._queue.forget()
            self._fail(error)
        except Exception as error:  # noqa: BLE001  a thread that dies polls no more; its messages return by themselves
            log.error("batch_failed", error=place_of(error))
            self._sleep()

    def _receive_and_process(self, pipeline: Pipeline) -> list[Message] | None:
        """What is left to be handled alone; None if nothing may be received."""
        if not self._breaker.is_open():
            return None
        self._table.space()
        self._this_process.polled()
        batch = pipeline.receive()
        self._say(Health(State.POLLING))
        self._concurrency.received(len(batch), full=min(MAX_MESSAGES, self._settings.batch_size))
        queue = pipeline.settler.queue
        others = [message for message in batch if not queue.suspects(message)]
        if others:
            # Also when the stop has come meanwhile: given back at once, it would go to the next long poll of this
            # very worker that is still open, again and again, and so into the dead-letter queue.
            pipeline.process(others)
        return [message for message in batch if queue.suspects(message)]

    def _ask_redis(self) -> None:
        """A write, since a Redis out of memory answers pings; NX with GET, which Redis before 7 refuses."""
        self._redis.ask_all("email-activity:probe", "1", "NX", "GET", "PX", 1000)

    def _tell(self, question: Callable[[], None]) -> Callable[[], None]:
        """Each failure at once: where all three are silent, to ask them takes longer than the check may wait."""

        def ask() -> None:
            try:
                question()
            except TransientError as error:
                self._say(Health.of(error))
                raise

        return ask

    def _fail(self, error: TransientError) -> None:
        self._breaker.record_failure(error)
        self._say(Health.of(error))
        self._sleep()

    def _waits(self) -> Health:
        """For what the gate knows to fail, or for the first answers."""
        failing = [Health.of(error) for error in self._breaker.failing()]
        refused = [health for health in failing if health.state is State.WRONG_SETTING]
        return next(iter(refused or failing), Health(State.WAITING, "answers of SQS, Redis and DynamoDB"))

    def _say(self, health: Health) -> None:
        """To the check of the container."""
        try:
            self._health.write(health)
        except OSError as error:
            self._complain("health file", error)

    def _complain(self, about: str, error: Exception) -> None:
        """Once for each complaint: a poll comes every second."""
        if self._complaints.get(about) != str(error):
            self._complaints[about] = str(error)
            log.error("cannot_poll", detail=str(error))

    def _sleep(self) -> None:
        if not self._stopping():
            time.sleep(PAUSE)
