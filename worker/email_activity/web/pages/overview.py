"""An account's emails counted: the report's figures on a page, as long as they are few; else the command for it."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from fastapi import APIRouter, Request
from markupsafe import Markup
from starlette.responses import Response

from email_activity.activity.answers import Context
from email_activity.activity.figures import About, figures
from email_activity.activity.reader import MAX_COUNTED, Activity
from email_activity.domain.zones import Zone
from email_activity.report.render import render_body
from email_activity.web.api import Reader
from email_activity.web.pages import asked
from email_activity.web.pages.routes import ASKS, Page
from email_activity.web.problems import ProblemError

#: Days, the last of which is today, unless others are asked for.
DAYS = 30

overviews = APIRouter(include_in_schema=False)

#: Days that an overview may have: each is a row, emails or not.
MAX_DAYS = 366


@dataclass(frozen=True, slots=True)
class Span:
    """Days, both counted."""

    first: date
    last: date
    start: datetime
    end: datetime


@overviews.get("/overview", dependencies=ASKS)
def overview(request: Request, activity: Reader, look: Page) -> Response:
    given, context = asked.filled(request.query_params), activity.context()
    account, today = given.get("account"), context.now.astimezone(look.zone.info).date()
    span = _span(given, look.zone, today)
    body = _body(activity, account, span, context, look.zone) if account else None
    return look.page(
        request.scope,
        "overview.html.j2",
        context,
        account=account,
        span=span,
        body=body,
        command=_command(account, span) if account else None,
        shorter=[(days, today - timedelta(days=days - 1), today) for days in (1, 7)],
        most=MAX_COUNTED,
    )


def _span(given: Mapping[str, str], zone: Zone, today: date) -> Span:
    """Raises ProblemError."""
    last = asked.day_asked(given.get("to") or today.isoformat(), zone)
    first = asked.day_asked(given.get("from") or _days_before(last.day), zone)
    if first.day > last.day:
        raise ProblemError(400, "invalid_request", "The first day is after the last.")
    if (last.day - first.day).days >= MAX_DAYS:
        raise ProblemError(400, "range_too_long", f"At most {MAX_DAYS} days.")
    return Span(first.day, last.day, first.start, last.end)


def _days_before(last: date) -> str:
    """Empty, which is no day, where there is none."""
    return (last - timedelta(days=DAYS - 1)).isoformat() if last.year > 1 else ""


def _body(activity: Activity, account: str, span: Span, context: Context, zone: Zone) -> Markup | None:
    """None: too many."""
    summary = activity.summary(account, span.start, span.end, zone=zone.info)
    if summary is None or not summary.sent:
        return None if summary is None else Markup()
    about = About(account, span.first, span.last, zone.name, context.now, context.freshness)
    return render_body(figures(summary, about), zone.info)


def _command(account: str, span: Span) -> str:
    return f"email-activity report --account {shlex.quote(account)} --from {span.first} --to {span.last} -o report.html"
