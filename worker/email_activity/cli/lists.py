"""`email-activity document`, `recipient` and `account`: many emails."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import click

from email_activity.activity.bulk import emails_in_order, fold_few, open_table
from email_activity.activity.export import document_json, email_json
from email_activity.activity.query import Span
from email_activity.cli import show
from email_activity.cli.given import given
from email_activity.cli.listing import Listing, print_emails
from email_activity.domain.addresses import normalize_address
from email_activity.domain.facts import Document
from email_activity.settings import load_settings

#: Hits to ask for beyond the wanted emails: an email of several recipients has several.
SPARE_HITS = 10

F = TypeVar("F", bound=Callable[..., Any])


def paged(command: F) -> F:
    """The options of a list that may be long."""
    options = (
        click.option("--limit", type=click.IntRange(min=1), help="At most so many emails."),
        click.option("--after", metavar="CURSOR", help="Go on after this email (`cursor` in --json)."),
        click.option("--oldest-first", is_flag=True, help="Default: newest first."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@click.argument("document_type", metavar="TYPE", callback=given)
@click.argument("document_id", metavar="ID", callback=given)
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
    table = open_table(load_settings())
    hits = table.by_document(wanted.type, wanted.id)
    # A hit does not count if a person has said since that the email is about another document.
    emails = [each.status for each in fold_few(table, (hit.email_id for hit in hits)) if each.status.document == wanted]
    if as_json:
        found = [email_json(email, timeline=False) for email in emails]
        show.print_json({"document": document_json(wanted), "emails": found})
    else:
        print_emails(emails)
    if not emails:
        _nothing(f"no email about {wanted.type} {wanted.id} is known")


@click.command()
@click.argument("address", callback=given)
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
    settings = load_settings()
    table = open_table(settings)
    hits = table.by_recipient(wanted, _span(after, limit, oldest_first=oldest_first))
    found = emails_in_order(settings, table, hits, lambda _, fact: fact.recipient == wanted, limit)
    if not Listing(limit, wanted).print(found, as_json=as_json):
        _nothing(f"no email to {wanted} is known")


@click.command()
@click.argument("account_id", metavar="ID", callback=given)
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
    start, end = _when(day, since, until)
    settings = load_settings()
    table = open_table(settings)
    hits = table.by_account(account_id, start, end, _span(after, limit, oldest_first=oldest_first))
    # Where copies of an email's events disagree, it is of one account only.
    found = emails_in_order(
        settings, table, hits, lambda email, fact: email.account == fact.account == account_id, limit
    )
    if not Listing(limit).print(found, as_json=as_json):
        upto = f" and {show.moment(end)}" if end else " and now"
        span = f"between {show.moment(start)}{upto} UTC" if start else f"before {show.moment(end)} UTC"
        _nothing(f"no email of account {account_id} was sent {span}")


def _span(after: str | None, limit: int | None, *, oldest_first: bool) -> Span:
    return Span(after=after, newest_first=not oldest_first, page=limit + SPARE_HITS if limit else None)


def _when(day: datetime | None, since: str | None, until: str | None) -> tuple[datetime | None, datetime | None]:
    if day and (since or until):
        raise click.UsageError("--day says it all: leave out --since and --until")
    if since or until:
        return _time("--since", since), _time("--until", until)
    start = (day or datetime.now(UTC)).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=UTC)
    return start, start + timedelta(days=1)


def _time(option: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise click.UsageError(f"{option}: want 2026-11-23 or 2026-11-23T10:00:00Z") from None


def _nothing(line: str) -> None:
    raise click.ClickException(show.printable(line))
