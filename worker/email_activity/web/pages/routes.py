"""The pages: one path for each question, answered by the reader. They only read, and need no script."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, FastAPI, Path, Request
from starlette.responses import RedirectResponse, Response

from email_activity.activity import model
from email_activity.activity.failure_cells import BOM, CSV, cells, csv_line, formula_safe, row_of
from email_activity.activity.filters import FAILURE_REASONS
from email_activity.activity.glossary import HOW_TO_READ, MEANINGS
from email_activity.activity.pages import MAX_FOLDED, MAX_PAGE
from email_activity.activity.reader import Activity
from email_activity.activity.words import VERDICTS, WORDS, words
from email_activity.web.api import Reader, working
from email_activity.web.gate import STYLE
from email_activity.web.pages import asked, texts
from email_activity.web.pages.look import STYLESHEET, Look
from email_activity.web.pages.search import find, is_address
from email_activity.web.problems import ProblemError
from email_activity.web.requests import MAX_DAYS, FailuresAsked, Id, is_too_long

#: Failures that the first page shows.
LATELY = 5

#: What a list can be narrowed to: the value, and its name.
NARROWED = (
    ("", "All"),
    ("not_delivered", "Not delivered"),
    ("still_trying", "No outcome yet"),
    ("delivered", "Delivered"),
    ("opened", "Opened"),
    ("clicked", "Clicked"),
    ("complained", "Marked as spam"),
)

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
    lately = activity.failures(limit=LATELY)
    return look.page(request.scope, "start.html.j2", activity.context(), lately=lately)


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
        return _recipient(request, activity, look, found.address, asked.cursor_asked(form.get("after")))
    if len(found.urls) == 1:
        return RedirectResponse(found.urls[0][0], 303)
    if found.urls:
        return look.page(request.scope, "several.html.j2", activity.context(), urls=found.urls, asked=text)
    return _not_found(request, activity, look, text)


def _recipient(request: Request, activity: Activity, look: Look, address: str, after: str | None) -> Response:
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
    return look.page(request.scope, "document.html.j2", activity.context(), found=found)


@pages.get("/emails/{email_id}", dependencies=ASKS)
def email(request: Request, activity: Reader, look: Page, email_id: Annotated[Id, Path()]) -> Response:
    found = activity.email(email_id)
    if found is None:
        return _not_found(request, activity, look, email_id)
    return look.page(
        request.scope, "email.html.j2", activity.context(), found=found, groups=texts.grouped(found.timeline)
    )


@pages.get("/accounts/{account_id:path}", dependencies=ASKS)
def account(request: Request, activity: Reader, look: Page, account_id: Annotated[Id, Path()]) -> Response:
    given = asked.filled(request.query_params)
    day = asked.day_asked(given["day"], look.zone) if "day" in given else None
    wanted = asked.emails_asked(given, day)
    found = activity.account(account_id, **dict(wanted))
    return look.page(
        request.scope,
        "account.html.j2",
        activity.context(),
        account=account_id,
        found=found,
        day=day,
        wanted=wanted,
        narrowed=NARROWED,
    )


@pages.get("/failures", dependencies=ASKS)
def failures(request: Request, activity: Reader, look: Page) -> Response:
    given = asked.filled(request.query_params)
    since = asked.day_asked(given["since"], look.zone) if "since" in given else None
    context = activity.context()
    wanted = _failures_asked(given, since, context.now)
    found = activity.failures(given.get("account"), **dict(wanted))
    return look.page(
        request.scope,
        "failures.html.j2",
        context,
        found=found,
        account=given.get("account"),
        since=since,
        wanted=wanted,
        reasons=_reasons(found.data),
        all_reasons=[(each, _named(each)) for each in FAILURE_REASONS],
    )


@pages.get("/failures.csv", dependencies=ASKS)
def failures_csv(request: Request, activity: Reader, look: Page) -> Response:
    """Of five pages; `email-activity failures --csv` has no bound."""
    given = asked.filled(request.query_params)
    since = asked.day_asked(given["since"], look.zone) if "since" in given else None
    wanted = dict(_failures_asked(given, since, activity.context().now)) | {"limit": MAX_PAGE}
    rows: list[model.Failure] = []
    for _ in range(MAX_FOLDED // MAX_PAGE):
        found = activity.failures(given.get("account"), **wanted)
        rows += found.data
        if not found.next_cursor:
            break
        wanted["after"] = found.next_cursor
    lines = [CSV, *(map(formula_safe, cells(row_of(each), look.zone)) for each in rows)]
    more = [["There may be more: email-activity failures --csv has all"]] if found.next_cursor else []
    named = {"Content-Disposition": 'attachment; filename="not-delivered.csv"'}
    return Response(BOM + "".join(map(csv_line, [*lines, *more])), media_type="text/csv", headers=named)


@pages.post("/failures", dependencies=SENDS)
@pages.post("/overview", dependencies=SENDS)
def narrow(request: Request, activity: Reader, look: Page, form: Form) -> Response:
    """What the forms ask, as a URL to keep; but not an address in the field of the account: that is answered here."""
    given = asked.filled(form)
    if is_address(given.get("account", "")):
        return _recipient(request, activity, look, given["account"], None)
    return RedirectResponse(f"{request.url.path}?{urlencode(given)}", 303)


def _failures_asked(given: Mapping[str, str], since: asked.Day | None, now: datetime) -> FailuresAsked:
    """Raises ProblemError."""
    wanted = asked.failures_asked(given, since)
    if "account" not in given and is_too_long(wanted, now):
        detail = f"At most {MAX_DAYS} days of all accounts. Name an account, or a later day."
        raise ProblemError(400, "range_too_long", detail)
    return wanted


def _reasons(rows: tuple[model.Failure, ...]) -> list[tuple[str, str, int]]:
    """What it can be narrowed to, with how often it is on this page, the most frequent first."""
    counts = Counter((each.status.reason or each.status.code, each.status.label) for each in rows)
    return [(reason, label, count) for (reason, label), count in counts.most_common()]


def _named(reason: str) -> str:
    """Of a code or of a reason, whichever state has it."""
    row = next((each for each in WORDS if each.reason == reason), None) or words(reason)
    return row.label


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
