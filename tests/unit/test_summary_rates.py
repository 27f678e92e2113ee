"""Rates beside SES's limits, by day, and the domains with most failures: from the events that SES reports."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from counting import counted, figures_of, sent_to
from email_activity.activity.summary import Summary
from events import ANA, BEN

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("bounce", "counts"),
    [
        (("Permanent", "General"), 1),
        (("Permanent", "Suppressed"), 1),
        (("Permanent", "OnAccountSuppressionList"), 0),
        (("Transient", "General"), 0),
        (("Undetermined", "Undetermined"), 0),
    ],
)
def test_the_bounce_rate_has_the_bounces_that_ses_counts(bounce, counts):
    email, other = sent_to(), sent_to(BEN)
    failed = [email.send(), email.bounce(*bounce)]
    found = figures_of(counted(failed, [other.send(), other.delivery()])).bounces
    assert (found.count, found.of, found.rate) == (counts, 2, counts / 2)
    assert counted(failed).delivery["failed"] == 1


def test_one_complaint_that_names_all_of_an_email_counts_once():
    email, other = sent_to(ANA, "anna@example.com"), sent_to(BEN)
    found = figures_of(
        counted([email.send(), email.delivery(), email.complaint()], [other.send(), other.complaint("not-spam")])
    ).complaints
    assert (found.count, found.of) == (1, 3)


def test_a_bounce_counts_on_the_day_of_its_email_in_the_time_zone():
    """The clocks go back on this Sunday, which has 25 hours."""
    sunday = date(2026, 10, 25)
    first, last = datetime(2026, 10, 24, 22, 0, tzinfo=UTC), datetime(2026, 10, 25, 22, 59, 59, tzinfo=UTC)
    before, after = first - timedelta(seconds=1), last + timedelta(seconds=1)
    emails = [sent_to(at=at) for at in (before, first, last, after)]
    summary = counted(*([each.send(), each.bounce(at=each.after(90_000))] for each in emails), zone=BERLIN)
    found = figures_of(summary, sunday - timedelta(days=1), sunday + timedelta(days=1)).bounces
    assert [(each.day.day, each.count, each.of) for each in found.days] == [(24, 1, 1), (25, 2, 2), (26, 1, 1)]


def test_the_highest_day_is_one_of_enough_emails_to_be_judged():
    few, many = date(2026, 11, 1), date(2026, 11, 2)
    summary = Summary(sent_by_day=Counter({few: 3, many: 200}), bounced_by_day=Counter({few: 1, many: 7}))
    found = figures_of(summary, few, date(2026, 11, 3)).bounces
    assert (found.highest and found.highest.day, found.judged_from) == (many, 20)
    assert [each.rate for each in found.days] == [1 / 3, 7 / 200, None]
    summary.bounced_by_day[many] = 0
    found = figures_of(summary, few, many).bounces
    assert found.highest
    assert found.highest.day == few


def test_domains_are_listed_by_how_many_emails_were_not_delivered():
    refused = [[each.send(), each.bounce()] for each in (sent_to(f"{n}@bad.example") for n in range(3))]
    one = sent_to("x@worse.example")
    full = [one.send(), one.bounce("Transient", "MailboxFull", said=None)]
    fine = [[each.send(), each.delivery()] for each in (sent_to("y@bad.example"), sent_to("z@good.example"))]
    found = figures_of(counted(*refused, full, *fine)).domains
    assert [(each.domain, each.count, each.of, each.rate, each.reason) for each in found] == [
        ("bad.example", 3, 4, 0.75, "Not delivered: the address does not exist"),
        ("worse.example", 1, 1, 1.0, "Not delivered: mailbox full"),
    ]


def test_no_more_than_ten_domains_are_listed():
    emails = [sent_to(f"x@{number}.example") for number in range(12)]
    assert len(figures_of(counted(*([each.send(), each.bounce()] for each in emails))).domains) == 10


def test_an_account_without_emails_has_no_rates():
    found = figures_of(Summary())
    assert found.sent == 0
    assert {each.rate for each in (*found.delivery, *found.engagement, found.bounces, found.complaints)} == {None}
    assert (found.failures, found.domains, found.bounces.highest) == ((), (), None)


def test_what_never_left_ses_no_domain_refused():
    emails = [sent_to(), sent_to(), sent_to()]
    events = [emails[0].reject(), emails[1].rendering_failure(), emails[2].bounce()]
    (found,) = figures_of(counted(*([each] for each in events))).domains
    assert (found.count, found.of) == (1, 3)
