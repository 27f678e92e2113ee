"""Write units an event, as DynamoDB Local counts them for a sample that goes through the worker's own pipeline.

And as the stub counts them for the same items, since the stub's count is what the other figures rest on.
"""

import tempfile
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import boto3

from benchmarks.ground import TABLE, BenchmarkError, Ground
from benchmarks.load import Load
from email_activity.domain.chunks import chunks
from email_activity.redis_client.commands import RedisCommands
from email_activity.settings import Settings
from fakesite import FakeSite, message
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
    """In one thread, in batches as large as the worker's. There is no queue; what is not deleted was not stored."""
    settings, worker = Settings(redis_url=ground.redis.connection_url), cast("Any", FakeSite())
    worker.dynamodb, worker.table, worker.redis = dynamodb, table, RedisCommands(settings.redis)
    pipeline = worker.pipeline()
    messages = [message(body, handle=str(number)) for number, body in enumerate(load.bodies)]
    for batch in chunks(messages, settings.batch_size):
        pipeline.process(batch)
    worker.redis.close()
    if len(worker.sqs.deleted) != len(messages):
        raise BenchmarkError(f"write units: {len(worker.sqs.deleted)} of {len(messages)} messages stored")
