"""Browsers: the cookie that stands for a token, and forms that only our own pages may send."""

import secrets
import time
from collections.abc import Callable
from hashlib import sha256

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.types import Scope

from email_activity.web.login import is_token
from email_activity.web.problems import ProblemError
from email_activity.web.settings import WebSettings

#: Seconds: a working day, so that nobody signs in twice, and a browser left open is not open for good.
LASTS = 12 * 3600

#: With the prefix a browser takes it from this host over HTTPS only: no other name of the domain can set it.
#: https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Set-Cookie#cookie_prefixes
COOKIE, COOKIE_OF_HTTPS = "email-activity", "__Host-email-activity"

#: Sessions at once, a few MB at most. One more ends the oldest.
MAX_SESSIONS = 10_000

API = "/api/"


class Sessions:
    """A cookie is a random text: neither the token nor its hash. This process keeps its hash until it ends or somebody
    signs out, which ends every copy of the cookie. So a restart ends all sessions, and one process does not know
    another's.
    """

    def __init__(self, settings: WebSettings, now: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._now = now
        #: By the hash of the cookie, when it ends; the oldest first.
        self._ends: dict[bytes, float] = {}

    def sign_in(self, token: str) -> str | None:
        """The cookie's value; None if the token is none."""
        if not is_token(token, self._settings.token_hashes):
            return None
        while len(self._ends) >= MAX_SESSIONS:
            del self._ends[next(iter(self._ends))]
        value = secrets.token_urlsafe(32)
        self._ends[_hash(value)] = self._now() + LASTS
        return value

    def knows(self, scope: Scope) -> bool:
        """For pages alone: the API is asked by programs, which have the token."""
        if is_of_api(scope):
            return False
        return self._ends.get(_hash(cookie_of(scope)), 0) > self._now()

    def sign_out(self, scope: Scope) -> None:
        self._ends.pop(_hash(cookie_of(scope)), None)


def _hash(value: str) -> bytes:
    """How long a look-up takes tells nothing of a cookie that is not known."""
    return sha256(value.encode()).digest()


def is_of_api(scope: Scope) -> bool:
    return bool(scope["path"].startswith(API))


def cookie_of(scope: Scope) -> str:
    # Other programs on the same host set cookies, too, and odd ones: Python's own parser stops at these.
    found = cookie_parser(Headers(scope=scope).get("cookie", ""))
    return found.get(COOKIE_OF_HTTPS) or found.get(COOKIE) or ""


def set_cookie(scope: Scope, value: str) -> str:
    """The header's value; an empty one ends the session. A proxy may have ended TLS: what the browser says counts."""
    is_https = scope["scheme"] == "https" or Headers(scope=scope).get("origin", "").startswith("https://")
    name, secure = (COOKIE_OF_HTTPS, "; Secure") if is_https else (COOKIE, "")
    return f"{name}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={LASTS if value else 0}{secure}"


def check_origin(scope: Scope) -> None:
    """Else a page of anybody's could ask, or send a form, in the name of who is signed in, or whom a proxy knows: as an
    image, for instance, at the cost of the table. To follow a link is allowed. Programs tell no Sec-Fetch-Site.

    Browsers say where a form comes from: by Sec-Fetch-Site where the address is safe (HTTPS, loopback), and by Origin.
    Raises ProblemError.
    """
    headers = Headers(scope=scope)
    if scope["method"] == "GET" or is_of_api(scope):
        is_link = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
        if headers.get("sec-fetch-site") in ("cross-site", "same-site") and not is_link:
            raise ProblemError(403, "foreign_request", "A page of another site asked for this.")
        return
    site, origin = headers.get("sec-fetch-site"), headers.get("origin", "")
    is_ours = origin.partition("://")[2].lower() == headers.get("host", "").lower()
    if site != "same-origin" if site else not is_ours:
        raise ProblemError(403, "foreign_form", "This form was not sent by a page of this server.")
