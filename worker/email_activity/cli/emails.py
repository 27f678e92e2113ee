"""`email-activity status`, `timeline`, `document`, `recipient` and `account`: what became of emails."""

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import asdict
from datetime import UTC, datetime
from typing import NoReturn

import click
from rich.table import Table

from email_activity.activity.bulk import ListedEmail
from email_activity.activity.export import Json, email_json
from email_activity.activity.reader import Reader, utc_day
from email_activity.activity.status import EmailStatus
from email_activity.cli import show, tables
from email_activity.cli.options import non_empty, together
from email_activity.domain.addresses import normalize_address
from email_activity.domain.facts import Document
from email_activity.domain.times import parse_timestamp
from email_activity.settings import load_settings

one_email = together(
    click.argument("email_id", callback=non_empty),
    click.option(
        "--json",
        "as_json",
        is_flag=True,
        help="One JSON object: the email with its recipients' facets and its timeline.",
    ),
)
paged = together(
    click.option("--limit", type=click.IntRange(min=1), help="At most so many emails."),
    click.option("--after", metavar="CURSOR", help="Go on after this email (`cursor` in --json)."),
    click.option("--oldest-first", is_flag=True, help="Default: newest first."),
)


@click.command()
@one_email
def status(*, email_id: str, as_json: bool) -> None:
    """What became of an email, for each recipient: delivery, engagement, consent.

    EMAIL_ID is the message id that SES's send call returned; the whole Message-ID header will do too.

    \b
    Examples:
      email-activity status 0100018e77d94dc5-c421e265-f034-4575-9ecc-3ca34038e91f-000000
      email-activity status EMAIL_ID --json | jq '.recipients[].delivery.state'
    """
    _show(email_id, tables.facets, as_json=as_json)


@click.command()
@one_email
def timeline(*, email_id: str, as_json: bool) -> None:
    """Everything that was reported of an email, in order of time.

    Times are those of the reporting servers, so an out-of-office reply may stand before its delivery.

    \b
    Examples:
      email-activity timeline 0100018e77d94dc5-c421e265-f034-4575-9ecc-3ca34038e91f-000000
      email-activity timeline EMAIL_ID --json | jq -c '.timeline[]'
    """
    _show(email_id, tables.timeline, as_json=as_json)


@click.command()
@click.argument("document_type", metavar="TYPE", callback=non_empty)
@click.argument("document_id", metavar="ID", callback=non_empty)
@click.option("--json", "as_json", is_flag=True, help='One JSON object: {"document", "emails": [...]}.')
def document(*, document_type: str, document_id: str, as_json: bool) -> None:
    """The emails about a document, newest first, with what became of each for each recipient.

    TYPE and ID are what the sender put into the email's tags or headers.

    \b
    Examples:
      email-activity document invoice 2026-117
      email-activity document contract 77 --json | jq '.emails[0].recipients'
    """
    wanted = Document(document_type.lower(), document_id)
    emails = Reader(load_settings()).document(wanted.type, wanted.id)
    if as_json:
        found = [email_json(email, timeline=False) for email in emails]
        show.print_json({"document": asdict(wanted), "emails": found})
    else:
        with tables.printed_rows() as print_row:
            for email in emails:
                print_row(email)
    if not emails:
        _nothing(f"no email about {wanted.type} {wanted.id} is known")


@click.command()
@click.argument("address", callback=non_empty)
@paged
@click.option("--json", "as_json", is_flag=True, help='One JSON object: {"recipient", "emails": [...]}.')
def recipient(*, address: str, limit: int | None, after: str | None, oldest_first: bool, as_json: bool) -> None:
    """The emails to an address, newest first, with what became of each for this recipient.

    \b
    Examples:
      email-activity recipient anna@example.com --limit 10
      email-activity recipient 'Anna <ANNA@example.com>' --json
    """
    wanted = normalize_address(address)
    listed = Reader(load_settings()).recipient(wanted, after=after, limit=limit, newest_first=not oldest_first)
    emails: list[Json] = []
    count = _print_list(listed, emails.append if as_json else None)
    if as_json:
        show.print_json({"recipient": wanted, "emails": emails})
    if not count:
        _nothing(f"no email to {wanted} is known")


@click.command()
@click.argument("account_id", metavar="ID", callback=non_empty)
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="Emails sent on this day, in UTC. Default: today.")
@click.option("--since", metavar="TIME", help="Emails sent from then on: RFC 3339, or a day; UTC unless it says.")
@click.option("--until", metavar="TIME", help="Emails sent before then.")
@paged
@click.option("--json", "as_json", is_flag=True, help="JSON lines: one object for each email, as they are read.")
def account(  # noqa: PLR0913  one argument for each option is how click works
    *,
    account_id: str,
    day: datetime | None,
    since: str | None,
    until: str | None,
    limit: int | None,
    after: str | None,
    oldest_first: bool,
    as_json: bool,
) -> None:
    """The emails of an account (your customer), newest first, and counts at the end.

    \b
    Examples:
      email-activity account 4711
      email-activity account 4711 --day 2026-11-23 > day.txt
      email-activity account 4711 --since 2026-11-01 --until 2026-12-01 --json | jq -c .recipients
    """
    if day and (since or until):
        raise click.UsageError("--day says it all: leave out --since and --until")
    if since or until:
        start, end = _time("--since", since), _time("--until", until)
    else:
        start, end = utc_day((day or datetime.now(UTC)).date())
    listed = Reader(load_settings()).account(
        account_id, start, end, after=after, limit=limit, newest_first=not oldest_first
    )
    if not _print_list(listed, show.print_json if as_json else None):
        upto = f" and {show.moment(end)}" if end else " and now"
        within = f"between {show.moment(start)}{upto} UTC" if start else f"before {show.moment(end)} UTC"
        _nothing(f"no email of account {account_id} was sent {within}")


def _show(email_id: str, table: Callable[[EmailStatus], Table], *, as_json: bool) -> None:
    settings = load_settings()
    email = Reader(settings).email(email_id)
    if email is None:
        _nothing(
            f"nothing is known of the email {email_id} in the table {settings.activity_table}: "
            "is the id right, its document type tracked, and it not older than the retention?"
        )
    if as_json:
        show.print_json(email_json(email, timeline=True))
    else:
        show.print_table(tables.heading(email))
        show.print_table(table(email))


def _print_list(listed: Generator[ListedEmail], take: Callable[[Json], None] | None) -> int:
    """As they are read, each as JSON to `take`, or as rows. How many there were."""
    count, last = 0, None
    rows: AbstractContextManager[Callable[[EmailStatus], None] | None] = nullcontext()
    # Leaving early must end the processes that read ahead.
    with closing(listed), rows if take else tables.printed_rows() as print_row:
        for count, last in enumerate(listed, start=1):  # noqa: B007  what they were at the end
            if take:
                take(email_json(last.status, timeline=False) | {"cursor": last.cursor})
            elif print_row:
                print_row(last.status)
    if last and last.has_more:
        show.print_note(f"there are more: --after '{last.cursor}'")
    return count


def _time(option: str, text: str | None) -> datetime | None:
    at = parse_timestamp(text).at if text else None
    if text and not at:
        raise click.UsageError(f"{option}: want 2026-11-23 or 2026-11-23T10:00:00Z")
    return at


def _nothing(line: str) -> NoReturn:
    raise click.ClickException(show.printable(line))
