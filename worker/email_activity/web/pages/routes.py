"""The pages: one path for each question, answered by the reader. They only read, and need no script."""

from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Path, Request
from starlette.responses import RedirectResponse, Response

from email_activity.activity import model
from email_activity.activity.glossary import HOW_TO_READ, MEANINGS
from email_activity.activity.reader import Activity
from email_activity.activity.words import VERDICTS, WORDS
from email_activity.web.api import Reader, working
from email_activity.web.gate import STYLE
from email_activity.web.pages import asked, texts
from email_activity.web.pages.look import STYLESHEET, Look
from email_activity.web.pages.search import find
from email_activity.web.requests import Id

#: Failures that the first page shows.
RECENT = 5

Form = Annotated[dict[str, str], Depends(asked.read_form)]
pages = APIRouter(include_in_schema=False)
# The form is read before a place is taken, so that no slow client holds one.
ASKS = [Depends(working, scope="function")]
SENDS = [Depends(asked.read_form), *ASKS]


def get_look(request: Request) -> Look:
    found: Look = request.app.state.look
    return found


Page = Annotated[Look, Depends(get_look)]


def add_pages(app: FastAPI, look: Look, *others: APIRouter) -> None:
    app.state.look = look
    for each in (pages, *others):
        app.include_router(each)


@pages.get("/", dependencies=ASKS)
def start(request: Request, activity: Reader, look: Page) -> Response:
    recent = activity.failures(limit=RECENT)
    accounts = sorted({each.account for each in recent.data if each.account})
    return look.page(request.scope, "start.html.j2", activity.context(), recent=recent, accounts=accounts)


@pages.get("/search", dependencies=ASKS)
def no_search() -> Response:
    """Where a browser comes back to without its form."""
    return RedirectResponse("/", 303)


@pages.post("/search", dependencies=SENDS)
def search(request: Request, activity: Reader, look: Page, form: Form) -> Response:
    """An address is answered here: it may stand in no URL."""
    text = form.get("q", "").strip()
    if not text:
        return RedirectResponse("/", 303)
    found = find(activity, text, look.settings)
    if found.address:
        return recipient_page(request, activity, look, found.address, asked.cursor_asked(form.get("after")))
    if len(found.urls) == 1:
        return RedirectResponse(found.urls[0][0], 303)
    if found.urls:
        return look.page(request.scope, "several.html.j2", activity.context(), urls=found.urls, asked=text)
    return _not_found(request, activity, look, text)


def recipient_page(request: Request, activity: Activity, look: Look, address: str, after: str | None) -> Response:
    found = activity.recipient(address, after=after)
    is_known = bool(found.emails or after)
    name = "recipient.html.j2" if is_known else "not_found.html.j2"
    return look.page(
        request.scope,
        name,
        activity.context(),
        status=200 if is_known else 404,
        found=found,
        asked=address,
        after=after,
        what="address",
    )


@pages.get("/documents/{document_type}/{document_id:path}", dependencies=ASKS)
def document(
    request: Request,
    activity: Reader,
    look: Page,
    document_type: Annotated[Id, Path()],
    document_id: Annotated[Id, Path()],
) -> Response:
    found = activity.document(document_type, document_id)
    if found is None:
        return _not_found(request, activity, look, f"{document_type} {document_id}")
    if len(found.emails) == 1 and (only := activity.email(found.emails[0].email_id)):
        return _timeline(request, activity, look, only, asked=found.document.name)
    return look.page(request.scope, "document.html.j2", activity.context(), found=found)


@pages.get("/emails/{email_id}", dependencies=ASKS)
def email(request: Request, activity: Reader, look: Page, email_id: Annotated[Id, Path()]) -> Response:
    found = activity.email(email_id)
    if found is None:
        return _not_found(request, activity, look, email_id)
    return _timeline(request, activity, look, found)


def _timeline(
    request: Request, activity: Activity, look: Look, found: model.EmailWithTimeline, asked: str = ""
) -> Response:
    """asked: the document's name, where it is the only email about it."""
    groups = texts.grouped(found.timeline)
    return look.page(request.scope, "email.html.j2", activity.context(), found=found, groups=groups, asked=asked)


@pages.get("/meanings", dependencies=ASKS)
def meanings(request: Request, activity: Reader, look: Page) -> Response:
    return look.page(
        request.scope,
        "meanings.html.j2",
        activity.context(),
        meanings=MEANINGS,
        rows=WORDS,
        verdicts=VERDICTS.values(),
        how_to_read=HOW_TO_READ,
    )


@pages.get(STYLE)
async def style() -> Response:
    return Response(STYLESHEET, media_type="text/css", headers={"Cache-Control": "max-age=3600"})


def _not_found(request: Request, activity: Activity, look: Look, text: str) -> Response:
    return look.page(
        request.scope, "not_found.html.j2", activity.context(), status=404, asked=text, what="text", found=None
    )
