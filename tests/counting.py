"""Short ways for tests to count emails: from the events of each to a summary, and to its figures."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from email_activity.activity.answers import Context
from email_activity.activity.figures import About, figures
from email_activity.activity.summary import Summary
from email_activity.activity.summary_model import Figures
from events import ANA, Email, Event, raw
from reading import status_of

SENT = datetime(2026, 11, 10, 9, 0, tzinfo=UTC)
DAY = SENT.date()
LATER = Context(now=SENT + timedelta(days=2))


def counted(*emails: Iterable[Event], zone=UTC, context: Context = LATER) -> Summary:
    """emails: the events of each."""
    summary = Summary(zone)
    for events in emails:
        summary.add(status_of(map(raw, events)), context)
    return summary


def figures_of(summary: Summary, first: date = DAY, last: date = DAY) -> Figures:
    return figures(summary, About("4711", first, last, "UTC", LATER.now))


def sent_to(*recipients: str, at: datetime = SENT) -> Email:
    return Email(to=recipients or (ANA,), sent_at=at)
