"""The events a second at which a quota of AWS is reached. Pure."""

from dataclasses import dataclass

from benchmarks.prices import SECONDS_A_MONTH
from benchmarks.sizing_assumptions import Assumptions

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
class Limit:
    """events: a second at which it is reached. emails: a month whose peak that is."""

    name: str
    events: float
    emails: float


def limits(on: Assumptions) -> list[Limit]:
    """Lowest first."""
    in_table = 1 + 1 / on.events_per_email
    processes = MAX_IN_FLIGHT // (on.threads * on.batch_size)
    found = {f"SNS, {quota:,} publishes/s: {region}": float(quota) for region, quota in SNS_QUOTAS.items()}
    found[f"new table, {NEW_TABLE_WRITES:,} write units/s"] = NEW_TABLE_WRITES / in_table
    found[f"table's quota, {TABLE_WRITES:,} write units/s"] = TABLE_WRITES / on.write_units
    found["by_account, if all were one account's"] = PARTITION_WRITES * on.events_per_email
    found[f"in flight, {processes} processes"] = processes * on.events_per_second_per_core
    by_month = SECONDS_A_MONTH / on.events_per_email / on.peak_factor
    return sorted(
        (Limit(name, events, events * by_month) for name, events in found.items()), key=lambda each: each.events
    )
