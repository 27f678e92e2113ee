"""`email-activity status` and `timeline`: one email."""

import re

import click
from rich import box
from rich.table import Table

from email_activity.activity.bulk import open_table
from email_activity.activity.export import email_json
from email_activity.activity.status import EmailStatus
from email_activity.activity.status import status as fold
from email_activity.cli import show
from email_activity.cli.facets import facets, heading
from email_activity.cli.given import given
from email_activity.cli.words import said, whose
from email_activity.settings import load_settings

#: What SES puts into the Message-ID header around its id: `<0100...@email.amazonses.com>`.
_AS_HEADER = re.compile(r"^<?([^<>@]+)@[a-z0-9.-]*amazonses\.com>?$")

JSON_HELP = "One JSON object: the email with its recipients' facets and its timeline."


@click.command()
@click.argument("email_id", callback=given)
@click.option("--json", "as_json", is_flag=True, help=JSON_HELP)
def status(*, email_id: str, as_json: bool) -> None:
    """What became of an email, for each recipient: delivery, engagement, consent.

    EMAIL_ID is the message id that SES's send call returned; the whole Message-ID header will do too.

    \b
    Examples:
      email-activity status 0100018e77d94dc5-c421e265-f034-4575-9ecc-3ca34038e91f-000000
      email-activity status EMAIL_ID --json | jq '.recipients[].delivery.state'
    """
    email = _read(email_id)
    if as_json:
        show.print_json(email_json(email, timeline=True))
        return
    show.print_table(heading(email))
    show.print_table(facets(email))


@click.command()
@click.argument("email_id", callback=given)
@click.option("--json", "as_json", is_flag=True, help=JSON_HELP)
def timeline(*, email_id: str, as_json: bool) -> None:
    """Everything that was reported of an email, in order of time.

    Times are those of the reporting servers, so an out-of-office reply may stand before its delivery.

    \b
    Examples:
      email-activity timeline 0100018e77d94dc5-c421e265-f034-4575-9ecc-3ca34038e91f-000000
      email-activity timeline EMAIL_ID --json | jq -c '.timeline[]'
    """
    email = _read(email_id)
    if as_json:
        show.print_json(email_json(email, timeline=True))
        return
    show.print_table(heading(email))
    show.print_table(_events(email))


def _read(email_id: str) -> EmailStatus:
    as_header = _AS_HEADER.match(email_id)
    email_id = as_header[1] if as_header else email_id
    settings = load_settings()
    facts = open_table(settings).facts(email_id)
    if not facts:
        raise click.ClickException(
            show.printable(
                f"nothing is known of the email {email_id} in the table {settings.activity_table}: "
                "is the id right, its document type tracked, and it not older than the retention?"
            )
        )
    return fold(email_id, facts)


def _events(email: EmailStatus) -> Table:
    """The recipient has a column of its own where there is room for one, and where there are several."""
    several = len(email.recipients) != 1
    has_column = several and show.console().width >= show.ROOM_FOR_RECIPIENTS
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("When (UTC)", no_wrap=True)
    table.add_column("Event", no_wrap=True)
    if has_column:
        table.add_column("Recipient", overflow="fold", min_width=24)
    table.add_column("What", overflow="fold")
    for entry in email.timeline:
        event = entry.activity
        recipient = show.text(whose(entry, email.destination_count) if several else "")
        what = show.text(said(entry))
        cells = show.apart(recipient, what, has_column=has_column)
        table.add_row(show.moment(event.occurred_at), show.text(event.kind, "bold"), *cells)
    return table
