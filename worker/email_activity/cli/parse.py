"""`email-activity parse`: what the worker would make of messages, without a queue, a table or Redis."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import click
from rich.table import Table
from rich.text import Text

from email_activity.activity import answers
from email_activity.activity.describe import whose
from email_activity.activity.event_answers import event_answer
from email_activity.activity.preview import Preview, emails_of, preview
from email_activity.cli import show, tables
from email_activity.cli.when import Zone, tz_option
from email_activity.domain.facts import Item
from email_activity.ses.tracking_policy import tracking_policy
from email_activity.settings import load_tracking_settings

WRONG_USAGE = 2


#: Where a document is from (the line: of standard input, else None), and what it comes to.
Previews = Iterator[tuple[str, int | None, Preview]]


@click.command()
@click.argument("files", metavar="[FILE ...|-]", nargs=-1)
@click.option("--track", metavar="TYPES", help="Instead of TRACKED_DOCUMENT_TYPES: comma-separated, or '*' for all.")
@click.option("--status", "as_status", is_flag=True, help="Fold them by email, as `status` shows one of the table.")
@click.option("--json", "as_json", is_flag=True, help="JSON lines: one object for each document, or for each email.")
@tz_option
def parse(*, files: tuple[str, ...], track: str | None, as_status: bool, as_json: bool, zone: Zone) -> None:
    """What the worker would make of these messages if they came now. Nothing is touched; neither AWS nor Redis is
    needed.

    A FILE holds one document, as it would stand in the body of an SQS message, or what `aws sqs receive-message`
    prints; pretty-printed or not. `-`, or no FILE, reads one document a line from standard input, or a single one
    that is pretty-printed. Which mail is tracked, and which tags and headers tell the document, comes from the
    environment as for the worker.

    With --status the documents are folded by email: what became of each, as far as they tell. With --json too, each
    line is an email as `email-activity status --json` has it. What is no activity is named on standard error.

    \b
    With --json each object has
      file, line  where it came from (line: of standard input, else null)
      outcome     activity, control, untracked, expired or quarantine
      form        sns, raw, eventbridge, lambda or text
      kind        of the event, as SES spells it; a control message's name;
                  null if nobody can tell
      reason      why it goes to the dead-letter queue, else null
      detail      more on it; or why it is untracked or expired, in words
      records     what a reader would see: occurred_at, kind, recipient (null
                  where nobody can tell whose the event is), attribution, named
                  (whom the event names), bounce_class, complaint_kind, detail
      facts       the items that would be written to the table

    Exit code 0 if all could be read, whatever came of it; 2 if a FILE could not be opened (the others are done).

    \b
    Examples:
      email-activity parse message.json
      email-activity parse --json --track '*' events/*.json | jq -r .outcome
      zcat archive.jsonl.gz | email-activity parse --json | jq -c .reason
      aws sqs receive-message --queue-url URL | email-activity parse --status
    """
    overrides = {} if track is None else {"tracked_document_types": track}
    policy = tracking_policy(load_tracking_settings(**overrides))
    missing: list[str] = []
    bodies = _bodies(files or ("-",), missing)
    previews = ((file, line, preview(body, policy)) for file, line, body in bodies)
    if as_status:
        _print_status(previews, zone, as_json=as_json)
    elif as_json:
        for file, line, each in previews:
            show.print_json({"file": file, "line": line} | each.as_json())
    else:
        show.print_table(_table(previews, zone))
    if missing:
        raise SystemExit(WRONG_USAGE)


def _bodies(files: tuple[str, ...], missing: list[str]) -> Iterator[tuple[str, int | None, str]]:
    for name in files:
        if name == "-":
            if sys.stdin.isatty():
                show.print_note("one document a line, please; Ctrl-D ends")
            for number, line in _lines(sys.stdin.buffer):
                yield name, number, _text(line)
            continue
        try:
            content = Path(name).read_bytes()
        except (OSError, ValueError) as error:
            missing.append(name)
            reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
            show.print_note(f"Error: {name}: {reason}")
            continue
        yield name, None, _text(content)


def _lines(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Those that are not blank, with their numbers. One that is but a brace begins a document on several lines."""
    for number, line in enumerate(stream, start=1):
        if number == 1 and line.strip() == b"{":
            yield number, line + stream.read()
            return
        if line.strip():
            yield number, line


def _text(body: bytes) -> str:
    """What a queue would hold: SQS takes text only. Windows writes UTF-16 with its mark."""
    encoding = "utf-16" if body.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    return body.decode(encoding, errors="replace")


def _place(file: str, line: int | None) -> str:
    return f"line {line}" if line else file


def _print_status(previews: Previews, zone: Zone, *, as_json: bool) -> None:
    """What is no part of an email goes to standard error."""
    items: list[Item] = []
    for file, line, each in previews:
        items += each.interpretation.items.values()
        event = each.interpretation.main_event
        if event.outcome != "activity":
            show.print_note(f"{_place(file, line)}: {event.outcome}: {event.error or each.why or event.kind}")
    for number, email in enumerate(emails_of(items)):
        answer = answers.email_with_timeline(email, answers.Context(datetime.now(UTC)))
        if as_json:
            show.print_model(answer)
            continue
        if number:
            click.echo()
        show.print_lines(tables.headline(answer.status, zone))
        show.print_table(tables.about_email(answer, zone))
        click.echo()
        show.print_table(tables.facets(answer, zone))


def _table(previews: Previews, zone: Zone) -> Table:
    """A line for each record, and one for a document without any."""
    has_column = show.console().width >= show.ROOM_FOR_RECIPIENTS
    table = show.table()
    table.add_column("Document", overflow="fold", max_width=None if has_column else 24)
    table.add_column("Outcome", no_wrap=True)
    table.add_column("Event", no_wrap=True)
    for column in ("Recipient", "What")[not has_column :]:
        table.add_column(column, overflow="fold")
    for file, line, each in previews:
        outcome = each.interpretation.outcome
        for number, (kind, recipient, what) in enumerate(_rows(each, zone)):
            head = ("", "") if number else (show.text(_place(file, line)), show.state(outcome))
            cells = show.apart(show.text(recipient), what, has_column=has_column)
            table.add_row(*head, show.text(kind, "bold"), *cells)
    return table


def _rows(found: Preview, zone: Zone) -> Iterator[tuple[str, str, Text]]:
    """Event, recipient, what."""
    event = found.interpretation.main_event
    if event.error or not found.entries:
        yield event.kind or "-", "", show.text(event.error or found.why or event.form)
    for entry, count in found.entries:
        answer = event_answer(entry, count)
        yield answer.kind, whose(answer, count), tables.event_in_words(answer, zone, beside_kind=True)
