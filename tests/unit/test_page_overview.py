"""The overview: the report's figures of an account, as long as they are few."""

import pytest

from email_activity.activity import reader
from pageclient import browser, text_of, title_of
from pagestory import ACCOUNT, page_table
from webapi import NOON, NOW

DAYS = f"from={NOON.date()}&to={NOW.date()}"


def get(query: str) -> str:
    answer = browser().get(f"/overview?{query}")
    assert answer.status_code == 200, answer.text
    return answer.text


def test_without_an_account_it_asks_for_one():
    page = get("")
    assert title_of(page) == "Overview · Email activity"
    assert 'name="account" value="" required' in page


def test_it_shows_the_reports_figures_with_rates_charts_and_their_tables():
    page = get(f"account={ACCOUNT}&{DAYS}")
    text = text_of(page)
    for each in ("Account 4711", "Bounce rate", "Complaint rate", "Time to delivery", "Days and times in UTC"):
        assert each in text
    assert page.count("<h1") == 1
    assert page.count("<meter") > 10
    assert "No chart: it needs two days" in text
    assert "<script" not in page


def test_what_is_too_much_is_not_counted_but_the_command_is_named(monkeypatch):
    table = page_table()
    monkeypatch.setattr(reader.Activity.summary, "__kwdefaults__", {"zone": NOON.tzinfo, "limit": 3})
    text = text_of(browser(table).get(f"/overview?account={ACCOUNT}&{DAYS}").text)
    assert "Too many to count on a page" in text
    assert f"email-activity report --account 4711 --from {NOON.date()} --to {NOW.date()} -o report.html" in text
    assert not [each for each in table.calls if "Statement" in each]


def test_an_account_without_emails_says_so():
    assert "No email of this account was sent in this time." in text_of(get("account=nobody"))


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("account=4711&from=2026-11-02&to=2026-11-01", "The first day is after the last."),
        ("from=soon", "Want a day like 2026-11-23."),
        ("to=0001-01-01", "Want a day like 2026-11-23."),
        ("to=0001-01-03", "Want a day like 2026-11-23."),
        ("to=9999-12-31", "Want a day like 2026-11-23."),
    ],
)
def test_days_that_are_none_are_said(query, words):
    answer = browser().get(f"/overview?{query}")
    assert (answer.status_code, words in text_of(answer.text)) == (400, True), text_of(answer.text)


def test_an_overview_has_a_bounded_number_of_days():
    answer = browser().get("/overview?account=4711&from=2000-01-01&to=2026-11-26")
    assert answer.status_code == 400
    assert "At most 366 days" in answer.text
    assert browser().get(f"/overview?account={ACCOUNT}&from=2025-12-01&to=2026-12-01").status_code == 200
