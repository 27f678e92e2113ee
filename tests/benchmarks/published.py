"""From an SNS publish to its fact readable, by an idle worker on LocalStack, whose own time is most of it.

One email at a time. The clock begins with the publish call, and ends with the first look into the table that finds the
fact. LocalStack's SNS and SQS are not AWS's, so this shows that nothing waits on the way, and not what AWS would take.
"""

import tempfile
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.arrivals import percentiles
from benchmarks.ground import Ground
from email_activity.domain.keys import email_key
from email_activity.settings import Settings
from events import Email, raw
from harness import Site, eventually

#: Emails, one each so many seconds, and those before them that do not count.
EMAILS = 100
EVERY = 0.2
WARM = 10

#: Seconds until a worker has begun to poll, and until a fact is there.
START_WITHIN = 60
READABLE_WITHIN = 30

#: Seconds between two looks into the table.
LOOK_EVERY = 0.002

#: Settings that tests change; here they are the defaults.
DEFAULTS = ("receive_wait_seconds", "poll_seconds", "lease_seconds", "threads_per_process")


@dataclass(frozen=True, slots=True)
class Published:
    """Milliseconds from the publish call's start. publish_p50_ms: until it has its answer."""

    emails: int
    publish_p50_ms: float
    p50_ms: float
    p95_ms: float
    p99_ms: float


def published(endpoint: str, ground: Ground) -> Published:
    """endpoint: of LocalStack. Raises AssertionError if a fact does not come."""
    settings = Settings()
    defaults = {name.upper(): str(getattr(settings, name)) for name in DEFAULTS}
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        site = Site.make(endpoint, ground.redis.connection_url, f"bench{uuid.uuid4().hex[:8]}", Path(folder))
        with site.worker(**defaults) as worker:
            eventually(lambda: worker.said('"polling"'), START_WITHIN)
            took = [_one(site) for _ in range(WARM + EMAILS)][WARM:]
    answered, readable = zip(*took, strict=True)
    return Published(EMAILS, percentiles(list(answered))["p50_ms"] * 1e3, **_milliseconds(list(readable)))


def _milliseconds(seconds: list[float]) -> Mapping[str, float]:
    return {name: value * 1e3 for name, value in percentiles(seconds).items()}


def _one(site: Site) -> tuple[float, float]:
    """Seconds until the publish was answered, and until the fact could be read."""
    time.sleep(EVERY)
    email = Email()
    began = time.monotonic()
    site.publish([raw(email.send())])
    answered = time.monotonic() - began
    eventually(lambda: _is_readable(site, email), READABLE_WITHIN, LOOK_EVERY)
    return answered, time.monotonic() - began


def _is_readable(site: Site, email: Email) -> bool:
    found = site.cloud.dynamodb.query(
        TableName=site.made.table_name,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": email_key(email.message_id)}},
        ConsistentRead=True,
        Limit=1,
    )
    return bool(found["Items"])
