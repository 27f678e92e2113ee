"""The queues there are, and SQS's operations on queues as a whole.

A queue that is asked for by name is made, with its dead-letter queue: names, visibility timeout and receive count are
those of config/template.yaml.
One that CreateQueue makes has the visibility timeout that the call says, and no dead-letter queue.
"""

import json
import time
from collections.abc import Callable, Mapping

import msgspec

from benchmarks.stub import requests
from benchmarks.stub.answers import Answers, ServiceError, encode
from benchmarks.stub.queues import CallLater, Queue
from benchmarks.stub.server import Connection, Handler

ACCOUNT = "000000000000"
ARN = f"arn:aws:sqs:us-east-1:{ACCOUNT}:"

#: The end of the name of a dead-letter queue, and what it stands for in the events queue's.
DEAD_LETTERS = "-dead-letters"
EVENTS = "-events"

_named = msgspec.json.Decoder(requests.Named).decode
_listed = msgspec.json.Decoder(requests.Listed).decode
_asked = msgspec.json.Decoder(requests.Asked).decode


class Registry:
    def __init__(self, answers: Answers, call_later: CallLater) -> None:
        self.endpoint_url = ""
        self.queues: dict[str, Queue] = {}
        self._by_url: dict[str, Queue] = {}
        self._answers = answers
        self._call_later = call_later

    def url(self, queue: Queue) -> str:
        return f"{self.endpoint_url}/{ACCOUNT}/{queue.name}"

    def find(self, url: str) -> Queue:
        """By the end of its URL: the rest may be another name of this machine."""
        queue = self._by_url.get(url)
        if queue is None:
            queue = self.queues.get(url.rpartition("/")[2])
            if queue is None:
                text = "The specified queue does not exist."
                raise ServiceError(
                    "com.amazonaws.sqs#QueueDoesNotExist", text, "AWS.SimpleQueueService.NonExistentQueue"
                )
            self._by_url[url] = queue
        return queue

    def named(self, name: str) -> Queue:
        """Made, with its dead-letter queue, where it is not there."""
        queue = self.queues.get(name)
        if queue is None:
            queue = self._make(name)
            if not name.endswith(DEAD_LETTERS):
                queue.dead_letters = self.named(name.removesuffix(EVENTS) + DEAD_LETTERS)
        return queue

    def _make(self, name: str) -> Queue:
        self.queues[name] = Queue(name, self._call_later, time.monotonic)
        return self.queues[name]

    def handlers(self) -> Mapping[bytes, Handler]:
        operations: Mapping[bytes, Callable[[bytes], object]] = {
            b"AmazonSQS.CreateQueue": self._create_queue,
            b"AmazonSQS.GetQueueUrl": self._get_queue_url,
            b"AmazonSQS.ListQueues": self._list_queues,
            b"AmazonSQS.GetQueueAttributes": self._get_queue_attributes,
        }
        return {target: self._handler(operation) for target, operation in operations.items()}

    def _handler(self, operation: Callable[[bytes], object]) -> Handler:
        def handle(body: bytes, connection: Connection, now: float) -> bytes:  # noqa: ARG001
            return self._answers.ok(encode(operation(body)))

        return handle

    def _create_queue(self, body: bytes) -> object:
        asked = _named(body)
        queue = self.queues.get(asked.QueueName) or self._make(asked.QueueName)
        queue.visibility_timeout = float(asked.Attributes.get("VisibilityTimeout", queue.visibility_timeout))
        return {"QueueUrl": self.url(queue)}

    def _get_queue_url(self, body: bytes) -> object:
        return {"QueueUrl": self.url(self.named(_named(body).QueueName))}

    def _list_queues(self, body: bytes) -> object:
        prefix = _listed(body).QueueNamePrefix
        return {"QueueUrls": [self.url(queue) for name, queue in self.queues.items() if name.startswith(prefix)]}

    def _get_queue_attributes(self, body: bytes) -> object:
        asked = _asked(body)
        attributes = _attributes(self.find(asked.QueueUrl))
        if "All" not in asked.AttributeNames:
            attributes = {name: value for name, value in attributes.items() if name in asked.AttributeNames}
        return {"Attributes": attributes}


def _attributes(queue: Queue) -> dict[str, str]:
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html"""
    queue.expire(time.monotonic())
    attributes = {
        "QueueArn": ARN + queue.name,
        "VisibilityTimeout": f"{queue.visibility_timeout:.0f}",
        "ReceiveMessageWaitTimeSeconds": f"{queue.wait:.0f}",
        "MaximumMessageSize": "1048576",
        "MessageRetentionPeriod": "1209600",
        "ApproximateNumberOfMessages": str(queue.visible),
        "ApproximateNumberOfMessagesNotVisible": str(queue.in_flight),
    }
    if queue.dead_letters:
        policy = {"deadLetterTargetArn": ARN + queue.dead_letters.name, "maxReceiveCount": queue.max_receive_count}
        attributes["RedrivePolicy"] = json.dumps(policy)
    return attributes
