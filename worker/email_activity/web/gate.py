"""Around API and page: who may ask, how many at once, what each answer carries, and one line for each in the log."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from email_activity.domain.errors import place_of
from email_activity.telemetry import log
from email_activity.web.login import check_host, check_login
from email_activity.web.problems import OWN, RETRY_AFTER, ProblemError
from email_activity.web.requests import MAX_BODY
from email_activity.web.sessions import Sessions, check_origin
from email_activity.web.settings import MAX_AT_ONCE, WebSettings

#: A load balancer asks for it by address and without a token; it says nothing.
HEALTH = "/healthz"

#: What a browser needs before somebody has signed in.
SIGN_IN, STYLE = "/sign-in", "/page.css"
OPEN = frozenset({SIGN_IN, STYLE})

#: No browser may take an answer for anything but data, keep it, or show it in a page of others. Pages say it their
#: own way.
SAFE_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

#: A client may write any word as its method, and the log holds none of its words.
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})


#: A segment `.` or `..`, in whatever spelling; the page links to the last one. Browsers and most clients take these
#: away, and ask for something else, so no id is found by one. https://url.spec.whatwg.org/#double-dot-path-segment
DOTS = re.compile(rb"/(?:\.|%(?:25)?2e){1,2}(?:/|\?|$)", re.IGNORECASE)


class Gate:
    """Refuses before anything is read of the request but its head."""

    def __init__(self, app: ASGIApp, settings: WebSettings, sessions: Sessions) -> None:
        self._app = app
        self._settings = settings
        self._sessions = sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] != HEALTH:
            try:
                check_host(scope, self._settings)
                if scope["path"] not in OPEN and not self._sessions.knows(scope):
                    check_login(scope, self._settings)
                check_origin(scope)
                _check_path(scope)
                _check_size(scope)
            except ProblemError as refusal:
                await refusal.response()(scope, receive, send)
                return
        await self._app(scope, receive, send)


class AtMost:
    """It never waits: a queue would only grow."""

    def __init__(self, limit: int = MAX_AT_ONCE) -> None:
        self._limit = limit
        self._count = 0

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Raises ProblemError. Called in the event loop's one thread, so it needs no lock."""
        if self._count >= self._limit:
            raise ProblemError(503, "too_busy", f"{self._limit} requests are worked on. Ask again.", RETRY_AFTER)
        self._count += 1
        try:
            yield
        finally:
            self._count -= 1


class Answers:
    """The outermost. Answers HEAD as GET: the server leaves the body out.

    Logs the template of the route and not the path, which holds ids.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, status = time.monotonic(), 0
        asked = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope

        async def send_safely(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in SAFE_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self._app(asked, receive, send_safely)
        except Exception as error:  # noqa: BLE001  answered by now; what it says may be personal data
            log.error("answer_failed", error=place_of(error))
        method = scope["method"] if scope["method"] in METHODS else "other"
        milliseconds = round(1000 * (time.monotonic() - begun), 1)
        log.info("request", method=method, route=_template(asked), status=status, ms=milliseconds)


def _check_path(scope: Scope) -> None:
    """Raises ProblemError."""
    if DOTS.search(scope.get("raw_path") or quote(scope["path"]).encode()):
        raise ProblemError(404, *OWN[404])


def _check_size(scope: Scope) -> None:
    """What a client tells of its body; FastAPI counts what it sends. Raises ProblemError."""
    told = Headers(scope=scope).get("content-length", "0")
    if not told.isdecimal() or int(told[:20]) > MAX_BODY:
        raise ProblemError(413, *OWN[413])


def _template(scope: Scope) -> str | None:
    """None: no route is meant, or the gate was closed."""
    return getattr(scope.get("route"), "path_format", None)
