"""Errors as problem details (RFC 9457): what happened and what to do, nothing of what was asked or of our inside.

https://www.rfc-editor.org/rfc/rfc9457
"""

from http import HTTPStatus
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError  # noqa: A004
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from email_activity.domain.errors import THROTTLED, code_of
from email_activity.telemetry import log

MEDIA_TYPE = "application/problem+json"

#: Seconds after which it is worth asking again.
RETRY_AFTER = {"Retry-After": "5"}

#: What Starlette raises by itself: code, and what to do.
OWN = {
    404: ("no_such_path", "There is no such path; GET /api/v1/openapi.json lists them."),
    405: ("method_not_allowed", "The header Allow says which methods this path takes."),
    413: ("body_too_large", "The body is larger than any that this API takes."),
}


class InvalidField(BaseModel):
    """place: `query.limit`, `body.address`, `path.id`."""

    place: str
    message: str


class Problem(BaseModel):
    """An error. Match `code`; `detail` is for people and may be reworded."""

    type: str = Field(description="Always about:blank: `title` is that of the status")
    title: str
    status: int
    detail: str
    code: str
    errors: tuple[InvalidField, ...] | None = Field(None, description="Of a 400: each field that is wrong")


class ProblemError(Exception):
    def __init__(self, status: int, code: str, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(code)
        self.status, self.code, self.detail, self.headers = status, code, detail, headers

    def response(self) -> JSONResponse:
        return problem(self.status, self.code, self.detail, headers=self.headers)


class NotFoundError(ProblemError):
    def __init__(self, what: str) -> None:
        super().__init__(404, f"unknown_{what}", f"Nothing is known of this {what}.")


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    errors: tuple[InvalidField, ...] | None = None,
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    title = HTTPStatus(status).phrase
    told = Problem(type="about:blank", title=title, status=status, detail=detail, code=code, errors=errors)
    return JSONResponse(told.model_dump(exclude_none=True), status, headers, MEDIA_TYPE)


def handle_problems(app: FastAPI) -> None:
    handlers: dict[Any, Any] = {
        ProblemError: _of_ours,
        RequestValidationError: _invalid,
        HTTPException: _of_starlette,
        ClientError: _refused,
        ConnectionError: _away,
        HTTPClientError: _away,
        BotoCoreError: _misconfigured,
        Exception: _unexpected,
    }
    for error, handler in handlers.items():
        app.add_exception_handler(error, handler)


async def _of_ours(_: Request, error: ProblemError) -> JSONResponse:
    return error.response()


async def _invalid(request: Request, error: RequestValidationError) -> JSONResponse:
    errors = tuple(InvalidField(place=_place(each), message=_message(each, request)) for each in error.errors())
    code = "invalid_cursor" if any(each.place.endswith(".after") for each in errors) else "invalid_request"
    # Two fields that do not fit together have no place of their own.
    code = "invalid_range" if any(each.place == "query" for each in errors) else code
    return problem(400, code, "; ".join(f"{each.place}: {each.message}" for each in errors), errors=errors)


def _place(found: Any) -> str:
    """A name in a body that is not known is the client's own, and may be an address."""
    is_clients = found["type"] == "extra_forbidden" and found["loc"][0] == "body"
    known = found["loc"][:1] if is_clients else found["loc"]
    return ".".join(map(str, known))


def _message(found: Any, request: Request) -> str:
    """pydantic's, which quotes nothing of what was sent; for what a newcomer meets first, one that says what to do."""
    if found["type"] == "extra_forbidden":
        return "there is no such name"
    if tuple(found["loc"]) == ("body",) and "json" not in request.headers.get("content-type", ""):
        return "want a JSON object, with Content-Type: application/json"
    return str(found["msg"]).removeprefix("Value error, ")


async def _of_starlette(_: Request, error: HTTPException) -> JSONResponse:
    code, detail = OWN.get(error.status_code, ("bad_request", "The request cannot be read."))
    headers = dict(error.headers or {})
    if "GET" in headers.get("Allow", ""):
        headers["Allow"] += ", HEAD"
    return problem(error.status_code, code, detail, headers=headers)


async def _refused(_: Request, error: ClientError) -> JSONResponse:
    code = code_of(error)
    if code in THROTTLED:
        return problem(503, "table_throttled", "DynamoDB gives no more just now. Ask again.", headers=RETRY_AFTER)
    _log_table(error)
    if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400) >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return problem(503, "table_away", "DynamoDB fails just now. Ask again.", headers=RETRY_AFTER)
    return _no_answer()


async def _away(_: Request, error: BotoCoreError) -> JSONResponse:
    _log_table(error)
    return problem(503, "table_away", "DynamoDB does not answer this server. Ask again.", headers=RETRY_AFTER)


async def _misconfigured(_: Request, error: BotoCoreError) -> JSONResponse:
    """No credentials, no region."""
    _log_table(error)
    return _no_answer()


def _no_answer() -> JSONResponse:
    return problem(502, "table_refused", "DynamoDB refuses to answer this server: its log has the reason.")


async def _unexpected(_: Request, _error: Exception) -> JSONResponse:
    """Logged by `Answers`, to which Starlette passes it on."""
    return problem(500, "unexpected", "A bug: the server's log says where. Please report that line.")


def _log_table(error: ClientError | BotoCoreError) -> None:
    log.error("table_failed", code=code_of(error), call=getattr(error, "operation_name", None))
