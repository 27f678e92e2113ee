"""From the send of a message to its fact in the table: by an idle worker, and at half of what it can do.

    make bench-latency
    make bench-latency ARGS="--rate 1000"    # events a second, for half of what a drain shows

The clock begins with the send call, and both that call and the worker's three have 10 ms of delay. What the send takes
is in it. Half of the load comes three times, since the machine that sender, stand-ins and worker share is not always as
fast. Then from an SNS publish to the fact readable, on LocalStack. Also: what SQS counts for a worker that has nothing
to do. The last line is JSON.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from benchmarks.arrivals import Arrivals, arrivals, worker
from benchmarks.contestants import ours
from benchmarks.ground import BenchmarkError, Ground
from benchmarks.load import load_of
from benchmarks.measure import drain
from benchmarks.published import Published, published
from benchmarks.report import DELAY_MS
from benchmarks.say import hush, load_average, say
from servers import localstack

#: Messages a second to an idle worker, and seconds.
IDLE_RATE, IDLE_SECONDS = 5.0, 30.0

#: Of the capacity; how often, and seconds.
PART, LOADED_TIMES, LOADED_SECONDS = 0.5, 3, 15.0

#: Events that the capacity is measured with, and how often.
DRAIN_EVENTS, DRAINS = 15_000, 3

#: Seconds for which calls are counted with nothing to do: as often as a process looks after its queue.
NOTHING_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Found:
    """loaded: each time. capacity: events a second. requests, questions: an hour, with nothing to do."""

    idle: Arrivals
    loaded: Sequence[Arrivals]
    published: Published
    capacity: float
    requests: float
    questions: float


def measure(rate: float | None) -> Found:
    """rate: events a second, for half of the capacity."""
    with Ground.make(DELAY_MS) as ground:
        say("from publish to readable, on LocalStack")
        with localstack() as endpoint:
            by_sns = published(endpoint, ground)
        capacity = (rate or 0) / PART
        if not rate:
            say("what can it do?")
            drains = [drain(ground, ours(), load_of(DRAIN_EVENTS), DELAY_MS) for _ in range(DRAINS)]
            capacity = statistics.median(each.events_per_second for each in drains)
            say(f"  {capacity:,.0f} events/s")
        say(f"a message each {1 / IDLE_RATE:g} s, for {IDLE_SECONDS:g} s")
        idle = arrivals(ground, IDLE_RATE, IDLE_SECONDS, DELAY_MS)
        say(f"{capacity * PART:,.0f} a second, {LOADED_TIMES} times for {LOADED_SECONDS:g} s")
        loaded = [arrivals(ground, capacity * PART, LOADED_SECONDS, DELAY_MS) for _ in range(LOADED_TIMES)]
        say(f"nothing, for {NOTHING_SECONDS:g} s")
        return Found(idle, loaded, by_sns, capacity, *calls_an_hour(ground))


def calls_an_hour(ground: Ground) -> tuple[float, float]:
    """Requests to SQS, and questions to DynamoDB of a write unit each, by a worker of default settings."""
    with worker(ground, DELAY_MS):
        before, began = ground.stub.report(), time.monotonic()
        time.sleep(NOTHING_SECONDS)
        after, hours = ground.stub.report(), (time.monotonic() - began) / 3600
    asked = after["calls"].get("dynamodb.PutItem", 0) - before["calls"].get("dynamodb.PutItem", 0)
    return (after["billed_sqs_requests"] - before["billed_sqs_requests"]) / hours, asked / hours


def as_text(found: Found) -> str:
    lines = [f"{'':<22}{'messages/s':>12}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}{'a receive':>11}{'a delete':>10}"]
    lines += [
        f"{name:<22}{each.rate:>12,.0f}{each.p50_ms:>9.0f}{each.p95_ms:>9.0f}{each.p99_ms:>9.0f}"
        f"{each.messages_per_receive:>11.1f}{each.messages_per_delete:>10.1f}"
        for name, each in (("idle", found.idle), *(("half load", each) for each in found.loaded))
    ]
    by_sns = found.published
    lines += [
        f"{'SNS on LocalStack':<34}{by_sns.p50_ms:>9.0f}{by_sns.p95_ms:>9.0f}{by_sns.p99_ms:>9.0f}",
        "",
        f"LocalStack answers the publish itself after {by_sns.publish_p50_ms:.0f} ms.",
        f"Capacity: {found.capacity:,.0f} events/s.",
        f"With nothing to do: {found.requests:,.0f} SQS requests and {found.questions:,.0f} write units an hour.",
    ]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="latency", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rate", type=float, help="events a second; default: half of what a drain shows")
    arguments = parser.parse_args()
    hush()
    load = load_average()
    try:
        found = measure(arguments.rate)
    except (BenchmarkError, AssertionError) as error:
        say(f"wrong: {error}")
        return 1
    sys.stdout.write(as_text(found) + "\n")
    told = {
        "idle": asdict(found.idle),
        "half_load": list(map(asdict, found.loaded)),
        "sns_on_localstack": asdict(found.published),
        "capacity_events_per_second": found.capacity,
        "idle_sqs_requests_per_hour": found.requests,
        "idle_write_units_per_hour": found.questions,
        "delay_ms": DELAY_MS,
        "load_at_start": load,
    }
    sys.stdout.write(json.dumps(told) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
