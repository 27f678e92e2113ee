"""The worker against what it is measured by, interleaved, in several rounds: how fast, how many calls, what it costs.

    make bench                              # seven rounds at 0 and at 10 ms a call, after a search for the best threads
    make bench-quick                        # one round at 10 ms, with the threads that were best before
    make bench ARGS="--rounds 12 --seconds 10"

All run on this machine, two processes each, against stand-ins for SQS and DynamoDB in one process and a real Valkey.
Every drain is checked: exactly the facts of the events are in the table, and all messages are deleted but for copies
that came while their event was being written, and wait for its lease. The last line is JSON.
The exit code tells whether all went right, not whether it was fast.
"""

import argparse
import json
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from benchmarks import stock
from benchmarks.contestants import (
    BARE,
    COPYING,
    COPYING_OURS,
    OURS,
    Contestant,
    bare,
    bare_equal,
    copying,
    copying_with_our_clients,
    default_threads,
    ours,
    ours_best,
    stock_celery,
)
from benchmarks.ground import QUEUE, BenchmarkError, Ground
from benchmarks.load import load_for, load_of
from benchmarks.measure import Drain, drain, rate_in_window
from benchmarks.report import DELAY_MS, Found, Stock, as_json, as_text
from benchmarks.say import hush, load_average, say
from benchmarks.write_units import WriteUnits, write_units
from servers import localstack

DELAYS_MS = (0, DELAY_MS)

#: Threads of a process that are tried, the events of each try, and how often. Events are several times what many
#: threads have in hand at once, or all would receive first and delete last, and the rate be that of deletes only.
SWEEP = (8, 16, 24, 32, 48)
SWEEP_EVENTS = 30_000
SWEEPS = 2

#: What was best in a sweep, at 10 ms, and about the events a second then: for `--quick`, and to size the tries.
BEST: Mapping[str, tuple[int, float]] = {BARE: (48, 5_000), COPYING: (24, 5_000), COPYING_OURS: (32, 8_000)}

MAKE: Mapping[str, Callable[[int], Contestant]] = {
    OURS: lambda threads: ours(threads=threads),
    BARE: bare,
    COPYING: copying,
    COPYING_OURS: copying_with_our_clients,
}

#: Events of the sample whose write units are counted by DynamoDB Local.
UNITS_EVENTS = 2_000

#: Of stock Celery: seconds that are measured, and the messages that surely last so long.
STOCK_SECONDS = 2.0
STOCK_EVENTS = 2_500


@dataclass(frozen=True, slots=True)
class Plan:
    """seconds: that a drain lasts, about."""

    rounds: int
    delays_ms: tuple[int, ...]
    seconds: float
    sweeps: bool


QUICK = Plan(rounds=1, delays_ms=(DELAY_MS,), seconds=2, sweeps=False)
FULL = Plan(rounds=7, delays_ms=DELAYS_MS, seconds=4, sweeps=True)


def run(plan: Plan) -> Found:
    with Ground.make(DELAY_MS) as ground:
        units = _write_units(ground)
        best = _sweep(ground, DELAY_MS) if plan.sweeps else BEST
        rounds: list[list[Drain]] = []
        stocks: list[Stock] = []
        for number in range(plan.rounds):
            rounds.append([])
            for delay in plan.delays_ms:
                say(f"round {number + 1} of {plan.rounds}, {delay} ms a call")
                # Each time another goes first, in case the machine gets slower or faster.
                for contestant, rate in _turned(_field(best), number):
                    rounds[-1].append(_drain(ground, contestant, delay, rate * plan.seconds))
                stocks.append(Stock(number, delay, _stock(ground, delay)))
    return Found(rounds, stocks, units)


def _field(best: Mapping[str, tuple[int, float]]) -> list[tuple[Contestant, float]]:
    """All but stock Celery, with the events a second that each may do."""
    rate, tuned = best[BARE][1], best[OURS][0] if OURS in best else default_threads()
    others = [(MAKE[name](threads), rate) for name, (threads, rate) in best.items() if name != OURS]
    return [
        (ours(), rate),
        (bare_equal(), rate),
        *([(ours_best(tuned), rate)] if tuned != default_threads() else []),
        *others,
    ]


def _turned(field: list[tuple[Contestant, float]], by: int) -> list[tuple[Contestant, float]]:
    by %= len(field)
    return field[by:] + field[:by]


def _drain(ground: Ground, contestant: Contestant, delay: int, events: float) -> Drain:
    began = time.monotonic()
    found = drain(ground, contestant, load_for(events, 1), delay)
    say(
        f"  {contestant.name}, {contestant.threads} threads: {found.events_per_second:,.0f} events/s, "
        f"{found.cpu_us:.0f} us of CPU each ({time.monotonic() - began:.0f} s)"
    )
    return found


def _sweep(ground: Ground, delay: int) -> Mapping[str, tuple[int, float]]:
    """For each its best threads at equal pace of the machine, and the rate with them."""
    say(f"which threads are best, {delay} ms a call?")
    tried: dict[tuple[str, int], list[Drain]] = defaultdict(list)
    for _ in range(SWEEPS):
        for name, make in MAKE.items():
            for threads in SWEEP:
                tried[name, threads].append(_drain(ground, make(threads), delay, SWEEP_EVENTS))

    def rate(name: str, threads: int) -> float:
        return statistics.fmean(each.events_at_equal_pace for each in tried[name, threads])

    best = {name: max(SWEEP, key=partial(rate, name)) for name in MAKE}
    return {
        name: (threads, statistics.fmean(each.events_per_second for each in tried[name, threads]))
        for name, threads in best.items()
    }


def _stock(ground: Ground, delay: int) -> float:
    load = load_of(STOCK_EVENTS)
    ground.clear(delay)
    rate = rate_in_window(ground, stock_celery(), stock.encode(load.bodies, QUEUE), load.copies, STOCK_SECONDS)
    say(f"  stock Celery: {rate:,.0f} events/s")
    return rate


def _write_units(ground: Ground) -> WriteUnits:
    say("write units by DynamoDB Local, behind LocalStack")
    with localstack() as endpoint:
        found = write_units(endpoint, ground, load_of(UNITS_EVENTS))
    say(f"  {found.real:.4f} an event; {found.stub:.4f} by the stub")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="run", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="one round at 10 ms, no sweep")
    parser.add_argument("--rounds", type=int, help=f"default: {FULL.rounds}, or {QUICK.rounds} if quick")
    parser.add_argument(
        "--seconds", type=float, help=f"of a drain, about; default: {FULL.seconds:g}, or {QUICK.seconds:g} if quick"
    )
    arguments = parser.parse_args()
    plan = QUICK if arguments.quick else FULL
    plan = replace(plan, rounds=arguments.rounds or plan.rounds, seconds=arguments.seconds or plan.seconds)
    hush()
    load = load_average()
    try:
        found = run(plan)
    except BenchmarkError as error:
        say(f"wrong: {error}")
        return 1
    sys.stdout.write(as_text(found) + "\n" + json.dumps({**as_json(found), "load_at_start": load}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
