"""Messages to the events queue, waiting as long as it takes while SQS fails.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from multiprocessing.pool import ThreadPool
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnectionError

from email_activity.aws.backoff import backoff
from email_activity.aws.batches import call_in_batches, message_bytes
from email_activity.domain.errors import THROTTLED, PermanentError, code_of
from email_activity.ingest.model import REPLAY_ATTRIBUTES
from email_activity.ingest.queue import queue_url
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

#: SQS takes no more just now.
PASSING = THROTTLED | {"RequestThrottled", "KmsThrottled"}

#: SQS refuses what a message holds: characters that it takes in none, or a size.
TOO_LONG = "BatchRequestTooLong"
REFUSED = frozenset({"InvalidMessageContents", "InvalidParameterValue", TOO_LONG, f"AWS.SimpleQueueService.{TOO_LONG}"})

Entries = Mapping[int, Mapping[str, Any]]


class Failure(NamedTuple):
    """Why a message was not sent: SQS's code, and whether to try again is of no use."""

    code: str
    is_refused: bool


class RefusedByQueueError(PermanentError):
    """SQS refuses this body, for instance for a character that no message may hold. Mend it, and replay the rejects.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
    """

    reason = "refused_by_queue"


@dataclass(slots=True)
class QueueSender:
    """Calls SQS in several threads. max_bytes: of a message, with its attributes. say: takes a line for the user."""

    sqs: "SQSClient"
    url: str
    max_bytes: int
    threads: int
    say: Callable[[str], None]
    is_stopping: Callable[[], bool]
    _failed_at: float | None = None

    @classmethod
    def open(
        cls, sqs: "SQSClient", settings: Settings, say: Callable[[str], None], is_stopping: Callable[[], bool]
    ) -> "QueueSender":
        """Raises SettingsError if there is no such queue, and what boto3 raises."""
        url = queue_url(sqs, settings.events_queue, "EVENTS_QUEUE")
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["MaximumMessageSize"])["Attributes"]
        max_bytes = int(attributes["MaximumMessageSize"])
        return cls(sqs, url, max_bytes, settings.threads_per_process, say, is_stopping)

    def send(self, bodies: Sequence[str]) -> dict[int, PermanentError]:
        """Returns when each is sent or refused for good: the errors, by place. Some may be sent twice.

        Raises StoppedError, and what boto3 raises where waiting does not help, for instance without permission.
        """
        entries: Entries = {
            place: {"MessageBody": body, "MessageAttributes": REPLAY_ATTRIBUTES} for place, body in enumerate(bodies)
        }
        sizes = {place: message_bytes(entry) for place, entry in entries.items()}
        errors: dict[int, PermanentError] = {
            place: TooLargeError(f"{size} bytes, and the queue takes {self.max_bytes}")
            for place, size in sizes.items()
            if size > self.max_bytes
        }
        unsent = {place: entry for place, entry in entries.items() if place not in errors}
        attempt = 0
        while unsent:
            failed = self._send_once(unsent)
            errors |= {place: RefusedByQueueError(fail.code) for place, fail in failed.items() if fail.is_refused}
            attempt = 0 if len(failed) < len(unsent) else attempt + 1
            unsent = {place: unsent[place] for place in failed if place not in errors}
            if unsent:
                self._pause(failed[next(iter(unsent))].code, attempt)
        if self._failed_at is not None and time.monotonic() - self._failed_at >= QUIET:
            self._failed_at = None
            self.say("the queue takes messages again")
        return errors

    def _send_once(self, entries: Entries) -> dict[int, Failure]:
        """Those that were not sent. A call that hangs does not hold up a stop: its thread is a daemon."""
        places = list(entries)
        shares = [{place: entries[place] for place in places[n :: self.threads]} for n in range(self.threads)]
        stop_at = math.inf
        with ThreadPool(self.threads) as pool:
            calls = pool.map_async(self._call, filter(None, shares), chunksize=1)
            while not calls.ready():
                calls.wait(LOOK_EVERY)
                if self.is_stopping():
                    stop_at = min(stop_at, time.monotonic() + GRACE)
                    if time.monotonic() > stop_at:
                        raise StoppedError
            return {place: failure for failed in calls.get() for place, failure in failed.items()}

    def _call(self, entries: Entries) -> dict[int, Failure]:
        failed: dict[int, Failure] = {}
        for result in call_in_batches(self.sqs.send_message_batch, self.url, entries):
            is_refused = result.error is not None and code_of(result.error) in REFUSED
            if is_refused and len(result.failed) > 1:  # for one of them, so that one must be found
                for place in result.failed:
                    failed |= self._call({place: entries[place]})
            elif result.error and not is_refused and not _is_passing(result.error):
                raise result.error
            else:
                for place, code in result.failed.items():
                    is_its_fault = place in result.sender_faults and code not in PASSING
                    failed[place] = Failure(code, is_its_fault or code in REFUSED)
        return failed

    def _pause(self, code: str, attempt: int) -> None:
        """Raises StoppedError."""
        if self._failed_at is None:
            self.say(f"the queue takes nothing more for now ({code}): waiting until it does")
        self._failed_at = time.monotonic()
        until = time.monotonic() + backoff(attempt, FIRST_PAUSE, LONGEST_PAUSE, least=0.5)
        while time.monotonic() < until:
            if self.is_stopping():
                raise StoppedError
            time.sleep(LOOK_EVERY)


def _is_passing(error: ClientError | BotoCoreError) -> bool:
    """SQS has trouble of its own, or does not answer."""
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return status >= HTTPStatus.INTERNAL_SERVER_ERROR or code_of(error) in PASSING
    return isinstance(error, NoConnectionError | HTTPClientError)
