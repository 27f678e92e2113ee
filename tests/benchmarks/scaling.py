"""How the worker scales: by processes and threads under a backlog, and how full its calls are by the rate of arrival.

    make bench-scaling    # some ten minutes; writes docs/scaling.json, and draws docs/scaling.png from it

Processes beyond the machine's cores show what a core can do, not what more cores would.
"""

import argparse
import json
import os
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.arrivals import LINGER_MS, Arrivals, arrivals
from benchmarks.contestants import ROOT, default_threads, ours
from benchmarks.ground import BenchmarkError, Ground
from benchmarks.load import load_for
from benchmarks.measure import Drain, drain
from benchmarks.report import DELAY_MS
from benchmarks.say import hush, load_average, say

DATA = ROOT / "docs" / "scaling.json"

PROCESSES = (1, 2, 4)
THREADS = (4, 8, 16, 32, 48)
DELAYS_MS = (0, DELAY_MS)

#: Seconds that a drain should last, and about the events a second: of a process at most, of a thread at 10 ms.
SECONDS = 3.0
OF_A_PROCESS, OF_A_THREAD, OF_ALL = 2_500, 300, 5_000

#: Messages a second that arrive, and for how many seconds.
RATES = (10, 100, 500, 1_000, 2_000)
ARRIVE_SECONDS = 8.0


def drains(ground: Ground) -> list[Mapping[str, Any]]:
    found: list[tuple[int, Drain]] = []
    for delay in DELAYS_MS:
        for processes in PROCESSES:
            for threads in THREADS:
                expected = min(processes * OF_A_PROCESS, processes * threads * OF_A_THREAD, OF_ALL)
                each = drain(ground, ours(processes, threads), load_for(expected, SECONDS), delay)
                say(f"{processes} x {threads} threads, {delay} ms a call: {each.events_per_second:,.0f} events/s")
                found.append((processes, each))
    usual = statistics.median(each.pace_us for _, each in found)
    return [_figures(processes, each, usual) for processes, each in found]


def _figures(processes: int, each: Drain, usual_pace_us: float) -> Mapping[str, Any]:
    """at_usual_pace: events a second had the machine been as fast as in most of the other drains."""
    return {
        "processes": processes,
        "threads": each.threads,
        "delay_ms": each.delay_ms,
        "events_per_second": round(each.events_per_second),
        "at_usual_pace": round(each.events_at_equal_pace / usual_pace_us),
        "calls_per_event": round(each.calls_per_event, 4),
        "cpu_us_per_event": round(each.cpu_us),
    }


def fills(ground: Ground) -> list[Arrivals]:
    """Each without a linger and with it, one after the other."""
    found = []
    for rate in RATES:
        for linger_ms in (0, LINGER_MS):
            each = arrivals(ground, rate, ARRIVE_SECONDS, DELAY_MS, linger_ms)
            say(f"{rate} a second, linger {linger_ms} ms: {each.requests_per_event:.2f} SQS requests an event")
            found.append(each)
    return found


def as_text(measured: Sequence[Mapping[str, Any]], arrived: Sequence[Arrivals]) -> str:
    head = f"{'processes':>9}{'threads':>9}{'delay':>8}{'events/s':>10}{'at usual pace':>15}"
    lines = [f"{head}{'calls/event':>13}{'CPU us/event':>14}"]
    lines += [
        f"{each['processes']:>9}{each['threads']:>9}{each['delay_ms']:>6} ms{each['events_per_second']:>10,}"
        f"{each['at_usual_pace']:>15,}{each['calls_per_event']:>13.3f}{each['cpu_us_per_event']:>14}"
        for each in measured
    ]
    head = f"{'arrive/s':>9}{'linger':>10}{'a receive':>11}{'a delete':>10}{'calls/event':>13}"
    lines += ["", f"{head}{'SQS/event':>11}{'p50 ms':>8}{'p99 ms':>8}"]
    lines += [
        f"{each.rate:>9,.0f}{each.linger_ms:>7} ms{each.messages_per_receive:>11.1f}{each.messages_per_delete:>10.1f}"
        f"{each.calls_per_event:>13.3f}{each.requests_per_event:>11.3f}{each.p50_ms:>8.0f}{each.p99_ms:>8.0f}"
        for each in arrived
    ]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="scaling", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--to", type=Path, default=DATA, help="the file to write (default: docs/scaling.json)")
    arguments = parser.parse_args()
    hush()
    load = load_average()
    try:
        with Ground.make(DELAY_MS) as ground:
            measured, arrived = drains(ground), fills(ground)
    except (BenchmarkError, AssertionError) as error:
        say(f"wrong: {error}")
        return 1
    told = {
        "cores": os.cpu_count(),
        "load_at_start": load,
        "default_threads": default_threads(),
        "drains": measured,
        "arrivals": list(map(asdict, arrived)),
    }
    arguments.to.write_text(json.dumps(told, indent=1) + "\n")
    sys.stdout.write(as_text(measured, arrived) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
