"""What is measured or supposed of a volume of email. Pure; the flags of sizing.py take the place of any of it."""

from dataclasses import dataclass

from benchmarks.prices import MILLION

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

#: Of the capacity that is provisioned, what a day of ups and downs uses of it.
PROVISIONED_USE = 0.4

#: Seconds between two looks of a process at the queue, and the calls of one.
LOOK_SECONDS = 60
CALLS_OF_A_LOOK = 3

#: Seconds between two questions of an idle process to the table, each one write unit.
PROBE_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What is measured or supposed.

    billed_requests: SQS requests for an event, when batches are full. failures: in their indexes, for each email.
    busiest_day and busiest_hour: times the average day, and times the average hour of that day; ten times together.
    """

    #: Half of what a worker did on two cores that it shared with the benchmark's stand-ins, 10 ms a call.
    events_per_second_per_core: float = 2_300
    billed_requests: float = 0.21
    #: Measured, as a backlog is drained.
    write_units: float = 2.51
    #: One Send, one Delivery, 0.6 Opens, 0.2 Clicks, 0.05 others.
    events_per_email: float = 2.85
    failures_per_email: float = 0.036
    #: Bytes, measured: `--measure`.
    activity_bytes: float = 660
    mail_bytes: float = 341
    #: Together, for one recipient fact in its three indexes; and for one failure in its two.
    index_bytes: float = 744
    failure_index_bytes: float = 458
    #: Bytes, measured with a million claims in Valkey 9.1: 83, of the process 90, and more as its table of keys grows.
    redis_bytes_per_identity: float = 95
    window_seconds: int = 86_400
    busiest_day: float = 2.5
    busiest_hour: float = 4
    utilisation: float = 0.6
    threads: int = 24
    batch_size: int = 70
    receive_wait_seconds: int = 5

    @property
    def peak_factor(self) -> float:
        return self.busiest_day * self.busiest_hour

    @property
    def identities_per_email(self) -> float:
        """Each activity and one recipient fact."""
        return self.events_per_email + 1

    @property
    def table_bytes_per_email(self) -> float:
        return self.events_per_email * (self.activity_bytes + ITEM_OVERHEAD) + self.mail_bytes + ITEM_OVERHEAD

    @property
    def index_bytes_per_email(self) -> float:
        mail_indexes = self.index_bytes + 3 * ITEM_OVERHEAD
        return mail_indexes + self.failures_per_email * (self.failure_index_bytes + 2 * ITEM_OVERHEAD)
