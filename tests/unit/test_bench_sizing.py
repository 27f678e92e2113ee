"""The arithmetic of what a volume asks for, against figures worked out by hand."""

import json
from dataclasses import replace

import pytest

from benchmarks import prices
from benchmarks.sizing import (
    Assumptions,
    arithmetic,
    as_json,
    idle_process_usd,
    item_bytes,
    kept,
    limits,
    main,
    measured,
    provisioned_usd,
    redis_node,
    size,
)

MILLION = 1_000_000

#: Round ones, so that a hand can follow.
ROUND = Assumptions(
    events_per_second_per_core=1_000,
    billed_requests=0.2,
    write_units=2.0,
    events_per_email=3.0,
    failures_per_email=0.5,
    activity_bytes=500,
    mail_bytes=300,
    index_bytes=700,
    failure_index_bytes=200,
    redis_bytes_per_identity=100,
    busiest_day=2,
    busiest_hour=5,
    threads=16,
    batch_size=100,
)


def test_a_million_events_cost_what_the_price_list_says() -> None:
    # 0.21 x 0.40 + 2.44 x 0.625, then a request to send each, then a publish of each.
    assert prices.worker_usd_per_million_events(0.21, 2.44) == pytest.approx(1.609)
    assert prices.with_sends_usd_per_million_events(0.21, 2.44) == pytest.approx(2.009)
    assert prices.with_publishes_usd_per_million_events(0.21, 2.44) == pytest.approx(2.509)


def test_each_tier_counts_only_what_is_in_it() -> None:
    tiers = (prices.Tier(10 * MILLION, 70), prices.Tier(100 * MILLION, 50), prices.Tier(None, 20))
    assert prices.tiered_usd(MILLION, tiers) == pytest.approx(70)
    assert prices.tiered_usd(10 * MILLION, tiers) == pytest.approx(700)
    assert prices.tiered_usd(100 * MILLION, tiers) == pytest.approx(700 + 90 * 50)
    assert prices.tiered_usd(1_000 * MILLION, tiers) == pytest.approx(700 + 90 * 50 + 900 * 20)


def test_workers_are_counted_for_the_busiest_hour() -> None:
    # 876 million emails x 3 / 2,628,000 s = 1,000 events a second; ten times that at the peak; 600 a core: 16.7 of
    # them, in containers of two.
    it = size(876 * MILLION, ROUND)
    assert it.average_events == pytest.approx(1_000)
    assert it.peak_events == pytest.approx(10_000)
    assert (it.workers, it.processes) == (9, 18)
    assert it.in_flight == 18 * 16 * 100
    assert it.peak_write_units == pytest.approx(20_000)
    # 2 x 0.04048 + 4 x 0.004445 = 0.09874 an hour.
    assert it.compute_usd == pytest.approx(9 * 0.09874 * 730)


def test_two_containers_run_whatever_the_volume() -> None:
    assert size(1_000, ROUND).workers == 2


def test_redis_holds_the_identities_of_the_busiest_day() -> None:
    # 30.4167 million emails a month are a million a day; twice that; three activities and a recipient
    # fact of 100 B each.
    it = size(365 * MILLION // 12, ROUND)
    assert it.redis_bytes == pytest.approx(800e6, rel=1e-6)
    assert it.redis_node == "cache.t4g.small"  # 1.37 GiB x 0.7 = 1.03e9; a micro holds 0.38e9
    assert it.redis_usd == pytest.approx(2 * 0.032 * 0.8 * 730)
    quarter = size(365 * MILLION // 12, replace(ROUND, window_seconds=21_600))
    assert quarter.redis_bytes == pytest.approx(200e6, rel=1e-6)


def test_more_than_the_largest_node_is_said() -> None:
    with pytest.raises(ValueError, match="DEDUPE_WINDOW_SECONDS"):
        redis_node(200 * 2**30)


def test_what_is_free_is_free_once() -> None:
    # Three million events: two million publishes and sends are paid, and all receives, since the sends come first.
    it = size(MILLION, ROUND)
    assert it.sns_usd == pytest.approx(2 * 0.50)
    assert it.sends_usd == pytest.approx(2 * 0.40)
    assert it.receives_usd == pytest.approx(3 * 0.2 * 0.40)
    assert it.writes_usd == pytest.approx(3 * 2.0 * 0.625)


def test_an_idle_process_pays_for_its_polls_and_questions() -> None:
    # One thread each 5 s: 0.5256 M receives, 3 calls a minute: 0.1314 M; a question each 5 s: 0.5256 M write units.
    assert idle_process_usd(ROUND) == pytest.approx((0.5256 + 0.1314) * 0.40 + 0.5256 * 0.625)
    patient = replace(ROUND, receive_wait_seconds=20)
    assert idle_process_usd(patient) == pytest.approx((0.1314 + 0.1314) * 0.40 + 0.5256 * 0.625)


def test_the_table_is_kept_with_recovery_and_its_indexes_without() -> None:
    # Table: 3 x 600 + 400 = 2,200 B an email. Indexes: 700 + 3 x 100 + 0.5 x (200 + 2 x 100) = 1,200 B.
    year = kept(10 * MILLION, 12, ROUND)
    assert (year.table_gb, year.index_gb) == (pytest.approx(264), pytest.approx(144))
    assert year.storage_usd == pytest.approx((264 + 144 - 25) * 0.25)
    assert year.pitr_usd == pytest.approx(264 * 0.20)
    assert year.ia_usd == pytest.approx(408 * 0.10)
    assert kept(MILLION, 1, ROUND).storage_usd == 0


def test_the_total_is_the_sum_of_its_lines() -> None:
    it = size(100 * MILLION, ROUND)
    lines = it.compute_usd + it.redis_usd + it.sns_usd + it.sends_usd + it.receives_usd + it.idle_usd + it.writes_usd
    assert it.total_usd(3) == pytest.approx(lines + it.kept(3).storage_usd + it.kept(3).pitr_usd)


def test_provisioned_capacity_is_paid_whether_used_or_not() -> None:
    # 1,000 units a second on average, 40 % of what is provisioned: 2,500 x 0.00065 x 730.
    assert provisioned_usd(1_000, use=0.4) == pytest.approx(1186.25)


def test_storage_outgrows_the_writes_after_three_months() -> None:
    it = size(1_000 * MILLION, Assumptions())
    assert it.kept(3).usd < it.writes_usd < it.kept(3).usd * 4 / 3


def test_limits_are_told_by_the_month_whose_peak_they_are() -> None:
    by_name = {each.name: each for each in limits(ROUND)}
    everything = by_name["SNS, 300 publishes/s: others"]
    assert everything.events == 300
    assert everything.emails == pytest.approx(300 / 10 * 2_628_000 / 3)
    # An event writes one activity, and a third of a recipient fact.
    assert by_name["new table, 4,000 write units/s"].events == pytest.approx(3_000)
    assert by_name["by_account, if all were one account's"].events == 3_000
    assert by_name["in flight, 75 processes"].events == 75_000


@pytest.mark.parametrize(
    ("item", "weight"),
    [
        ({"pk": "abc"}, 5),
        ({"é": "é"}, 4),
        ({"n": 7}, 1 + 2),
        ({"n": 1827138517}, 1 + 6),
        ({"n": 100}, 1 + 2),
        ({"b": True, "c": None}, 4),
        ({"m": {"k": "vv"}}, 1 + 3 + 1 + 2 + 1),
        ({"l": ["a", "b"]}, 1 + 3 + 2 * 2),
    ],
)
def test_an_item_weighs_what_dynamodb_counts(item: dict[str, object], weight: int) -> None:
    assert item_bytes(item) == weight


def test_the_sizes_in_use_are_those_of_the_mix() -> None:
    """Whoever adds an attribute to a fact is told that the table grows."""
    usual, weighed = Assumptions(), measured(Assumptions(), events=2_000)
    for name in ("activity_bytes", "mail_bytes", "index_bytes", "failure_index_bytes", "failures_per_email"):
        assert getattr(weighed, name) == pytest.approx(getattr(usual, name), rel=0.05), name


def test_flags_take_the_place_of_measured_figures(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--json", "--events-per-second-per-core", "500", "--item-bytes", "1", "2", "3", "--calls-per-event", "0.5"])
    told = json.loads(capsys.readouterr().out)
    expected = replace(
        Assumptions(),
        events_per_second_per_core=500,
        activity_bytes=1,
        mail_bytes=2,
        index_bytes=3,
        billed_requests=0.5,
    )
    assert told == json.loads(as_json(expected))


def test_the_arithmetic_ends_in_what_the_table_says(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--explain"])
    shown = capsys.readouterr().out
    total = f"${size(1_000 * MILLION, Assumptions()).total_usd():,.0f}"
    assert f"**{total}**" in shown
    assert arithmetic(1_000 * MILLION, Assumptions()).splitlines()[-1].split()[1] == f"{total};"
