"""Looks at a contestant while it works: how far it is, and what it takes of the machine."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import psutil

from benchmarks.contestants import Running
from benchmarks.ground import QUEUE, BenchmarkError, Ground
from benchmarks.pace import pace_us

#: Seconds between two looks at the queue, and at the memory of the processes.
LOOK_EVERY = 0.05
LOOK_AT_MEMORY_EVERY = 0.2

#: Seconds in which the first message must have been deleted, and in which nothing may have moved.
START_WITHIN = 30
STUCK_AFTER = 75  # longer than the lease for which a copy is held

MB = 1 << 20


@dataclass(frozen=True, slots=True)
class Look:
    """at: monotonic seconds. cpu, stub_cpu, redis_cpu: seconds since each began. rss: MB of the largest process.

    pace_us: of the machine at that time (`pace.py`).
    """

    at: float
    deleted: int
    cpu: float
    stub_cpu: float
    redis_cpu: float
    rss: float
    pace_us: float


def watch(ground: Ground, running: Running, is_over: Callable[[Sequence[Look]], bool], wanted: int) -> list[Look]:
    """Looks until it is over. Raises BenchmarkError if it gets stuck or ends."""
    looks: list[Look] = []
    moved = began = time.monotonic()
    rss, next_rss = 0.0, began
    while not looks or not is_over(looks):
        time.sleep(LOOK_EVERY)
        tree = running.tree()
        now = time.monotonic()
        if now >= next_rss:
            rss, next_rss = max(_rss(each) for each in tree), now + LOOK_AT_MEMORY_EVERY
        deleted = ground.stub.sent(QUEUE)["deleted"]
        now = time.monotonic()
        stub_cpu, redis_cpu = _cpu(ground.stub_process), _cpu(ground.redis_process)
        if looks and deleted > looks[-1].deleted:
            moved = now
        looks.append(Look(now, deleted, sum(map(_cpu, tree)), stub_cpu, redis_cpu, rss, pace_us()))
        if now - moved > (STUCK_AFTER if deleted else START_WITHIN):
            raise BenchmarkError(f"{running.name}: stuck at {deleted} of {wanted} messages")
    return looks


def _cpu(process: psutil.Process) -> float:
    try:
        used = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(used.user + used.system)


def _rss(process: psutil.Process) -> float:
    try:
        return float(process.memory_info().rss / MB)
    except psutil.NoSuchProcess:
        return 0.0
