"""A scan of the dead-letter queue: sees every message once, and gives back whatever is not deleted.

SQS has no way to look without receiving, so what is looked at is hidden from others until the scan ends.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Self

from email_activity.aws.batches import call_in_batches
from email_activity.dead_letters.dead_letter import DeadLetter
from email_activity.ingest.queue import Queue, find_queue
from email_activity.ingest.receive import MAX_MESSAGES
from email_activity.ses.tracking_policy import TrackingPolicy
from email_activity.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

#: Seconds that a message is hidden: longer than a scan of MAX_IN_FLIGHT takes, and the longest time for which a scan
#: that was killed keeps messages from the next one.
HIDDEN_FOR = 1800

#: Seconds of long poll, which asks all of SQS's servers, and after how many empty answers the queue counts as seen.
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html
WAIT_SECONDS = 1
EMPTY_ANSWERS = 2

#: Messages received and neither deleted nor given back. SQS hides about 120,000 of a queue, and beyond that answers a
#: long poll as if it were empty.
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html
MAX_IN_FLIGHT = 100_000

#: What comes later than this after the start is for the next scan, or a scan might never end. Clocks differ a little.
LATE = timedelta(minutes=1)


def find_queues(sqs: "SQSClient", settings: Settings) -> Queue:
    """As the worker finds them, but for its lease: one that does not fit the queue is not in the way here."""
    return find_queue(sqs, settings.model_copy(update={"lease_seconds": -1}))


@dataclass(frozen=True, slots=True)
class Counts:
    """How many messages SQS says there are, approximately. hidden: just now received by somebody."""

    visible: int
    hidden: int


def count(sqs: "SQSClient", url: str) -> Counts:
    attributes = sqs.get_queue_attributes(
        QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    )["Attributes"]
    return Counts(
        visible=int(attributes["ApproximateNumberOfMessages"]),
        hidden=int(attributes["ApproximateNumberOfMessagesNotVisible"]),
    )


class Scan:
    """A context: whatever was received and not deleted is given back when it is left, also by an error.

    Bodies are not kept: of a message that stays, only its receipt handle.
    """

    def __init__(
        self,
        sqs: "SQSClient",
        url: str,
        policy: TrackingPolicy,
        stopping: Callable[[], bool] = lambda: False,
        seen: Callable[[int], object] = lambda _: None,
    ) -> None:
        """stopping: asked before each receive. seen: told how many dead letters each answer had."""
        self._sqs = sqs
        self._url = url
        self._policy = policy
        self._stopping = stopping
        self._seen = seen
        self._until = datetime.now(UTC) + LATE
        self._receipt_handles: dict[str, str] = {}  # by SQS's id, of what was received and not deleted
        #: Messages that came too late to be a part of this scan.
        self.late = 0
        #: Whether the queue holds more than can be looked at.
        self.is_cut = False
        #: Messages that SQS would not take back; they return by themselves.
        self.not_given_back = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._give_back()

    def batches(self) -> Iterator[list[DeadLetter]]:
        """Up to ten at a time, each message once, until none comes or somebody stops. Raises what boto3 raises."""
        empty = 0
        while empty < EMPTY_ANSWERS and not self._stopping():
            if len(self._receipt_handles) >= MAX_IN_FLIGHT:
                self.is_cut = True
                return
            dead_letters = self._receive()
            empty = 0 if dead_letters else empty + 1
            if dead_letters:
                self._seen(len(dead_letters))
                yield dead_letters

    def _receive(self) -> list[DeadLetter]:
        answer = self._sqs.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=MAX_MESSAGES,
            WaitTimeSeconds=WAIT_SECONDS,
            VisibilityTimeout=HIDDEN_FOR,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        messages = answer.get("Messages", [])
        # One may come once more, after a pause longer than it was hidden; its newest handle counts.
        new = [message for message in messages if message["MessageId"] not in self._receipt_handles]
        self._receipt_handles |= {message["MessageId"]: message["ReceiptHandle"] for message in messages}
        dead_letters = [DeadLetter.of(message, self._policy, datetime.now(UTC)) for message in new]
        in_time = [dead_letter for dead_letter in dead_letters if dead_letter.summary.sent_at <= self._until]
        self.late += len(dead_letters) - len(in_time)
        return in_time

    def delete(self, dead_letters: Sequence[DeadLetter]) -> set[str]:
        """Returns SQS's ids of those that could not be deleted. Raises what boto3 raises."""
        ids = [dead_letter.sqs_id for dead_letter in dead_letters]
        entries = {sqs_id: {"ReceiptHandle": self._receipt_handles[sqs_id]} for sqs_id in ids}
        failed: set[str] = set()
        for result in call_in_batches(self._sqs.delete_message_batch, self._url, entries):
            for sqs_id in result.done:
                del self._receipt_handles[sqs_id]
            if result.error:
                raise result.error
            failed |= result.failed.keys()
        return failed

    def _give_back(self) -> None:
        """To be seen at once, by anybody. Never raises: there may be an error on its way that says more."""
        handles = self._receipt_handles.items()
        entries = {sqs_id: {"ReceiptHandle": handle, "VisibilityTimeout": 0} for sqs_id, handle in handles}
        self.not_given_back = len(entries)
        for result in call_in_batches(self._sqs.change_message_visibility_batch, self._url, entries):
            self.not_given_back -= len(result.done)
            if result.error:
                break
