"""How the commands print: for people at a terminal, for people through a pipe, and for programs.

Subjects, agents and what servers say come from strangers. None of it reaches a terminal raw, where it could
move the cursor or hide text, and none of it is read as rich's markup.
"""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import click
from pydantic import BaseModel
from rich import box
from rich.console import Console
from rich.progress import Progress, ProgressColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from email_activity.domain.printable import printable as printable  # noqa: PLC0414  the commands take it from here

#: Columns of a terminal.
ROOM_FOR_RECIPIENTS = 110

#: Columns of a pipe: no line is broken, no id is cut.
WIDE = 100_000
PROSE = 100

#: Seconds between two writes at a terminal: each draws the live count anew, which takes rich milliseconds.
EVERY = 0.1

STYLES = {
    **dict.fromkeys(("arrived", "delivered", "clicked", "opened", "subscribed", "activity"), "green"),
    **dict.fromkeys(("delayed", "proxy_opened", "undetermined_bounce", "unsubscribed", "untracked"), "yellow"),
    **dict.fromkeys(("soft_bounced", "suppressed", "hard_bounced", "rejected", "render_failed"), "red"),
    **dict.fromkeys(("complained", "quarantine"), "red"),
    "none": "dim",
}


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


def moment(at: datetime | None) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S") if at else "-"


def progress(*columns: ProgressColumn, on: Console, disable: bool = False, redirect_stderr: bool = False) -> Progress:
    """A bar that is gone at its end, and is there at a terminal only.

    It does not take over standard output, which would go where the bar goes. redirect_stderr: what is written there
    meanwhile stands above the bar.
    """
    return Progress(
        *columns,
        console=on,
        transient=True,
        disable=disable or not on.is_terminal,
        redirect_stdout=False,
        redirect_stderr=redirect_stderr,
    )


@contextmanager
def live_count(what: str) -> Iterator["LiveCount"]:
    """On whichever of the two outputs is a terminal; none if neither is."""
    out = console()
    columns = (SpinnerColumn(), TextColumn("{task.completed:,.0f} {task.description}"), TimeElapsedColumn())
    bar = progress(*columns, on=out if out.is_terminal else Console(stderr=True))
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
