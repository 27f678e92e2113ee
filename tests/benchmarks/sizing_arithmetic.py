"""From emails a month to workers, Redis memory and dollars, and the limits of AWS. What is measured: `Assumptions`."""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import uuid4

from boto3.dynamodb.types import TypeSerializer

from benchmarks import prices
from benchmarks.mix import Mix
from benchmarks.prices import GB, GIB, MILLION, SECONDS_A_MONTH
from benchmarks.stub.units import item_size
from email_activity.domain.indexes import INDEXES
from email_activity.ses.interpret import interpret
from email_activity.ses.tracking_policy import tracking_policy
from email_activity.settings import Settings

#: Emails a month.
VOLUMES = (MILLION, 100 * MILLION, 1_000 * MILLION)

#: Months that facts are kept. The worker's default, RETENTION_DAYS=365, is the one that totals count with.
MONTHS = (1, 3, 12, 24, 84)
DEFAULT_MONTHS = 12

#: Bytes that DynamoDB's bill adds to each item, in the table and in each index.
#: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
ITEM_OVERHEAD = 100

#: Of a node's memory: ElastiCache keeps a quarter for itself, and a table of keys that grows is there twice.
#: https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/redis-memory-management.html
REDIS_FILL = 0.7

#: A primary and a replica: while Redis does not answer, no event is received.
REDIS_NODES = 2

#: Containers that always run, in two availability zones.
LEAST_WORKERS = 2
VCPUS = 2
CONTAINER_GB = 4

#: SQS requests by which a process looks at its queue, once a minute; and seconds between two questions of an idle
#: worker to the table, each one write unit. Those of its processes that stand by write as seldom as they may.
REQUESTS_A_MINUTE = 3
PROBE_SECONDS = 5
STANDBY_SECONDS = 30

#: Messages in flight in a standard queue, approximately.
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html
MAX_IN_FLIGHT = 120_000

#: Messages a second that an account may publish in a region (soft).
#: https://docs.aws.amazon.com/general/latest/gr/sns.html
SNS_QUOTAS = {"US East (N. Virginia)": 30_000, "Oregon, Ireland": 9_000, "Frankfurt, Ohio ...": 1_500, "others": 300}

#: Write units a second: a new table on demand, and each of its indexes; any table by default; one partition.
#: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/warm-throughput-scenarios.html
#: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html
NEW_TABLE_WRITES, TABLE_WRITES, PARTITION_WRITES = 4_000, 40_000, 1_000


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What is measured or supposed.

    billed_requests: SQS requests an event, of two workers at 100 a second. failures: in their indexes, for each email.
    busiest_day and busiest_hour: times the average day, and times the average hour of that day; ten times together.
    """

    #: Half of what a worker did on two cores that it shared with the benchmark's stand-ins, 10 ms a call.
    events_per_second_per_core: float = 2_300.0
    billed_requests: float = 0.3
    #: Measured, as a backlog is drained.
    write_units: float = 2.54
    #: One Send, one Delivery, 0.6 Opens, 0.2 Clicks, 0.05 others.
    events_per_email: float = 2.85
    failures_per_email: float = 0.036
    #: Bytes, measured: `--measure`.
    activity_bytes: float = 660.0
    mail_bytes: float = 341.0
    #: Together, for one recipient fact in its three indexes; and for one failure in its two.
    index_bytes: float = 744.0
    failure_index_bytes: float = 458.0
    #: Bytes, measured with a million claims in Valkey 9.1: 83, of the process 90, and more as its table of keys grows.
    redis_bytes_per_identity: float = 95.0
    window_seconds: float = 86_400.0
    busiest_day: float = 2.5
    busiest_hour: float = 4.0
    utilisation: float = 0.6
    threads: int = 48
    batch_size: int = 70
    receive_wait_seconds: float = 5.0

    @property
    def peak_factor(self) -> float:
        return self.busiest_day * self.busiest_hour

    @property
    def table_bytes_per_email(self) -> float:
        return self.events_per_email * (self.activity_bytes + ITEM_OVERHEAD) + self.mail_bytes + ITEM_OVERHEAD

    @property
    def index_bytes_per_email(self) -> float:
        mail_indexes = self.index_bytes + 3 * ITEM_OVERHEAD
        return mail_indexes + self.failures_per_email * (self.failure_index_bytes + 2 * ITEM_OVERHEAD)


class Kept(NamedTuple):
    """GB and dollars a month when so many months have come together. ia_usd: in the class Standard-IA, without PITR."""

    table_gb: float
    index_gb: float
    storage_usd: float
    pitr_usd: float
    ia_usd: float

    @property
    def usd(self) -> float:
        return self.storage_usd + self.pitr_usd


def kept(emails: float, months: int, on: Assumptions) -> Kept:
    table = emails * months * on.table_bytes_per_email / GB
    index = emails * months * on.index_bytes_per_email / GB
    storage = max(0.0, table + index - prices.DYNAMODB_FREE_STORAGE) * prices.DYNAMODB_STORAGE
    return Kept(table, index, storage, table * prices.DYNAMODB_PITR, (table + index) * prices.DYNAMODB_IA_STORAGE)


def month(emails: int, on: Assumptions) -> dict[str, Any]:
    """The rows of the first table: numbers, and the name of the Redis node. Dollars are a month's."""
    events = emails * on.events_per_email
    average = events / SECONDS_A_MONTH
    peak = average * on.peak_factor
    needed = math.ceil(peak / (on.events_per_second_per_core * on.utilisation))
    containers = max(LEAST_WORKERS, math.ceil(needed / VCPUS))
    processes = containers * VCPUS
    idle = max(0.0, 1 - average / (processes * on.events_per_second_per_core))
    # Each activity and one recipient fact of an email.
    identities = emails * (on.events_per_email + 1) * on.window_seconds / SECONDS_A_MONTH * on.busiest_day
    redis_bytes = identities * on.redis_bytes_per_identity
    node = redis_node(redis_bytes)
    storage = kept(emails, DEFAULT_MONTHS, on)
    container_usd = VCPUS * prices.FARGATE_VCPU + CONTAINER_GB * prices.FARGATE_GB
    costs = {
        "containers": containers * container_usd * prices.HOURS_A_MONTH,
        "Redis": REDIS_NODES * node.usd * prices.VALKEY_SHARE * prices.HOURS_A_MONTH,
        "SNS publishes": max(0.0, events - prices.SNS_FREE_PUBLISHES) / MILLION * prices.SNS_PUBLISHES,
        # Sends and receives share what is free: the sends come first.
        "SQS, sends": max(0.0, events - prices.SQS_FREE_REQUESTS) / MILLION * prices.SQS_REQUESTS,
        "SQS, receives and deletes": events * on.billed_requests / MILLION * prices.SQS_REQUESTS,
        "idle polls and questions": containers * idle * idle_worker_usd(on),
        "DynamoDB writes": events * on.write_units / MILLION * prices.DYNAMODB_WRITE_UNITS,
    }
    running = sum(costs.values())
    together = running + storage.usd
    return {
        "events a second, average": average,
        "events a second, peak": peak,
        "write units a second, peak": peak * on.write_units,
        f"containers of {VCPUS} vCPUs": containers,
        "messages in flight, at most": processes * on.threads * on.batch_size,
        "Redis, busiest day": redis_bytes / GIB,
        "Redis node, twice": node.name,
        **costs,
        f"storage, kept for {DEFAULT_MONTHS} months": storage.storage_usd,
        f"recovery (PITR), kept for {DEFAULT_MONTHS} months": storage.pitr_usd,
        "**together**": together,
        "**per million emails**": together / emails * MILLION,
        "of that, without what is kept": running / emails * MILLION,
    }


def idle_worker_usd(on: Assumptions) -> float:
    """A container that has nothing to do for a month: its one long poll, its looks at the queue, its questions."""
    requests = SECONDS_A_MONTH / on.receive_wait_seconds + VCPUS * SECONDS_A_MONTH / 60 * REQUESTS_A_MINUTE
    questions = SECONDS_A_MONTH / PROBE_SECONDS + (VCPUS - 1) * SECONDS_A_MONTH / STANDBY_SECONDS
    return requests / MILLION * prices.SQS_REQUESTS + questions / MILLION * prices.DYNAMODB_WRITE_UNITS


def redis_node(redis_bytes: float) -> prices.Node:
    """The smallest that holds it. Raises ValueError if none does."""
    for node in prices.REDIS_NODES:
        if node.gib * GIB * REDIS_FILL >= redis_bytes:
            return node
    raise ValueError(f"no single node holds {redis_bytes / GIB:.0f} GiB: shorten DEDUPE_WINDOW_SECONDS")


def limits(on: Assumptions) -> dict[str, float]:
    """The events a second at which a quota of AWS is reached, lowest first."""
    processes = MAX_IN_FLIGHT // (on.threads * on.batch_size)
    found = {f"SNS, {quota:,} publishes/s: {region}": float(quota) for region, quota in SNS_QUOTAS.items()}
    found[f"new table, {NEW_TABLE_WRITES:,} write units/s"] = NEW_TABLE_WRITES / (1 + 1 / on.events_per_email)
    found[f"table's quota, {TABLE_WRITES:,} write units/s"] = TABLE_WRITES / on.write_units
    found["by_account, if all were one account's"] = PARTITION_WRITES * on.events_per_email
    found[f"in flight, {processes} processes"] = processes * on.events_per_second_per_core
    return dict(sorted(found.items(), key=lambda each: each[1]))


def measured(on: Assumptions, events: int = 2_000) -> Assumptions:
    """With what the items weigh that the benchmark's mix of mail comes to."""
    now, policy = datetime.now(UTC), tracking_policy(Settings())
    found = [
        event
        for body in Mix.make(events).bodies
        for event in interpret(body, policy, now, message_id=str(uuid4())).events
    ]
    activities = _distinct(fact.to_item() for event in found for fact in event.activities)
    mail = _distinct(fact.to_item() for event in found for fact in event.recipient_facts)
    entries = {
        name: [{key: item[key] for key in (*keys, "pk", "sk")} for item in [*activities, *mail] if keys[0] in item]
        for name, keys in INDEXES.items()
    }
    failures, of_all = entries.pop("by_failure"), entries.pop("by_failure_day")
    return replace(
        on,
        activity_bytes=_mean_size(activities),
        mail_bytes=_mean_size(mail),
        index_bytes=sum(map(_mean_size, entries.values())),
        failure_index_bytes=_mean_size(failures) + _mean_size(of_all),
        failures_per_email=len(failures) / len(mail),
    )


def _distinct(items: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return list({(item["pk"], item["sk"]): item for item in items}.values())


def _mean_size(items: Sequence[Mapping[str, Any]]) -> float:
    serialize = TypeSerializer().serialize
    return statistics.fmean(item_size({name: serialize(value) for name, value in item.items()}) for item in items)
