"""A page of a list, for who asks over a network: few threads, no processes, and a bound on what is folded.

The cursor is the last sort key looked at, in base64url.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from typing import Any, Generic, TypeVar

from email_activity.activity import model
from email_activity.activity.answers import Context
from email_activity.activity.bulk import THREADS, FoldedEmail, Group, fold_in_threads, grouped
from email_activity.activity.query import MAX_TOGETHER, ActivityTable, Hit
from email_activity.domain.keys import NO_TIME

#: Emails that a page folds at most.
MAX_FOLDED = 500

#: Statements under way where a filter may leave few: more would only wait for the CPU.
AHEAD_OF_FILTER = 3

#: Rows of a page, unless asked for another number.
PAGE = 50
MAX_PAGE = 100

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FoundPage(Generic[T]):
    """next_key: the sort key where the next page goes on, None at the end. looked_until: its time, None at the end."""

    rows: tuple[T, ...]
    next_key: str | None

    @property
    def looked_until(self) -> datetime | None:
        time = (self.next_key or NO_TIME).partition("#")[0]
        return None if time == NO_TIME else datetime.fromisoformat(time)


def read_page(
    table: ActivityTable,
    hits: Iterable[Hit],
    rows_of: Callable[[Group, FoldedEmail], Iterable[T]],
    limit: int,
    *,
    is_filtered: bool,
) -> FoundPage[T]:
    """rows_of: those that the hits of one email at one place stand for.

    is_filtered: few emails may have a row, so it reads ahead for more than the page's.
    """
    groups = grouped(hits)
    within = islice(groups, MAX_FOLDED)
    if is_filtered:
        folded = fold_in_threads(table, within, AHEAD_OF_FILTER, MAX_TOGETHER)
    else:
        # The one beyond the page tells that there are more.
        folded = chain(
            fold_in_threads(table, islice(within, limit + 1), THREADS), fold_in_threads(table, within, ahead=1)
        )
    rows: list[T] = []
    last: str | None = None
    for group, email in folded:
        found = list(rows_of(group, email))
        if found and len(rows) >= limit:
            return FoundPage(tuple(rows), last)
        rows += found
        if found or len(rows) < limit:
            last = group[0].sort_key
    return FoundPage(tuple(rows), last if next(groups, None) else None)


def page_of(found: FoundPage[Any], rows: Iterable[T], context: Context) -> model.Page[T]:
    return model.Page(
        data=tuple(rows),
        has_more=found.next_key is not None,
        next_cursor=found.next_key and cursor_of(found.next_key),
        looked_until=found.looked_until,
        freshness=context.freshness,
    )


def check_limit(limit: int) -> int:
    """Raises ValueError."""
    if not 1 <= limit <= MAX_PAGE:
        raise ValueError(f"limit: got {limit}, want 1 to {MAX_PAGE}")
    return limit


def cursor_of(sort_key: str) -> str:
    return urlsafe_b64encode(sort_key.encode()).decode().rstrip("=")


def sort_key_of(cursor: str) -> str:
    """Raises ValueError for a text that `cursor_of` did not make."""
    try:
        sort_key = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except ValueError:
        sort_key = ""
    if not sort_key or cursor_of(sort_key) != cursor or "#" not in sort_key:
        raise ValueError("want a cursor as an earlier answer gave it")
    return sort_key
