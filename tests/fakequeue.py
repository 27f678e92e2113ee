"""SQS in memory: enough of it for the tools that look after the dead-letter queue. Hidden messages stay hidden."""

import itertools
import json
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from email_activity import __version__

EVENTS, DEAD = "http://sqs/events", "http://sqs/dead"
MAX_BATCH_BYTES = 1_048_576


def refusal(code: str, call: str = "ReceiveMessage", message: str = "") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, call)


def quarantined(reason: str = "not_json", message_id: str | None = None, **more: str) -> dict[str, str]:
    """The attributes that the worker gives a message when it puts it into the dead-letter queue."""
    return {
        "reason": reason,
        "message_id": message_id or str(uuid.uuid4()),
        "first_received": "2026-11-23T10:00:00.000Z",
        "receive_count": "1",
        "worker_version": __version__,
        **more,
    }


@dataclass
class Stored:
    id: str
    body: str
    attributes: dict[str, str]
    message_attributes: dict[str, Any]
    handle: str = ""
    is_hidden: bool = False


@dataclass
class FakeSqs:
    """fails: how often an entry fails for a body, by call. before: called with the name of each call, and may raise."""

    queues: dict[str, dict[str, Stored]] = field(default_factory=lambda: {EVENTS: {}, DEAD: {}})
    max_bytes: int = 1_032_192
    fails: Counter[tuple[str, str]] = field(default_factory=Counter)
    before: Callable[[str], None] = lambda _: None
    calls: list[str] = field(default_factory=list)
    handles: Any = field(default_factory=itertools.count)

    def put(
        self, body: str, said: Mapping[str, str] | None = None, *, moved: bool = False, age: float = 0, url: str = DEAD
    ) -> str:
        """said: message attributes. moved: by SQS's redrive policy. age: seconds."""
        attributes = {"SentTimestamp": str(int((time.time() - age) * 1000)), "ApproximateReceiveCount": "1"}
        if moved:
            attributes["DeadLetterQueueSourceArn"] = "arn:aws:sqs:eu-west-1:111122223333:events"
        given = {name: {"DataType": "String", "StringValue": value} for name, value in (said or {}).items()}
        stored = Stored(str(uuid.uuid4()), body, attributes, given)
        self.queues[url][stored.id] = stored
        return stored.id

    def bodies(self, url: str = DEAD) -> list[str]:
        return sorted(each.body for each in self.queues[url].values())

    def hidden(self) -> list[str]:
        return [each.body for each in self.queues[DEAD].values() if each.is_hidden]

    def quarantine_again(self, call: str) -> None:
        """To be `before`: a worker that quarantines at once whatever comes."""
        if call == "ReceiveMessage":
            for each in list(self.queues[EVENTS].values()):
                del self.queues[EVENTS][each.id]
                self.put(each.body, quarantined("not_ses", each.id))

    # --- What boto3's client has ---

    def get_queue_url(self, QueueName: str, **_: object) -> dict[str, str]:  # noqa: N803  boto3's own
        self._call("GetQueueUrl")
        return {"QueueUrl": f"http://sqs/{QueueName}"}

    def get_queue_attributes(self, QueueUrl: str, AttributeNames: object) -> dict[str, Any]:  # noqa: N803
        del AttributeNames
        self._call("GetQueueAttributes")
        inside = self.queues[QueueUrl].values()
        said = {
            "ApproximateNumberOfMessages": sum(not each.is_hidden for each in inside),
            "ApproximateNumberOfMessagesNotVisible": sum(each.is_hidden for each in inside),
            "MaximumMessageSize": self.max_bytes,
            "VisibilityTimeout": 30,
        }
        policy = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": "arn:aws:sqs:eu-west-1:111122223333:dead"})}
        return {"Attributes": policy | {name: str(value) for name, value in said.items()}}

    def receive_message(self, QueueUrl: str, MaxNumberOfMessages: int, **asked: Any) -> dict[str, Any]:  # noqa: N803
        self._call("ReceiveMessage")
        assert asked["VisibilityTimeout"] > 0
        visible = [each for each in self.queues[QueueUrl].values() if not each.is_hidden]
        messages = []
        for each in visible[:MaxNumberOfMessages]:
            each.is_hidden, each.handle = True, f"handle-{next(self.handles)}"
            messages.append(
                {
                    "MessageId": each.id,
                    "ReceiptHandle": each.handle,
                    "Body": each.body,
                    "Attributes": each.attributes,
                    "MessageAttributes": each.message_attributes,
                }
            )
        return {"Messages": messages} if messages else {}

    def delete_message_batch(self, QueueUrl: str, Entries: Any) -> dict[str, Any]:  # noqa: N803
        return self._each("DeleteMessageBatch", Entries, QueueUrl, lambda _, each: self.queues[QueueUrl].pop(each.id))

    def change_message_visibility_batch(self, QueueUrl: str, Entries: Any) -> dict[str, Any]:  # noqa: N803
        def change(entry: Any, each: Stored) -> None:
            each.is_hidden = entry["VisibilityTimeout"] > 0

        return self._each("ChangeMessageVisibilityBatch", Entries, QueueUrl, change)

    def send_message_batch(self, QueueUrl: str, Entries: Any) -> dict[str, Any]:  # noqa: N803
        self._call("SendMessageBatch", Entries)
        assert sum(len(entry["MessageBody"].encode()) for entry in Entries) <= MAX_BATCH_BYTES
        sent, failed = [], []
        for entry in Entries:
            attributes = {name: each["StringValue"] for name, each in entry.get("MessageAttributes", {}).items()}
            if self._fails("SendMessageBatch", entry["MessageBody"]):
                failed.append({"Id": entry["Id"], "Code": "InternalError", "SenderFault": False})
            else:
                sent.append({"Id": entry["Id"], "MessageId": self.put(entry["MessageBody"], attributes, url=QueueUrl)})
        return {"Successful": sent, "Failed": failed}

    def _each(self, call: str, entries: Any, url: str, do: Callable[[Any, Stored], object]) -> dict[str, Any]:
        self._call(call, entries)
        by_handle = {each.handle: each for each in self.queues[url].values()}
        done, failed = [], []
        for entry in entries:
            each = by_handle.get(entry["ReceiptHandle"])
            if each is None or self._fails(call, each.body):
                failed.append({"Id": entry["Id"], "Code": "InternalError", "SenderFault": False})
            else:
                do(entry, each)
                done.append({"Id": entry["Id"]})
        return {"Successful": done, "Failed": failed}

    def _call(self, name: str, entries: Any = ()) -> None:
        self.before(name)
        self.calls.append(name)
        assert len(entries) <= 10
        assert len({entry["Id"] for entry in entries}) == len(entries)

    def _fails(self, call: str, body: str) -> bool:
        self.fails[call, body] -= 1
        return self.fails[call, body] >= 0
