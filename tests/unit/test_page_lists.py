"""The page's lists: an account's emails, what was not delivered, and the pages and the file of both."""

import csv
import html
import re
from dataclasses import replace
from datetime import timedelta

from email_activity.activity.words import words
from events import ANA, Email
from pageclient import OWN_FORM, browser, text_of
from pagestory import ACCOUNT, BOB, CARLA, page_table
from webapi import NOW


def get(path: str) -> str:
    answer = browser().get(path)
    assert answer.status_code == 200, answer.text
    return answer.text


def test_an_account_lists_its_emails_by_day_and_status():
    text = text_of(get(f"/accounts/{ACCOUNT}"))
    assert "Invoice 2026/117" in text
    narrowed = text_of(get(f"/accounts/{ACCOUNT}?status=not_delivered&day="))
    assert "Invoice 2026/119" in narrowed
    assert "Invoice 2026/121" not in narrowed
    assert "No emails on this day" in text_of(get(f"/accounts/{ACCOUNT}?day=2001-01-01"))


def test_an_account_is_narrowed_by_each_answer_to_who_opened():
    page = html.unescape(get(f"/accounts/{ACCOUNT}"))
    for code, reason in (("machine", None), ("unknown", "open"), ("proxy_opened", None)):
        assert f'<option value="{code}">{words(code, reason).label}</option>' in page


def test_an_accounts_latest_emails_are_a_step_from_the_first_page_and_from_the_overview():
    assert f'<li><a href="/accounts/{ACCOUNT}">Account {ACCOUNT}</a></li>' in get("/")
    assert f'<a href="/accounts/{ACCOUNT}">Recent emails of this account' in get(f"/overview?account={ACCOUNT}")


def test_reasons_to_choose_from_leave_out_what_the_page_says_already():
    page = get("/failures")
    assert ">The address does not exist <b>4</b></a>" in page
    assert ">Not delivered: the address does not exist</option>" not in page


def test_a_day_is_one_of_the_time_zone_that_is_shown(monkeypatch):
    monkeypatch.setenv("DISPLAY_TIMEZONE", "Pacific/Auckland")
    page = get(f"/accounts/{ACCOUNT}?day=2026-09-27")
    assert "Pacific/Auckland" in page
    # 23 hours long: the clocks go forward on it.
    assert 'datetime="2026-09-27T00:00:00+12:00"' in page
    assert 'datetime="2026-09-28T00:00:00+13:00"' in page


def test_failures_are_listed_with_what_to_do_and_narrowed_by_reason():
    text = text_of(get("/failures"))
    for each in (BOB, CARLA, "Marked as spam", "Stop sending to this address.", "550 5.1.1 no such user here"):
        assert each in text
    assert "Not delivered or marked as spam" in text
    assert "✕ Marked as spam ✓ Delivered to mail server" in text
    assert "Recently not delivered or marked as spam" in text_of(get("/"))
    assert "Invoice 2026/120" not in text
    assert "Delivered later," in text_of(get("/failures?delivered_since=1"))
    assert "Invoice 2026/130" not in get("/failures?reason=no_such_address&account=&since=")
    assert "No failures found" in get("/failures?account=nobody")


def test_the_spreadsheet_has_every_page_and_computes_nothing():
    many = [replace(_sent(number), subject="=1+1") for number in range(120)]
    of = browser(page_table([each for email in many for each in (email.send(), email.bounce())]))
    answer = of.get("/failures.csv?account=acme")
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="not-delivered.csv"'
    head, *rows = csv.reader(answer.text.removeprefix("\ufeff").splitlines())
    assert head[:4] == ["When", "Document type", "Document", "Account"]
    assert len({row[2] for row in rows}) == 120
    assert {row[head.index("Subject")] for row in rows} == {"'=1+1"}


def older(page: str) -> dict[str, str]:
    """The hidden fields of the form behind `Older`."""
    form = page.rpartition(">Older<")[0].rpartition("<form")[2]
    return dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))


def test_lists_and_addresses_go_on_where_they_ended_and_back_to_the_newest():
    many = [_sent(number) for number in range(60)]
    of = browser(page_table([each for email in many for each in (email.send(), email.bounce())]))
    for path in ("/accounts/acme", "/failures?account=acme"):
        first = of.get(path).text
        url = html.unescape(re.findall(r'href="([^"]+)">Older<', first)[0])
        second = of.get(url).text
        assert len(numbers(first)) == 50
        assert len(numbers(first) | numbers(second)) == 60
        assert ">Older<" not in second
        assert ">Newest<" in second
    first = of.post("/search", data={"q": ANA}, headers=OWN_FORM).text
    second = of.post("/search", data=older(first), headers=OWN_FORM).text
    assert len(numbers(first) | numbers(second)) == 60
    assert ">Newest<" in second


def _sent(number: int) -> Email:
    return Email(document_id=f"N{number:02}", sent_at=NOW - timedelta(minutes=number + 1))


def numbers(page: str) -> set[str]:
    return set(re.findall(r"Invoice (N\d\d)", text_of(page)))
