"""A bar of bytes read, for work that takes hours; where there is no terminal, a line now and then."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn

from email_activity.cli import show
from email_activity.replay.replay import ReplaySummary

#: Seconds between two changes of the bar, and between two lines of progress where there is no terminal.
DRAW_EVERY = 0.1
SAY_EVERY = 10.0


@contextmanager
def bar(size: int) -> Iterator[tuple[Callable[[str], None], Callable[[int, ReplaySummary], None]]]:
    """size: bytes in all; 0 if nobody knows. Gives what says a line, and what is told the bytes read so far."""
    console = Console(stderr=True, markup=False, highlight=False, emoji=False)
    columns = (BarColumn(), TaskProgressColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
    live = show.progress(*columns, on=console, redirect_stderr=True)
    task = live.add_task("", total=size or None)
    every = DRAW_EVERY if console.is_terminal else SAY_EVERY
    began_at = reported_at = time.monotonic()

    def say(line: str) -> None:
        if console.is_terminal:
            console.print(show.printable(line), soft_wrap=True)
        else:
            show.print_note(line)

    def report(done: int, summary: ReplaySummary) -> None:
        nonlocal reported_at
        now = time.monotonic()
        if now - reported_at < every:
            return
        reported_at = now
        documents, rejected = summary.counts["documents"], summary.counts["rejected"]
        progress = f"{documents:,} documents, {rejected:,} rejected, {documents / (now - began_at):,.0f}/s"
        live.update(task, completed=done, description=progress)
        if not console.is_terminal:
            say(f"{done / size:.0%}, {progress}" if size else progress)

    with live:
        yield say, report
