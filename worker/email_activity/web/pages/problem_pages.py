"""Errors as pages, for those who ask with a browser: whatever refused, the gate or the application, in one place."""

import json
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from email_activity.web.pages.look import Look, here
from email_activity.web.problems import MEDIA_TYPE
from email_activity.web.sessions import is_of_api

#: What stands above the detail, by code.
HEADINGS = {
    "too_busy": "Busy: try again in a moment",
    "table_throttled": "DynamoDB is busy: try again in a moment",
    "table_away": "The table does not answer",
    "table_refused": "The table refuses to answer",
    "no_such_path": "Page not found",
    "foreign_form": "This form was sent from another site",
    "host_not_allowed": "This host name is not allowed",
    "unexpected": "Something went wrong",
    "invalid_request": "This request is not valid",
    "range_too_long": "That period is too long",
    "login_required": "Sign in first",
}

#: What people can do, where the API's detail is for programs.
DETAILS = {
    "no_such_path": "No page has this address. Search for the document, the email or the recipient instead.",
    "foreign_form": "Open the page again and send the form from there.",
    "login_required": "Sign in at the proxy in front of this page, then open it again.",
}


class ProblemPages:
    def __init__(self, app: ASGIApp, look: Look) -> None:
        self._app = app
        self._look = look

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or is_of_api(scope) or "text/html" not in Headers(scope=scope).get("accept", ""):
            await self._app(scope, receive, send)
            return
        start: Message | None = None
        body = b""

        async def send_page(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start" and _is_problem(message):
                start = message
                return
            if start is None:
                await send(message)
                return
            body += message.get("body", b"")
            if not message.get("more_body"):
                headers = Headers(raw=start["headers"])
                await self._answer(scope, json.loads(body), headers)(scope, receive, send)

        await self._app(scope, receive, send_page)

    def _answer(self, scope: Scope, problem: dict[str, Any], headers: Headers) -> ASGIApp:
        kept = {name: headers[name] for name in ("retry-after", "www-authenticate", "allow") if name in headers}
        code, status = problem["code"], problem["status"]
        if code == "login_required" and self._look.has_tokens:
            back = here(scope) if scope["method"] == "GET" else "/"
            return sign_in_page(self._look, scope, back, headers=kept)
        return self._look.page(
            scope,
            "problem.html.j2",
            status=status,
            headers=kept,
            heading=HEADINGS.get(code, problem["title"]),
            detail=DETAILS.get(code, problem["detail"]),
            is_passing="retry-after" in kept,
        )


def sign_in_page(  # noqa: PLR0913  each may be left out
    look: Look,
    scope: Scope,
    back: str,
    *,
    status: int = 401,
    headers: dict[str, str] | None = None,
    is_wrong: bool = False,
) -> Response:
    """back: path and query that it leads to, of this server."""
    return look.page(scope, "sign_in.html.j2", status=status, headers=headers, is_wrong=is_wrong, back=back)


def _is_problem(message: Message) -> bool:
    return MutableHeaders(raw=list(message["headers"])).get("content-type") == MEDIA_TYPE
