"""How the commands print: for people at a terminal, for people through a pipe, and for programs.

Subjects, agents and what servers say come from strangers. None of it reaches a terminal raw, where it could
move the cursor or hide text, and none of it is read as rich's markup.
"""

import json
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import click
from pydantic import BaseModel
from rich import box
from rich.console import Console
from rich.progress import Progress, ProgressColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from email_activity.activity.describe import freshness_in_words
from email_activity.activity.model import Freshness
from email_activity.activity.words import ICONS, Tone
from email_activity.cli.when import age
from email_activity.domain.printable import printable as printable  # noqa: PLC0414  the commands take it from here

#: Columns of a terminal.
ROOM_FOR_RECIPIENTS = 110

#: Columns of a pipe: no line is broken, no id is cut.
WIDE = 100_000
PROSE = 100

#: Seconds between two writes at a terminal: each draws the live count anew, which takes rich milliseconds.
EVERY = 0.1

#: Of what becomes of a message.
STYLES = {"activity": "green", "untracked": "yellow", "quarantine": "red"}

#: Of a label. Its icon says the same without a colour.
TONES: dict[Tone, str] = {"ok": "green", "wait": "blue", "note": "yellow", "bad": "red"}


class Labelled(Protocol):
    """A status, an event, a facet or a verdict: what has words of its own."""

    @property
    def tone(self) -> Tone | None: ...

    @property
    def label(self) -> str | None: ...


def console(piped_width: int = WIDE) -> Console:
    """Standard output. Nothing in a text is markup."""
    if hasattr(sys.stdout, "reconfigure"):
        # A terminal or a file in another encoding than UTF-8 gets `\u20ac` for what it cannot hold.
        sys.stdout.reconfigure(errors="backslashreplace")
    return Console(width=None if sys.stdout.isatty() else piped_width, highlight=False, markup=False, emoji=False)


def table(*no_wrap: str) -> Table:
    """With these columns, to which others can be added."""
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in no_wrap:
        made.add_column(name, no_wrap=True)
    return made


def print_table(table: Table, *, prose: bool = False) -> None:
    """prose: sentences, which are broken in a pipe too."""
    out = console(PROSE if prose else WIDE)
    if out.is_terminal:
        out.print(table)
        return
    with out.capture() as captured:
        out.print(table)
    click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()))


def print_lines(lines: Text, indent: str = "") -> None:
    """At a terminal in colours, and broken between words."""
    out = console()
    for line in lines.split():
        if out.is_terminal:
            out.print(Text(indent).append(line))
        else:
            click.echo(f"{indent}{line.plain}".rstrip())


def print_json(value: Any) -> None:
    """One line of ASCII, so that a terminal gets no control character from it either."""
    sys.stdout.write(json.dumps(value, default=str) + "\n")


def print_model(value: BaseModel) -> None:
    """The same, of what readers are given."""
    print_json(value.model_dump(mode="json"))


def print_note(text: str) -> None:
    """What is no result goes to standard error."""
    click.echo(printable(text), err=True)


def text(value: object, style: str = "") -> Text:
    return Text(printable(value), style=style, overflow="fold")


def apart(recipient: Text, what: Text, *, has_column: bool) -> list[Text]:
    """Cells of a recipient and of what is said: side by side, or in one where there is no room for two."""
    if has_column:
        return [recipient, what]
    recipient.stylize("bold")
    return [recipient.append("\n" if what and recipient else "").append(what)]


def state(name: str, count: int = 1) -> Text:
    times = f" \u00d7{count}" if count > 1 else ""
    return text(name.replace("_", " ") + times, STYLES.get(name, ""))


def said(of: Labelled) -> str:
    """A label with its icon: `✓ Delivered to mail server`."""
    return f"{ICONS[of.tone]} {of.label}" if of.tone and of.label else "-"


def pill(of: Labelled, count: int = 1, style: str = "") -> Text:
    """A label in its colour. Append it to a Text of its own, or what is appended to it takes the colour."""
    times = f" \u00d7{count}" if count > 1 else ""
    return text(said(of) + times, f"{style} {TONES[of.tone] if of.tone else 'dim'}".strip())


def plain(cells: Iterable[object]) -> str:
    """A row for `cut` and `awk -F'\\t'`: a tab between two cells, and none within one."""
    return "\t".join(printable("" if cell is None else cell) for cell in cells)


def print_freshness(freshness: Freshness | None) -> None:
    """How far the table has come, on standard error, since it is no result."""
    if freshness is None:
        return
    is_warning, line = freshness_in_words(freshness, age, time.time())
    click.echo(f"Warning: {line}" if is_warning else line, err=True)


def progress(*columns: ProgressColumn, on: Console, disable: bool = False, redirect_stderr: bool = False) -> Progress:
    """A bar that is gone at its end, and is there at a terminal only.

    It does not take over standard output, which would go where the bar goes. redirect_stderr: what is written there
    meanwhile stands above the bar.
    """
    return Progress(
        *columns,
        console=on,
        transient=True,
        disable=disable or not on.file.isatty(),
        redirect_stdout=False,
        redirect_stderr=redirect_stderr,
    )


@contextmanager
def live_count(what: str, *, disable: bool = False) -> Iterator["LiveCount"]:
    """On whichever of the two outputs is a terminal; none if neither is."""
    out = console()
    columns = (SpinnerColumn(), TextColumn("{task.completed:,.0f} {task.description}"), TimeElapsedColumn())
    bar = progress(*columns, on=out if out.is_terminal else Console(stderr=True), disable=disable)
    bar.add_task(what, total=None)
    with bar:
        live = LiveCount(bar, out)
        try:
            yield live
        finally:
            live.flush()


class LiveCount:
    """The live count, and lines of output that do not disturb it."""

    def __init__(self, bar: Progress, out: Console) -> None:
        self.out = out
        self._bar = bar
        self._pending: list[Text] = []
        self._flushed_at = 0.0

    def advance(self) -> None:
        self._bar.advance(self._bar.task_ids[0])

    def print(self, line: Text | str) -> None:
        """Plain text goes out without rich, which would pad it."""
        if isinstance(line, str):
            sys.stdout.write(f"{line}\n")
            return
        self._pending.append(line)
        if time.monotonic() > self._flushed_at + EVERY:
            self.flush()

    def flush(self) -> None:
        if self._pending:
            self.out.print(Text("\n").join(self._pending), soft_wrap=True)
            self._pending.clear()
        self._flushed_at = time.monotonic()
