"""The OpenAPI document: what FastAPI makes of the API, with its errors and logins.

docs/openapi.json is this document: `make openapi` writes it, and a test compares.
"""

import json
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from email_activity.web.examples import EXAMPLES
from email_activity.web.gate import HEALTH
from email_activity.web.problems import MEDIA_TYPE, Problem

PATH = "/api/v1/openapi.json"
REF = "#/components/{}/{}"

DESCRIPTION = """What became of every email that Amazon SES sent for you: per document, per recipient. It only reads.

Within v1 names are added, never changed or removed: expect fields and codes that are newer than you. Match `code` and
`reason`, show `label`, which may be reworded. What is not known is null. Times are RFC 3339 in UTC.

Lists are newest first. `has_more` tells that there is a next page: give `next_cursor` as `after`.
"""

BEARER = {
    "type": "http",
    "scheme": "bearer",
    "description": "A token of WEB_TOKEN_HASHES. None is needed on loopback without a login, or behind a proxy that "
    "logs people in.",
}

#: Status: name, when it comes, and an example's code. All of the API's paths have these.
PROBLEMS = {
    "400": ("Invalid", "A parameter or the body is wrong: `errors` says which", "invalid_request"),
    "401": ("LoginRequired", "No token, or a wrong one", "login_required"),
    "421": ("HostNotAllowed", "The header Host names none of WEB_ALLOWED_HOSTS", "host_not_allowed"),
    "500": ("Unexpected", "A bug", "unexpected"),
    "502": ("TableRefused", "DynamoDB refuses: permissions, credentials, no such table", "table_refused"),
    "503": ("TryAgain", "Too busy, or DynamoDB is away or throttles: Retry-After says when", "too_busy"),
}
NOT_FOUND = ("NotFound", "Nothing is known of it", "unknown_document")
TOO_LARGE = ("BodyTooLarge", "More than 16 KB", "body_too_large")


def openapi(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(title=app.title, version=app.version, description=DESCRIPTION, routes=app.routes)
    schemas = document["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):  # FastAPI's own shape, which `problems.py` replaces
        schemas.pop(name, None)
    problem = Problem.model_json_schema(ref_template=REF.format("schemas", "{model}"))
    schemas |= problem.pop("$defs") | {"Problem": problem}
    document["components"] |= {
        "responses": dict(
            _response(status, *each) for status, each in (*PROBLEMS.items(), ("404", NOT_FOUND), ("413", TOO_LARGE))
        ),
        "securitySchemes": {"bearer": BEARER},
    }
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            _complete(path, method, operation)
    return document


def text(app: FastAPI) -> str:
    """As docs/openapi.json holds it."""
    return json.dumps(app.openapi(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _complete(path: str, method: str, operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    responses.pop("422", None)
    if path == HEALTH:
        operation["security"] = []
        return
    # FastAPI would leave null out of an example.
    responses["200"]["content"]["application/json"]["example"] = EXAMPLES[operation["operationId"]]
    operation["security"] = [{"bearer": []}, {}]
    own = {"404": NOT_FOUND} if "{" in path else {}
    if method == "post":
        own["413"] = TOO_LARGE
    for status, (name, *_) in sorted((PROBLEMS | own).items()):
        responses[status] = {"$ref": REF.format("responses", name)}


def _response(status: str, name: str, when: str, code: str) -> tuple[str, dict[str, Any]]:
    example = {"type": "about:blank", "title": HTTPStatus(int(status)).phrase, "status": int(status)}
    content = {
        MEDIA_TYPE: {
            "schema": {"$ref": REF.format("schemas", "Problem")},
            "example": example | {"detail": when, "code": code},
        }
    }
    headers = {"Retry-After": {"description": "Seconds", "schema": {"type": "integer"}}} if status == "503" else {}
    return name, {"description": when, "content": content} | ({"headers": headers} if headers else {})
