"""The page to those who may not see it, and to pages of others that would use it."""

import re

import pytest
import structlog
from botocore.exceptions import EndpointConnectionError

from email_activity.web import sessions
from email_activity.web.login import token_hash
from email_activity.web.settings import WebSettings
from pageclient import BASE, OWN_FORM, browser, title_of
from pagestory import ANNA, FIRST, page_table

TOKEN = "fciYPGentT5mKPAAB57ejDN695BTiB2UpR-VqCECJx4"
TOKENS = {"web_token_hashes": token_hash(TOKEN)}
PATHS = ("/", "/documents/invoice/2026%2F117", f"/emails/{FIRST.message_id}", "/failures", "/meanings", "/nothing")


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
    assert not re.findall(r'(?:href|action)="(?:https?:)?//', page)
    style = browser().get("/page.css")
    assert (style.status_code, "url(" in style.text, "@import" in style.text) == (200, False, False)


@pytest.mark.parametrize("path", PATHS)
def test_without_a_token_there_is_a_form_and_nothing_else(path):
    answer = browser(**TOKENS).get(path)
    assert answer.status_code == 401
    assert title_of(answer.text) == "Sign in · Email activity"
    assert "example.com" not in answer.text
    assert f'name="back" value="{path}"' in answer.text


def sign_in(of, token: str = TOKEN, **fields: str):
    return of.post("/sign-in", data={"token": token, **fields}, headers=OWN_FORM)


def test_a_token_signs_in_and_the_cookie_is_neither_it_nor_its_hash():
    of = browser(**TOKENS)
    answer = sign_in(of, back="/failures?reason=blocked")
    assert (answer.status_code, answer.headers["location"]) == (303, "/failures?reason=blocked")
    cookie = answer.headers["set-cookie"]
    assert TOKEN not in cookie
    assert token_hash(TOKEN) not in cookie
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
    page = of.get("/")
    assert (page.status_code, "Sign out" in page.text) == (200, True)


def test_over_https_the_cookie_is_of_this_host_and_https_alone():
    https = OWN_FORM | {"Origin": BASE.replace("http:", "https:")}
    answer = browser(**TOKENS).post("/sign-in", data={"token": TOKEN}, headers=https)
    assert answer.headers["set-cookie"].startswith("__Host-email-activity=")
    assert "; Secure" in answer.headers["set-cookie"]


@pytest.mark.parametrize("token", ["", "x", TOKEN[:-1], token_hash(TOKEN)])
def test_a_wrong_token_signs_nobody_in(token):
    of = browser(**TOKENS)
    answer = sign_in(of, token)
    assert (answer.status_code, "set-cookie" in answer.headers) == (401, False)
    assert "That is none of the tokens." in answer.text
    assert of.get("/").status_code == 401


@pytest.mark.parametrize(
    "back", ["//evil.example", "/\\evil.example", "https://evil.example", "/\nSet-Cookie: a=b", "", "/é"]
)
def test_signing_in_leads_nowhere_else(back):
    assert sign_in(browser(**TOKENS), back=back).headers["location"] == "/"


@pytest.mark.parametrize("value", ["", ".", "9999999999.", f"9999999999.{'0' * 64}", "x.y", '"', "é"])
def test_a_forged_cookie_is_none(value):
    cookie = f"email-activity={value}".encode()
    assert browser(**TOKENS).get("/", headers={"Cookie": cookie}).status_code == 401


def test_a_session_ends_by_signing_out():
    of = browser(**TOKENS)
    sign_in(of)
    assert of.get("/").status_code == 200
    answer = of.post("/sign-out", headers=OWN_FORM)
    assert answer.headers["location"] == "/"
    assert "; Max-Age=0" in answer.headers["set-cookie"]
    assert of.get("/").status_code == 401


def test_a_cookie_of_another_process_or_past_its_end_is_none():
    clock = [1_000_000.0]
    settings = browser_settings()
    one, other = (sessions.Sessions(settings, lambda: clock[0]) for _ in range(2))
    scope = {"type": "http", "path": "/", "headers": [(b"cookie", f"email-activity={one.sign_in(TOKEN)}".encode())]}
    assert one.knows(scope)
    assert not other.knows(scope)
    assert not one.knows(scope | {"path": "/api/v1/words"})
    clock[0] += sessions.LASTS + 1
    assert not one.knows(scope)


def browser_settings():
    return WebSettings(**TOKENS)


def test_the_cookie_opens_no_api():
    of = browser(**TOKENS)
    sign_in(of)
    assert of.get("/api/v1/words").status_code == 401


@pytest.mark.parametrize("path", ["/search", "/sign-in", "/sign-out"])
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
    assert "This form came from elsewhere" in answer.text
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("headers", [OWN_FORM, {"Origin": BASE}, {"Sec-Fetch-Site": "same-origin"}])
def test_a_form_of_our_own_is_taken_from_every_browser(headers):
    assert browser().post("/search", data={"q": ANNA}, headers=headers).status_code == 200


def test_another_host_gets_no_page():
    answer = browser().get("/", headers={"Host": "evil.example"})
    assert (answer.status_code, "Not under this name" in answer.text) == (421, True)


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


@pytest.mark.parametrize("path", ["/overview?account=4711", "/failures", "/api/v1/freshness", "/page.css"])
@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_no_page_of_another_site_asks_by_an_image(path, site):
    asked = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
    assert browser().get(path, headers=asked).status_code == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none", "same-origin"])
def test_a_link_from_another_site_is_followed(site):
    asked = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert browser().get("/failures", headers=asked).status_code == 200


@pytest.mark.parametrize("odd", ['prefs={"a":1}', "x=a b", "path=/", "version=1", "a[b]=1", "flag", 'a="x'])
def test_an_odd_cookie_of_another_program_signs_nobody_out(odd):
    client = browser(web_token_hashes=token_hash(TOKEN))
    cookie = client.post("/sign-in", data={"token": TOKEN}, headers=OWN_FORM).headers["set-cookie"].partition(";")[0]
    client.cookies.clear()
    assert client.get("/failures", headers={"Cookie": f"{odd}; {cookie}"}).status_code == 200


def test_two_who_sign_in_at_once_have_different_cookies():
    of = sessions.Sessions(browser_settings(), lambda: 1_000_000.0)
    assert of.sign_in(TOKEN) != of.sign_in(TOKEN)
