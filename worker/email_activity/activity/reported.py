"""What the table tells beside the facts of emails: how far it has come, and what is reported at all.

Remembered for a while, so that a list costs no more than its emails.
"""

import time
from datetime import datetime, timedelta
from typing import TypeVar

from email_activity.activity import model
from email_activity.activity.query import ActivityTable

#: Workers tell of themselves every 30 seconds.
READING_WITHIN = timedelta(minutes=2)

#: Seconds for which an answer is given again.
FRESHNESS_KEPT = 5.0
TRACKED_KEPT = 60.0

#: Configuration sets remembered.
MAX_SETS = 1_000

T = TypeVar("T")


class Reported:
    """Its methods may be called from several threads: at worst, two ask for the same."""

    def __init__(self, table: ActivityTable) -> None:
        self._table = table
        self._kept: dict[str | None, tuple[float, bool]] = {}
        self._processes: tuple[float, datetime | None, datetime | None] | None = None

    def opens_tracked(self, configuration_set: str | None) -> bool | None:
        """Whether an open was ever reported for it; None where an email's set is not known."""
        if configuration_set is None:
            return None
        asked_at, is_tracked = self._kept.get(configuration_set, (0.0, False))
        if is_tracked or (asked_at and time.monotonic() < asked_at + TRACKED_KEPT):
            return is_tracked
        if len(self._kept) >= MAX_SETS:
            self._kept.clear()
        is_tracked = self._table.has_reported(configuration_set, "Open")
        self._kept[configuration_set] = time.monotonic(), is_tracked
        return is_tracked

    def freshness(self, now: datetime) -> model.Freshness:
        kept = self._processes
        if kept is None or time.monotonic() > kept[0] + FRESHNESS_KEPT:
            workers = self._table.workers()
            newest = max((each.newest_event_at for each in workers if each.newest_event_at), default=None)
            kept = time.monotonic(), newest, max((each.last_poll_at for each in workers), default=None)
            self._processes = kept
        _, newest, last_poll_at = kept
        is_reading = last_poll_at is not None and now - last_poll_at < READING_WITHIN
        return model.Freshness(newest_recorded_at=newest, last_poll_at=last_poll_at, reading=is_reading)
