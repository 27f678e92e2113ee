"""From the send of a message to its fact in the table: by an idle worker, and at half of what it can do.

    make bench-latency
    make bench-latency ARGS="--rate 1000"    # events a second, for half of what a drain shows

The clock begins with the send call, and both that call and the worker's three have 10 ms of delay. What the send takes
is in it. Also: what SQS counts for a worker that has nothing to do. The last line is JSON.
"""

import argparse
import json
import sys
import time
from dataclasses import asdict

from benchmarks.arrivals import Arrivals, arrivals, worker
from benchmarks.contestants import ours
from benchmarks.ground import BenchmarkError, Ground
from benchmarks.load import load_of
from benchmarks.measure import drain
from benchmarks.report import DELAY_MS
from benchmarks.say import hush, load_average, say

#: Messages a second to an idle worker, and seconds.
IDLE_RATE, IDLE_SECONDS = 5.0, 30.0

#: Of the capacity, and seconds.
PART, LOADED_SECONDS = 0.5, 15.0

#: Events that the capacity is measured with.
DRAIN_EVENTS = 10_000

#: Seconds for which calls are counted with nothing to do: as often as a process looks after its queue.
NOTHING_SECONDS = 60.0


def measure(rate: float | None) -> tuple[Arrivals, Arrivals, float, tuple[float, float]]:
    """Idle, at half load, the capacity (events a second), and calls an hour with nothing to do."""
    with Ground.make(DELAY_MS) as ground:
        capacity = (rate or 0) / PART
        if not rate:
            say("what can it do?")
            capacity = drain(ground, ours(), load_of(DRAIN_EVENTS), DELAY_MS).events_per_second
            say(f"  {capacity:,.0f} events/s")
        say(f"a message each {1 / IDLE_RATE:g} s, for {IDLE_SECONDS:g} s")
        idle = arrivals(ground, IDLE_RATE, IDLE_SECONDS, DELAY_MS)
        say(f"{capacity * PART:,.0f} a second, for {LOADED_SECONDS:g} s")
        loaded = arrivals(ground, capacity * PART, LOADED_SECONDS, DELAY_MS)
        say(f"nothing, for {NOTHING_SECONDS:g} s")
        return idle, loaded, capacity, calls_an_hour(ground)


def calls_an_hour(ground: Ground) -> tuple[float, float]:
    """Requests to SQS, and questions to DynamoDB of a write unit each, by a worker of default settings."""
    with worker(ground, DELAY_MS):
        before, began = ground.stub.report(), time.monotonic()
        time.sleep(NOTHING_SECONDS)
        after, hours = ground.stub.report(), (time.monotonic() - began) / 3600
    asked = after["calls"].get("dynamodb.PutItem", 0) - before["calls"].get("dynamodb.PutItem", 0)
    return (after["billed_sqs_requests"] - before["billed_sqs_requests"]) / hours, asked / hours


def as_text(idle: Arrivals, loaded: Arrivals, capacity: float, calls: tuple[float, float]) -> str:
    lines = [f"{'':<14}{'messages/s':>12}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}{'a receive':>11}{'a delete':>10}"]
    lines += [
        f"{name:<14}{each.rate:>12,.0f}{each.p50_ms:>9.0f}{each.p95_ms:>9.0f}{each.p99_ms:>9.0f}"
        f"{each.messages_per_receive:>11.1f}{each.messages_per_delete:>10.1f}"
        for name, each in (("idle", idle), ("half load", loaded))
    ]
    lines += [
        "",
        f"Capacity: {capacity:,.0f} events/s.",
        f"With nothing to do: {calls[0]:,.0f} SQS requests and {calls[1]:,.0f} write units an hour.",
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
        idle, loaded, capacity, calls = measure(arguments.rate)
    except (BenchmarkError, AssertionError) as error:
        say(f"wrong: {error}")
        return 1
    sys.stdout.write(as_text(idle, loaded, capacity, calls) + "\n")
    told = {
        "idle": asdict(idle),
        "half_load": asdict(loaded),
        "capacity_events_per_second": capacity,
        "idle_sqs_requests_per_hour": calls[0],
        "idle_write_units_per_hour": calls[1],
        "delay_ms": DELAY_MS,
        "load_at_start": load,
    }
    sys.stdout.write(json.dumps(told) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
