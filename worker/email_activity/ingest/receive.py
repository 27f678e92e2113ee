"""Long-poll SQS and gather a batch.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
"""

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from email_activity.domain.errors import TransientError, code_of
from email_activity.settings import Settings, SettingsError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageAttributeValueTypeDef

#: Messages in one answer, SQS's limit.
MAX_MESSAGES = 10

#: A batch that has come to so many characters takes no more: a message may have a million, and memory is shared.
MAX_BATCH_CHARACTERS = 4_000_000

#: A message that is half of the way to the dead-letter queue may be what kills its process. Not before this receive:
#: an outage costs each message one, and a deployment another.
SUSPECT_FROM_RECEIVE = 3

#: Receives after which SQS moves a message by config/template.yaml. Taken for a queue without a redrive policy.
MAX_RECEIVES = 12

#: The message attribute of what `email-activity replay` sends. The table may have lost what Redis calls done, so every
#: fact of such a message is written, whatever its claim says.
REPLAY_ATTRIBUTE = "replay"
REPLAY_ATTRIBUTES: Mapping[str, "MessageAttributeValueTypeDef"] = {
    REPLAY_ATTRIBUTE: {"DataType": "String", "StringValue": "1"}
}

#: Seconds in which a batch is gathered: the first messages must not wait for the last while SQS is slow.
GATHER_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Message:
    """A message as received. `sent_at` is when the queue took it (UTC), `receive_count` counts this receive."""

    id: str
    receipt_handle: str
    body: str
    receive_count: int
    sent_at: datetime
    first_received_at: datetime
    is_replay: bool = False

    @classmethod
    def read(cls, given: Any) -> "Message":
        attributes = given.get("Attributes", {})
        return cls(
            id=given["MessageId"],
            receipt_handle=given["ReceiptHandle"],
            body=given["Body"],
            receive_count=int(attributes.get("ApproximateReceiveCount", 1)),
            sent_at=_read_milliseconds(attributes.get("SentTimestamp")),
            first_received_at=_read_milliseconds(attributes.get("ApproximateFirstReceiveTimestamp")),
            is_replay=REPLAY_ATTRIBUTE in given.get("MessageAttributes", {}),
        )


def _read_milliseconds(text: str | None) -> datetime:
    return datetime.fromtimestamp(int(text) / 1000, UTC) if text else datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Queue:
    """The events queue and its dead-letter queue. visibility_timeout: seconds.

    max_receives: after so many, SQS moves a message to the dead-letter queue.
    """

    url: str
    dead_letter_url: str
    visibility_timeout: int
    max_receives: int = MAX_RECEIVES

    @property
    def name(self) -> str:
        return self.url.rpartition("/")[2]

    def suspects(self, message: Message) -> bool:
        """Whether it is to be handled alone, so that it takes no other message with it if it kills its process."""
        return message.receive_count >= max(SUSPECT_FROM_RECEIVE, self.max_receives / 2)


def find_queue(sqs: "SQSClient", settings: Settings) -> Queue:
    """Raises SettingsError if a queue is missing or does not fit the settings, TransientError if SQS fails."""
    try:
        url = queue_url(sqs, settings.events_queue, "EVENTS_QUEUE")
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout", "RedrivePolicy"])
        said = attributes["Attributes"]
        named = settings.dead_letter_queue
        target = named and queue_url(sqs, named, "DEAD_LETTER_QUEUE")
        dead_letter_url = target or _redrive_target(sqs, said.get("RedrivePolicy"))
    except (ClientError, BotoCoreError, KeyError) as error:  # KeyError: an answer that is not SQS's
        raise TransientError("sqs", code_of(error)) from error
    visibility_timeout = int(said.get("VisibilityTimeout", 30))
    if settings.lease_seconds >= visibility_timeout:
        raise SettingsError(
            f"LEASE_SECONDS: got {settings.lease_seconds}, want less than the visibility timeout of the queue "
            f"({visibility_timeout}), so that a claim whose owner died is free when its message returns"
        )
    max_receives = json.loads(said.get("RedrivePolicy", "{}")).get("maxReceiveCount", MAX_RECEIVES)
    return Queue(url, dead_letter_url, visibility_timeout, int(max_receives))


def queue_url(sqs: "SQSClient", name_or_url: str, variable: str) -> str:
    if name_or_url.endswith(".fifo"):
        raise SettingsError(f"{variable}: got {name_or_url!r}, want a standard queue: SNS and SES publish to no other")
    if name_or_url.startswith(("http://", "https://")):
        return name_or_url
    try:
        return sqs.get_queue_url(QueueName=name_or_url)["QueueUrl"]
    except sqs.exceptions.QueueDoesNotExist:
        raise SettingsError(f"{variable}: got {name_or_url!r}, want the name or URL of a queue that exists") from None


def _redrive_target(sqs: "SQSClient", policy: str | None) -> str:
    """The URL of the queue with the ARN `arn:aws:sqs:region:account:name`."""
    if not policy:
        raise SettingsError("DEAD_LETTER_QUEUE: not set, and the events queue has no redrive policy to find it by")
    account, name = json.loads(policy)["deadLetterTargetArn"].split(":")[-2:]
    return sqs.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)["QueueUrl"]


class Receiver:
    """Gathers batches for one thread."""

    def __init__(self, sqs: "SQSClient", url: str, settings: Settings, stopping: Callable[[], bool]) -> None:
        self._sqs = sqs
        self._url = url
        self._batch_size = settings.batch_size
        self._wait = settings.receive_wait_seconds
        self._stopping = stopping

    def receive(self) -> list[Message]:
        """Up to a batch: waits for the first messages, then takes what is there without waiting.

        Raises TransientError if SQS fails before anything was received.
        """
        batch: list[Message] = []
        until = math.inf
        while self._wants_more(batch) and time.monotonic() < until:
            wanted = min(MAX_MESSAGES, self._batch_size - len(batch))
            try:
                received = self._receive(wanted, wait=0 if batch else self._wait)
            except (ClientError, BotoCoreError) as error:
                if batch:
                    break
                raise TransientError("sqs", code_of(error)) from error
            until = min(until, time.monotonic() + GATHER_SECONDS)
            batch += received
            if len(received) < wanted:
                break
        return batch

    def _wants_more(self, batch: Sequence[Message]) -> bool:
        has_room = len(batch) < self._batch_size and sum(len(each.body) for each in batch) < MAX_BATCH_CHARACTERS
        return has_room and not self._stopping()

    def _receive(self, wanted: int, wait: int) -> list[Message]:
        answer = self._sqs.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=wanted,
            WaitTimeSeconds=wait,
            MessageSystemAttributeNames=[
                "ApproximateReceiveCount",
                "SentTimestamp",
                "ApproximateFirstReceiveTimestamp",
            ],
            MessageAttributeNames=[REPLAY_ATTRIBUTE],
        )
        return [Message.read(each) for each in answer.get("Messages", [])]
