"""What the page's forms ask, as the reader wants it: days are of its time zone, and empty fields count as none."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TypeVar
from urllib.parse import parse_qsl

from fastapi import Request
from pydantic import ValidationError

from email_activity.domain.zones import Zone
from email_activity.web.problems import ProblemError
from email_activity.web.requests import EmailsAsked, FailuresAsked

Asked = TypeVar("Asked", EmailsAsked, FailuresAsked)

#: Fields of a form.
MAX_FIELDS = 10


@dataclass(frozen=True, slots=True)
class Day:
    """A day of the page's time zone. start, end: in UTC."""

    day: date
    start: datetime
    end: datetime
    before: date
    after: date


async def read_form(request: Request) -> dict[str, str]:
    """Raises ProblemError."""
    body = await request.body()
    try:
        return dict(parse_qsl(body.decode(), max_num_fields=MAX_FIELDS, keep_blank_values=True))
    except ValueError:
        raise ProblemError(400, "invalid_request", "The form cannot be read.") from None


def filled(fields: Mapping[str, str]) -> dict[str, str]:
    """A form sends all of its fields."""
    return {name: value.strip() for name, value in fields.items() if value.strip()}


def day_asked(text: str, zone: Zone) -> Day:
    """Raises ProblemError."""
    try:
        day, one = date.fromisoformat(text), timedelta(days=1)
        # The page links to its neighbours, which the first and the last of all days lack.
        return Day(day, *zone.day(day), before=day - one, after=day + one)
    except (ValueError, OverflowError):
        raise ProblemError(400, "invalid_request", "Want a day like 2026-11-23.") from None


def emails_asked(asked: Mapping[str, str], day: Day | None) -> EmailsAsked:
    """Raises ProblemError."""
    within = {"since": day.start.isoformat(), "until": day.end.isoformat()} if day else {}
    return _checked(EmailsAsked, {name: asked[name] for name in ("status", "after") if name in asked} | within)


def failures_asked(asked: Mapping[str, str], since: Day | None) -> FailuresAsked:
    """Raises ProblemError."""
    own = {name: asked[name] for name in ("reason", "after", "delivered_since") if name in asked}
    return _checked(FailuresAsked, own | ({"since": since.start.isoformat()} if since else {}))


def cursor_asked(text: str | None) -> str | None:
    """Raises ProblemError."""
    return _checked(EmailsAsked, {"after": text}).after if text else None


def _checked(kind: type[Asked], values: dict[str, str]) -> Asked:
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        names = ", ".join(sorted({str(each["loc"][0]) for each in error.errors()}))
        raise ProblemError(400, "invalid_request", f"These values are not valid: {names}.") from None
