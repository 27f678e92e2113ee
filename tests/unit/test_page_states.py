"""What the page says where there is nothing to show: each state in words, never a stack, never an empty list."""

import html
import re
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

from email_activity.activity import query
from pageclient import OWN_FORM, browser, text_of, title_of
from pagestory import ATTACK, EVENTS, FIRST, HOSTILE, LONG, LONG_ONE, page_table, worker_item

PATHS = (
    "/",
    "/documents/invoice/2026%2F117",
    f"/emails/{FIRST.message_id}",
    "/accounts/4711",
    "/failures",
    "/meanings",
)
NOTHING_ARRIVES = "so the latest events may be missing"


def test_at_the_first_start_the_page_says_how_to_begin():
    text = text_of(browser(page_table((), ())).get("/").text)
    for each in ("No events yet", "email-activity provision", "document_type", "email-activity health"):
        assert each in text
    assert "Nothing failed" not in text


def test_without_failures_it_says_so():
    assert "Nothing failed within the last 7 days" in browser(page_table(())).get("/").text


@pytest.mark.parametrize("path", ["/documents/invoice/2026-999", "/emails/nothing", "/documents/contract/7"])
def test_not_found_says_what_it_could_be(path):
    answer = browser().get(path)
    assert answer.status_code == 404
    text = text_of(answer.text)
    for each in (
        "Nothing found for",
        "Mistyped",
        "Tracked is: invoice.",
        "365 days",
        "less than a minute ago",
        "What to try",
    ):
        assert each in text
    assert title_of(answer.text) == "Not found · Email activity"


@pytest.mark.parametrize("typed", ["2026/999", "nobody@example.com", HOSTILE * 2])
def test_what_is_searched_in_vain_is_said_and_stays_in_the_box(typed):
    answer = browser().post("/search", data={"q": typed}, headers=OWN_FORM)
    assert answer.status_code == 404
    assert "Nothing found for" in answer.text
    assert "<script>" not in answer.text


@pytest.mark.parametrize("workers", [(), (worker_item(polled_seconds_ago=3 * 3600),)])
@pytest.mark.parametrize("path", PATHS)
def test_where_nothing_arrives_every_page_warns(path, workers):
    text = text_of(browser(page_table(EVENTS, workers)).get(path).text)
    assert NOTHING_ARRIVES in text
    assert "queue is being read" not in text


def refused(code: str, status: int = 400) -> ClientError:
    of = {"Error": {"Code": code, "Message": "told so"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(of, "Query")


@pytest.mark.parametrize(
    ("failure", "status", "heading"),
    [
        (EndpointConnectionError(endpoint_url="http://away"), 503, "The table does not answer"),
        (refused("ThrottlingException"), 503, "DynamoDB is busy: try again in a moment"),
        (refused("AccessDeniedException"), 502, "The table refuses to answer"),
        (NoCredentialsError(), 502, "The table refuses to answer"),
        (KeyError("inside"), 500, "Something went wrong"),
    ],
)
def test_where_the_table_fails_the_page_says_why_and_when_to_come_again(monkeypatch, failure, status, heading):
    monkeypatch.setattr(query, "time", SimpleNamespace(sleep=lambda _: None))
    table = page_table()
    for path in PATHS[1:3]:
        table.failures = [failure] * 30
        answer = browser(table).get(path)
        assert answer.status_code == status
        assert answer.headers["content-type"].startswith("text/html")
        assert title_of(answer.text) == f"{heading} · Email activity"
        assert ("retry-after" in answer.headers) == ("Try again" in answer.text) == (status == 503)
        assert "Traceback" not in answer.text
        assert "inside" not in answer.text


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/failures?reason=nothing", "These values are not valid"),
        ("/failures?after=!", "These values are not valid"),
        ("/failures?since=yesterday", "Want a day like 2026-11-23."),
        ("/failures?since=2001-01-01", "At most 92 days of all accounts."),
        ("/accounts/4711?status=read", "These values are not valid"),
        ("/accounts/4711?day=0001-01-01", "Want a day like 2026-11-23."),
        ("/accounts/4711?day=9999-12-31", "Want a day like 2026-11-23."),
    ],
)
def test_what_cannot_be_asked_is_said_in_words(path, words):
    answer = browser().get(path)
    assert (answer.status_code, words in text_of(answer.text)) == (400, True), answer.text


def test_programs_get_the_error_as_data():
    answer = browser().get("/nothing", headers={"Accept": "*/*"})
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


def test_where_a_search_ends_early_the_page_says_how_far_it_came(monkeypatch):
    monkeypatch.setattr("email_activity.activity.pages.MAX_FOLDED", 3)
    text = text_of(browser().get("/accounts/4711?status=complained").text)
    assert "0 emails shown. Looked through the emails back to" in text
    assert "Look further back" in text
    assert "No emails of this kind" not in text


@pytest.mark.parametrize("path", [f"/emails/{ATTACK.message_id}", "/", "/failures", "/failures?delivered_since=1"])
def test_what_strangers_write_is_text_in_every_place(path):
    # A hidden field is sent again as it is, and nobody sees it.
    page = re.sub(r'<input type="hidden" name="q" value="[^"<>]*">', "", browser().get(path).text)
    for each in ("<script", "<img", "49}", "\u202e", "\x1b"):
        assert each not in page.replace("{{7*7}}", "")
    assert "\\u202e" in page
    assert html.escape("<script>alert(1)</script>") in page


def test_a_hostile_document_and_account_have_pages_that_can_be_reached():
    of = browser()
    page = of.get("/failures").text
    links = {each.partition('"')[0] for each in page.split('href="')[1:]}
    own = [html.unescape(each) for each in links if "alert" in each and "?" not in each]
    assert len(own) == 2
    for each in own:
        assert of.get(each).status_code == 200, each


def test_a_subject_of_3000_characters_is_whole_on_its_page_and_cut_in_lists():
    of = browser()
    assert LONG.strip() in of.get(f"/emails/{LONG_ONE.message_id}").text
    listed = of.get("/accounts/4711").text
    assert LONG.strip() not in listed
    assert LONG[:100] in listed
