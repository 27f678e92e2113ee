"""The pages of many: an account's emails, and what was not delivered, also as a spreadsheet."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Request
from starlette.responses import RedirectResponse, Response

from email_activity.activity import model
from email_activity.activity.failure_cells import BOM, CSV, cells, csv_line, formula_safe, row_of
from email_activity.activity.filters import FAILURE_REASONS
from email_activity.activity.pages import MAX_FOLDED, MAX_PAGE
from email_activity.activity.words import WORDS, words
from email_activity.web.api import Reader
from email_activity.web.pages import asked, texts
from email_activity.web.pages.routes import ASKS, SENDS, Form, Page, recipient_page
from email_activity.web.problems import ProblemError
from email_activity.web.requests import MAX_DAYS, FailuresAsked, Id, is_too_long

lists = APIRouter(include_in_schema=False)

#: What a list can be narrowed to: the value, and its name.
NARROWED = (
    ("", "All"),
    ("not_delivered", "Not delivered"),
    ("still_trying", "No outcome yet"),
    ("delivered", "Delivered"),
    ("opened", "Opened"),
    ("clicked", "Clicked"),
    *(
        (code, words(code, reason).label)
        for code, reason in (("proxy_opened", None), ("machine", None), ("unknown", "open"))
    ),
    ("complained", "Marked as spam"),
)


@lists.get("/accounts/{account_id:path}", dependencies=ASKS)
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


@lists.get("/failures", dependencies=ASKS)
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


@lists.get("/failures.csv", dependencies=ASKS)
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


@lists.post("/accounts", dependencies=SENDS)
@lists.post("/failures", dependencies=SENDS)
@lists.post("/overview", dependencies=SENDS)
def narrow(request: Request, activity: Reader, look: Page, form: Form) -> Response:
    """What the forms ask, as a URL to keep; but not an address in the field of the account: that is answered here."""
    given = asked.filled(form)
    if texts.is_address(given.get("account", "")):
        return recipient_page(request, activity, look, given["account"], None)
    if request.url.path == "/accounts":
        return RedirectResponse(texts.account_url(given["account"]) if "account" in given else "/", 303)
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
