"""What may be asked: parameters and bodies, checked here so that whatever the reader raises is no client's doing."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal, Self

from fastapi import Path
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from email_activity.activity.filters import FAILURE_REASONS, STATUSES
from email_activity.activity.pages import MAX_PAGE, PAGE, sort_key_of
from email_activity.activity.reader import FAILURES_SINCE
from email_activity.domain.times import parse_timestamp

#: Bytes. An address and a cursor are the most that a body has.
MAX_BODY = 16 * 1024

#: Characters. Longer ones are no ids: a tag has at most 256.
MAX_ID = 1_000

#: Days of failures of all accounts that a request may look through: each costs four Queries, failures or not.
MAX_DAYS = 92


def _time(text: object) -> datetime:
    """A day, or RFC 3339; without an offset it is UTC."""
    at = parse_timestamp(text).at if isinstance(text, str) else None
    if at is None:
        raise ValueError("want a time like 2026-11-23T10:00:00Z or a day like 2026-11-23 (a + is %2B in a URL)")
    return at


def _cursor(text: str) -> str:
    sort_key_of(text)
    return text


def _filled(text: str) -> str:
    if not text.strip():
        raise ValueError("it is empty")
    return text


Time = Annotated[datetime, BeforeValidator(_time)]
Cursor = Annotated[str, Field(max_length=MAX_ID, pattern="^[A-Za-z0-9_-]+$"), AfterValidator(_cursor)]
Id = Annotated[str, Path(max_length=MAX_ID, pattern=r"\S"), AfterValidator(_filled)]
Status = Literal[STATUSES]  # type: ignore[valid-type]
Reason = Literal[FAILURE_REASONS]  # type: ignore[valid-type]


class Asked(BaseModel):
    """A name that is not known is refused: what a typo asks for would be answered as if it was not there."""

    model_config = ConfigDict(extra="forbid")


class PageAsked(Asked):
    limit: int = Field(PAGE, ge=1, le=MAX_PAGE, description="Rows of a page")
    after: Cursor | None = Field(None, description="`next_cursor` of the page before")


class RangeAsked(PageAsked):
    since: Time | None = Field(None, description="The earliest, included; a day or a time, UTC unless it says else")
    until: Time | None = Field(None, description="The latest, not included")

    @model_validator(mode="after")
    def _begins_before_it_ends(self) -> Self:
        if self.since and self.until and self.since >= self.until:
            raise ValueError("since: want a time before until")
        return self


class EmailsAsked(RangeAsked):
    status: Status | None = Field(
        None, description="Only emails where any recipient is in this state; `opened`: or has clicked"
    )


class FailuresAsked(RangeAsked):
    reason: Reason | None = Field(None, description="A `code` or `reason` of `Status`")
    delivered_since: bool = Field(
        default=False, description="Those too whose document reached the recipient by a later email"
    )


class LookUp(PageAsked):
    """In a body, so that no address stands in a URL, which logs and histories keep."""

    address: Annotated[str, Field(max_length=MAX_ID, pattern=r"\S"), AfterValidator(_filled)] = Field(
        description="An email address in any spelling"
    )


def is_too_long(asked: FailuresAsked, now: datetime) -> bool:
    """Of the failures of all accounts, by the defaults that the reader has for a missing end."""
    since = asked.since or min(asked.until or now, now) - FAILURES_SINCE
    return (asked.until or now + timedelta(days=1)) - since > timedelta(days=MAX_DAYS)


def now() -> datetime:
    return datetime.now(UTC)
