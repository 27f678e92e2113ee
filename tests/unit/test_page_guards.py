"""The page to those who may not see it, and to pages of others that would use it."""

import re

import pytest

from pageclient import BASE, OWN_FORM, PATHS, browser
from pagestory import ANNA

TOKEN = "fciYPGentT5mKPAAB57ejDN695BTiB2UpR-VqCECJx4"


@pytest.mark.parametrize("path", [*PATHS, "/documents/invoice/none"])
def test_a_page_may_load_its_own_style_and_nothing_else(path):
    headers = browser().get(path).headers
    assert headers["content-security-policy"] == (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize("path", PATHS)
def test_a_page_asks_nobody_else_and_has_neither_script_nor_inline_style(path):
    page = browser().get(path).text
    loaded = re.findall(r'<(?:link|img|script|source|iframe)\b[^>]*(?:href|src)="([^"]*)"', page)
    assert [each.partition(",")[0] for each in loaded] == ["data:image/svg+xml", "/page.css"]
    assert not re.search(r"<script|<style|<[a-z][^<>]*\s(?:style|on[a-z]+)=", page)
    # A link to AWS's pages is followed by people, never by the page.
    assert not re.findall(r'(?:(?<!<a )href|action)="(?:https?:)?//', page)
    assert not re.findall(r'<a href="(?!https://docs\.aws\.amazon\.com/ses/)(?:https?:)?//', page)
    style = browser().get("/page.css")
    assert (style.status_code, "url(" in style.text, "@import" in style.text) == (200, False, False)


@pytest.mark.parametrize("path", ["/search", "/failures", "/overview", "/sign-in", "/sign-out"])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": BASE, "Sec-Fetch-Site": "cross-site"},
        {"Origin": BASE, "Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_a_form_of_another_page_is_refused(path, headers):
    answer = browser().post(path, data={"q": ANNA, "token": TOKEN}, headers=headers)
    assert answer.status_code == 403
    assert "This form was sent from another site" in answer.text
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("headers", [OWN_FORM, {"Origin": BASE}, {"Sec-Fetch-Site": "same-origin"}])
def test_a_form_of_our_own_is_taken_from_every_browser(headers):
    assert browser().post("/search", data={"q": ANNA}, headers=headers).status_code == 200


def test_another_host_gets_no_page():
    answer = browser().get("/", headers={"Host": "evil.example"})
    assert (answer.status_code, "This host name is not allowed" in answer.text) == (421, True)


@pytest.mark.parametrize("path", ["/overview?account=4711", "/failures", "/api/v1/freshness", "/page.css"])
@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_no_page_of_another_site_asks_by_an_image(path, site):
    asked = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
    assert browser().get(path, headers=asked).status_code == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none", "same-origin"])
def test_a_link_from_another_site_is_followed(site):
    asked = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert browser().get("/failures", headers=asked).status_code == 200
