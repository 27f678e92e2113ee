"""Page and API show personal data to whoever may read, in bodies alone: in no URL, header, title, error or log."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import pytest
import structlog
from botocore.exceptions import ClientError, EndpointConnectionError
from httpx2 import Response
from starlette.testclient import TestClient

from email_activity.activity import query
from events import new_message_id
from marks import ADDRESS, AGENT, CORE, EMAIL, LINK, SAID, UMLAUT, marked_events, traces
from pageclient import OWN_FORM, browser, title_of
from pagestory import page_table
from webapi import client

#: Some products know their customers and documents by addresses; SES takes them in tags.
KNOWN_BY_ADDRESS = replace(EMAIL, message_id=new_message_id(), account=ADDRESS, document_id=f"for {ADDRESS}")
EVENTS = [*marked_events(), *marked_events(KNOWN_BY_ADDRESS)]

Ask = Callable[[], Response]

API = {
    "email": ("GET", f"/api/v1/emails/{EMAIL.message_id}"),
    "document": ("GET", "/api/v1/documents/invoice/2026-117"),
    "account": ("GET", "/api/v1/accounts/acme/emails"),
    "account's failures": ("GET", "/api/v1/accounts/acme/failures"),
    "failures": ("GET", "/api/v1/failures"),
    "recipient": ("POST", "/api/v1/recipients/lookup"),
}


@pytest.fixture
def log() -> Iterator[list[object]]:
    with structlog.testing.capture_logs() as logs:
        yield logs


def urls(page: str, *, within: str = "href|action|src") -> list[str]:
    return re.findall(rf'(?:{within})="([^"]*)"', page)


#: Times that one path is asked for, with whatever query.
MOST = 3


def crawled() -> Iterator[Response]:
    """Each page that leads from one to another, and what its forms answer."""
    of = browser(page_table(EVENTS))
    typed = (ADDRESS, UMLAUT, f"Person <{ADDRESS}>", f" {ADDRESS.upper()}", f"for {ADDRESS}", "2026-117")
    forms = [("/search", "q"), ("/accounts", "account"), ("/failures", "account"), ("/overview", "account")]
    found = [of.post(path, data={name: each}, headers=OWN_FORM) for path, name in forms for each in typed]
    asked: Counter[str] = Counter()
    while found:
        yield from found
        led_to = {url for each in found for url in (*urls(each.text, within="href"), each.headers.get("location", ""))}
        found = []
        for url in sorted(led_to):
            path = url.partition("?")[0].partition("#")[0]
            asked[path] += 1
            # A list leads to others of its own, for ever.
            if path.startswith("/") and asked[path] <= MOST:
                found.append(of.get(url))


def test_the_page_shows_them_in_its_text_alone(log):
    shown = set()
    for answer in crawled():
        assert answer.status_code in {200, 303, 404}
        shown |= traces(answer.text)
        assert traces(answer.headers, title_of(answer.text), *urls(answer.text)) == set()
    for wanted in ("local", "subject", "agent", "said", "query", "reason"):
        assert f"zq7mark-{wanted}" in shown
    assert len(log) > 20
    assert traces(log) == set()


def ask_api(api: TestClient, what: str) -> Response:
    method, path = API[what]
    return api.request(method, path, json={"address": ADDRESS} if method == "POST" else None)


@pytest.mark.parametrize("what", API)
def test_the_api_shows_them_in_its_answer_alone(log, what):
    answer = ask_api(client(page_table(EVENTS)), what)
    assert answer.status_code == 200
    assert traces(answer.text)
    assert traces(answer.headers, log) == set()


FAILURES = [
    ClientError({"Error": {"Code": "ValidationException", "Message": SAID}}, "Query"),
    EndpointConnectionError(endpoint_url=SAID),
    ValueError(SAID),
]


@pytest.mark.parametrize("failure", FAILURES, ids=lambda each: type(each).__name__)
def test_no_error_tells_what_it_was_about(monkeypatch, log, failure):
    monkeypatch.setattr(query, "time", SimpleNamespace(sleep=lambda _: None))
    table = page_table(EVENTS)
    api, page = client(table), browser(table)
    asks: list[Ask] = [
        *(partial(ask_api, api, what) for what in API),
        lambda: api.get(f"/api/v1/documents/{ADDRESS}/{CORE}", headers={"User-Agent": AGENT, "Referer": LINK}),
        lambda: api.post("/api/v1/recipients/lookup", json={ADDRESS: [SAID]}),
        lambda: api.post("/api/v1/recipients/lookup", json={"address": [ADDRESS]}),
        lambda: api.post("/api/v1/recipients/lookup", content=SAID.encode()),
        lambda: page.post("/failures", data={"since": SAID}, headers=OWN_FORM),
        lambda: page.get("/overview", params={"account": "acme"}),
        lambda: page.get(f"/emails/{EMAIL.message_id}"),
    ]
    for ask in asks:
        table.failures = [failure] * 20
        answer = ask()
        assert answer.status_code in {303, 400, 422, 500, 502, 503}
        if answer.status_code != 303:
            assert traces(answer.text, answer.headers) == set()
    assert log
    assert traces(log) == set()
