"""The emails of an account, counted as they are read, many in processes of their own."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from email_activity.activity import bulk, model
from email_activity.activity.answers import Context
from email_activity.activity.query import open_table
from email_activity.activity.ranges import Range
from email_activity.activity.reported import Reported
from email_activity.activity.summary import Summary
from email_activity.settings import ReaderSettings


@dataclass(frozen=True, slots=True)
class Counted:
    """counted_at: UTC."""

    summary: Summary
    counted_at: datetime
    freshness: model.Freshness


def count_account(
    settings: ReaderSettings,
    account: str,
    span: tuple[datetime, datetime],
    zone: tzinfo,
    on_email: Callable[[], object] = lambda: None,
) -> Counted:
    """Emails sent from the span's begin on and before its end. zone: of the days. on_email: called for each.

    Raises what botocore raises.
    """
    table, now = open_table(settings), datetime.now(UTC)
    reported = Reported(table)
    freshness = reported.freshness(now)
    context, summary = Context(now, reported.opens_tracked, freshness), Summary(zone)
    emails = bulk.list_emails(
        settings,
        table,
        table.by_account(account, Range(*span)),
        lambda email, fact: email.account == fact.account == account,
    )
    # Leaving early must end the processes that read ahead.
    with closing(emails):
        for each in emails:
            summary.add(each.status, context)
            on_email()
    return Counted(summary, now, freshness)
