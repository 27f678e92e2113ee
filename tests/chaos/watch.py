"""Watches what a worker asks of AWS: no message may be deleted before what it holds is safe.

Before each delete goes on, the table itself is asked, upstream and strongly consistent, for every fact that
the message must come to. The queues and the table are those that the worker names; whether they are the right ones
is what a test's look at the outcome tells.
"""

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.config import Config

from chaos.wire import Answer, Call
from email_activity.domain.chunks import chunks
from email_activity.ses.interpret import interpret
from email_activity.ses.tracking_policy import TrackingPolicy

Key = tuple[str, str]

#: Keys in one BatchGetItem, DynamoDB's limit.
MAX_KEYS = 100

#: The table only grows; a worker that does one of these breaks that.
CHANGES_FACTS = frozenset(
    {"UpdateItem", "DeleteItem", "TransactWriteItems", "ExecuteStatement", "BatchExecuteStatement", "DeleteTable"}
)

#: What no worker does to the queue that it receives from.
UNFIT_FOR_EVENTS = frozenset({"SendMessage", "SendMessageBatch", "PurgeQueue", "DeleteQueue"})


@dataclass(frozen=True, slots=True)
class Received:
    message_id: str
    body: str
    receive_count: int
    sent_at: datetime | None


class Watch:
    def __init__(self, upstream_url: str, policy: TrackingPolicy) -> None:
        self._rules = policy
        self._dynamodb = boto3.client(
            "dynamodb", region_name="us-east-1", endpoint_url=upstream_url, config=Config(max_pool_connections=64)
        )
        self._lock = threading.Lock()
        #: The highest ApproximateReceiveCount of each message, by its id.
        self.receives: dict[str, int] = {}
        self._received: dict[str, Received] = {}  # by receipt handle
        self._event_queues: set[str] = set()
        self._table = ""
        self._dead: set[tuple[str, str]] = set()  # (message id, body)
        self._offered: set[Key] = set()
        self._refused: set[Key] = set()

    def close(self) -> None:
        self._dynamodb.close()

    def objections(self, call: Call) -> list[str]:
        """Why this call must not go on; asked before it does."""
        if call.operation in CHANGES_FACTS:
            return [f"{call.operation}: a worker adds facts and changes none"]
        if call.operation in ("PutItem", "BatchWriteItem"):
            return self._see_write(call)
        if call.operation in UNFIT_FOR_EVENTS and _queue(call) in self._event_queues:
            return [f"{call.operation} on the events queue, which a worker only receives from"]
        if call.operation in ("DeleteMessage", "DeleteMessageBatch"):
            return self._judge_deletes(call)
        return []

    def see(self, call: Call, answer: Answer) -> None:
        """What AWS really did, whatever the worker is told of it."""
        if call.operation == "ReceiveMessage" and answer.is_ok:
            self._see_receive(call, answer)
        elif call.operation == "SendMessage" and answer.is_ok:
            sent = call.json()
            told = sent.get("MessageAttributes", {}).get("message_id", {}).get("StringValue", "")
            self._dead.add((told, sent["MessageBody"]))
        elif call.operation == "PutItem" and not answer.is_ok and "ValidationException" in answer.text:
            self._refused.add(_key(call.json()["Item"]))

    def _see_receive(self, call: Call, answer: Answer) -> None:
        with self._lock:
            self._event_queues.add(_queue(call))
            for each in answer.json().get("Messages", []):
                told = each.get("Attributes", {})
                count = int(told.get("ApproximateReceiveCount", self.receives.get(each["MessageId"], 0) + 1))
                sent = told.get("SentTimestamp")
                sent_at = datetime.fromtimestamp(int(sent) / 1000, UTC) if sent else None
                self._received[each["ReceiptHandle"]] = Received(each["MessageId"], each["Body"], count, sent_at)
                self.receives[each["MessageId"]] = max(count, self.receives.get(each["MessageId"], 0))

    def _see_write(self, call: Call) -> list[str]:
        asked = call.json()
        requests = asked.get("RequestItems") or {asked["TableName"]: [{"PutRequest": asked}]}
        for table, each in requests.items():
            if any("PutRequest" not in request for request in each):
                return [f"{call.operation} with a DeleteRequest: a worker adds facts and changes none"]
            self._table = table
            self._offered.update(_key(request["PutRequest"]["Item"]) for request in each)
        return []

    def _judge_deletes(self, call: Call) -> list[str]:
        asked = call.json()
        handles = [each["ReceiptHandle"] for each in asked.get("Entries", [asked])]
        unknown = [handle for handle in handles if handle not in self._received]
        messages = [self._received[handle] for handle in handles if handle in self._received]
        holds = {message: self._holds(message) for message in messages}
        stored = self._stored({key for keys, _ in holds.values() for key in keys})
        found = [f"{call.operation} of a message that was never received: {handle[:40]}" for handle in unknown]
        for message, (keys, is_bad) in holds.items():
            why = self._why_not(message, keys - stored, is_bad=is_bad)
            if why:
                found.append(f"{call.operation} of {message.message_id} (receive {message.receive_count}): {why}")
        return found

    def _holds(self, message: Received) -> tuple[set[Key], bool]:
        """The facts of a message, and whether anything in it can never become one."""
        readings = interpret(message.body, self._rules, datetime.now(UTC), message.sent_at, message.message_id).events
        facts = (fact for reading in readings for fact in reading.facts)
        items = [fact.to_item() for fact in facts]
        return {(item["pk"], item["sk"]) for item in items}, any(reading.error for reading in readings)

    def _why_not(self, message: Received, missing: set[Key], *, is_bad: bool) -> str:
        is_dead = (message.message_id, message.body) in self._dead
        lost = missing - self._refused
        if lost:
            stages = {key[1]: "offered to the table" if key in self._offered else "never offered" for key in lost}
            return f"{len(lost)} of its facts are not in the table: {stages}"
        if (is_bad or missing) and not is_dead:
            return "it cannot be recorded, and is not in the dead-letter queue"
        return ""

    def _stored(self, keys: Iterable[Key]) -> set[Key]:
        if not self._table:
            return set()
        found: set[Key] = set()
        for batch in chunks(sorted(keys), MAX_KEYS):
            left: Mapping[str, Any] = {
                self._table: {
                    "Keys": [{"pk": {"S": pk}, "sk": {"S": sk}} for pk, sk in batch],
                    "ConsistentRead": True,
                    "ProjectionExpression": "pk, sk",
                }
            }
            while left:
                answer = self._dynamodb.batch_get_item(RequestItems=left)
                found.update(_key(item) for items in answer["Responses"].values() for item in items)
                left = answer.get("UnprocessedKeys", {})
        return found


def _queue(call: Call) -> str:
    return str(call.json().get("QueueUrl", "")).rpartition("/")[2]


def _key(wire: Mapping[str, Any]) -> Key:
    return wire["pk"]["S"], wire["sk"]["S"]
