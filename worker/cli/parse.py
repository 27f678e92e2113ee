"""`email-activity parse`: what the worker would make of messages, without a queue, a table or Redis."""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import click
from rich import box
from rich.table import Table

from config.settings import load_settings
from worker.activity.attribution import Entry, attribute
from worker.activity.export import Json, record_json
from worker.cli import show
from worker.cli.words import said, whose
from worker.errors import NestedTooDeepError, PermanentError, UnexpectedError
from worker.ingest.normalize import Rules, destinations
from worker.ingest.read import OUTCOMES, Reading, read
from worker.rules import rules

WRONG_USAGE = 2


@click.command()
@click.argument("files", metavar="[FILE ...|-]", nargs=-1)
@click.option("--track", metavar="TYPES", help="Instead of TRACKED_DOCUMENT_TYPES: comma-separated, or '*' for all.")
@click.option("--json", "as_json", is_flag=True, help="JSON lines: one object for each document.")
def parse(*, files: tuple[str, ...], track: str | None, as_json: bool) -> None:
    """What the worker would make of these messages. Nothing is touched, and no AWS or Redis is needed.

    A FILE holds one document, as it would stand in the body of an SQS message, pretty-printed or not. `-`, or no
    FILE, reads one document a line from standard input. Which mail is tracked, and which tags and headers tell the
    document, comes from the environment as for the worker.

    \b
    With --json each object has
      file, line  where it came from (line: of standard input, else null)
      outcome     activity, control, untracked or quarantine
      form        sns, raw, eventbridge, lambda or text
      kind        of the event, as SES spells it; a control message's name; null if nobody can tell
      reason      why it goes to the dead-letter queue, else null; with `detail`
      records     what a reader would see: occurred_at, kind, recipient (null where nobody can tell whose the
                  event is), attribution, named (whom the event names), bounce_class, complaint_kind, detail
      facts       the items that would be written to the table

    Exit code 0 if all could be read, whatever came of it; 2 if a FILE could not be opened (the others are done).

    \b
    Examples:
      email-activity parse message.json
      email-activity parse --json --track '*' events/*.json | jq -r .outcome | sort | uniq -c
      zcat archive.jsonl.gz | email-activity parse --json | jq -c 'select(.outcome == "quarantine")'
    """
    overrides = {} if track is None else {"tracked_document_types": track}
    wanted = rules(load_settings(**overrides))
    missing: list[str] = []
    documents = (_understand(*body, wanted) for body in _bodies(files or ("-",), missing))
    if as_json:
        for document in documents:
            show.print_json(document.as_json())
    else:
        show.print_table(_table(documents))
    if missing:
        raise SystemExit(WRONG_USAGE)


def _bodies(files: tuple[str, ...], missing: list[str]) -> Iterator[tuple[str, int | None, str]]:
    for name in files:
        if name == "-":
            if sys.stdin.isatty():
                show.print_note("one document a line, please; Ctrl-D ends")
            for number, line in enumerate(sys.stdin.buffer, start=1):
                if line.strip():
                    yield name, number, _text(line)
            continue
        try:
            body = Path(name).read_bytes()
        except (OSError, ValueError) as error:
            missing.append(name)
            reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
            show.print_note(f"Error: {name}: {reason}")
            continue
        yield name, None, _text(body)


def _text(body: bytes) -> str:
    """What a queue would hold: SQS takes text only. Windows writes UTF-16 with its mark."""
    encoding = "utf-16" if body.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    return body.decode(encoding, errors="replace")


@dataclass(frozen=True, slots=True)
class Understood:
    """What one document comes to."""

    file: str
    line: int | None
    outcome: str
    form: str
    kind: str | None
    error: PermanentError | None
    entries: tuple[tuple[Entry, int], ...] = ()  # with the number of the email's recipients
    facts: list[Json] = field(default_factory=list)

    def as_json(self) -> Json:
        return {
            "file": self.file,
            "line": self.line,
            "outcome": self.outcome,
            "form": self.form,
            "kind": self.kind,
            "reason": self.error.reason if self.error else None,
            "detail": (self.error.detail or None) if self.error else None,
            "records": [record_json(entry) for entry, _ in self.entries],
            "facts": self.facts,
        }


def _understand(file: str, line: int | None, body: str, wanted: Rules) -> Understood:
    """Never raises, whatever the bytes."""
    try:
        readings = read(body, wanted, recorded_at=datetime.now(UTC))
        entries = tuple(pair for reading in readings for pair in _entries(reading))
        facts = [fact.to_item() for reading in readings for fact in reading.facts]
        json.dumps(facts)
    except RecursionError:
        return Understood(file, line, "quarantine", "raw", None, NestedTooDeepError("JSON"))
    except Exception as error:  # noqa: BLE001  a bug met on one document must not hide what the others are
        return Understood(file, line, "quarantine", "raw", None, UnexpectedError(type(error).__name__))
    outcome = next(each for each in OUTCOMES if any(reading.outcome == each for reading in readings))
    first = next(reading for reading in readings if reading.outcome == outcome)
    return Understood(file, line, outcome, first.form, first.kind, first.error, entries, facts)


def _entries(reading: Reading) -> Iterator[tuple[Entry, int]]:
    """Attributed as if the email's recipients were known from all its events: this one names them too."""
    if reading.event is None:
        return
    everybody = destinations(reading.event.mail)
    for entry in attribute(reading.activities, everybody):
        yield entry, len(everybody)


def _table(documents: Iterator[Understood]) -> Table:
    """A line for each record, and one for a document without any."""
    has_column = show.console().width >= show.ROOM_FOR_RECIPIENTS
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("Document", overflow="fold", max_width=None if has_column else 24)
    table.add_column("Outcome", no_wrap=True)
    table.add_column("Event", no_wrap=True)
    for column in ("Recipient", "What")[not has_column :]:
        table.add_column(column, overflow="fold")
    for each in documents:
        for number, (kind, recipient, what) in enumerate(_rows(each)):
            name = show.text(f"line {each.line}" if each.line else each.file)
            head = (name, show.state(each.outcome)) if number == 0 else ("", "")
            said_of = show.apart(show.text(recipient), show.text(what), has_column=has_column)
            table.add_row(*head, show.text(kind, "bold"), *said_of)
    return table


def _rows(document: Understood) -> Iterator[tuple[str, str, str]]:
    """Event, recipient, what."""
    if document.error or not document.entries:
        yield document.kind or "-", "", str(document.error or document.form)
    for entry, count in document.entries:
        yield entry.activity.kind, whose(entry, count), said(entry)
