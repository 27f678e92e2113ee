"""Signing in with a browser by a token, and out again."""

import pytest

from email_activity.web import sessions
from email_activity.web.login import token_hash
from email_activity.web.settings import WebSettings
from pageclient import BASE, OWN_FORM, PATHS, browser, title_of

TOKEN = "fciYPGentT5mKPAAB57ejDN695BTiB2UpR-VqCECJx4"
TOKENS = {"web_token_hashes": token_hash(TOKEN)}


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
    assert "This token is not valid." in answer.text
    assert of.get("/").status_code == 401


@pytest.mark.parametrize(
    "back", ["//evil.example", "/\\evil.example", "https://evil.example", "/\nSet-Cookie: a=b", "", "/é"]
)
def test_signing_in_leads_nowhere_else(back):
    of = browser(**TOKENS)
    assert 'name="back" value="/"' in of.get("/sign-in", params={"back": back}).text
    assert 'name="back" value="/"' in sign_in(of, "wrong", back=back).text
    assert sign_in(of, back=back).headers["location"] == "/"
    assert of.get("/sign-in", params={"back": back}).headers["location"] == "/"


@pytest.mark.parametrize("value", ["", ".", "9999999999.", f"9999999999.{'0' * 64}", "x.y", '"', "é"])
def test_a_forged_cookie_is_none(value):
    cookie = f"email-activity={value}".encode()
    assert browser(**TOKENS).get("/", headers={"Cookie": cookie}).status_code == 401


def test_a_session_ends_by_signing_out_for_every_copy_of_its_cookie():
    of = browser(**TOKENS)
    copied, others = ({"Cookie": sign_in(of).headers["set-cookie"].partition(";")[0]} for _ in range(2))
    of.cookies.clear()
    assert of.get("/", headers=copied).status_code == 200
    answer = of.post("/sign-out", headers=OWN_FORM | copied)
    assert answer.headers["location"] == "/"
    assert "; Max-Age=0" in answer.headers["set-cookie"]
    assert of.get("/", headers=copied).status_code == 401
    assert of.get("/", headers=others).status_code == 200


def test_sessions_take_a_bounded_memory_the_oldest_makes_room(monkeypatch):
    monkeypatch.setattr(sessions, "MAX_SESSIONS", 3)
    of = sessions.Sessions(browser_settings())
    scopes = [asked_with(of.sign_in(TOKEN)) for _ in range(5)]
    assert [of.knows(scope) for scope in scopes] == [False, False, True, True, True]


def asked_with(cookie):
    return {"type": "http", "path": "/", "headers": [(b"cookie", f"email-activity={cookie}".encode())]}


def test_the_sign_in_page_has_an_address_of_its_own():
    of = browser(**TOKENS)
    answer = of.get("/sign-in?back=/failures?reason=blocked")
    assert (answer.status_code, title_of(answer.text)) == (200, "Sign in · Email activity")
    assert 'name="back" value="/failures?reason=blocked"' in answer.text
    sign_in(of)
    assert of.get("/sign-in?back=/failures").headers["location"] == "/failures"
    assert browser().get("/sign-in").headers["location"] == "/"


def test_a_wrong_token_does_not_lose_where_it_led():
    answer = sign_in(browser(**TOKENS), "wrong", back="/failures?reason=blocked")
    assert 'name="back" value="/failures?reason=blocked"' in answer.text


def test_a_cookie_of_another_process_or_past_its_end_is_none():
    clock = [1_000_000.0]
    settings = browser_settings()
    one, other = (sessions.Sessions(settings, lambda: clock[0]) for _ in range(2))
    scope = asked_with(one.sign_in(TOKEN))
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


@pytest.mark.parametrize("odd", ['prefs={"a":1}', "x=a b", "path=/", "version=1", "a[b]=1", "flag", 'a="x'])
def test_an_odd_cookie_of_another_program_signs_nobody_out(odd):
    client = browser(web_token_hashes=token_hash(TOKEN))
    cookie = client.post("/sign-in", data={"token": TOKEN}, headers=OWN_FORM).headers["set-cookie"].partition(";")[0]
    client.cookies.clear()
    assert client.get("/failures", headers={"Cookie": f"{odd}; {cookie}"}).status_code == 200


def test_two_who_sign_in_at_once_have_different_cookies():
    of = sessions.Sessions(browser_settings(), lambda: 1_000_000.0)
    assert of.sign_in(TOKEN) != of.sign_in(TOKEN)
