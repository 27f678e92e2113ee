"""Parts of an index, and the conditions on its sort key that stand for them. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from email_activity.domain.times import rfc3339


@dataclass(frozen=True, slots=True)
class Range:
    """Which part of an index, and from which end.

    since is included, until is not; both count in whole seconds. Raises ValueError for a time without a zone, and for a
    range that ends before it begins. after: the cursor, itself left out. page_size: hits in
    a page of DynamoDB's answer, for who wants only a few; else as many as it gives (1 MB).
    """

    since: datetime | None = None
    until: datetime | None = None
    after: str | None = None
    newest_first: bool = True
    page_size: int | None = None

    def __post_init__(self) -> None:
        for name, at in (("since", self.since), ("until", self.until)):
            # A text is what a product may give by mistake.
            if at is not None and getattr(at, "tzinfo", None) is None:
                raise ValueError(f"{name}: got {at!r}, want a datetime with a time zone")
        if self.since and self.until and self.since >= self.until:
            raise ValueError(f"since: got {rfc3339(self.since)}, want a time before until, {rfc3339(self.until)}")


def days_of(within: Range) -> Iterable[date]:
    """Those of a range with both ends, in UTC, in its order, from the cursor's on."""
    if within.since is None or within.until is None or within.until <= within.since:
        return ()
    first, last = (at.astimezone(UTC).date() for at in (within.since, within.until - timedelta(microseconds=1)))
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    if cursor := (within.after or "").partition("T")[0]:
        days = [
            day for day in days if (day.isoformat() <= cursor if within.newest_first else day.isoformat() >= cursor)
        ]
    return reversed(days) if within.newest_first else days


def sort_condition(within: Range) -> tuple[str | None, dict[str, Any]]:
    """DynamoDB takes one condition on a sort key, so the cursor narrows the range. None: nothing can match."""
    lower, upper = _bound(within.since), _bound(within.until)
    if within.after and within.newest_first:
        upper = min(upper or within.after, within.after)
    elif within.after:
        lower = max(lower or within.after, within.after)
    if lower and upper:
        if lower > upper:  # which DynamoDB refuses
            return None, {}
        return " AND #sort BETWEEN :lower AND :upper", {":lower": {"S": lower}, ":upper": {"S": upper}}
    if lower:
        return " AND #sort >= :lower", {":lower": {"S": lower}}
    if upper:
        return " AND #sort <= :upper", {":upper": {"S": upper}}
    return "", {}


def _bound(at: datetime | None) -> str | None:
    """`2026-11-23T10:00:00`, which sorts before that second's own keys (`...:00Z#`, `...:00.000Z`) and after
    all earlier ones: so BETWEEN, which includes both ends, has the second of `until` outside.
    """
    return rfc3339(at, "seconds").removesuffix("Z") if at else None
