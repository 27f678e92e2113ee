"""AWS's list prices in us-east-1, in US dollars, without taxes, discounts or credits.

Each with its unit and the page that says so. Prices change: before relying on one, open its page. Where no copy of
AWS's own page was at hand, the comment says what stands behind the figure.
"""

from collections.abc import Sequence
from typing import NamedTuple

#: When these were looked up. The copies behind them are of the months that stand beside each.
AS_OF = "2026-11"

HOURS_A_MONTH = 730
SECONDS_A_MONTH = HOURS_A_MONTH * 3600

#: Bytes. DynamoDB's bill counts decimal gigabytes (AWS's own cost calculator for DynamoDB, 2026).
GB = 1_000_000_000
GIB = 1 << 30

MILLION = 1_000_000

# ---- SQS: https://aws.amazon.com/sqs/pricing/ (secondary copies of 2026-03 and 2026-06) ----------------------------

#: $ per million requests to a standard queue, of the first 100 billion a month. Every call is a request, also one that
#: receives nothing, and one of up to ten messages; each 64 KB of it is one.
SQS_REQUESTS = 0.40
#: Requests a month, for the whole account.
SQS_FREE_REQUESTS = MILLION

# ---- SNS: https://aws.amazon.com/sns/pricing/ (secondary copies of 2026-06) ----------------------------------------

#: $ per million publishes to a standard topic; each 64 KB is one. The page, as quoted by two public copies: "No charge
#: for deliveries to SQS Queues. Standard SQS pricing applies." So of a delivery SQS counts one SendMessage.
SNS_PUBLISHES = 0.50
#: A month.
SNS_FREE_PUBLISHES = MILLION

# ---- DynamoDB: https://aws.amazon.com/dynamodb/pricing/on-demand/ (2026) -------------------------------------------

#: $ per million, table class Standard. Halved in November 2024; copies that still say 1.25 are older.
DYNAMODB_WRITE_UNITS = 0.625
#: $ per GB-month, table and indexes, each item with 100 bytes more.
DYNAMODB_STORAGE = 0.25
#: GB-months a month, class Standard only.
DYNAMODB_FREE_STORAGE = 25.0
#: $ per GB-month of point-in-time recovery, whatever its window: of "table data and local secondary indexes", so
#: not of global ones. https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/PointInTimeRecovery_Howitworks.html
DYNAMODB_PITR = 0.20
#: Table class Standard-IA: $ per million write units, and $ per GB-month. The write price is NOT CONFIRMED by a copy of
#: AWS's page (a public note of 2026 quotes it); nothing is free in this class.
DYNAMODB_IA_WRITE_UNITS = 0.780
DYNAMODB_IA_STORAGE = 0.10

# ---- Fargate: https://aws.amazon.com/fargate/pricing/ (secondary copies of 2026-03) --------------------------------

#: $ per vCPU and hour, $ per GB and hour: Linux on x86.
FARGATE_VCPU = 0.04048
FARGATE_GB = 0.004445

# ---- ElastiCache: https://aws.amazon.com/elasticache/pricing/ ------------------------------------------------------


class Node(NamedTuple):
    """gib: memory of the node. usd: an hour, for Redis OSS."""

    name: str
    gib: float
    usd: float


#: Smallest first. Secondary: three public catalogues of node types that name the page, and agree.
REDIS_NODES: Sequence[Node] = (
    Node("cache.t4g.micro", 0.5, 0.016),
    Node("cache.t4g.small", 1.37, 0.032),
    Node("cache.t4g.medium", 3.09, 0.065),
    Node("cache.m7g.large", 6.38, 0.158),
    Node("cache.r7g.large", 13.07, 0.219),
    Node("cache.r7g.xlarge", 26.32, 0.437),
    Node("cache.r7g.2xlarge", 52.82, 0.873),
    Node("cache.r7g.4xlarge", 105.81, 1.745),
    Node("cache.r7g.8xlarge", 209.55, 3.491),
)
#: Of the price for Redis OSS: Valkey on nodes costs a fifth less (cache.r7g.large: 0.1752, a copy of 2026-08).
VALKEY_SHARE = 0.80


def worker_usd_per_million_events(billed_sqs_requests_per_event: float, write_units_per_event: float) -> float:
    """The worker's own calls at list price: it receives and deletes, and writes on demand."""
    return billed_sqs_requests_per_event * SQS_REQUESTS + write_units_per_event * DYNAMODB_WRITE_UNITS


def with_sends_usd_per_million_events(billed_sqs_requests_per_event: float, write_units_per_event: float) -> float:
    """Also what SQS counts when SNS or EventBridge sends an event into the queue."""
    return worker_usd_per_million_events(billed_sqs_requests_per_event, write_units_per_event) + SQS_REQUESTS
