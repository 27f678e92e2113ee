"""What the report says of numbers and rates: rounded, judged, and no more than the emails tell."""

from collections import Counter
from datetime import UTC, date, datetime

import pytest

from email_activity.activity.figures import About, figures
from email_activity.activity.summary import Summary
from email_activity.report import charts, phrases

BEFORE, LAST = date(2026, 11, 22), date(2026, 11, 23)
AT = datetime(2026, 11, 23, 9, 0, 1, tzinfo=UTC)


def test_a_day_too_few_to_be_judged_is_not_drawn():
    few, many = date(2026, 11, 1), [date(2026, 11, 2), date(2026, 11, 3)]
    summary = Summary(
        delivery=Counter(failed=1, delivered=402),
        sent_by_day=Counter({few: 2, **dict.fromkeys(many, 200)}),
        bounced_by_day=Counter({few: 1}),
    )
    trend = figures(summary, About("1", few, many[-1], "UTC", AT)).bounces
    assert phrases.drawn(trend) == [None, 0.0, 0.0]
    assert phrases.left_out(trend, "hard bounce") == (
        "Not drawn: a day of fewer than 20 emails, where a single hard bounce would exceed the limit."
    )
    assert "50\u00a0% (1 of 2), which is too few emails to judge by" in phrases.point(trend, "hard bounce")
    assert not phrases.is_over(trend.highest, trend)


def test_a_rate_over_every_limit_stays_inside_the_chart():
    trend = trend_of({LAST: 100, BEFORE: 100}, {LAST: 40})
    assert phrases.axis_top(trend) > 0.4
    assert "40\u00a0% (40 of 100), over the 10\u00a0%" in phrases.point(trend, "hard bounce")
    assert b"svg" in charts.rate_chart(trend, charts.LIGHT, charts.NARROW)


@pytest.mark.parametrize("sent", [{LAST: 100}, {LAST: 100, BEFORE: 19}, {LAST: 19, BEFORE: 19}, {LAST: 1}])
def test_of_fewer_than_two_days_that_can_be_judged_no_chart_is_drawn(sent):
    trend = trend_of(sent, {LAST: 1})
    assert phrases.drawn(trend) == []
    assert phrases.left_out(trend, "hard bounce") == (
        "No chart: it needs two days of 20 emails or more. "
        "On a smaller day a single hard bounce would exceed the limit."
    )


def trend_of(sent, bounced):
    summary = Summary(sent_by_day=Counter(sent), bounced_by_day=Counter(bounced))
    return figures(summary, About("1", BEFORE, LAST, "UTC", AT)).bounces


@pytest.mark.parametrize(
    ("rate", "said"),
    [
        *((None, "\u2013"), (0, "0 %"), (0.00001, "< 0.01 %"), (0.0012, "0.12 %"), (0.031, "3.1 %")),
        *((0.5, "50 %"), (0.99999, "99.9 %"), (1, "100 %"), (0.05, "5 %"), (0.001, "0.1 %")),
    ],
)
def test_a_rate_is_never_rounded_to_none_or_all(rate, said):
    assert phrases.percent(rate).replace("\u00a0", " ") == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(None, "not known"), (0, "0 s"), (119, "119 s"), (120, "2 min"), (7_199, "119 min"), (7_200, "2 h")],
)
def test_a_duration_has_the_unit_of_which_there_are_two(seconds, said):
    assert phrases.duration(seconds).replace("\u00a0", " ") == said
