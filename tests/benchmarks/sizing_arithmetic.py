"""From emails a month to workers, Redis memory and dollars. Pure."""

import math
from dataclasses import dataclass

from benchmarks import prices
from benchmarks.prices import GB, GIB, MILLION, SECONDS_A_MONTH
from benchmarks.sizing_assumptions import (
    CALLS_OF_A_LOOK,
    CONTAINER_GB,
    DEFAULT_MONTHS,
    LEAST_WORKERS,
    LOOK_SECONDS,
    MONTHS,
    PROBE_SECONDS,
    PROVISIONED_USE,
    REDIS_FILL,
    REDIS_NODES,
    VCPUS,
    Assumptions,
)


@dataclass(frozen=True, slots=True)
class Storage:
    """GB and dollars a month when so many months have come together. ia_usd: in the class Standard-IA, without PITR."""

    months: int
    table_gb: float
    index_gb: float
    storage_usd: float
    pitr_usd: float
    ia_usd: float

    @property
    def usd(self) -> float:
        return self.storage_usd + self.pitr_usd


@dataclass(frozen=True, slots=True)
class Sizing:
    """Dollars are a month's."""

    emails: int
    average_events: float
    peak_events: float
    processes: int
    workers: int
    in_flight: int
    peak_write_units: float
    redis_bytes: float
    redis_node: str
    compute_usd: float
    redis_usd: float
    sns_usd: float
    sends_usd: float
    receives_usd: float
    idle_usd: float
    writes_usd: float
    provisioned_usd: float
    ia_writes_usd: float
    vdm_least_usd: float
    vdm_most_usd: float
    essentials_usd: float
    storage: tuple[Storage, ...]

    @property
    def running_usd(self) -> float:
        """Without what is kept."""
        queue = self.sns_usd + self.sends_usd + self.receives_usd + self.idle_usd
        return self.compute_usd + self.redis_usd + queue + self.writes_usd

    def total_usd(self, months: int = DEFAULT_MONTHS) -> float:
        return self.running_usd + self.kept(months).usd

    def kept(self, months: int) -> Storage:
        return next(each for each in self.storage if each.months == months)


def size(emails: int, on: Assumptions) -> Sizing:
    events = emails * on.events_per_email
    average = events / SECONDS_A_MONTH
    peak = average * on.peak_factor
    needed = math.ceil(peak / (on.events_per_second_per_core * on.utilisation))
    workers = max(LEAST_WORKERS, math.ceil(needed / VCPUS))
    processes = workers * VCPUS
    idle = max(0.0, 1 - average / (processes * on.events_per_second_per_core))
    # Both share what is free: the sends come first.
    sends = events * prices.SQS_REQUESTS_PER_SEND
    free = prices.SQS_FREE_REQUESTS
    identities = emails * on.identities_per_email / SECONDS_A_MONTH * on.busiest_day * on.window_seconds
    redis_bytes = identities * on.redis_bytes_per_identity
    node = redis_node(redis_bytes)
    write_units = events * on.write_units
    sending = prices.tiered_usd(emails, prices.FEATURE_BY_FEATURE_SENDING)
    return Sizing(
        emails=emails,
        average_events=average,
        peak_events=peak,
        processes=processes,
        workers=workers,
        in_flight=processes * on.threads * on.batch_size,
        peak_write_units=peak * on.write_units,
        redis_bytes=redis_bytes,
        redis_node=node.name,
        compute_usd=workers * worker_usd(),
        redis_usd=REDIS_NODES * node.usd * prices.VALKEY_SHARE * prices.HOURS_A_MONTH,
        sns_usd=max(0.0, events - prices.SNS_FREE_PUBLISHES) / MILLION * prices.SNS_PUBLISHES,
        sends_usd=max(0.0, sends - free) / MILLION * prices.SQS_REQUESTS,
        receives_usd=events * on.billed_requests / MILLION * prices.SQS_REQUESTS,
        idle_usd=processes * idle * idle_process_usd(on),
        writes_usd=write_units / MILLION * prices.DYNAMODB_WRITE_UNITS,
        provisioned_usd=provisioned_usd(write_units / SECONDS_A_MONTH),
        ia_writes_usd=write_units / MILLION * prices.DYNAMODB_IA_WRITE_UNITS,
        vdm_least_usd=prices.tiered_usd(emails, prices.VDM_LEAST),
        vdm_most_usd=prices.tiered_usd(emails, prices.VDM_MOST),
        essentials_usd=prices.tiered_usd(emails, prices.ESSENTIALS_SENDING) - sending,
        storage=tuple(kept(emails, months, on) for months in MONTHS),
    )


def worker_usd() -> float:
    """A container for a month."""
    return (VCPUS * prices.FARGATE_VCPU + CONTAINER_GB * prices.FARGATE_GB) * prices.HOURS_A_MONTH


def idle_requests(on: Assumptions) -> float:
    """Millions of SQS requests in a month, of an idle process."""
    polls = SECONDS_A_MONTH / on.receive_wait_seconds
    return (polls + SECONDS_A_MONTH / LOOK_SECONDS * CALLS_OF_A_LOOK) / MILLION


def idle_process_usd(on: Assumptions) -> float:
    """A process that has nothing to do for a month: its one long poll, its looks at the queue, its questions."""
    questions = SECONDS_A_MONTH / PROBE_SECONDS / MILLION
    return idle_requests(on) * prices.SQS_REQUESTS + questions * prices.DYNAMODB_WRITE_UNITS


def provisioned_usd(write_units_a_second: float, use: float = PROVISIONED_USE) -> float:
    return write_units_a_second / use * prices.DYNAMODB_WRITE_CAPACITY * prices.HOURS_A_MONTH


def redis_node(redis_bytes: float) -> prices.Node:
    """The smallest that holds it."""
    fitting = [node for node in prices.REDIS_NODES if node.gib * GIB * REDIS_FILL >= redis_bytes]
    if not fitting:
        raise ValueError(f"no single node holds {redis_bytes / GIB:.0f} GiB: shorten DEDUPE_WINDOW_SECONDS")
    return fitting[0]


def kept(emails: int, months: int, on: Assumptions) -> Storage:
    table = emails * months * on.table_bytes_per_email / GB
    index = emails * months * on.index_bytes_per_email / GB
    return Storage(
        months=months,
        table_gb=table,
        index_gb=index,
        storage_usd=max(0.0, table + index - prices.DYNAMODB_FREE_STORAGE) * prices.DYNAMODB_STORAGE,
        pitr_usd=table * prices.DYNAMODB_PITR,
        ia_usd=(table + index) * prices.DYNAMODB_IA_STORAGE,
    )
