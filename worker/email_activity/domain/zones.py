"""Times for people: in a time zone of their choice, whose name always stands with them. Pure."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from email_activity.domain.times import parse_timestamp

#: `7d`, `24h`, `30m`: so long ago.
_AGO = re.compile(r"(\d{1,6})\s*([dhm])")
_UNITS = {"d": "days", "h": "hours", "m": "minutes"}

#: Age of an event in the largest unit of which it has two.
_AGES = (("days", 86_400), ("hours", 3_600), ("minutes", 60), ("seconds", 1))


@dataclass(frozen=True, slots=True)
class Zone:
    """A time zone, and how times look in it."""

    name: str
    info: tzinfo

    def moment(self, at: datetime | None) -> str:
        """For where the zone is named nearby: `2026-11-23 10:00:00`."""
        return self._here(at).isoformat(" ", "seconds")[:19] if at else "-"

    def minute(self, at: datetime | None) -> str:
        return self.moment(at)[:16]

    def named(self, at: datetime) -> str:
        """`2026-11-23 10:00:00 Europe/Berlin`"""
        return f"{self.moment(at)} {self.name}"

    def exact(self, at: datetime | None) -> str:
        """For programs: RFC 3339 with the zone's offset; empty if there is none."""
        return self._here(at).isoformat(timespec="seconds") if at else ""

    def _here(self, at: datetime) -> datetime:
        """In UTC where the calendar ends."""
        try:
            return at.astimezone(self.info)
        except OverflowError:
            return at.astimezone(UTC)

    def told(self, text: object) -> str:
        """A time as reported; as it is if it cannot be read."""
        at = parse_timestamp(str(text)).at
        return self.named(at) if at else str(text)

    def day(self, day: date) -> tuple[datetime, datetime]:
        """Where the day begins and where it ends, in UTC: 23 to 25 hours."""
        return self._midnight(day), self._midnight(day + timedelta(days=1))

    def parse(self, text: str, now: datetime) -> datetime | None:
        """A day, a time, or how long ago, in UTC; without an offset it is of this zone. None if it is none of these."""
        try:
            if found := _AGO.fullmatch(text.strip()):
                return now - timedelta(**{_UNITS[found[2]]: int(found[1])})
            if re.fullmatch(r"\d{4}-\d\d-\d\d", text.strip()):
                return self._midnight(date.fromisoformat(text.strip()))
            at = datetime.fromisoformat(text.strip())
            return at.replace(tzinfo=at.tzinfo or self.info).astimezone(UTC)
        except (ValueError, OverflowError):
            return None

    def _midnight(self, day: date) -> datetime:
        return datetime(day.year, day.month, day.day, tzinfo=self.info).astimezone(UTC)


def zone_named(name: str) -> Zone:
    """Raises ValueError if there is none."""
    if name == "UTC":
        return Zone(name, UTC)
    try:
        return Zone(name, ZoneInfo(name))
    except (KeyError, OSError):
        raise ValueError(f"no such time zone: {name}") from None


def age(seconds: float) -> str:
    """`12 seconds`, `3 hours`"""
    name, size = next((each for each in _AGES if seconds >= 2 * each[1]), _AGES[-1])
    count = max(0, int(seconds // size))
    return f"{count} {name if count != 1 else name[:-1]}"
