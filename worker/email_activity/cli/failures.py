"""`email-activity failures` and `stuck`: what did not arrive, and what nobody heard of again."""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice

import click

from email_activity.activity import model
from email_activity.activity.describe import counted
from email_activity.activity.failure_cells import Row, row_of
from email_activity.activity.filters import FAILURE_REASONS
from email_activity.activity.pages import MAX_PAGE
from email_activity.activity.reader import Activity
from email_activity.activity.states import PENDING
from email_activity.cli import show
from email_activity.cli.failure_rows import Counts, Form, printer
from email_activity.cli.interrupt import ended_by_ctrl_c
from email_activity.cli.options import non_empty, one_form, time_option
from email_activity.cli.when import Zone, tz_option

limited = click.option("--limit", type=click.IntRange(min=1), help="At most so many rows. Default: all.")


@click.command()
@click.option("--account", metavar="ID", callback=non_empty, help="Of this account only. Default: of all.")
@time_option("--since", "Reported from then on: 2026-11-01, a time (RFC 3339), or 24h, 7d.", default="7d")
@time_option("--until", "Reported before then. Default: now.")
@click.option(
    "--reason",
    type=click.Choice(FAILURE_REASONS, case_sensitive=False),
    metavar="REASON",
    help="Only these, by code or reason: `email-activity explain REASON` says what each is.",
)
@click.option(
    "--delivered-since", is_flag=True, help="Those too whose document reached the recipient by a later email."
)
@limited
@one_form("JSON lines: one object for each, as they are read.")
@tz_option
@ended_by_ctrl_c
def failures(  # noqa: PLR0913  one argument for each option is how click works
    *,
    account: str | None,
    since: str | None,
    until: str | None,
    reason: str | None,
    delivered_since: bool,
    limit: int | None,
    zone: Zone,
    form: Form,
) -> None:
    """Every document whose email did not arrive: to whom, why, and what to do. Newest first.

    An email that was marked as spam counts too. One whose document reached the recipient by a later email does not,
    unless asked for by --delivered-since. Of all accounts it reads day by day.

    REASON is one of those that --json shows as `code` or `reason`, as hard_bounced or mailbox_full.

    \b
    Examples:
      email-activity failures
      email-activity failures --account 4711 --since 30d --reason mailbox_full
      email-activity failures --since 2026-11-01 --csv > november.csv
      email-activity failures --json | jq -r .recipient | sort -u
    """
    now = datetime.now(UTC)
    start, end = _time("--since", since, zone, now) or now - timedelta(days=7), _time("--until", until, zone, now)
    _check_span(start, end or now)
    read = partial(Activity().failures, account, start, end, reason=reason)
    found = _over_pages(partial(read, delivered_since=delivered_since, limit=MAX_PAGE))
    counts, has_more = _print(found, form, zone, limit, "failures")
    of_account = f" of account {account}" if account else ""
    because = f" because of {reason}" if reason else ""
    span = f"between {zone.moment(start)} and {zone.moment(end) if end else 'now'} ({zone.name})"
    if not counts.rows:
        others = "" if delivered_since else "; those delivered later are left out, unless --delivered-since is given"
        show.print_note(f"No email{of_account} failed{because} {span}{others}.")
        _note_if_unknown(account)
        raise SystemExit(1)
    show.print_note(f"Not delivered or marked as spam{of_account} {span}: {counts}")
    if has_more:
        show.print_note("There are more than --limit.")


@click.command()
@click.option("--account", metavar="ID", required=True, callback=non_empty, help="Of this account.")
@click.option(
    "--after",
    metavar="SPAN",
    default="14h",
    show_default=True,
    help="Sent so long ago, as 14h or 2d: SES tries for 14 hours.",
)
@time_option("--since", "Sent from then on: 2026-11-01, a time (RFC 3339), or 24h, 7d.", default="7d")
@limited
@one_form("JSON lines: one object for each email, as they are read.")
@tz_option
@ended_by_ctrl_c
def stuck(*, account: str, after: str, since: str | None, limit: int | None, zone: Zone, form: Form) -> None:  # noqa: PLR0913  as above
    """Emails that were sent or delayed, and nothing was heard of since. Newest first.

    No index knows what did not happen, so it looks through all emails of the account in the span, and says through
    how many. If there are a lot, the events may not arrive, or the configuration set may not report deliveries.

    \b
    Examples:
      email-activity stuck --account 4711
      email-activity stuck --account 4711 --after 2d --since 30d --csv
    """
    now = datetime.now(UTC)
    start, end = _time("--since", since, zone, now), _span_ago(after, zone, now)
    _check_span(start, end)
    activity, looked = Activity(), Looked()
    emails = activity.stream_account(account, start, end)
    # Leaving early must end the processes that read ahead.
    with closing(emails):
        counts, has_more = _print(_stuck(looked.through(emails)), form, zone, limit, "emails without an outcome")
    span = f"sent between {zone.moment(start)} and {zone.moment(end)} ({zone.name})"
    upto = f", back to {zone.named(looked.last)}" if has_more and looked.last else ""
    told = f"Looked through {counted(looked.count, 'email')} of account {account} {span}{upto}"
    if not counts.rows:
        show.print_note(f"{told}: none is without an outcome.")
        _note_if_unknown(account)
        raise SystemExit(1)
    show.print_note(f"{told}: {counts}")
    if form == "people":
        show.print_freshness(activity.freshness())


def _check_span(start: datetime | None, end: datetime | None) -> None:
    if start and end and start >= end:
        raise click.UsageError("the span ends before it begins: see --since, and --until or --after")


def _note_if_unknown(account: str | None) -> None:
    """A misspelt account has no failures either."""
    if account and not Activity().account(account, limit=1).data:
        show.print_note(f"No email of account {account} is known at all: ids are told apart by case too.")


class Looked:
    """How far a search came."""

    def __init__(self) -> None:
        self.count = 0
        self.last: datetime | None = None

    def through(self, emails: Iterable[model.ListedEmail]) -> Iterator[model.ListedEmail]:
        for each in emails:
            self.count, self.last = self.count + 1, each.sent_at
            yield each


def _over_pages(read: Callable[..., model.Page[model.Failure]]) -> Iterator[Row]:
    """Each email once for a recipient: copies of an event that tell its time differently stand in the index twice."""
    seen: set[tuple[str, str]] = set()
    cursor: str | None = None
    while True:
        page = read(after=cursor)
        for each in page.data:
            if (each.email_id, each.recipient) not in seen:
                seen.add((each.email_id, each.recipient))
                yield row_of(each)
        if not page.next_cursor:
            return
        cursor = page.next_cursor


def _stuck(emails: Iterable[model.ListedEmail]) -> Iterator[Row]:
    for email in emails:
        shown: model.ListedEmail | None = email
        for each in email.recipients:
            if each.delivery.state in PENDING:
                status = _delivery(each)
                yield Row(
                    at=status.since or email.sent_at,
                    document=email.document,
                    account=email.account,
                    recipient=each.recipient or "",
                    status=status,
                    email_id=email.email_id,
                    sent_at=email.sent_at,
                    subject=email.subject,
                    simulator=each.simulator,
                    shown=shown,
                )
                shown = None


def _delivery(of: model.Recipient) -> model.Status:
    """What is said of it, whatever a proxy opened."""
    return next((each for each in (of.status, *of.also) if each.code == of.delivery.state), of.status)


def _print(rows: Iterator[Row], form: Form, zone: Zone, limit: int | None, what: str) -> tuple[Counts, bool]:
    """What was printed, and whether there is more."""
    counts = Counts()
    # A program's output to a terminal is not drawn over; into a file, the count stands on standard error.
    is_silent = form != "people" and show.console().is_terminal
    with show.live_count(what, disable=is_silent) as live:
        print_row = printer(form, zone, live)
        for row in islice(rows, limit):
            print_row(row)
            counts.add(row)
        has_more = limit is not None and next(rows, None) is not None
    return counts, has_more


def _time(option: str, text: str | None, zone: Zone, now: datetime) -> datetime | None:
    at = zone.parse(text, now) if text else None
    if text and not at:
        raise click.UsageError(f"{option}: want 2026-11-23, 2026-11-23T10:00:00Z, 24h or 7d")
    return at


def _span_ago(span: str, zone: Zone, now: datetime) -> datetime:
    at = zone.parse(span, now) if re.fullmatch(r"\d+[dhm]", span) else None
    if not at:
        raise click.UsageError(f"--after: got {show.printable(span)}, want a span as 14h, 2d or 90m")
    return at
