"""`email-activity status`, `timeline`, `document`, `recipient` and `account`: what became of emails."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import click

from email_activity.activity import model
from email_activity.activity.filters import STATUSES
from email_activity.activity.pages import MAX_PAGE, PAGE
from email_activity.activity.reader import Activity
from email_activity.cli import listing, rows, show, tables
from email_activity.cli.interrupt import ended_by_ctrl_c
from email_activity.cli.options import non_empty, together
from email_activity.cli.when import Zone, tz_option
from email_activity.settings import load_reader_settings

#: How far `account` looks back unless told.
SINCE = timedelta(days=7)


def _one_way(context: click.Context, _parameter: click.Parameter, value: bool) -> bool:
    if value and context.params.get("as_json"):
        raise click.UsageError("--json and --plain exclude each other")
    return value


def printing(json_help: str) -> Callable[[Any], Any]:
    """How results are printed, for people and for programs."""
    return together(
        tz_option,
        click.option("--json", "as_json", is_flag=True, is_eager=True, help=json_help),
        click.option("--plain", is_flag=True, callback=_one_way, help="Rows with a tab between cells, after a header."),
    )


one_email = together(
    click.argument("email_id", callback=non_empty),
    printing("One JSON object: the email with its recipients' facets and its timeline."),
)
paged = together(
    click.option("--limit", type=click.IntRange(min=1), help="At most so many emails."),
    click.option("--after", metavar="CURSOR", help="Go on after this email (`cursor` in --json)."),
    click.option("--oldest-first", is_flag=True, help="Default: newest first."),
)


@click.command()
@one_email
@ended_by_ctrl_c
def status(*, email_id: str, zone: Zone, as_json: bool, plain: bool) -> None:
    """What became of an email, for each recipient: delivery, engagement, consent.

    EMAIL_ID is the message id that SES's send call returned; the whole Message-ID header will do too.

    \b
    Examples:
      email-activity status EMAIL_ID
      email-activity status EMAIL_ID --json | jq '.recipients[].status.label'
    """
    email = _email(email_id)
    if as_json:
        show.print_model(email)
    elif plain:
        listing.print_plain(rows.PLAIN, rows.plain_lines(email, zone))
    else:
        show.print_lines(tables.headline(email.status, zone))
        show.print_table(tables.about_email(email, zone))
        click.echo()
        show.print_table(tables.facets(email, zone))
        show.print_freshness(email.freshness)


@click.command()
@one_email
@ended_by_ctrl_c
def timeline(*, email_id: str, zone: Zone, as_json: bool, plain: bool) -> None:
    """Everything that was reported of an email, in order of time.

    Times are those of the reporting servers, so an out-of-office reply may stand before its delivery.

    \b
    Examples:
      email-activity timeline EMAIL_ID
      email-activity timeline EMAIL_ID --json | jq -c '.timeline[]'
    """
    email = _email(email_id)
    if as_json:
        show.print_model(email)
    elif plain:
        listing.print_plain(tables.PLAIN_EVENT, tables.plain_events(email, zone))
    else:
        show.print_lines(tables.headline(email.status, zone))
        show.print_table(tables.about_email(email, zone))
        show.print_table(tables.timeline(email, zone))
        show.print_freshness(email.freshness)


@click.command()
@click.argument("document_type", metavar="TYPE", callback=non_empty)
@click.argument("document_id", metavar="ID", callback=non_empty)
@printing("One JSON object: the document, its recipients over all its emails, and these.")
@ended_by_ctrl_c
def document(*, document_type: str, document_id: str, zone: Zone, as_json: bool, plain: bool) -> None:
    """What became of a document, for each recipient over all its emails; then these, newest first.

    TYPE and ID are what the sender put into the email's tags or headers; an ID that a tag cannot hold, such as
    2026/117, is found as it is typed.

    \b
    Examples:
      email-activity document invoice 2026/117
      email-activity document contract 77 --json | jq '.recipients[].status.label'
    """
    found = Activity().document(document_type, document_id)
    if found is None:
        _nothing(f"no email about {document_type.lower()} {document_id} is known")
    if as_json:
        show.print_model(found)
    elif plain:
        listing.print_plain(rows.PLAIN, (line for email in found.emails for line in rows.plain_lines(email, zone)))
    else:
        listing.print_document(found, zone)


@click.command()
@click.argument("address", callback=non_empty)
@paged
@click.option("--all", "everything", is_flag=True, help=f"All emails, not the last {PAGE} only.")
@printing("One JSON object: the address, whether to send to it, and its emails.")
@ended_by_ctrl_c
def recipient(  # noqa: PLR0913  one argument for each option is how click works
    *,
    address: str,
    limit: int | None,
    after: str | None,
    oldest_first: bool,
    everything: bool,
    zone: Zone,
    as_json: bool,
    plain: bool,
) -> None:
    """Whether to send to an address; then the emails to it, newest first, with what became of each for this recipient.

    \b
    Examples:
      email-activity recipient anna@example.com --limit 10
      email-activity recipient anna@example.com --json | jq -r .verdict.code
    """
    activity = Activity()
    with listing.wrong_usage():
        found = activity.recipient(address, limit=min(limit or PAGE, MAX_PAGE), after=after)
    if everything or oldest_first or (limit or 0) > MAX_PAGE:
        streamed = activity.stream_recipient(
            address, limit=listing.one_more(limit), after=after, newest_first=not oldest_first
        )
        found = listing.with_emails(found, streamed, limit)
    if as_json:
        show.print_model(found)
    elif found.emails:
        listing.print_recipient(found, zone, plain=plain)
    if not found.emails:
        _nothing(f"no email to {found.recipient} is known{' after this cursor' if after else ''}")


@click.command()
@click.argument("account_id", metavar="ID", callback=non_empty)
@click.option(
    "--day",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DAY",
    help="Emails sent on this day, as 2026-11-23, in the time zone of --tz.",
)
@click.option(
    "--since",
    metavar="TIME",
    help="Emails sent from then on: 2026-11-01, a time (RFC 3339), or 24h, 7d. Default: 7d.",
)
@click.option("--until", metavar="TIME", help="Emails sent before then.")
@click.option(
    "--status",
    type=click.Choice(STATUSES),
    metavar="STATUS",
    help=f"Those of any recipient in it: {', '.join(STATUSES)}. Who clicked has opened too.",
)
@paged
@printing("JSON lines: one object for each email, as they are read.")
@ended_by_ctrl_c
def account(  # noqa: PLR0913  one argument for each option is how click works
    *,
    account_id: str,
    day: datetime | None,
    since: str | None,
    until: str | None,
    status: str | None,
    limit: int | None,
    after: str | None,
    oldest_first: bool,
    zone: Zone,
    as_json: bool,
    plain: bool,
) -> None:
    """The emails of an account (your customer) of the last seven days, newest first, and counts at the end.

    \b
    Examples:
      email-activity account 4711
      email-activity account 4711 --status not_delivered --since 30d
      email-activity account 4711 --day 2026-11-23 --tz Europe/Berlin > day.txt
      email-activity account 4711 --since 2026-11-01 --json | jq -c .status
    """
    if day and (since or until):
        raise click.UsageError("--day says it all: leave out --since and --until")
    now = datetime.now(UTC)
    start, end = (
        zone.day(day.date()) if day else (_time("--since", since, zone, now), _time("--until", until, zone, now))
    )
    if start is None and end is None:
        start = now - SINCE
    asked = listing.Asked(account_id, start, end, status, limit, after, newest_first=not oldest_first)
    if not listing.print_account(asked, zone, as_json=as_json, plain=plain):
        which = f" with --status {status}" if status else ""
        _nothing(f"no email of account {account_id}{which} was sent {asked.span(zone)}")


def _email(email_id: str) -> model.EmailWithTimeline:
    email = Activity().email(email_id)
    if email is None:
        _nothing(
            f"nothing is known of the email {email_id} in the table {load_reader_settings().activity_table}: "
            "is the id right, its document type tracked, and it not older than the retention?"
        )
    return email


def _time(option: str, text: str | None, zone: Zone, now: datetime) -> datetime | None:
    at = zone.parse(text, now) if text else None
    if text and not at:
        raise click.UsageError(f"{option}: want 2026-11-23, 2026-11-23T10:00:00Z, 24h or 7d")
    return at


def _nothing(line: str) -> NoReturn:
    raise click.ClickException(show.printable(line))
