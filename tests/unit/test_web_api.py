"""The JSON API answers what the reader answers, and describes itself."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from email_activity.activity.words import WORDS
from email_activity.web import openapi
from email_activity.web.app import make_api, make_app
from email_activity.web.settings import WebSettings
from events import ANA, BEN
from webapi import EMAIL, NOON, RESENT, activity_on, client, fake_table

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "openapi.json"

PROBLEM = "application/problem+json"
LOCAL = {"Host": "localhost"}


def get(path: str, **parameters: Any) -> Any:
    answer = client().get(path, params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


def look_up(**asked: Any) -> Any:
    answer = client().post("/api/v1/recipients/lookup", json=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


SINCE = NOON.isoformat().replace("+00:00", "Z")

#: What the API is asked, and the same of the reader.
SAME = {
    "email": (lambda: get(f"/api/v1/emails/{EMAIL.message_id}"), lambda of: of.email(EMAIL.message_id)),
    "message-id": (
        lambda: get(f"/api/v1/emails/{quote(f'<{RESENT.message_id}@email.amazonses.com>')}"),
        lambda of: of.email(RESENT.message_id),
    ),
    "document": (lambda: get("/api/v1/documents/INVOICE/2026/117"), lambda of: of.document("invoice", "2026/117")),
    "encoded slash": (
        lambda: get("/api/v1/documents/invoice/2026%2F117"),
        lambda of: of.document("invoice", "2026_2F117"),
    ),
    "recipient": (lambda: look_up(address=f"Ana <{ANA.upper()}>"), lambda of: of.recipient(ANA)),
    "page": (lambda: look_up(address=ANA, limit=1), lambda of: of.recipient(ANA, limit=1)),
    "nobody": (lambda: look_up(address="nobody@example.com"), lambda of: of.recipient("nobody@example.com")),
    "account": (lambda: get("/api/v1/accounts/acme/emails"), lambda of: of.account("acme")),
    "slash in account": (lambda: get("/api/v1/accounts/a/b/emails"), lambda of: of.account("a/b")),
    "range": (
        lambda: get("/api/v1/accounts/acme/emails", since=SINCE, until="2100-01-01", limit=1),
        lambda of: of.account("acme", NOON, limit=1),
    ),
    "status": (
        lambda: get("/api/v1/accounts/acme/emails", status="hard_bounced"),
        lambda of: of.account("acme", status="hard_bounced"),
    ),
    "failures": (lambda: get("/api/v1/accounts/acme/failures"), lambda of: of.failures("acme")),
    "reason": (
        lambda: get("/api/v1/accounts/acme/failures", reason="complained", delivered_since=True),
        lambda of: of.failures("acme", reason="complained", delivered_since=True),
    ),
    "all failures": (lambda: get("/api/v1/failures", since=SINCE), lambda of: of.failures(None, NOON)),
    "freshness": (lambda: get("/api/v1/freshness"), lambda of: of.freshness()),
}


@pytest.mark.parametrize("name", SAME)
def test_the_api_answers_as_the_reader_does(name):
    api, python = SAME[name]
    wanted = python(activity_on(fake_table())).model_dump(mode="json")
    assert api() == wanted
    assert name in ("nobody", "freshness", "slash in account") or wanted.get("data") != []


def test_pages_go_on_where_the_last_ended():
    first = get("/api/v1/accounts/acme/emails", limit=1)
    second = get("/api/v1/accounts/acme/emails", limit=1, after=first["next_cursor"])
    assert [each["email_id"] for each in (*first["data"], *second["data"])] == [RESENT.message_id, EMAIL.message_id]
    assert (first["has_more"], second["has_more"]) == (True, False)


def test_a_time_without_an_offset_is_utc_and_a_day_its_beginning():
    for since in (f"{NOON:%Y-%m-%d}", f"{NOON:%Y-%m-%dT%H:%M:%S}", f"{NOON:%Y-%m-%dT}14:00:00+02:00"):
        assert len(get("/api/v1/accounts/acme/emails", since=since)["data"]) == 2, since
    assert get("/api/v1/accounts/acme/emails", until=f"{NOON:%Y-%m-%d}")["data"] == []


def test_all_words_are_told():
    assert len(get("/api/v1/words")["statuses"]) == len(WORDS)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/api/v1/documents/invoice/none", "unknown_document"),
        ("/api/v1/documents/invoice/%2e%2e%2f%2e%2e", "unknown_document"),
        ("/api/v1/documents/invoice/%00", "unknown_document"),
        ("/api/v1/documents/invoice/%ff%fe%", "unknown_document"),
        ("/api/v1/emails/none", "unknown_email"),
        ("/api/v1/emails/%E0%A4%A", "unknown_email"),
        ("/api/v1/emails/a%2Fb", "no_such_path"),
        ("/api/v1/emails/", "no_such_path"),
        ("/api/v1/freshness/", "no_such_path"),
        ("/docs", "no_such_path"),
        ("/redoc", "no_such_path"),
    ],
)
def test_what_is_not_known_is_404(path, code):
    answer = client().get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, code)
    assert answer.headers["content-type"] == PROBLEM
    assert answer.json()["title"] == "Not Found"


@pytest.mark.parametrize(
    ("path", "code", "place"),
    [
        ("/api/v1/accounts/acme/emails?limit=0", "invalid_request", "query.limit"),
        ("/api/v1/accounts/acme/emails?limit=101", "invalid_request", "query.limit"),
        ("/api/v1/accounts/acme/emails?since=yesterday", "invalid_request", "query.since"),
        ("/api/v1/accounts/acme/emails?since=0001-01-01T00:00:00%2B14:00", "invalid_request", "query.since"),
        ("/api/v1/accounts/acme/emails?since=1700000000000", "invalid_request", "query.since"),
        ("/api/v1/accounts/acme/emails?status=lost", "invalid_request", "query.status"),
        ("/api/v1/failures?reason=bad_luck", "invalid_request", "query.reason"),
        ("/api/v1/accounts/acme/emails?sinse=2026-11-23", "invalid_request", "query.sinse"),
        ("/api/v1/accounts/acme/emails?after=nonsense", "invalid_cursor", "query.after"),
        (f"/api/v1/accounts/acme/emails?after={'x' * 10_000}", "invalid_cursor", "query.after"),
        (f"/api/v1/emails/{'x' * 10_000}", "invalid_request", "path.email_id"),
        (f"/api/v1/documents/invoice/{'x' * 10_000}", "invalid_request", "path.document_id"),
        ("/api/v1/documents/invoice/", "invalid_request", "path.document_id"),
        ("/api/v1/emails/%20", "invalid_request", "path.email_id"),
    ],
)
def test_what_cannot_be_meant_is_400_and_says_where(path, code, place):
    answer = client().get(path)
    assert (answer.status_code, answer.json()["code"], answer.headers["content-type"]) == (400, code, PROBLEM)
    assert [each["place"] for each in answer.json()["errors"]] == [place]


@pytest.mark.parametrize(
    "asked", [{}, {"address": " "}, {"address": 1}, {"address": ANA, "limit": 0}, {"address": ANA, "adress": BEN}, []]
)
def test_a_wrong_body_is_400(asked):
    answer = client().post("/api/v1/recipients/lookup", json=asked)
    assert (answer.status_code, answer.headers["content-type"]) == (400, PROBLEM)


def test_a_body_that_is_no_json_is_400():
    for body in (b"{", b'{"address": "\\ud800"}', b"\xff", b"[" * 10_000):
        answer = client().post("/api/v1/recipients/lookup", content=body, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.headers["content-type"]) == (400, PROBLEM), body
    text = client().post("/api/v1/recipients/lookup", content=json.dumps({"address": ANA}))
    assert text.status_code == 400
    assert "Content-Type: application/json" in text.json()["detail"]


def test_failures_of_all_accounts_look_through_a_bounded_number_of_days():
    table = fake_table()
    for parameters in (
        {"since": "2020-01-01"},
        {"until": "2100-01-01"},
        {"since": "0001-01-01", "until": "0002-01-01"},
    ):
        answer = client(table).get("/api/v1/failures", params=parameters)
        assert (answer.status_code, answer.json()["code"]) == (400, "range_too_long")
    assert table.calls == []


def test_another_method_is_405_and_says_which_are_allowed():
    for method in ("POST", "DELETE", "PUT"):
        answer = client().request(method, "/api/v1/freshness")
        assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
        assert answer.headers["allow"] == "GET, HEAD"


def test_the_document_is_the_one_that_is_checked_in():
    assert DOCUMENT.read_text("utf-8") == openapi.text(make_api()), "run `make openapi`"
    assert get("/api/v1/openapi.json") == json.loads(DOCUMENT.read_text("utf-8"))


def test_the_document_is_valid_and_each_operation_is_described():
    document = json.loads(DOCUMENT.read_text("utf-8"))
    validate(document)
    assert {path.rpartition("/")[2] for path in document["paths"]} >= {"emails", "failures", "lookup", "words"}
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert operation["summary"]
            assert operation["description"]
            assert "422" not in operation["responses"]
            if path != "/healthz":
                assert {"400", "401", "500", "502", "503"} <= operation["responses"].keys()
                assert operation["security"] == [{"bearer": []}, {}]


def test_the_examples_are_answers_as_their_schemas_say():
    document = json.loads(DOCUMENT.read_text("utf-8"))
    for path, operations in document["paths"].items():
        for operation in operations.values():
            content = operation["responses"]["200"]["content"].get("application/json")
            if content is None:
                assert path == "/healthz"
                continue
            schema = content["schema"] | {"components": document["components"]}
            Draft202012Validator(schema).validate(content["example"])
            assert content["example"]


#: What a document's schema cannot say.
BEYOND_SCHEMA = ("invalid_cursor", "invalid_range", "range_too_long")


@pytest.mark.parametrize("mode", GenerationMode)
def test_whatever_is_asked_the_answer_is_as_the_document_says(mode):
    """Schemathesis asks what the document allows, and what it does not."""
    app = make_app(activity_on(fake_table()), WebSettings())
    schema = schemathesis.openapi.from_asgi(openapi.PATH, app, headers=LOCAL)
    operations = [each.ok() for each in schema.get_all_operations()]
    assert len(operations) == 9
    for operation in operations:
        if mode == GenerationMode.NEGATIVE and not (operation.query or operation.body):
            continue  # hardly a path is wrong

        @settings(max_examples=15, database=None, suppress_health_check=list(HealthCheck))
        @given(operation.as_strategy(generation_mode=mode))
        def ask(case):
            answer = case.call_and_validate(headers=LOCAL, excluded_checks=[positive_data_acceptance])
            if mode == GenerationMode.POSITIVE and answer.status_code == 400:
                assert answer.json()["code"] in BEYOND_SCHEMA, answer.text

        ask()
