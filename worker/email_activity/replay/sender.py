"""Messages to the events queue, waiting as long as it takes while SQS fails.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
"""

import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from multiprocessing.pool import ThreadPool
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnectionError

from email_activity.aws.backoff import backoff
from email_activity.aws.batches import call_in_batches, message_bytes
from email_activity.domain.errors import THROTTLED, PermanentError, code_of
from email_activity.ingest.queue import queue_url
from email_activity.ingest.receive import REPLAY_ATTRIBUTES
from email_activity.replay.archive import TooLargeError
from email_activity.replay.files import StoppedError
from email_activity.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

#: Seconds: the first pause while the queue takes nothing, doubled each time, and the longest.
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 20.0

#: Seconds without a failure after which an outage is over: one that flickers, as throttling does, is said once.
QUIET = 5.0

#: Seconds between two looks whether to stop, and for which a stop waits for the calls under way.
LOOK_EVERY = 0.1
GRACE = 3.0

#: SQS has trouble of its own.
PASSING = THROTTLED | {"InternalError", "InternalFailure", "ServiceUnavailable", "RequestThrottled", "KmsThrottled"}

#: SQS refuses what a message holds: characters that it takes in none, or a size.
TOO_LONG = "BatchRequestTooLong"
REFUSED = frozenset({"InvalidMessageContents", "InvalidParameterValue", TOO_LONG, f"AWS.SimpleQueueService.{TOO_LONG}"})

Entries = Mapping[int, Mapping[str, Any]]


class RefusedByQueueError(PermanentError):
    """SQS refuses this body, for instance for a character that no message may hold. Mend it, and replay the rejects.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
    """

    reason = "refused_by_queue"


class RetryPolicy:
    """Pauses between attempts, shared by all threads. Says once that the queue fails, and once that it works again."""

    def __init__(self, say: Callable[[str], None], is_stopping: Callable[[], bool]) -> None:
        self._say = say
        self.is_stopping = is_stopping
        self._failed_at: float | None = None
        self._lock = threading.Lock()

    def wait(self, code: str, attempt: int) -> None:
        """Raises StoppedError."""
        with self._lock:
            if self._failed_at is None:
                self._say(f"the queue takes nothing more for now ({code}): waiting until it does")
            self._failed_at = time.monotonic()
        until = time.monotonic() + backoff(attempt, FIRST_PAUSE, LONGEST_PAUSE, least=0.5)
        while time.monotonic() < until:
            if self.is_stopping():
                raise StoppedError
            time.sleep(LOOK_EVERY)

    def record_success(self) -> None:
        with self._lock:
            if self._failed_at is not None and time.monotonic() - self._failed_at >= QUIET:
                self._failed_at = None
                self._say("the queue takes messages again")


class QueueSender:
    """Sends with several threads. max_bytes: of a message, with its attributes."""

    def __init__(self, sqs: "SQSClient", url: str, max_bytes: int, retry: RetryPolicy, threads: int) -> None:
        self._sqs = sqs
        self.url = url
        self._max_bytes = max_bytes
        self._retry = retry
        self._threads = threads

    @property
    def queue_name(self) -> str:
        return self.url.rpartition("/")[2]

    def send(self, bodies: Sequence[str]) -> dict[int, PermanentError]:
        """Returns when each is sent or refused for good: the errors, by place. Some may be sent twice.

        Raises StoppedError, and what boto3 raises where waiting does not help, for instance without permission.
        """
        entries = {
            place: {"MessageBody": body, "MessageAttributes": REPLAY_ATTRIBUTES} for place, body in enumerate(bodies)
        }
        sizes = {place: message_bytes(entry) for place, entry in entries.items()}
        errors: dict[int, PermanentError] = {
            place: TooLargeError(f"{size} bytes, and the queue takes {self._max_bytes}")
            for place, size in sizes.items()
            if size > self._max_bytes
        }
        left = [entry for entry in entries.items() if entry[0] not in errors]
        shares = [dict(left[start :: self._threads]) for start in range(min(self._threads, len(left)))]
        for codes in self._in_threads(shares) if shares else ():
            errors |= {place: RefusedByQueueError(code) for place, code in codes.items()}
        return errors

    def _in_threads(self, shares: Sequence[Entries]) -> Sequence[Mapping[int, str]]:
        """Threads of a pool like this are daemons: a call that hangs does not hold up the end of the program."""
        stop_at = math.inf
        with ThreadPool(len(shares)) as pool:
            calls = pool.map_async(self._send, shares, chunksize=1)
            while not calls.ready():
                calls.wait(LOOK_EVERY)
                if self._retry.is_stopping():
                    stop_at = min(stop_at, time.monotonic() + GRACE)
                    if time.monotonic() > stop_at:
                        raise StoppedError
            return calls.get()

    def _send(self, entries: Entries) -> dict[int, str]:
        """SQS's code for each that it refuses for good."""
        left, refused, attempt = dict(entries), dict[int, str](), 0
        while left:
            failed: dict[int, str] = {}
            for result in call_in_batches(self._sqs.send_message_batch, self.url, left):
                if result.error and not _is_passing(result.error):
                    refused |= self._one_by_one({place: left[place] for place in result.failed}, result.error)
                else:
                    failed |= result.failed
            refused |= {place: code for place, code in failed.items() if code in REFUSED}
            attempt = 0 if len(failed) < len(left) else attempt + 1
            left = {place: left[place] for place in failed if place not in refused}
            if left:
                self._retry.wait(failed[next(iter(left))], attempt)
            else:
                self._retry.record_success()
        return refused

    def _one_by_one(self, entries: Entries, error: ClientError | BotoCoreError) -> dict[int, str]:
        """SQS may refuse a call for one of its entries, so that one must be found. Raises any other error."""
        code = code_of(error)
        if code not in REFUSED:
            raise error
        if len(entries) == 1:
            return dict.fromkeys(entries, code)
        return dict(found for place, entry in entries.items() for found in self._send({place: entry}).items())


def open_queue(sqs: "SQSClient", settings: Settings, retry: RetryPolicy, threads: int) -> QueueSender:
    """Raises SettingsError if there is no such queue, and what boto3 raises."""
    url = queue_url(sqs, settings.events_queue, "EVENTS_QUEUE")
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["MaximumMessageSize"])["Attributes"]
    return QueueSender(sqs, url, int(attributes["MaximumMessageSize"]), retry, threads)


def _is_passing(error: ClientError | BotoCoreError) -> bool:
    if isinstance(error, ClientError):
        is_theirs = (
            error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= HTTPStatus.INTERNAL_SERVER_ERROR
        )
        return is_theirs or code_of(error) in PASSING
    return isinstance(error, NoConnectionError | HTTPClientError)
