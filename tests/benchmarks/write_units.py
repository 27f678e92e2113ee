"""Write units an event, as DynamoDB Local counts them for a sample that goes through the worker's own pipeline.

And as the stub counts them for the same items, since the stub's count is what the other figures rest on.
"""

import tempfile
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import boto3

from benchmarks.ground import QUEUE, TABLE, BenchmarkError, Ground
from benchmarks.load import Load
from email_activity.domain.chunks import chunks
from email_activity.domain.worker_process import ThisProcess
from email_activity.ingest.circuit_breaker import CircuitBreaker
from email_activity.ingest.claims import Claims
from email_activity.ingest.crash_suspects import CrashSuspects
from email_activity.ingest.heartbeat import Heartbeat
from email_activity.ingest.pipeline import Pipeline
from email_activity.ingest.queue import Queue
from email_activity.ingest.receive import Message
from email_activity.ingest.reported_kinds import ReportedKinds
from email_activity.ingest.settle import Settler
from email_activity.ingest.store import Store
from email_activity.ingest.table_identity import TableIdentity
from email_activity.redis_client.commands import RedisCommands
from email_activity.ses.tracking_policy import tracking_policy
from email_activity.settings import Settings
from harness import Site


@dataclass(frozen=True, slots=True)
class WriteUnits:
    """Each an event: by DynamoDB Local, and by the stub."""

    real: float
    stub: float


class Counted:
    """A plain client of boto3, whose writes tell what they consumed."""

    def __init__(self, endpoint: str) -> None:
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
        self.client = boto3.Session(**keys).client("dynamodb", endpoint_url=endpoint)
        self.units = 0.0
        for operation in ("BatchWriteItem", "PutItem"):
            self.client.meta.events.register(f"provide-client-params.dynamodb.{operation}", _ask)
            self.client.meta.events.register(f"after-call.dynamodb.{operation}", self._hear)

    def _hear(self, parsed: dict[str, Any], **_: Any) -> None:
        told = parsed.get("ConsumedCapacity", [])
        self.units += sum(each["CapacityUnits"] for each in (told if isinstance(told, list) else [told]))


def _ask(params: dict[str, Any], **_: Any) -> dict[str, Any]:
    return {**params, "ReturnConsumedCapacity": "TOTAL"}


class Deleting:
    """In the settler's place: there is no queue. What is not deleted was not stored."""

    queue = Queue(QUEUE, "", 120)

    def __init__(self) -> None:
        self.deleted = 0

    def delete(self, messages: Sequence[Message]) -> int:
        self.deleted += len(messages)
        return len(messages)

    def quarantine(self, errors: Mapping[Message, Any]) -> list[Message]:
        return list(errors)

    def return_later(self, messages: Sequence[Message], at_least: int = 0) -> int:  # noqa: ARG002  the settler's
        return len(messages)

    def return_in(self, seconds: Mapping[Message, int]) -> int:
        return len(seconds)


def write_units(endpoint: str, ground: Ground, load: Load) -> WriteUnits:
    """endpoint: of LocalStack."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        site = Site.make(endpoint, ground.redis.connection_url, f"bench{uuid.uuid4().hex[:8]}", Path(folder))
    counted = Counted(endpoint)
    _process(ground, load, counted.client, site.made.table_name)
    ground.clear(0)
    _process(ground, load, Counted(ground.stub.endpoint_url).client, TABLE)
    told = ground.stub.report()["tables"][TABLE]["write_units"]
    ground.clear(0)
    return WriteUnits(counted.units / load.events, told / load.events)


def _process(ground: Ground, load: Load, dynamodb: Any, table: str) -> None:
    """In one thread, in batches as large as the worker's."""
    settings = Settings(redis_url=ground.redis.connection_url)
    opened, settler = RedisCommands(settings.redis), Deleting()
    pipeline = Pipeline(
        receiver=cast("Any", None),  # its messages are given
        policy=tracking_policy(settings),
        new_claims=lambda space: Claims(opened, space, settings.lease_seconds, settings.dedupe_window_seconds),
        table=Store(dynamodb, table),
        settler=cast("Settler", settler),
        breaker=CircuitBreaker({}),
        heartbeat=Heartbeat(),
        table_identity=TableIdentity(dynamodb, table, process := ThisProcess()),
        reported_kinds=ReportedKinds(settings.retention),
        this_process=process,
        suspects=CrashSuspects(opened),
    )
    now = datetime.now(UTC)
    messages = [Message(f"m-{number}", f"r-{number}", body, 1, now, now) for number, body in enumerate(load.bodies)]
    for batch in chunks(messages, settings.batch_size):
        pipeline.process(batch)
    opened.close()
    if settler.deleted != len(messages):
        raise BenchmarkError(f"write units: {settler.deleted} of {len(messages)} messages stored")
