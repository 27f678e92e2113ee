"""SQS, DynamoDB and Redis in memory, for one process of a worker: enough to poll, and to see what it had in hand.

site = FakeSite()
site.send(body, receives=3)
pipeline = site.pipeline()
"""

import itertools
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from boto3.dynamodb.types import TypeDeserializer
from botocore.exceptions import ClientError

from email_activity.domain.indexes import INDEXES
from email_activity.ingest.components import Components
from email_activity.ingest.health import ReportState, report_alone
from email_activity.ingest.model import Message
from email_activity.ingest.pipeline import Pipeline
from email_activity.ingest.poller import Poller
from email_activity.ingest.queue import Queue
from email_activity.settings import Settings, load_settings

Item = dict[str, Any]
Key = tuple[str, str]

QUEUE = Queue("https://sqs/events", "https://sqs/dead", 120)


def not_found(call: str) -> ClientError:
    return ClientError({"Error": {"Code": "ResourceNotFoundException"}}, call)


class FakeDynamoDB:
    """One table, or none (items is None). before: called with each call's name and what it asks, and may raise."""

    def __init__(self) -> None:
        self.items: dict[Key, Item] | None = {}
        self.made = datetime(2026, 11, 23, tzinfo=UTC)
        self.indexes = list(INDEXES)
        self.status = "ACTIVE"
        self.calls: list[str] = []
        self.before: Callable[[str, Any], None] = lambda _call, _asked: None

    def replace(self) -> None:
        """By another of its name, with nothing in it."""
        self.made += timedelta(minutes=1)
        self.items = {}

    def describe_table(self, **asked: Any) -> dict[str, Any]:
        self._table("DescribeTable", asked)
        name = asked["TableName"]
        told = {"TableName": name, "TableArn": f"arn:{name}", "CreationDateTime": self.made, "TableStatus": self.status}
        return {"Table": told | {"GlobalSecondaryIndexes": [{"IndexName": index} for index in self.indexes]}}

    def put_item(self, **asked: Any) -> dict[str, Any]:
        table = self._table("PutItem", asked)
        old = self._put(table, asked["Item"])
        answer: dict[str, Any] = {"Attributes": old} if old and asked.get("ReturnValues") == "ALL_OLD" else {}
        return answer | ({"ConsumedCapacity": {"CapacityUnits": 1.0}} if "ReturnConsumedCapacity" in asked else {})

    def batch_write_item(self, **asked: Any) -> dict[str, Any]:
        table = self._table("BatchWriteItem", asked)
        for requests in asked["RequestItems"].values():
            for request in requests:
                self._put(table, request["PutRequest"]["Item"])
        return {"UnprocessedItems": {}}

    def query(self, **asked: Any) -> dict[str, Any]:
        """Of tombstones: those behind a sort key."""
        table = self._table("Query", asked)
        pk, last = (asked["ExpressionAttributeValues"][name]["S"] for name in (":pk", ":last"))
        return {"Items": [item for key, item in sorted(table.items()) if key[0] == pk and key[1] > last]}

    @property
    def facts(self) -> set[Key]:
        return {key for key in self.items or {} if key[0].startswith("EMAIL#")}

    def beside(self, pk: str) -> list[Item]:
        """What stands under a partition key, in plain values."""
        read = TypeDeserializer().deserialize
        found = [item for key, item in (self.items or {}).items() if key[0] == pk]
        return [{name: read(value) for name, value in item.items()} for item in found]

    def _table(self, call: str, asked: Any) -> dict[Key, Item]:
        self.calls.append(call)
        self.before(call, asked)
        if self.items is None:
            raise not_found(call)
        return self.items

    @staticmethod
    def _put(table: dict[Key, Item], item: Item) -> Item | None:
        key = item["pk"]["S"], item["sk"]["S"]
        old = table.get(key)
        table[key] = item
        return old


class FakeRedis:
    """Claims without time: nothing expires."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    def run(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        return [self._run(*command) for command in commands]

    def probe(self) -> None:
        """It answers."""

    def _run(self, command: str, *words: Any) -> Any:
        match command, words:
            case "SET", (name, value, "NX", *_):
                before = self.values.get(name)
                self.values.setdefault(name, value)
                return before
            case "SET", (name, value, *_):
                self.values[name] = value
            case "EVAL", (_, _, name, token, *_) if self.values.get(name) == token:
                del self.values[name]
            case "GET", (name,):
                return self.values.get(name)
            case "DEL", (name,):
                self.values.pop(name, None)
        return 0


class FakeSqs:
    """in_hand: receipt handles that were received and are neither deleted nor given back."""

    class exceptions:  # noqa: N801  boto3's own
        class QueueDoesNotExist(Exception):  # noqa: N818
            pass

    def __init__(self, max_receives: int = 12) -> None:
        self.max_receives = max_receives
        self.waiting: list[dict[str, Any]] = []
        self.in_hand: set[str] = set()
        self.deleted: list[str] = []
        self.returned: list[str] = []
        self.dead: list[str] = []
        self._lock = threading.Lock()
        self._numbers = itertools.count()

    def put(self, body: str, receives: int = 1) -> str:
        handle = f"handle-{next(self._numbers)}"
        now = str(int(time.time() * 1000))
        told = {"ApproximateReceiveCount": str(receives), "SentTimestamp": now}
        with self._lock:
            self.waiting.append({"MessageId": handle, "ReceiptHandle": handle, "Body": body, "Attributes": told})
        return handle

    def get_queue_url(self, **_: Any) -> dict[str, Any]:
        return {"QueueUrl": QUEUE.url}

    def get_queue_attributes(self, **_: Any) -> dict[str, Any]:
        policy = f'{{"deadLetterTargetArn": "arn:aws:sqs:r:1:dead", "maxReceiveCount": {self.max_receives}}}'
        return {"Attributes": {"VisibilityTimeout": "120", "RedrivePolicy": policy}}

    def receive_message(self, **asked: Any) -> dict[str, Any]:
        with self._lock:
            count = asked["MaxNumberOfMessages"]
            messages, self.waiting = self.waiting[:count], self.waiting[count:]
            self.in_hand |= {each["ReceiptHandle"] for each in messages}
        if not messages:
            time.sleep(0.01)
        return {"Messages": messages} if messages else {}

    def delete_message_batch(self, **asked: Any) -> dict[str, Any]:
        return self._settle(asked["Entries"], self.deleted)

    def change_message_visibility_batch(self, **asked: Any) -> dict[str, Any]:
        return self._settle(asked["Entries"], self.returned)

    def send_message(self, **asked: Any) -> dict[str, Any]:
        self.dead.append(asked["MessageBody"])
        return {"MessageId": "new"}

    def _settle(self, entries: Any, into: list[str]) -> dict[str, Any]:
        handles = [entry["ReceiptHandle"] for entry in entries]
        with self._lock:
            into += handles
            self.in_hand -= set(handles)
        return {"Successful": entries}


class FakeSite:
    """Each of its parts may be a real one instead, set before the pipeline is made."""

    def __init__(self, max_receives: int = 12) -> None:
        self.sqs: Any = FakeSqs(max_receives)
        self.dynamodb: Any = FakeDynamoDB()
        self.redis: Any = FakeRedis()
        self.table = "table"

    def components(
        self,
        settings: Settings,
        stopping: Callable[[], bool] = lambda: False,
        report_state: ReportState = report_alone,
    ) -> Components:
        return Components(settings, stopping, self.sqs, self.dynamodb, self.redis, report_state)

    def poller(self, monkeypatch: pytest.MonkeyPatch, stopping: Callable[[], bool], **settings: Any) -> Poller:
        monkeypatch.setattr(Components, "connect", self.components)
        return Poller(load_settings(**settings), stopping)

    def pipeline(self) -> Pipeline:
        return self.components(load_settings(activity_table=self.table)).pipeline()


def message(body: str, receives: int = 1, handle: str = "handle") -> Message:
    now = datetime.now(UTC)
    return Message(handle, handle, body, receives, now, now)
