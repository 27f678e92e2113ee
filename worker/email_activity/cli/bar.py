"""A bar of bytes read, for work that takes hours; where there is no terminal, a line now and then."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from email_activity.cli import show
from email_activity.replay.replay import Summary

#: Seconds between two lines of progress where there is no terminal.
SAY_EVERY = 10.0

#: Seconds between two changes of the bar.
DRAW_EVERY = 0.1


@contextmanager
def bar(size: int) -> Iterator[tuple[Callable[[str], None], Callable[[int, Summary], None]]]:
    """What says a line, and what shows how far the work has come: a bar at a terminal, else now and then a line."""
    errors = Console(stderr=True, markup=False, highlight=False, emoji=False)
    said = "{task.fields[documents]:,} documents, {task.fields[rejected]:,} rejected, {task.fields[rate]:,.0f}/s"
    columns = (BarColumn(), TaskProgressColumn(), TextColumn(said), TimeRemainingColumn())
    live = Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal, redirect_stdout=False)
    task = live.add_task("", total=size or None, documents=0, rejected=0, rate=0.0)
    began_at = said_at = time.monotonic()

    def say(line: str) -> None:
        if errors.is_terminal:
            live.console.print(show.printable(line), soft_wrap=True)
        else:
            show.print_note(line)

    def report(done: int, summary: Summary) -> None:
        nonlocal said_at
        now = time.monotonic()
        if now - said_at < (DRAW_EVERY if errors.is_terminal else SAY_EVERY):
            return
        said_at = now
        documents, rejected = summary.counts["documents"], summary.counts["rejected"]
        rate = documents / (now - began_at)
        if errors.is_terminal:
            live.update(task, completed=done, documents=documents, rejected=rejected, rate=rate)
        else:
            part = f"{done / size:.0%}, " if size else ""
            say(f"{part}{documents:,} documents, {rejected:,} rejected, {rate:,.0f} a second")

    with live:
        yield say, report
