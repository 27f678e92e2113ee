"""Who may ask: whoever has a bearer token, or whom a trusted proxy names; on loopback, if neither is set, everybody."""

import hmac
import re
import secrets
from collections.abc import Iterable
from hashlib import sha256
from ipaddress import IPv6Address, ip_address

from starlette.datastructures import Headers
from starlette.types import Scope

from email_activity.web.problems import ProblemError
from email_activity.web.settings import WebSettings

#: A token is 256 random bits, which nobody can try: so a plain SHA-256 of it is as good as a slow hash.
TOKEN_BYTES = 32

#: The header Host: a name or an address, and a port perhaps.
HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9.-]+)(?::[0-9]{1,5})?", re.ASCII)


def new_token() -> tuple[str, str]:
    """A token, and its hash for WEB_TOKEN_HASHES."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    return token, token_hash(token)


def token_hash(token: str) -> str:
    return sha256(token.encode()).hexdigest()


def check_host(scope: Scope, settings: WebSettings) -> None:
    """A page of anybody's can have its own name point at this address, and read what it answers (DNS rebinding): but
    the browser tells that name. Raises ProblemError.
    """
    found = HOST.fullmatch(Headers(scope=scope).get("host", "").lower())
    if found is None or found["name"] not in settings.allowed_hosts:
        raise ProblemError(421, "host_not_allowed", "The header Host names none of WEB_ALLOWED_HOSTS.")


def check_login(scope: Scope, settings: WebSettings) -> None:
    """Raises ProblemError."""
    headers = Headers(scope=scope)
    if not settings.has_login:
        return
    if _has_token(headers.getlist("authorization"), settings.token_hashes):
        return
    if settings.web_user_header and _is_trusted(scope, settings):
        # Two of them: the proxy added its own beside a client's.
        names = headers.getlist(settings.web_user_header)
        if len(names) == 1 and names[0].strip():
            return
    detail = "Send a token: `Authorization: Bearer TOKEN`." if settings.token_hashes else "Log in at the proxy."
    raise ProblemError(401, "login_required", detail, {"WWW-Authenticate": "Bearer"})


def _has_token(values: list[str], hashes: Iterable[str]) -> bool:
    scheme, _, token = values[0].partition(" ") if len(values) == 1 else ("", "", "")
    return scheme.lower() == "bearer" and is_token(token, hashes)


def is_token(token: str, hashes: Iterable[str]) -> bool:
    """Each hash is compared, in the same time whatever the token."""
    given = token_hash(token.strip())
    return any([hmac.compare_digest(given, each) for each in hashes])  # noqa: C419  no early end


def _is_trusted(scope: Scope, settings: WebSettings) -> bool:
    """The peer itself is one of the proxies; what X-Forwarded-For says counts nowhere (server.py)."""
    try:
        peer = ip_address(scope["client"][0])
    except (TypeError, ValueError):
        return False
    peer = (isinstance(peer, IPv6Address) and peer.ipv4_mapped) or peer
    return any(peer in network for network in settings.trusted_proxies)
