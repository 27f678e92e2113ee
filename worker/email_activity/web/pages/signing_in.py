"""Signing in by a token, and out."""

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from email_activity.web.gate import SIGN_IN
from email_activity.web.pages.problem_pages import sign_in_page
from email_activity.web.pages.routes import Form, Page
from email_activity.web.sessions import Sessions, set_cookie

signing_in = APIRouter(include_in_schema=False)


@signing_in.get(SIGN_IN)
async def ask(request: Request, look: Page) -> Response:
    """Whoever needs none, or has signed in, is led on."""
    back = _ours(request.query_params.get("back", "/"))
    if not look.has_tokens or _sessions(request).knows(request.scope):
        return RedirectResponse(back, 303)
    return sign_in_page(look, request.scope, back, status=200)


@signing_in.post(SIGN_IN)
async def sign_in(request: Request, look: Page, form: Form) -> Response:
    back = _ours(form.get("back", "/"))
    value = _sessions(request).sign_in(form.get("token", ""))
    if value is None:
        return sign_in_page(look, request.scope, back, is_wrong=True)
    return RedirectResponse(back, 303, {"Set-Cookie": set_cookie(request.scope, value)})


@signing_in.post("/sign-out")
async def sign_out(request: Request) -> Response:
    """Every copy of the cookie ends, too."""
    _sessions(request).sign_out(request.scope)
    return RedirectResponse("/", 303, {"Set-Cookie": set_cookie(request.scope, "")})


def _sessions(request: Request) -> Sessions:
    found: Sessions = request.app.state.sessions
    return found


def _ours(back: str) -> str:
    """Else it could lead to another site: `//evil.example`."""
    is_path = back.startswith("/") and not back.startswith("//") and "\\" not in back
    return back if is_path and back.isascii() and back.isprintable() else "/"
