"""What a run found: medians and their spread as a table for people, and one JSON object for programs."""

import os
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.contestants import BARE, BARE_EQUAL, COPYING, COPYING_OURS, OURS, OURS_BEST, STOCK
from benchmarks.measure import Drain
from benchmarks.prices import with_sends_usd_per_million_events, worker_usd_per_million_events
from benchmarks.write_units import WriteUnits

#: Milliseconds of delay that the figures of the last line are of: about what a call to SQS or DynamoDB takes on AWS.
DELAY_MS = 10


@dataclass(frozen=True, slots=True)
class Stock:
    """Stock Celery in one round: it is too slow to drain what the others do, so only its rate is taken."""

    round: int
    delay_ms: float
    events_per_second: float


@dataclass(frozen=True, slots=True)
class Found:
    """rounds: the drains of each, at all delays."""

    rounds: Sequence[Sequence[Drain]]
    stock: Sequence[Stock]
    write_units: WriteUnits

    def of(self, name: str, delay_ms: float) -> list[Drain]:
        """One for each round."""
        return [
            each for drains in self.rounds for each in drains if (each.contestant, each.delay_ms) == (name, delay_ms)
        ]

    def stock_rates(self, delay_ms: float) -> list[float]:
        return [each.events_per_second for each in self.stock if each.delay_ms == delay_ms]


def _median(drains: Sequence[Drain], figure: Callable[[Drain], float]) -> float:
    return statistics.median(map(figure, drains))


def _ours(found: Found, name: str, delay_ms: float) -> list[Drain]:
    """What another is measured against: bare's best threads against our best, all else as it is installed."""
    best = found.of(OURS_BEST, delay_ms) if name == BARE else []
    return best or found.of(OURS, delay_ms)


def ratios(found: Found, name: str, delay_ms: float) -> list[float]:
    """Ours to another, in each round."""
    rates = [each.events_per_second for each in _ours(found, name, delay_ms)]
    others = found.stock_rates(delay_ms) if name == STOCK else [d.events_per_second for d in found.of(name, delay_ms)]
    return [one / other for one, other in zip(rates, others, strict=False)]


def ratios_at_equal_pace(found: Found, name: str, delay_ms: float) -> list[float]:
    """The same as if the machine had been as fast for one as for the other."""
    pairs = zip(_ours(found, name, delay_ms), found.of(name, delay_ms), strict=False)
    return [one.events_at_equal_pace / other.events_at_equal_pace for one, other in pairs]


def as_text(found: Found) -> str:
    delays = sorted({each.delay_ms for drains in found.rounds for each in drains})
    head = f"{'':<22}{'threads':>8}{'delay':>7}{'events/s':>18}{'calls/event':>13}{'CPU us/event':>14}"
    lines = [f"{head}{'stub':>7}{'Redis':>7}{'pace us':>9}"]
    for delay in delays:
        for name in (OURS, BARE_EQUAL, OURS_BEST, BARE, COPYING_OURS, COPYING):
            lines += _row(name, delay, found.of(name, delay))
        rates = found.stock_rates(delay)
        if rates:
            lines.append(f"{STOCK:<22}{'8 x 1':>8}{delay:>5g}ms{_spread(rates):>18}")
    lines.append("")
    for delay in delays:
        for name in (BARE_EQUAL, BARE, COPYING_OURS, COPYING, STOCK):
            each = ratios(found, name, delay)
            if each:
                what = "bare, each with its best threads," if name == BARE else name
                line = f"ours to {what} at {delay:g} ms: {_ratio(each)}, by round"
                paced = ratios_at_equal_pace(found, name, delay)
                lines.append(line + (f"; at equal pace {_ratio(paced)}" if paced else ""))
    return "\n".join([*lines, "", *_rest(found)])


def _ratio(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def _row(name: str, delay: float, drains: Sequence[Drain]) -> list[str]:
    if not drains:
        return []
    rates = [each.events_per_second for each in drains]
    cells = [_median(drains, lambda d: d.cpu_us), _median(drains, lambda d: d.stub_cpu_us)]
    redis = _median(drains, lambda d: d.redis_cpu_us)
    calls = _median(drains, lambda d: d.calls_per_event)
    row = f"{name:<22}{f'2 x {drains[0].threads}':>8}{delay:>5g}ms{_spread(rates):>18}"
    pace = _median(drains, lambda d: d.pace_us)
    return [f"{row}{calls:>13.3f}{cells[0]:>14.0f}{cells[1]:>7.0f}{redis:>7.0f}{pace:>9.0f}"]


def _spread(values: Sequence[float]) -> str:
    """Median, least and most."""
    middle = f"{statistics.median(values):,.0f}"
    return middle if len(values) == 1 else f"{middle} ({min(values):.0f}-{max(values):.0f})"


def _rest(found: Found) -> list[str]:
    ours = found.of(OURS, DELAY_MS)
    told = as_json(found)
    units, late = found.write_units, _median(ours, lambda d: d.late_rss)
    lines = f"""\
Ours at {DELAY_MS} ms, medians of {len(found.rounds)} round(s), on {os.cpu_count()} cores that stub and Redis share:
  memory of the largest process: {told["peak_rss_mb"]:.0f} MB at its peak;
    {told["rss_mb_at_25_percent"]:.1f} MB at 25 % of the messages, {late:.1f} MB at 95 %
  messages for each receive {_median(ours, lambda d: d.messages_per_receive):.1f}, for each delete call \
{_median(ours, lambda d: d.messages_per_delete):.1f}; copies still held at the end: {told["held_copies"]:.0f}
  write units an event in one thread: {units.real:.4f} by DynamoDB Local, {units.stub:.4f} by the stub
    as the drains wrote them: {told["write_units_per_event"]:.4f}
  a million events: ${told["usd_per_million_events"]:.3f}, with the sends into the queue \
${told["usd_per_million_events_with_sends"]:.3f}
An event is one that SES reported: copies of messages are worked on and do not count. Calls and dollars are of
a backlog: without empty receives. Pace is the CPU time of a fixed piece of work meanwhile: more, and the machine was
slower. A ratio at equal pace is what it would be had the machine stayed as it was."""
    return lines.splitlines()


def as_json(found: Found) -> Mapping[str, Any]:
    ours = found.of(OURS, DELAY_MS)
    # As the drains wrote them: a copy that meets its event being written costs a put more than one alone.
    alone = found.write_units
    units = _median(ours, lambda d: d.write_units_per_event) * alone.real / alone.stub
    billed = _median(ours, lambda d: d.billed_sqs_requests_per_event)

    def rate(name: str) -> float:
        return _median(found.of(name, DELAY_MS), lambda d: d.events_per_second)

    def ratio(name: str, of: Callable[[Found, str, float], list[float]] = ratios) -> float | None:
        each = of(found, name, DELAY_MS)
        return statistics.median(each) if each else None

    stock = found.stock_rates(DELAY_MS)
    told = {
        "events_per_second": rate(OURS),
        "bare_events_per_second": rate(BARE),
        "ratio_to_bare": ratio(BARE),
        "ratio_to_bare_at_equal_pace": ratio(BARE, ratios_at_equal_pace),
        "ratio_to_bare_at_equal_threads": ratio(BARE_EQUAL),
        "ratio_to_bare_at_equal_threads_and_pace": ratio(BARE_EQUAL, ratios_at_equal_pace),
        "copy_events_per_second": rate(COPYING),
        "ratio_to_copy": ratio(COPYING),
        "ratio_to_copy_at_equal_pace": ratio(COPYING, ratios_at_equal_pace),
        "copy_same_client_events_per_second": rate(COPYING_OURS),
        "ratio_to_copy_same_client": ratio(COPYING_OURS),
        "stock_celery_events_per_second": statistics.median(stock) if stock else None,
        "ratio_to_stock": ratio(STOCK),
        "calls_per_event": _median(ours, lambda d: d.calls_per_event),
        "billed_sqs_requests_per_event": billed,
        "write_units_per_event": units,
        "write_units_per_event_in_one_thread": alone.real,
        "stub_write_units_per_event_in_one_thread": alone.stub,
        "held_copies": _median(ours, lambda d: d.held),
        "usd_per_million_events": worker_usd_per_million_events(billed, units),
        "usd_per_million_events_with_sends": with_sends_usd_per_million_events(billed, units),
        "cpu_us_per_event": _median(ours, lambda d: d.cpu_us),
        "bare_cpu_us_per_event": _median(found.of(BARE, DELAY_MS), lambda d: d.cpu_us),
        "stub_cpu_us_per_event": _median(ours, lambda d: d.stub_cpu_us),
        "redis_cpu_us_per_event": _median(ours, lambda d: d.redis_cpu_us),
        "peak_rss_mb": _median(ours, lambda d: d.peak_rss),
        "rss_mb_at_25_percent": _median(ours, lambda d: d.early_rss),
        "rss_mb_at_95_percent": _median(ours, lambda d: d.late_rss),
    }
    rounded = {name: round(value, 4) if value is not None else None for name, value in told.items()}
    return {**rounded, "delay_ms": DELAY_MS, "rounds": len(found.rounds), "cores": os.cpu_count()}
