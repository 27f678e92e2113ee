"""Every spelling of a time that was seen, and none that stops anything."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from cputime import takes_at_most
from email_activity.domain.times import microseconds, parse_timestamp, rfc3339, rfc3339_exact
from email_activity.domain.zones import zone_named

AT = datetime(2026, 11, 23, 10, 20, 30, tzinfo=UTC)

SPELLINGS = {
    "2026-11-23T10:20:30.123Z": AT.replace(microsecond=123000),
    "2026-11-23T10:20:30.000Z": AT,
    "2026-11-23T10:20:30Z": AT,
    "2026-11-23T10:20:30": AT,
    "2026-11-23T10:20:30.123": AT.replace(microsecond=123000),
    "2026-11-23T03:20:30-07:00": AT,
    "2026-11-23T03:20:30.000-07:00": AT,
    "2026-11-23T05:20:30-0500": AT,
    "2026-11-23T10:20:30+00:00": AT,
    "2026-11-23T10:20:30 +0000": AT,
    "2026-11-23T10:20:30  +00:00": AT,
    "2026-11-23T03:20:30 -07:00": AT,
    "2026-11-23T13:20:30.123456+03:00": AT.replace(microsecond=123456),
    "2026-11-23 10:20:30": AT,
    "2026-11-23 10:20:30 +0000": AT,
    "  2026-11-23T10:20:30Z\n": AT,
}


@pytest.mark.parametrize(("written", "at"), SPELLINGS.items())
def test_every_spelling_of_a_time_is_read_as_utc(written, at):
    read = parse_timestamp(written)
    assert read.at == at
    assert read.at.utcoffset() == timedelta(0)
    assert read.text == written.strip()


def test_all_spellings_of_one_time_are_one_identity():
    same = [parse_timestamp(written).identity for written, at in SPELLINGS.items() if at == AT]
    assert len(same) > 8
    assert len(set(same)) == 1
    one, other = (parse_timestamp(f"2026-11-23T10:20:30.12345{digit}Z") for digit in "67")
    assert one.identity != other.identity


@pytest.mark.parametrize(
    "written",
    ["", " ", "yesterday", "2026-13-01T00:00:00Z", "1700000000000", "0001-01-01T00:00:00+10:00", "\x00", "٢٠٢٦"],
)
def test_an_unreadable_time_is_kept_as_written_and_is_its_own_identity(written):
    read = parse_timestamp(written)
    assert (read.at, read.text, read.identity) == (None, written.strip(), written.strip())


def test_a_very_long_text_for_a_time_holds_nobody_up():
    """Once a run of blanks took time by its square: a megabyte of them would have stopped a worker for hours."""
    written = "1" + " " * 20_000 + "x"
    assert parse_timestamp(written).at is None
    assert takes_at_most(0.2, lambda: parse_timestamp(written))


def test_microseconds_are_exact_and_reach_before_the_epoch():
    assert microseconds(datetime(1970, 1, 1, tzinfo=UTC)) == 0
    assert microseconds(datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)) == -1
    assert microseconds(datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)) == 253402300799999999


def test_a_time_is_written_in_utc_with_as_many_digits_as_asked_or_as_it_has():
    at = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=timezone(timedelta(hours=2)))
    assert (rfc3339(at), rfc3339(at, "seconds")) == ("2026-11-23T10:00:00.123Z", "2026-11-23T10:00:00Z")
    for microsecond, digits in ((0, "000"), (123_000, "123"), (123_456, "123456")):
        assert rfc3339_exact(AT.replace(microsecond=microsecond)) == f"2026-11-23T10:20:30.{digits}Z"


def test_written_times_sort_as_text_and_are_read_back():
    early, late = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
    assert rfc3339(early) < rfc3339(AT) < rfc3339(late)
    assert parse_timestamp(rfc3339_exact(early)).at == early


@pytest.mark.parametrize("at", [datetime(9999, 12, 31, 23, 59, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC)])
@pytest.mark.parametrize("name", ["Europe/Berlin", "America/New_York"])
def test_a_time_where_the_calendar_ends_is_shown_all_the_same(at, name):
    zone = zone_named(name)
    assert zone.moment(at).startswith(f"{at.year:04}")
    assert zone.exact(at).startswith(f"{at.year:04}")
