"""One drain: a full queue, a contestant, and what it took to empty it.

The rate is taken between two marks, a quarter and 95 % of the messages deleted, so neither the start of processes nor
the last few batches count. A copy that comes while its event is being written elsewhere is held for a lease, a
minute: a drain does not wait for those. Calls are of the whole drain, without receives that came empty and without
looks at queue and table, which an idle worker makes as well; receives that are still open at the end count.
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.contestants import Contestant
from benchmarks.ground import QUEUE, TABLE, BenchmarkError, Ground
from benchmarks.load import Load
from benchmarks.watch import Look, watch

#: Parts of the messages deleted, between which the rate is taken.
FROM, TO = 0.25, 0.95

#: Parts of the messages deleted at which memory is compared.
EARLY, LATE = 0.25, 0.95

#: Seconds without a delete after which only held copies are left.
STILL_AFTER = 1.0

#: Messages deleted, after which a contestant that is watched for a while has started.
WARM = 50

#: Calls that come with the work. `dynamodb.PutItem` is the worker's question whether the table takes writes.
WORKING_CALLS = (
    "sqs.ReceiveMessage",
    "sqs.DeleteMessageBatch",
    "sqs.ChangeMessageVisibilityBatch",
    "dynamodb.BatchWriteItem",
)


@dataclass(frozen=True, slots=True)
class Drain:
    """CPU in microseconds an event: the contestant's, and what of the same cores the stub and Redis took.

    rss: MB of the contestant's largest process: at its peak, at a quarter and at the end of the messages.
    pace_us: of the machine meanwhile, the mean.
    """

    contestant: str
    threads: int
    delay_ms: float
    events_per_second: float
    cpu_us: float
    stub_cpu_us: float
    redis_cpu_us: float
    pace_us: float
    peak_rss: float
    early_rss: float
    late_rss: float
    calls_per_event: float
    billed_sqs_requests_per_event: float
    write_units_per_event: float
    messages_per_delete: float
    messages_per_receive: float
    #: Copies that were held at the end.
    held: int

    @property
    def events_at_equal_pace(self) -> float:
        """Events in the time of a million of the fixed pieces of work: what the rate is but for the machine's pace."""
        return self.events_per_second * self.pace_us


def drain(ground: Ground, contestant: Contestant, load: Load, delay_ms: float) -> Drain:
    """Raises BenchmarkError if the outcome is not what it must be."""
    wanted = len(load.bodies)

    def is_over(looks: Sequence[Look]) -> bool:
        last = looks[-1]
        if last.deleted >= wanted:
            return True
        is_still = next(look for look in looks if look.deleted == last.deleted).at < last.at - STILL_AFTER
        return is_still and last.deleted >= load.events

    ground.clear(delay_ms)
    ground.stub.fill(QUEUE, load.bodies)
    with contestant.running(ground) as running:
        looks = watch(ground, running, is_over, wanted)
    report = ground.stub.report()
    _check(contestant, load, report)
    return _figures(contestant, load, delay_ms, looks, report)


def rate_in_window(
    ground: Ground, contestant: Contestant, bodies: Sequence[str], copies: float, seconds: float
) -> float:
    """Events a second, for a while; its messages last longer. copies: messages an event."""
    ground.stub.fill(QUEUE, bodies)
    begun: list[float] = []

    def is_over(looks: Sequence[Look]) -> bool:
        look = looks[-1]
        if look.deleted >= len(bodies):
            raise BenchmarkError(f"{contestant.name}: {len(bodies)} messages were too few for {seconds} s")
        if look.deleted >= WARM and not begun:
            begun.append(look.at)
        return bool(begun) and look.at >= begun[0] + seconds

    with contestant.running(ground) as running:
        looks = watch(ground, running, is_over, len(bodies))
    first = next(look for look in looks if look.at >= begun[0])
    return (looks[-1].deleted - first.deleted) / (looks[-1].at - first.at) / copies


def _check(contestant: Contestant, load: Load, report: Mapping[str, Any]) -> None:
    """A rate of wrong results says nothing. What is left are copies, held: as many as there are at most."""
    queue = report["queues"][QUEUE]
    left = len(load.bodies) - queue["deleted"]
    held = left if contestant.is_full_job and left <= len(load.bodies) - load.events else 0
    items = report["tables"][TABLE]["facts"]
    wanted = load.facts if contestant.is_full_job else len(load.bodies)
    problems = [
        f"{what}: got {got}, want {want}"
        for what, got, want in (
            ("deleted", queue["deleted"], len(load.bodies) - held),
            ("in flight", queue["in_flight"], held),
            ("dead-lettered", queue["dead_lettered"], 0),
            ("dead letters", sum(each["sent"] for name, each in report["queues"].items() if name != QUEUE), 0),
            ("items", items, wanted),
        )
        if got != want
    ]
    if problems:
        raise BenchmarkError(f"{contestant.name}: {'; '.join(problems)}")


def _figures(
    contestant: Contestant, load: Load, delay_ms: float, looks: Sequence[Look], report: Mapping[str, Any]
) -> Drain:
    messages = len(load.bodies)
    first = next(look for look in looks if look.deleted >= FROM * messages)
    last = next(look for look in reversed(looks) if look.deleted <= TO * messages)
    if last.at <= first.at:
        raise BenchmarkError(f"{contestant.name}: {messages} messages are too few to measure")
    events = (last.deleted - first.deleted) / load.copies
    calls, entries, empty = report["calls"], report["entries"], report["empty_receives"]
    receives = calls["sqs.ReceiveMessage"] - empty

    def us(one: float, other: float) -> float:
        return (other - one) / events * 1e6

    return Drain(
        contestant=contestant.name,
        threads=contestant.threads,
        delay_ms=delay_ms,
        events_per_second=events / (last.at - first.at),
        cpu_us=us(first.cpu, last.cpu),
        stub_cpu_us=us(first.stub_cpu, last.stub_cpu),
        redis_cpu_us=us(first.redis_cpu, last.redis_cpu),
        pace_us=statistics.fmean(look.pace_us for look in looks if first.at <= look.at <= last.at),
        peak_rss=max(look.rss for look in looks),
        early_rss=next(look.rss for look in looks if look.deleted >= EARLY * messages),
        late_rss=next(look.rss for look in looks if look.deleted >= LATE * messages),
        calls_per_event=(sum(calls.get(name, 0) for name in WORKING_CALLS) - empty) / load.events,
        billed_sqs_requests_per_event=(report["billed_sqs_requests"] - empty) / load.events,
        write_units_per_event=report["tables"][TABLE]["write_units"] / load.events,
        messages_per_delete=_per(entries["sqs.DeleteMessageBatch"], calls["sqs.DeleteMessageBatch"]),
        messages_per_receive=_per(entries["sqs.ReceiveMessage"], receives),
        held=messages - report["queues"][QUEUE]["deleted"],
    )


def _per(entries: int, calls: int) -> float:
    return entries / calls if calls else math.nan
