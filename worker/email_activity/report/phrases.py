"""Numbers, days and points as the report says them. Pure."""

from datetime import date, datetime, tzinfo

from email_activity.activity.describe import counted
from email_activity.activity.summary_model import Bucket, Share, Trend

#: A number and its unit stay on one line.
NO_BREAK = "\N{NO-BREAK SPACE}"

#: Seconds of a minute and an hour; a unit is used from two of it on.
UNITS = ((3_600, "h"), (60, "min"), (1, "s"))


def percent(rate: float | None) -> str:
    """`3.1 %`. Rounded, but never to 0 or 100 % where it is neither; small rates, as of complaints, in more digits."""
    if rate is None:
        return "\N{EN DASH}"
    digits = 2 if rate < 0.01 else 1  # noqa: PLR2004  1 %
    value = round(rate * 100, digits)
    if rate and not value:
        return f"<{NO_BREAK}0.01{NO_BREAK}%"
    if rate < 1 and value == 100:  # noqa: PLR2004  percent
        value = 99.9
    return f"{value:.{digits}f}".rstrip("0").rstrip(".") + f"{NO_BREAK}%"


def duration(seconds: int | None) -> str:
    """`45 s`, `3 min`: rounded down."""
    if seconds is None:
        return "not known"
    size, unit = next((each for each in UNITS if seconds >= 2 * each[0]), UNITS[-1])
    return f"{seconds // size:,}{NO_BREAK}{unit}"


def up_to(bucket: Bucket, before: Bucket | None) -> str:
    if bucket.up_to_seconds is None:
        return f"longer than {_exact(before.up_to_seconds if before else None)}"
    return f"up to {_exact(bucket.up_to_seconds)}"


def _exact(seconds: int | None) -> str:
    size, unit = next(each for each in UNITS if (seconds or 0) % each[0] == 0)
    return f"{(seconds or 0) // size}{NO_BREAK}{unit}"


def short_day(day: date) -> str:
    """`12 Nov`"""
    return f"{day.day}{NO_BREAK}{day:%b}"


def full_day(day: date) -> str:
    return f"{short_day(day)} {day.year}"


def span(first: date, last: date) -> str:
    """`25 Oct to 23 Nov 2026`"""
    if first == last:
        return full_day(first)
    return f"{short_day(first) if first.year == last.year else full_day(first)} to {full_day(last)}"


def minute(at: datetime, zone: tzinfo) -> str:
    local = at.astimezone(zone)
    return f"{full_day(local.date())}, {local:%H:%M}"


def point(trend: Trend, what: str) -> str:
    """What a chart shows, in a sentence or two. what: `hard bounce`, `complaint`."""
    if not trend.of:
        return "No emails were sent."
    if trend.highest is None:
        return f"No {what} of {counted(trend.of, 'email')}."
    whole = _rated(trend, trend)
    if sum(1 for each in trend.days if each.of) == 1:
        return f"{whole[:1].upper()}{whole[1:]}."
    highest = trend.highest
    return f"Highest on {short_day(highest.day)}: {_rated(highest, trend)}. Over all days: {whole}."


def _rated(share: Share, trend: Trend) -> str:
    """`3.1 % (31 of 1,000), below SES's 5 %`"""
    rated = f"{percent(share.rate)} ({share.count:,} of {share.of:,})"
    if share.of < trend.judged_from:
        return f"{rated}, which is too few emails to judge by"
    rate = share.rate or 0
    if rate < trend.review:
        return f"{rated}, below SES's {percent(trend.review)}"
    if rate < trend.pause:
        return f"{rated}, over the {percent(trend.review)} from which on SES reviews an account"
    return f"{rated}, over the {percent(trend.pause)} from which on SES may pause an account"


def is_over(share: Share | None, trend: Trend) -> bool:
    """Over SES's first limit, and of enough emails to say so."""
    return share is not None and share.of >= trend.judged_from and (share.rate or 0) >= trend.review


def drawn(trend: Trend) -> list[float | None]:
    """The rate of each day that can be judged; empty where there are not two of these, which make no line."""
    judged = [each.rate if each.of >= trend.judged_from else None for each in trend.days]
    return judged if sum(each is not None for each in judged) > 1 else []


def left_out(trend: Trend, what: str) -> str | None:
    """What the chart does not show, or why there is none."""
    enough, too_much = f"{trend.judged_from:,} emails", f"a single {what} would exceed the limit"
    if not drawn(trend):
        return f"No chart: it needs two days of {enough} or more. On a smaller day {too_much}."
    if all(each.of >= trend.judged_from for each in trend.days if each.of):
        return None
    return f"Not drawn: a day of fewer than {enough}, where {too_much}."


def axis_top(trend: Trend) -> float:
    """Of the chart: both limits are always in sight, and the highest day that can be judged."""
    judged = [each.rate or 0 for each in trend.days if each.of >= trend.judged_from]
    return max([trend.pause, *judged]) * 1.1
