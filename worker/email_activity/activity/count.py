"""The emails of an account, or of all of them, counted as they are read, many in processes of their own."""

from collections.abc import Callable
from concurrent.futures import as_completed
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from itertools import islice

from email_activity.activity import bulk, model
from email_activity.activity.answers import Context
from email_activity.activity.query import MAX_TOGETHER, ActivityTable, open_table
from email_activity.activity.ranges import Range
from email_activity.activity.reported import Reported
from email_activity.activity.status import status
from email_activity.activity.summary import Summary
from email_activity.settings import ReaderSettings

#: Bytes that a read unit pays for where what was written within the last second may be missing.
#: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/capacity-mode.html
BYTES_PER_UNIT = 8_192

#: US dollars, on demand, in us-east-1. https://aws.amazon.com/dynamodb/pricing/on-demand/
USD_PER_MILLION_UNITS = 0.125

#: Bytes of the table that are counted at once: a process that is told to stop finishes them.
SEGMENT = 16_000_000

Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Counted:
    """counted_at: UTC."""

    summary: Summary
    counted_at: datetime
    freshness: model.Freshness


@dataclass(frozen=True, slots=True)
class Price:
    """What it takes to read the whole table, by its size in bytes."""

    size: int

    @property
    def read_units(self) -> int:
        return -(-self.size // BYTES_PER_UNIT)

    @property
    def usd(self) -> float:
        return self.read_units * USD_PER_MILLION_UNITS / 1_000_000


def count_few(  # noqa: PLR0913  as count_account, on a table that is open
    table: ActivityTable, context: Context, account: str, span: Span, zone: tzinfo, *, limit: int
) -> Summary | None:
    """In a few threads, for a server. None if there are more than `limit` emails; then nothing was folded."""
    groups = list(islice(bulk.grouped(table.by_account(account, Range(*span))), limit + 1))
    if len(groups) > limit:
        return None
    summary = Summary(zone)
    for group, email in bulk.fold_in_threads(table, iter(groups), bulk.THREADS, MAX_TOGETHER):
        if bulk.is_place(group, email, belongs_to(account)):
            summary.add(email.status, context)
    return summary


def count_account(
    settings: ReaderSettings,
    account: str,
    span: Span,
    zone: tzinfo,
    on_emails: Callable[[int], object] = lambda _: None,
) -> Counted:
    """Emails sent from the span's begin on and before its end. zone: of the days. on_emails: told how many more.

    Raises what botocore raises.
    """
    table, now = open_table(settings), datetime.now(UTC)
    context, summary = _context(table, now), Summary(zone)
    emails = bulk.list_emails(settings, table, table.by_account(account, Range(*span)), belongs_to(account))
    # Leaving early must end the processes that read ahead.
    with closing(emails):
        for each in emails:
            summary.add(each.status, context)
            on_emails(1)
    return Counted(summary, now, Reported(table).freshness(now))


def price_of_all(settings: ReaderSettings) -> Price:
    return Price(open_table(settings).size())


def count_all(
    settings: ReaderSettings,
    span: Span,
    zone: tzinfo,
    on_emails: Callable[[int], object] = lambda _: None,
) -> Counted:
    """As `count_account`, of all accounts and of none: no index lists these, so it reads the whole table."""
    table, now = open_table(settings), datetime.now(UTC)
    segments = max(2 * bulk.PROCESSES, -(-table.size() // SEGMENT))
    summary, pool = Summary(zone), bulk.new_pool()
    try:
        with bulk.deaf_to_ctrl_c():
            parts = [
                pool.submit(count_segment, settings, (each, segments), span, zone, now) for each in range(segments)
            ]
        for part in as_completed(parts):
            summary.merge(part.result())
            on_emails(part.result().emails)
    finally:
        pool.shutdown(cancel_futures=True)
    return Counted(summary, now, Reported(table).freshness(now))


def count_segment(
    settings: ReaderSettings, segment: tuple[int, int], span: Span, zone: tzinfo, now: datetime
) -> Summary:
    """In a process of the pool. segment: its number, and how many there are."""
    table = bulk.table_of_process(settings)
    context, summary = _context(table, now), Summary(zone)
    for facts in table.emails(*segment):
        email = status(facts[0].email_id, facts)
        if email.sent_at is None or span[0] <= email.sent_at < span[1]:
            summary.add(email, context)
    return summary


def belongs_to(account: str) -> bulk.Belongs:
    """Where copies of an email's events disagree, it is of one account only."""
    return lambda email, fact: email.account == fact.account == account


def _context(table: ActivityTable, now: datetime) -> Context:
    return Context(now, Reported(table).opens_tracked)
