"""Long-poll SQS and gather a batch.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from email_activity.domain.errors import TransientError, code_of
from email_activity.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageAttributeValueTypeDef

#: Messages in one answer, SQS's limit.
MAX_MESSAGES = 10

#: A batch that has come to so many characters takes no more: a message may have a million, and memory is shared.
MAX_BATCH_CHARACTERS = 4_000_000

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
    def from_sqs(cls, received: Mapping[str, Any]) -> "Message":
        attributes = received.get("Attributes", {})
        return cls(
            id=received["MessageId"],
            receipt_handle=received["ReceiptHandle"],
            body=received["Body"],
            receive_count=int(attributes.get("ApproximateReceiveCount", 1)),
            sent_at=_timestamp(attributes.get("SentTimestamp")),
            first_received_at=_timestamp(attributes.get("ApproximateFirstReceiveTimestamp")),
            is_replay=REPLAY_ATTRIBUTE in (received.get("MessageAttributes") or {}),
        )


def _timestamp(milliseconds: str | None) -> datetime:
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC) if milliseconds else datetime.now(UTC)


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
        deadline = math.inf
        while self._wants_more(batch) and time.monotonic() < deadline:
            wanted = min(MAX_MESSAGES, self._batch_size - len(batch))
            try:
                received = self._receive(wanted, wait=0 if batch else self._wait)
            except (ClientError, BotoCoreError) as error:
                if batch:
                    break
                raise TransientError("sqs", code_of(error)) from error
            deadline = min(deadline, time.monotonic() + GATHER_SECONDS)
            batch += received
            if len(received) < wanted:
                break
        return batch

    def _wants_more(self, batch: list[Message]) -> bool:
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
        return [Message.from_sqs(each) for each in answer.get("Messages", [])]
