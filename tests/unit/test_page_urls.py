"""Addresses of pages: what stands in them, and that none is answered by another page."""

import html
import re

import pytest
import structlog
from botocore.exceptions import EndpointConnectionError

from email_activity.web.gate import DOTS
from email_activity.web.pages import texts
from pageclient import OWN_FORM, PATHS, browser, title_of
from pagestory import ANNA, page_table


def test_no_address_stands_in_a_url_a_title_or_a_log():
    of, marked = browser(), "marked.person@example.com"
    with structlog.testing.capture_logs() as logs:
        answers = [of.get(path) for path in PATHS]
        answers += [of.post("/search", data={"q": each}, headers=OWN_FORM) for each in (ANNA, marked)]
        away = page_table()
        away.failures = [EndpointConnectionError(endpoint_url=marked)] * 9
        answers.append(browser(away).post("/search", data={"q": marked}, headers=OWN_FORM))
    assert "@" not in str(logs)
    assert marked.split("@", maxsplit=1)[0] not in str(logs)
    for each in answers:
        assert "@" not in title_of(each.text)
        urls = re.findall(r'(?:href|action)="([^"]*)"', each.text)
        assert not [url for url in urls if "@" in url or "%40" in url]
        assert "@" not in each.headers.get("location", "")


@pytest.mark.parametrize("path", ["/failures", "/overview", "/accounts"])
@pytest.mark.parametrize(
    "typed",
    [
        "marked.person@example.com",
        " Marked <marked.person@example.com>",
        "marked.person\uff20example.com",
        "mailto:marked.person%40example.com",
    ],
)
def test_an_address_typed_for_an_account_stands_in_no_url(path, typed):
    of = browser()
    with structlog.testing.capture_logs() as logs:
        answer = of.post(path, data={"account": typed, "since": "2026-11-23"}, headers=OWN_FORM)
    assert (answer.status_code, "location" in answer.headers) == (404, False)
    assert "No email was sent to this address" in answer.text
    urls = re.findall(r'(?:href|action)="([^"]*)"', answer.text)
    assert not [each for each in (*urls, title_of(answer.text), str(logs)) if "marked" in each]


@pytest.mark.parametrize(
    ("path", "fields", "leads_to"),
    [
        ("/failures", {"account": "a/b ", "since": "", "reason": "blocked"}, "/failures?account=a%2Fb&reason=blocked"),
        ("/failures", {"account": ""}, "/failures?"),
        ("/overview", {"account": "4711", "from": "2026-11-23"}, "/overview?account=4711&from=2026-11-23"),
        ("/accounts", {"account": " a/b "}, "/accounts/a%2Fb"),
        ("/accounts", {"account": ""}, "/"),
    ],
)
def test_a_form_leads_to_a_url_of_what_was_asked(path, fields, leads_to):
    answer = browser().post(path, data=fields, headers=OWN_FORM)
    assert (answer.status_code, answer.headers["location"]) == (303, leads_to)


@pytest.mark.parametrize("dots", ["%2E", "%2e%2E", ".%2e", "%2E.", "%252E%252E"])
def test_dots_for_an_id_are_no_path_and_never_another_page(dots):
    """Most clients take such a segment away and ask for something else; those that do not are told."""
    of = browser()
    for pages in ("/accounts/{}", "/accounts/{}/x", "/documents/invoice/{}", "/documents/{}/x", "/emails/{}", "/{}/"):
        answer = of.get(pages.format(dots))
        assert (answer.status_code, "Page not found" in answer.text) == (404, True)
    for path in ("/accounts/{}/failures", "/accounts/{}/emails", "/documents/invoice/{}", "/emails/{}"):
        answer = of.get(f"/api/v1{path}".format(dots))
        assert (answer.status_code, answer.json()["code"]) == (404, "no_such_path")


def test_dots_that_a_client_sends_as_they_are_are_found_too():
    assert all(DOTS.search(each) for each in (b"/accounts/..", b"/a/./b", b"/../failures", b"/a/..?b"))
    assert not any(DOTS.search(each) for each in (b"/accounts/...", b"/a/.b", b"/a../b", b"/a%2F..%2Fb", b"/"))


def test_the_page_of_an_id_of_dots_is_none():
    for each in (".", ".."):
        for url in (texts.account_url(each), texts.email_url(each)):
            assert browser().get(url).status_code == 404
    assert texts.account_url("a/../b") == "/accounts/a%2F..%2Fb"
    assert browser().get("/accounts/a%2F..%2Fb").status_code == 200
    assert browser().get(texts.account_url("...")).status_code == 200


@pytest.mark.parametrize(
    "path", [*PATHS, "/page.css", "/failures.csv", "/healthz", "/api/v1/words", "/api/v1/emails/none"]
)
def test_head_is_answered_as_get_is(path):
    of = browser()
    answer, got = of.head(path), of.get(path)
    assert answer.status_code == got.status_code
    assert answer.headers["content-type"] == got.headers["content-type"]
    assert int(answer.headers["content-length"]) == len(got.content)


def test_head_is_told_of_where_get_is():
    answer = browser().put("/meanings", headers=OWN_FORM)
    assert (answer.status_code, "HEAD" in answer.headers["allow"]) == (405, True)
    assert browser().head("/sign-out").status_code == 405


@pytest.mark.parametrize("typed", ["a  b", "2026\u200b/117", "x\u202ey", "\"<&'>", "\u00ad", "a\tb"])
def test_what_was_typed_stays_in_its_field_as_it_was(typed):
    of = browser()
    found = of.post("/search", data={"q": f"x{typed}x"}, headers=OWN_FORM).text
    assert field(found, "q") == f"x{typed}x"
    for path in ("/failures", "/overview"):
        assert field(of.get(path, params={"account": f"x{typed}x"}).text, "account") == f"x{typed}x"


def field(page: str, name: str) -> str:
    return html.unescape(re.search(f'name="{name}" value="([^"]*)"', page)[1])
