"""A walk through the dead-letter queue: see every message once, and give back whatever is not deleted.

SQS has no way to look without receiving, so what is looked at is hidden from others until the walk ends.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Self

from email_activity.aws.batches import call_in_batches
from email_activity.dead_letters.letter import Letter
from email_activity.ingest.receive import Queue, find_queue
from email_activity.ses.tracking_policy import TrackingPolicy
from email_activity.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

#: Messages in one answer, SQS's limit.
MAX_MESSAGES = 10

#: Seconds that a message is hidden: longer than a walk through MAX_HELD takes, and the longest time for which a
#: walk that was killed keeps messages from the next one.
HIDDEN_FOR = 1800

#: Seconds of long poll, which asks all of SQS's servers, and after how many empty answers the queue counts as seen.
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html
WAIT_SECONDS = 1
EMPTY_ANSWERS = 2

#: Messages held at once. SQS hides about 120,000 of a queue, and beyond that answers a long poll as if it were empty.
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html
MAX_HELD = 100_000

#: What comes later than this after the start is for the next walk, or a walk might never end. Clocks differ a little.
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
    said = sqs.get_queue_attributes(
        QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    )["Attributes"]
    return Counts(int(said["ApproximateNumberOfMessages"]), int(said["ApproximateNumberOfMessagesNotVisible"]))


def never() -> bool:
    return False


def silently(number: int) -> None:
    del number


class Walk:
    """A context: whatever was received and not deleted is given back when it is left, also by an error.

    Bodies are not kept: of a message that stays, only its receipt handle.
    """

    def __init__(
        self,
        sqs: "SQSClient",
        url: str,
        policy: TrackingPolicy,
        stopping: Callable[[], bool] = never,
        seen: Callable[[int], None] = silently,
    ) -> None:
        """stopping: asked before each receive. seen: told how many letters each answer had."""
        self._sqs = sqs
        self._url = url
        self._rules = policy
        self._stopping = stopping
        self._seen = seen
        self._until = datetime.now(UTC) + LATE
        self._held: dict[str, str] = {}  # SQS's id -> receipt handle
        #: Messages that came too late to be a part of this walk.
        self.late = 0
        #: Whether the queue holds more than can be looked at.
        self.is_cut = False
        #: Messages that SQS would not take back; they return by themselves.
        self.not_given_back = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._give_back()

    def answers(self) -> Iterator[list[Letter]]:
        """Up to ten letters at a time, each letter once, until none comes or somebody stops."""
        empty = 0
        while empty < EMPTY_ANSWERS and not self._stopping():
            if len(self._held) >= MAX_HELD:
                self.is_cut = True
                return
            letters = self._receive()
            empty = 0 if letters else empty + 1
            if letters:
                self._seen(len(letters))
                yield letters

    def _receive(self) -> list[Letter]:
        answer = self._sqs.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=MAX_MESSAGES,
            WaitTimeSeconds=WAIT_SECONDS,
            VisibilityTimeout=HIDDEN_FOR,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        given = answer.get("Messages", [])
        # One that is held may come once more, after a pause longer than it was hidden; its newest handle counts.
        new = [each for each in given if each["MessageId"] not in self._held]
        self._held |= {each["MessageId"]: each["ReceiptHandle"] for each in given}
        letters = [Letter.read(each, self._rules, datetime.now(UTC)) for each in new]
        in_time = [letter for letter in letters if letter.summary.sent_at <= self._until]
        self.late += len(letters) - len(in_time)
        return in_time

    def delete(self, letters: Sequence[Letter]) -> set[str]:
        """Returns SQS's ids of those that could not be deleted."""
        entries = {letter.sqs_id: {"ReceiptHandle": self._held[letter.sqs_id]} for letter in letters}
        failed: set[str] = set()
        for result in call_in_batches(self._sqs.delete_message_batch, self._url, entries):
            for gone in result.done:
                del self._held[gone]
            if result.error:
                raise result.error
            failed |= result.failed.keys()
        return failed

    def _give_back(self) -> None:
        """To be seen at once, by anybody. Never raises: there may be an error on its way that says more."""
        entries = {sqs_id: {"ReceiptHandle": handle, "VisibilityTimeout": 0} for sqs_id, handle in self._held.items()}
        self.not_given_back = len(entries)
        for result in call_in_batches(self._sqs.change_message_visibility_batch, self._url, entries):
            self.not_given_back -= len(result.done)
            if result.error:
                break
