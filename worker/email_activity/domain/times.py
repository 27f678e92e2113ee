"""Times as SES and its look-alikes write them, and as this project writes them: RFC 3339, UTC."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

#: AWS's own pages have `2018-10-08T14:05:45 +0000`, the one ISO spelling that `fromisoformat` does not take.
#: The look behind starts a run of blanks once only, so that a megabyte of them takes no time.
_BLANK_BEFORE_OFFSET = re.compile(r"(?<=\d)\s+(?=[+-]\d\d:?\d\d$)")


@dataclass(frozen=True, slots=True)
class Timestamp:
    """A time as reported: what was written, and when that is in UTC (None if it cannot be read)."""

    text: str
    at: datetime | None

    @property
    def identity(self) -> str:
        """Microseconds since the epoch, so that every spelling of one time is one identity."""
        return self.text if self.at is None else str(microseconds(self.at))


def parse_timestamp(text: str) -> Timestamp:
    """A time without an offset counts as UTC. Never raises: an unreadable time is kept as written."""
    text = text.strip()
    try:
        at = datetime.fromisoformat(_BLANK_BEFORE_OFFSET.sub("", text) if " " in text or not text.isascii() else text)
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return Timestamp(text, None)
    return Timestamp(text, at)


def microseconds(at: datetime) -> int:
    """Whole microseconds since the epoch; exact, unlike `timestamp()`, which is a float."""
    since = at - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def rfc3339(at: datetime, timespec: str = "milliseconds") -> str:
    """`2026-11-23T10:00:00.123Z`; timespec as in `datetime.isoformat`."""
    return _rfc3339(at if at.tzinfo is UTC else at.astimezone(UTC), timespec)


@lru_cache(maxsize=1024)  # an email's times stand in several of its items
def _rfc3339(at: datetime, timespec: str) -> str:
    """Of a time in UTC: in others, two times that differ by an hour can be equal as keys (`fold`)."""
    return at.isoformat(timespec=timespec)[: -len("+00:00")] + "Z"


def read_time(text: str | None) -> datetime | None:
    """What `rfc3339` wrote."""
    return None if text is None else datetime.fromisoformat(text)


def rfc3339_exact(at: datetime) -> str:
    """Milliseconds, as SES writes them, unless the time has more."""
    return rfc3339(at, "microseconds" if at.microsecond % 1000 else "milliseconds")
