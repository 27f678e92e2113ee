"""What the JSON API says, and what it logs, when something fails."""

import json
from types import SimpleNamespace

import pytest
import structlog
from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError, NoCredentialsError

from email_activity.activity import query
from email_activity.web.login import token_hash
from events import ANA
from webapi import EMAIL, client, fake_table


def refused(code: str, status: int = 400) -> ClientError:
    of = {"Error": {"Code": code, "Message": f"for {ANA}"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(of, "Query")


@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [
        (EndpointConnectionError(endpoint_url=f"http://{ANA}"), 503, "table_away"),
        (ConnectTimeoutError(endpoint_url=f"http://{ANA}"), 503, "table_away"),
        (NoCredentialsError(), 502, "table_refused"),
        (refused("InternalServerError", 500), 503, "table_away"),
        (refused("AccessDeniedException"), 502, "table_refused"),
        (refused("ResourceNotFoundException"), 502, "table_refused"),
        (refused("ThrottlingException"), 503, "table_throttled"),
        (KeyError(ANA), 500, "unexpected"),
        (ValueError(ANA), 500, "unexpected"),
    ],
)
def test_what_fails_is_a_problem_that_tells_nothing_of_our_inside(monkeypatch, failure, status, code):
    monkeypatch.setattr(query, "time", SimpleNamespace(sleep=lambda _: None))
    table = fake_table()
    table.failures = [failure] * 20
    with structlog.testing.capture_logs() as logs:
        answer = client(table).get(f"/api/v1/emails/{EMAIL.message_id}")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert ("retry-after" in answer.headers) == (status == 503)
    assert answer.headers["content-type"] == "application/problem+json"
    assert ANA not in answer.text
    assert ANA not in str(logs)
    assert logs[-1]["status"] == status


MARK = "marked"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"/api/v1/documents/{MARK}/{MARK}"),
        ("GET", f"/api/v1/emails/{MARK}@example.com"),
        ("GET", f"/api/v1/accounts/{MARK}/emails?status={MARK}"),
        ("GET", f"/api/v1/accounts/{MARK}/failures?reason={MARK}&after={MARK}"),
        ("GET", f"/{MARK}?{MARK}"),
        ("POST", "/api/v1/recipients/lookup"),
        ("POST", f"/api/v1/recipients/lookup?{MARK}"),
        (MARK.upper(), f"/{MARK}"),
    ],
)
def test_the_log_has_a_line_for_each_request_and_none_of_its_words(method, path):
    content = {"json": {"address": f"{MARK}@example.com"}} if method == "POST" else {}
    with structlog.testing.capture_logs() as logs:
        client().request(method, path, headers={"User-Agent": MARK, "X-Request-Id": MARK}, **content)
    (line,) = logs
    assert line.keys() == {"event", "log_level", "method", "route", "status", "ms"}
    assert MARK not in json.dumps(line).lower()
    if path.startswith("/api"):
        assert line["route"].startswith("/api/v1/")


def test_the_log_of_a_refusal_names_no_route():
    with structlog.testing.capture_logs() as logs:
        client(web_token_hashes=token_hash("x")).get(f"/api/v1/emails/{MARK}")
    assert [(each["route"], each["status"]) for each in logs] == [(None, 401)]
