"""What `make bench` makes of its drains: medians, ratios by round, and ratios as if the machine had kept its pace."""

from dataclasses import replace

import pytest

from benchmarks.contestants import BARE, BARE_EQUAL, COPYING, COPYING_OURS, OURS, OURS_BEST
from benchmarks.measure import Drain
from benchmarks.report import Found, Stock, as_json, as_text
from benchmarks.smoke import KEYS
from benchmarks.write_units import WriteUnits

DRAIN = Drain(
    contestant=OURS,
    threads=24,
    delay_ms=10,
    events_per_second=1_000,
    cpu_us=300,
    stub_cpu_us=30,
    redis_cpu_us=10,
    pace_us=500,
    peak_rss=110,
    early_rss=108,
    late_rss=109,
    calls_per_event=0.27,
    billed_sqs_requests_per_event=0.2,
    write_units_per_event=2.5,
    messages_per_delete=10,
    messages_per_receive=9.8,
    held=0,
)


def drain(name: str, rate: float, pace_us: float = 500) -> Drain:
    return replace(DRAIN, contestant=name, events_per_second=rate, pace_us=pace_us)


def found(*rounds: list[Drain]) -> Found:
    """Each with the copying loops, and stock Celery at 10 events a second."""
    others = [drain(COPYING, 1_250), drain(COPYING_OURS, 4_000)]
    stock = [Stock(number, 10, 10) for number in range(len(rounds))]
    return Found([each + others for each in rounds], stock, WriteUnits(real=2.4, stub=2.4))


def test_ratios_are_of_the_same_round_and_their_median_is_told():
    told = as_json(
        found(
            [drain(OURS, 1_000), drain(BARE, 2_000)],
            [drain(OURS, 3_000), drain(BARE, 3_000)],
            [drain(OURS, 900), drain(BARE, 1_000)],
        )
    )
    assert told["ratio_to_bare"] == 0.9
    assert told["events_per_second"] == 1_000
    assert told["ratio_to_copy"] == 0.8
    assert told["ratio_to_stock"] == 100


def test_at_equal_pace_a_slower_machine_does_not_count():
    """It took twice as long over the same work while the worker had its turn."""
    told = as_json(found([drain(OURS, 500, pace_us=1_000), drain(BARE, 1_000)]))
    assert told["ratio_to_bare"] == 0.5
    assert told["ratio_to_bare_at_equal_pace"] == 1


def test_celery_is_judged_at_equal_threads_and_at_each_ones_best():
    drains = [drain(OURS, 1_000), drain(BARE_EQUAL, 1_000), drain(OURS_BEST, 1_800), drain(BARE, 2_000)]
    told = as_json(found(drains))
    assert (told["ratio_to_bare_at_equal_threads"], told["ratio_to_bare"]) == (1, 0.9)
    assert as_json(found([each for each in drains if each.contestant != OURS_BEST]))["ratio_to_bare"] == 0.5


def test_the_last_line_has_what_the_smoke_check_asks_for():
    told = as_json(found([drain(OURS, 1_000), drain(BARE, 1_000), drain(BARE_EQUAL, 1_000)]))
    assert all(isinstance(told[name], int | float) for name in KEYS)


@pytest.mark.parametrize("figure", ["1.00 (0.50 to 2.00), by round", "at equal pace 1.00", "a million events: $1.64"])
def test_the_table_tells_medians_and_their_spread(figure):
    rounds = [[drain(OURS, rate, 1e6 / rate), drain(BARE, 1_000, 1_000)] for rate in (500, 1_000, 2_000)]
    assert figure in as_text(found(*rounds))
