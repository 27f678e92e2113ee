"""Lists as the commands print them: an account's, a recipient's and a document's emails."""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

import click

from email_activity.activity import model
from email_activity.activity.describe import counted
from email_activity.activity.filters import matches
from email_activity.activity.reader import Activity
from email_activity.cli import rows, show, tables
from email_activity.cli.when import Zone


@dataclass(frozen=True, slots=True)
class Asked:
    """What `account` was asked for."""

    account: str
    since: datetime | None
    until: datetime | None
    status: str | None = None
    limit: int | None = None
    after: str | None = None
    newest_first: bool = True

    def span(self, zone: Zone) -> str:
        if self.since is None:
            return f"before {zone.named(self.until)}" if self.until else "at any time"
        upto = zone.moment(self.until) if self.until else "now"
        return f"between {zone.moment(self.since)} and {upto} ({zone.name})"

    def read(self, activity: Activity) -> Generator[model.ListedEmail]:
        """One beyond the limit, which tells that there are more; with a filter all, since few may match."""
        limit = None if self.status else one_more(self.limit)
        return activity.stream_account(
            self.account, self.since, self.until, limit=limit, after=self.after, newest_first=self.newest_first
        )


def one_more(limit: int | None) -> int | None:
    return limit + 1 if limit else None


@contextmanager
def wrong_usage() -> Iterator[None]:
    """A wrong argument, such as a cursor that nobody gave, is no failure of the program."""
    try:
        yield
    except ValueError as error:
        raise click.UsageError(show.printable(error)) from None


def print_account(asked: Asked, zone: Zone, *, as_json: bool, plain: bool) -> int:
    """As they are read. How many there were."""
    activity = Activity()
    with wrong_usage():
        is_wanted, emails = matches(asked.status), asked.read(activity)
    if show.console().is_terminal and not (as_json or plain):
        click.echo(f"Account {show.printable(asked.account)}, emails sent {asked.span(zone)}\n")
    printer: AbstractContextManager[Callable[[model.ListedEmail], None]] = (
        nullcontext(show.print_model) if as_json else rows.printed_rows(zone, plain=plain)
    )
    count = looked = 0
    last, has_more = None, False
    # Leaving early must end the processes that read ahead.
    with closing(emails), printer as print_one:
        for each in emails:
            if asked.limit and count == asked.limit:
                has_more = True
                break
            looked, last = looked + 1, each
            if is_wanted(each):
                count += 1
                print_one(each)
    if asked.status and last:
        _note_how_far(looked, last, zone)
    if has_more and last:
        show.print_note(f"there are more: --after {last.cursor}")
    if count and not as_json:
        show.print_freshness(activity.freshness())
    return count


def _note_how_far(looked: int, last: model.ListedEmail, zone: Zone) -> None:
    upto = f", the last sent {zone.named(last.sent_at)}" if last.sent_at else ""
    show.print_note(f"looked through {counted(looked, 'email')}{upto}")


def with_emails(
    found: model.RecipientActivity, emails: Generator[model.ListedEmail], limit: int | None
) -> model.RecipientActivity:
    """With these instead of its page."""
    with closing(emails):
        listed = tuple(islice(emails, limit))
        has_more = bool(limit) and next(emails, None) is not None
    cursor = listed[-1].cursor if has_more else None
    return found.model_copy(update={"emails": listed, "has_more": has_more, "next_cursor": cursor})


def print_recipient(found: model.RecipientActivity, zone: Zone, *, plain: bool) -> None:
    if not plain:
        show.print_lines(tables.verdict(found.verdict, zone))
        click.echo(f"  {_judged(found)}; times in {zone.name}\n")
    with rows.printed_rows(zone, plain=plain) as print_one:
        for each in found.emails:
            print_one(each)
    if found.has_more:
        show.print_note(f"there are more: --after {found.next_cursor}")
    show.print_freshness(found.freshness)


def _judged(found: model.RecipientActivity) -> str:
    return f"{show.printable(found.recipient)}, judged by the last {counted(found.verdict.emails, 'email')}"


def print_document(found: model.DocumentActivity, zone: Zone) -> None:
    show.print_lines(tables.headline(found.status, zone))
    show.print_table(tables.about_document(found))
    out = show.console()
    if found.recipients:
        click.echo(f"\nRecipients, by the newest email to each; times in {zone.name}")
    for each in found.recipients:
        show.print_lines(rows.recipient_row(each, 0, zone, out.width - 2, 0), indent="  ")
    click.echo("\nEmails, newest first")
    with rows.printed_rows(zone) as print_one:
        for email in found.emails:
            print_one(email)
    if found.has_more:
        show.print_note("there are more emails about it than are shown")
    show.print_freshness(found.freshness)


def print_plain(header: Iterable[str], lines: Iterable[str]) -> None:
    click.echo("\t".join(header))
    for line in lines:
        click.echo(line)
