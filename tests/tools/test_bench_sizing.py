"""The arithmetic of what a volume asks for, against figures worked out by hand; and the tables of docs/scaling.md."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import prices, sizing
from benchmarks.sizing_arithmetic import Assumptions, idle_worker_usd, kept, limits, measured, month, redis_node

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
    # 0.21 x 0.40 + 2.44 x 0.625, then a request to send each.
    assert prices.worker_usd_per_million_events(0.21, 2.44) == pytest.approx(1.609)
    assert prices.with_sends_usd_per_million_events(0.21, 2.44) == pytest.approx(2.009)


def test_workers_are_counted_for_the_busiest_hour() -> None:
    # 876 million emails x 3 / 2,628,000 s = 1,000 events a second; ten times that at the peak; 600 a core: 16.7 of
    # them, in containers of two. 2 x 0.04048 + 4 x 0.004445 = 0.09874 an hour.
    it = month(876 * MILLION, ROUND)
    assert it["events a second, average"] == pytest.approx(1_000)
    assert it["events a second, peak"] == pytest.approx(10_000)
    assert it["containers of 2 vCPUs"] == 9
    assert it["messages in flight, at most"] == 18 * 16 * 100
    assert it["write units a second, peak"] == pytest.approx(20_000)
    assert it["containers"] == pytest.approx(9 * 0.09874 * 730)
    assert month(1_000, ROUND)["containers of 2 vCPUs"] == 2


def test_redis_holds_the_identities_of_the_busiest_day() -> None:
    # 30.4167 million emails a month are a million a day; twice that; three activities and a recipient
    # fact of 100 B each. 1.37 GiB x 0.7 = 1.03e9; a micro holds 0.38e9.
    it = month(365 * MILLION // 12, ROUND)
    assert it["Redis, busiest day"] * 2**30 == pytest.approx(800e6, rel=1e-6)
    assert it["Redis node, twice"] == "cache.t4g.small"
    assert it["Redis"] == pytest.approx(2 * 0.032 * 0.8 * 730)
    quarter = month(365 * MILLION // 12, replace(ROUND, window_seconds=21_600))
    assert quarter["Redis, busiest day"] * 2**30 == pytest.approx(200e6, rel=1e-6)
    with pytest.raises(ValueError, match="DEDUPE_WINDOW_SECONDS"):
        redis_node(200 * 2**30)


def test_what_is_free_is_free_once_and_the_total_is_the_sum() -> None:
    # Three million events: two million publishes and sends are paid, and all receives, since the sends come first.
    it = month(MILLION, ROUND)
    lines = [it[name] for name in ("SNS publishes", "SQS, sends", "SQS, receives and deletes", "DynamoDB writes")]
    assert lines == [pytest.approx(each) for each in (2 * 0.50, 2 * 0.40, 3 * 0.2 * 0.40, 3 * 2.0 * 0.625)]
    lines += [it[name] for name in ("containers", "Redis", "idle polls and questions")]
    assert it["of that, without what is kept"] == pytest.approx(sum(lines))
    assert it["**together**"] == pytest.approx(sum(lines) + kept(MILLION, 12, ROUND).usd)


def test_an_idle_worker_pays_for_its_poll_and_its_questions() -> None:
    # One thread of two processes each 5 s: 0.5256 M receives, 2 x 3 calls a minute: 0.2628 M; a question each 5 s and
    # each 30 s: 0.5256 and 0.0876 M write units.
    assert idle_worker_usd(ROUND) == pytest.approx((0.5256 + 0.2628) * 0.40 + (0.5256 + 0.0876) * 0.625)


def test_the_table_is_kept_with_recovery_and_its_indexes_without() -> None:
    # Table: 3 x 600 + 400 = 2,200 B an email. Indexes: 700 + 3 x 100 + 0.5 x (200 + 2 x 100) = 1,200 B.
    year = kept(10 * MILLION, 12, ROUND)
    assert year == pytest.approx((264, 144, (264 + 144 - 25) * 0.25, 264 * 0.20, 408 * 0.10))
    assert kept(MILLION, 1, ROUND).storage_usd == 0


def test_limits_are_of_events_a_second() -> None:
    found = limits(ROUND)
    # An event writes one activity, and a third of a recipient fact.
    assert found["new table, 4,000 write units/s"] == pytest.approx(3_000)
    assert found["by_account, if all were one account's"] == 3_000
    assert found["in flight, 75 processes"] == 75_000


def test_the_sizes_in_use_are_those_of_the_mix() -> None:
    """Whoever adds an attribute to a fact is told that the table grows."""
    usual, weighed = Assumptions(), measured(Assumptions(), events=2_000)
    for name in ("activity_bytes", "mail_bytes", "index_bytes", "failure_index_bytes", "failures_per_email"):
        assert getattr(weighed, name) == pytest.approx(getattr(usual, name), rel=0.05), name


def test_the_documents_have_the_tables_that_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    sizing.main([])
    document = (Path(__file__).parents[2] / "docs" / "scaling.md").read_text()
    for table in (each for each in capsys.readouterr().out.split("\n\n") if each.startswith("| ")):
        assert table in document
    assert f"together     {sizing.usd(month(100 * MILLION, Assumptions())['**together**'])};" in document


def test_flags_take_the_place_of_measured_figures(capsys: pytest.CaptureFixture[str]) -> None:
    sizing.main(["--write-units", "5", "--threads", "12"])
    assert sizing.months_table(replace(Assumptions(), write_units=5, threads=12)) in capsys.readouterr().out
