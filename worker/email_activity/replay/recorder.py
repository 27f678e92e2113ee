"""Facts into the table, with all patience: put, commit, and put again what DynamoDB did not take.

No claim is asked: a claim, or a `done` from before the table was restored, must not hide an event. Redis is told
afterwards, so that workers need not write the same again; without it the table is just as right.
"""

import queue
import random
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnectionError

from email_activity.aws.clients import dynamodb_client
from email_activity.domain.errors import THROTTLED, TransientError, code_of
from email_activity.domain.facts import Item, Key
from email_activity.domain.indexes import refuse_older
from email_activity.ingest.claims import Claims, namespace
from email_activity.ingest.store import Store
from email_activity.redis_client.commands import RedisCommands
from email_activity.replay.files import StoppedError
from email_activity.settings import Settings

#: Seconds: the first pause while the table does not take what it is offered, doubled each time, and the longest.
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 20.0

#: Seconds without a failure after which an outage is over: one that flickers, as throttling does, is said once.
QUIET = 5.0

#: Seconds between two looks whether to stop.
LOOK_EVERY = 0.1

#: Seconds for which a Redis that did not answer is left alone: each try may take as long as its time-outs.
REDIS_PAUSE = 30.0

#: DynamoDB has trouble of its own.
PASSING = THROTTLED | {"InternalServerError", "InternalFailure", "ServiceUnavailable"}

Say = Callable[[str], None]
IsStopping = Callable[[], bool]


@dataclass(slots=True)
class Recorded:
    """What became of facts: stored, or refused for good (with DynamoDB's code)."""

    written: set[Key] = field(default_factory=set)
    refused: dict[Key, str] = field(default_factory=dict)


class Patience:
    """Pauses between attempts, shared by all threads. Says once that the table is away, and once that it is back."""

    def __init__(self, say: Say, is_stopping: IsStopping) -> None:
        self._say = say
        self._is_stopping = is_stopping
        self._failed_at: float | None = None
        self._lock = threading.Lock()

    def wait(self, code: str, attempt: int) -> None:
        """Raises StoppedError."""
        with self._lock:
            if self._failed_at is None:
                self._say(f"the table takes nothing more for now ({code}): waiting until it does")
            self._failed_at = time.monotonic()
        longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(attempt, 16))
        until = time.monotonic() + random.uniform(longest / 2, longest)  # noqa: S311  jitter, no secret
        while not self._is_stopping():
            if time.monotonic() >= until:
                return
            time.sleep(LOOK_EVERY)
        raise StoppedError

    def worked(self) -> None:
        with self._lock:
            if self._failed_at is not None and time.monotonic() - self._failed_at >= QUIET:
                self._failed_at = None
                self._say("the table takes facts again")


class Recorder:
    def __init__(self, store: Store, claims: Claims, patience: Patience, say: Say) -> None:
        self._store = store
        self._claims = claims
        self._patience = patience
        self._say = say
        self._ask_redis_from = 0.0
        self._is_redis_away = False
        self._lock = threading.Lock()

    def record(self, items: Mapping[Key, Item]) -> Recorded:
        """All of them; returns only when each is stored or refused. Raises StoppedError."""
        recorded, left, attempt = Recorded(), dict(items), 0
        while left:
            stored = self._store.put(list(left.values()))
            self._commit(stored.written)
            recorded.written |= stored.written
            recorded.refused |= stored.refused
            left = {key: left[key] for key in stored.unprocessed}
            if left:
                attempt = 0 if stored.written else attempt + 1
                self._patience.wait(stored.failure.detail if stored.failure else "Throttled", attempt)
            else:
                self._patience.worked()
        return recorded

    def _commit(self, keys: set[Key]) -> None:
        if time.monotonic() < self._ask_redis_from:
            return
        try:
            self._claims.commit(list(keys))
        except TransientError as error:
            self._ask_redis_from = time.monotonic() + REDIS_PAUSE
            with self._lock:
                if not self._is_redis_away:
                    self._say(f"Redis does not answer ({error.detail}): going on, since the table is right without it")
                self._is_redis_away = True


@dataclass(frozen=True, slots=True)
class Target:
    """Where facts go: the table, by its name and by what tells it from an earlier one of that name."""

    arn: str
    created_at: str
    recorder: Recorder


def open_target(settings: Settings, say: Say, is_stopping: IsStopping) -> Target:
    """Waits for a table that is away; raises what botocore does if there is none, or none for these
    credentials, and SettingsError for one of an older shape.
    """
    dynamodb = dynamodb_client(settings)
    patience = Patience(say, is_stopping)
    attempt = 0
    while True:
        try:
            found = dynamodb.describe_table(TableName=settings.activity_table)["Table"]
            break
        except (ClientError, BotoCoreError) as error:
            if not isinstance(error, NoConnectionError | HTTPClientError) and code_of(error) not in PASSING:
                raise
            patience.wait(code_of(error), attempt)
            attempt += 1
    refuse_older(found)
    arn, created_at = found["TableArn"], found["CreationDateTime"].isoformat()
    claims = Claims(
        RedisCommands(settings.redis),
        namespace(arn, created_at),
        settings.lease_seconds,
        settings.dedupe_window_seconds,
    )
    return Target(arn, created_at, Recorder(Store(dynamodb, settings.activity_table), claims, patience, say))


class Threads:
    """Daemons, unlike those of concurrent.futures: a call that hangs must not hold up the end of the program."""

    def __init__(self, recorder: Recorder, count: int) -> None:
        self._record = recorder.record
        self._jobs: queue.SimpleQueue[tuple[Mapping[Key, Item], Future[Recorded]] | None] = queue.SimpleQueue()
        self._count = count
        for number in range(count):
            threading.Thread(target=self._work, name=f"record-{number}", daemon=True).start()

    def submit(self, items: Mapping[Key, Item]) -> Future[Recorded]:
        future: Future[Recorded] = Future()
        self._jobs.put((items, future))
        return future

    def end(self) -> None:
        for _ in range(self._count):
            self._jobs.put(None)

    def _work(self) -> None:
        while job := self._jobs.get():
            items, future = job
            try:
                future.set_result(self._record(items))
            except Exception as error:  # noqa: BLE001  raised where the result is asked for
                future.set_exception(error)
