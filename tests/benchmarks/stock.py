"""Stock Celery at the same job: its own SQS transport, and one task for each message.

Written as one would write it. The reading is the project's own; the facts of a message are claimed in Redis in one
round trip and written in one call; its message is deleted when its task has ended (`acks_late`). Nothing is held
against it: the messages come as Celery's own, which those of SNS are not; there are no results, no events, no remote
control; and its settings are the quickest of those tried.
"""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import redis
from boto3.dynamodb.types import TypeSerializer
from celery import Celery
from kombu import Connection
from kombu.transport import SQS

from email_activity.aws.clients import dynamodb_client
from email_activity.domain.errors import TransientError
from email_activity.domain.facts import Item
from email_activity.redis_client.nodes import one_server
from email_activity.ses.interpret import interpret
from email_activity.ses.tracking_policy import TrackingPolicy, tracking_policy
from email_activity.settings import Settings, load_settings

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

#: Where the package `benchmarks` lies, and the folder to start the worker in.
TESTS = Path(__file__).resolve().parent.parent

#: Messages in memory for each process of the pool.
PREFETCH = 10

#: Seconds until the queue is asked again after it was empty, or while as much is in memory as may be. Kombu's default
#: is 1, in which a small pool runs dry: two processes did 18 events a second instead of 65.
POLLING_INTERVAL = 0.1

#: Seconds of a long poll.
WAIT_SECONDS = 5

#: Items in one BatchWriteItem, DynamoDB's limit.
MAX_ITEMS = 25

#: What Redis holds of a fact that is being written, and of one that is stored.
CLAIMED, DONE = "claimed", "done"


def celery_settings(settings: Settings) -> dict[str, Any]:
    """The broker is SQS itself, or its stand-in."""
    endpoint = urlsplit(settings.aws_endpoint_url or "https:")
    return {
        "broker_url": f"sqs://{endpoint.netloc}",
        "broker_transport_options": {
            "region": settings.aws_region,
            "is_secure": endpoint.scheme == "https",
            "polling_interval": POLLING_INTERVAL,
            "wait_time_seconds": WAIT_SECONDS,
        },
        "broker_connection_retry_on_startup": True,
        "task_default_queue": settings.events_queue,
        "task_acks_late": True,
        # What fails stays in the queue: SQS sends it again, and has a dead-letter queue.
        "task_acks_on_failure_or_timeout": False,
        "task_ignore_result": True,
        "worker_prefetch_multiplier": PREFETCH,
        # It would need a fanout, which SQS has not.
        "worker_enable_remote_control": False,
    }


app = Celery("stock")
app.conf.update(celery_settings(load_settings()))


@app.task(name="stock.record")
def record(body: str) -> None:
    """Write the facts of one message, but for those that are written or being written."""
    recorder = _recorder()
    readings = interpret(body, recorder.policy, datetime.now(UTC)).events
    items = [fact.to_item() for each in readings for fact in each.facts]
    new = recorder.claim({f"{item['pk']}|{item['sk']}": item for item in items})
    if new:
        try:
            recorder.put(list(new.values()))
        except Exception:
            recorder.release(list(new))
            raise
        recorder.commit(list(new))
    for each in readings:
        if each.error:
            raise each.error


@dataclass(frozen=True, slots=True)
class Recorder:
    """What a process of the pool keeps from task to task."""

    settings: Settings
    policy: TrackingPolicy
    redis: "redis.Redis"
    dynamodb: "DynamoDBClient"

    def claim(self, items: dict[str, Item]) -> dict[str, Item]:
        """Those that were nobody's. The owner of the others still has its message, should it fail."""
        with self.redis.pipeline(transaction=False) as pipe:
            for name in items:
                pipe.set(name, CLAIMED, nx=True, ex=self.settings.lease_seconds)
            answers = pipe.execute()
        return {name: item for (name, item), is_ours in zip(items.items(), answers, strict=True) if is_ours}

    def put(self, items: Sequence[Item]) -> None:
        """In one call, which was the quicker: most messages have one new fact, the others two."""
        table, serialize = self.settings.activity_table, TypeSerializer().serialize
        wire = [{name: serialize(value) for name, value in item.items()} for item in items]
        if len(wire) == 1:
            self.dynamodb.put_item(TableName=table, Item=wire[0])
            return
        for first in range(0, len(wire), MAX_ITEMS):
            puts: list[Any] = [{"PutRequest": {"Item": item}} for item in wire[first : first + MAX_ITEMS]]
            if self.dynamodb.batch_write_item(RequestItems={table: puts})["UnprocessedItems"]:
                raise TransientError("dynamodb", "Throttled")

    def commit(self, names: Sequence[str]) -> None:
        with self.redis.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.set(name, DONE, ex=self.settings.dedupe_window_seconds)
            pipe.execute()

    def release(self, names: Sequence[str]) -> None:
        self.redis.delete(*names)


@cache
def _recorder() -> Recorder:
    """Made by the first task of a process: connections must not be shared over a fork."""
    settings = load_settings()
    return Recorder(settings, tracking_policy(settings), one_server(settings.redis), dynamodb_client(settings))


def command(concurrency: int) -> list[str]:
    """Starts a worker, which ends at SIGTERM: at once when it has nothing to do.

    Under load it may take half a minute: the main process no longer reads results, and billiard's children wait so
    long for it to have read theirs (`GUARANTEE_MESSAGE_CONSUMPTION_RETRY_LIMIT`).
    """
    celery = [sys.executable, "-m", "celery", "-A", "benchmarks.stock", "worker", "--concurrency", str(concurrency)]
    return [*celery, "--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING"]


def environment(endpoint_url: str, queue: str, table: str, redis_url: str) -> dict[str, str]:
    """For the worker; PYTHONPATH and credentials, which a stand-in takes whatever they are, included."""
    return {
        **os.environ,
        "PYTHONPATH": str(TESTS),
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": endpoint_url,
        "EVENTS_QUEUE": queue,
        "ACTIVITY_TABLE": table,
        "REDIS_URL": redis_url,
    }


def encode(bodies: Sequence[str], queue: str) -> list[str]:
    """The messages that `record.delay` would have sent to the queue: kombu's own work up to the call of SQS."""
    with Connection(transport=_Sender, transport_options={"predefined_queues": {queue: {"url": queue}}}) as connection:
        with app.amqp.Producer(connection, auto_declare=False) as producer:
            for body in bodies:
                record.apply_async((body,), producer=producer, queue=queue, declare=[])
        return connection.transport.sent


class _Channel(SQS.Channel):
    def sqs(self, queue: str | None = None) -> Any:  # noqa: ARG002  kombu's signature
        """In the place of boto3's client."""
        return self.connection


class _Sender(SQS.Transport):
    """Keeps what it is given to send."""

    Channel = _Channel

    def __init__(self, client: Any, **options: Any) -> None:
        super().__init__(client, **options)
        self.sent: list[str] = []

    def send_message(self, **message: str) -> None:
        self.sent.append(message["MessageBody"])
