"""The queue that is polled, and its dead-letter queue: found by the settings, and found again from time to time.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html
"""

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from email_activity.domain.errors import TransientError, code_of
from email_activity.settings import Settings, SettingsError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

#: Receives after which SQS moves a message by config/template.yaml. Assumed of a queue without a redrive policy.
MAX_RECEIVES = 12

#: A message that has used half of its receives may be what kills its process. Not before this receive: an outage
#: costs each message one, and a deployment another.
SUSPECT_FROM_RECEIVE = 3

#: Seconds for which a queue that was found is not looked up again, since SQS bills each look-up.
FOUND_FOR = 60.0


@dataclass(frozen=True, slots=True)
class Queue:
    """visibility_timeout: seconds. max_receives: after so many, SQS moves a message to the dead-letter queue."""

    url: str
    dead_letter_url: str
    visibility_timeout: int
    max_receives: int = MAX_RECEIVES

    @property
    def name(self) -> str:
        return self.url.rpartition("/")[2]

    def is_crash_suspect(self, receive_count: int) -> bool:
        """Whether a message is to be processed alone, so that it takes no other with it if it kills its process."""
        return receive_count >= max(SUSPECT_FROM_RECEIVE, self.max_receives / 2)


class QueueFinder:
    """Of one process."""

    def __init__(self, sqs: "SQSClient", settings: Settings) -> None:
        self._sqs = sqs
        self._settings = settings
        self._queue: Queue | None = None
        self._expires_at = 0.0

    def find(self) -> Queue:
        """Raises SettingsError, TransientError."""
        if self._queue is None or time.monotonic() > self._expires_at:
            self._queue, self._expires_at = find_queue(self._sqs, self._settings), time.monotonic() + FOUND_FOR
        return self._queue

    def forget(self) -> None:
        """After SQS has failed: the next `find` looks it up."""
        self._queue = None

    def probe(self) -> None:
        """Whether SQS answers, without a receive, which would count for each message. Raises TransientError."""
        try:
            find_queue(self._sqs, self._settings)
        except SettingsError as error:  # the queue is gone; the next poll says what to do
            raise TransientError("sqs", "QueueDoesNotExist") from error


def find_queue(sqs: "SQSClient", settings: Settings) -> Queue:
    """Raises SettingsError if a queue is missing or does not fit the settings, TransientError if SQS fails."""
    try:
        url = queue_url(sqs, settings.events_queue, "EVENTS_QUEUE")
        names = ["VisibilityTimeout", "RedrivePolicy"]
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]  # type: ignore[arg-type]
        policy = json.loads(attributes.get("RedrivePolicy", "{}"))
        if settings.dead_letter_queue:
            dead_letter_url = queue_url(sqs, settings.dead_letter_queue, "DEAD_LETTER_QUEUE")
        elif policy:
            account, name = policy["deadLetterTargetArn"].split(":")[-2:]
            dead_letter_url = sqs.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)["QueueUrl"]
        else:
            raise SettingsError("DEAD_LETTER_QUEUE: not set, and the events queue has no redrive policy to find it by")
    except (ClientError, BotoCoreError, KeyError) as error:  # KeyError: an answer that is not SQS's
        raise TransientError("sqs", code_of(error)) from error
    visibility_timeout = int(attributes.get("VisibilityTimeout", 30))
    if settings.lease_seconds >= visibility_timeout:
        raise SettingsError(
            f"LEASE_SECONDS: got {settings.lease_seconds}, want less than the visibility timeout of the queue "
            f"({visibility_timeout}), so that a claim whose owner died is free when its message returns"
        )
    return Queue(url, dead_letter_url, visibility_timeout, int(policy.get("maxReceiveCount", MAX_RECEIVES)))


def queue_url(sqs: "SQSClient", name_or_url: str, variable: str) -> str:
    if name_or_url.endswith(".fifo"):
        raise SettingsError(f"{variable}: got {name_or_url!r}, want a standard queue: SNS and SES publish to no other")
    if name_or_url.startswith(("http://", "https://")):
        return name_or_url
    try:
        return sqs.get_queue_url(QueueName=name_or_url)["QueueUrl"]
    except sqs.exceptions.QueueDoesNotExist:
        raise SettingsError(f"{variable}: got {name_or_url!r}, want the name or URL of a queue that exists") from None
