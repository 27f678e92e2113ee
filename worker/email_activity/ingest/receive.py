"""Long-poll SQS and gather a batch.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
"""

import math
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from email_activity.domain.errors import TransientError, code_of
from email_activity.ingest.model import REPLAY_ATTRIBUTE, Message
from email_activity.settings import Settings
from email_activity.telemetry import log

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

#: Messages in one answer, SQS's limit.
MAX_MESSAGES = 10

#: A batch that has come to so many characters takes no more: a message may have a million, and memory is shared.
MAX_BATCH_CHARACTERS = 4_000_000

#: Seconds in which a batch is gathered: the first messages must not wait for the last while SQS is slow.
GATHER_SECONDS = 5


def message_from_sqs(received: Mapping[str, Any]) -> Message:
    attributes = received.get("Attributes", {})
    return Message(
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
        calls = 0
        deadline = math.inf
        while self._takes_more(batch) and time.monotonic() < deadline:
            count = min(MAX_MESSAGES, self._batch_size - len(batch))
            calls += 1
            try:
                received = self._receive(count, wait=0 if batch else self._wait)
            except (ClientError, BotoCoreError) as error:
                if batch:
                    break
                raise TransientError("sqs", code_of(error)) from error
            deadline = min(deadline, time.monotonic() + GATHER_SECONDS)
            batch += received
            if len(received) < count:
                break
        log.debug("received", messages=len(batch), calls=calls)
        return batch

    def _takes_more(self, batch: list[Message]) -> bool:
        has_room = len(batch) < self._batch_size and sum(len(message.body) for message in batch) < MAX_BATCH_CHARACTERS
        return has_room and not self._stopping()

    def _receive(self, count: int, wait: int) -> list[Message]:
        answer = self._sqs.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=count,
            WaitTimeSeconds=wait,
            MessageSystemAttributeNames=[
                "ApproximateReceiveCount",
                "SentTimestamp",
                "ApproximateFirstReceiveTimestamp",
            ],
            MessageAttributeNames=[REPLAY_ATTRIBUTE],
        )
        return [message_from_sqs(received) for received in answer.get("Messages", [])]
