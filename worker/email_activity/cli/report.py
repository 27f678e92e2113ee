"""`email-activity report`: what became of an account's emails, counted, as one HTML file."""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path

import click
from rich.console import Console
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

from email_activity.activity.count import Counted, count_account, count_all, price_of_all
from email_activity.activity.figures import About, figures
from email_activity.activity.summary_model import Figures
from email_activity.cli import show
from email_activity.cli.interrupt import ended_by_ctrl_c
from email_activity.cli.when import Zone, tz_option
from email_activity.settings import ReaderSettings, load_reader_settings

#: The last of these is today.
DAYS = 30

#: Standard output instead of a file.
STDOUT = "-"

#: What the report is made with, beside what all commands need.
EXTRA = ("jinja2", "pygal")

#: Seconds between two lines of progress where there is no terminal.
SAY_EVERY = 10.0

_day = click.DateTime(["%Y-%m-%d"])


@click.command()
@click.option("--account", "account_id", metavar="ID", help="The account (your customer).")
@click.option("--all", "everything", is_flag=True, help="All accounts: reads the whole table, for what that costs.")
@click.option("--yes", is_flag=True, help="With --all: do not ask.")
@click.option(
    "--from", "first", type=_day, help=f"The first day, in the time zone. Default: {DAYS} days with the last."
)
@click.option("--to", "last", type=_day, help="The last day, counted too. Default: today.")
@click.option("-o", "--output", metavar="FILE", help="The HTML file to write; - for standard output.")
@click.option("--json", "as_json", is_flag=True, help="The figures as one JSON object, to standard output without -o.")
@tz_option
@ended_by_ctrl_c
def report(  # noqa: PLR0913  one argument for each option is how click works
    *,
    account_id: str | None,
    everything: bool,
    yes: bool,
    first: datetime | None,
    last: datetime | None,
    output: str | None,
    as_json: bool,
    zone: Zone,
) -> None:
    """What became of an account's emails: deliveries, opens, reasons, bounce and complaint rate, domains.

    One HTML file that asks no other place for anything, so that it can be mailed, printed and kept. It holds counts and
    receiving domains, but no address and no subject. The page needs: pip install 'email-activity[web]'

    \b
    Examples:
      email-activity report --account 4711 -o report.html
      email-activity report --account 4711 --from 2026-11-01 -o november.html
      email-activity report --account 4711 --json | jq .bounces.rate
      email-activity report --all -o all.html
    """
    account = None if account_id is None else account_id.strip()
    if account == "":
        raise click.BadParameter("it is empty", param_hint="--account")
    if (account is None) != everything:
        raise click.UsageError("say whose emails: either --account ID or --all")
    if not as_json:
        _check_extra()
        if output is None:
            raise click.UsageError("say where to: -o report.html, -o - for standard output, or --json")
    if output is not None and output != STDOUT:
        _check_output(Path(output))
    begin, end = _days(first, last, datetime.now(zone.info).date())
    span = zone.day(begin)[0], zone.day(end)[1]
    settings = load_reader_settings()
    if account is None:
        _say_price(settings, ask=not yes)
    with _progress() as on_emails:
        if account is None:
            counted = count_all(settings, span, zone.info, on_emails)
        else:
            counted = count_account(settings, account, span, zone.info, on_emails)
    about = About(account, begin, end, zone.name, counted.counted_at, counted.freshness)
    _answer(counted, about, zone, output or STDOUT, as_json=as_json)


def _say_price(settings: ReaderSettings, *, ask: bool) -> None:
    price = price_of_all(settings)
    show.print_note(
        f"No index lists the emails of all accounts: this reads the whole table {settings.activity_table}, whatever "
        f"the days, {price.size / 1_000_000:,.1f} MB at its last count. That takes about {price.read_units:,} read "
        f"units, ${price.usd:,.2f} on demand in us-east-1."
    )
    if ask:
        click.confirm("Go on?", abort=True, err=True)


def _answer(counted: Counted, about: About, zone: Zone, output: str, *, as_json: bool) -> None:
    found = figures(counted.summary, about)
    if not found.sent:
        raise click.ClickException(show.printable(_none(found)))
    written = f"{found.model_dump_json()}\n" if as_json else _html(found, zone)
    if output == STDOUT:
        sys.stdout.buffer.write(written.encode())
        sys.stdout.buffer.flush()
        return
    path = Path(output)
    was_there = path.exists()
    _write(path, written)
    note = f"wrote {path}{', in place of the file that was there' if was_there else ''}"
    show.print_note(f"{note}: {found.sent:,} emails to recipients; each recipient counts as one")
    show.print_freshness(found.freshness)


def _none(found: Figures) -> str:
    whose = f"of account {found.account} " if found.account is not None else ""
    simulated = f", but for {found.simulated:,} to SES's simulator, which do not count" if found.simulated else ""
    return f"no email {whose}was sent from {found.first} to {found.last} ({found.time_zone}){simulated}"


def _days(first: datetime | None, last: datetime | None, today: date) -> tuple[date, date]:
    try:
        end = last.date() if last else today
        begin = first.date() if first else end - timedelta(days=DAYS - 1)
        # Where a day ends, another one begins.
        begin - timedelta(days=1), end + timedelta(days=2)
    except OverflowError:
        raise click.UsageError("there is no such day") from None
    if begin > end:
        raise click.UsageError(f"--from {begin} is after {'--to' if last else 'today,'} {end}")
    return begin, end


def _check_extra() -> None:
    """Before anything is counted, which may take minutes."""
    if missing := [name for name in EXTRA if find_spec(name) is None]:
        raise click.ClickException(f"the page needs {' and '.join(missing)}: pip install 'email-activity[web]'")


def _check_output(path: Path) -> None:
    """As `_check_extra`."""
    if not path.parent.is_dir():
        raise click.UsageError(f"-o: there is no folder {show.printable(path.parent)}")
    if path.is_dir():
        raise click.UsageError(f"-o: {show.printable(path)} is a folder")


def _html(found: Figures, zone: Zone) -> str:
    from email_activity.report.render import render  # noqa: PLC0415  --json does without jinja2 and pygal

    return render(found, zone.info)


def _write(path: Path, text: str) -> None:
    """The whole file or none: a reader never sees half of it, and Ctrl-C leaves what was there."""
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        mask = os.umask(0)
        os.umask(mask)
        Path(draft).chmod(0o666 & ~mask)  # mkstemp's file is its owner's alone
        Path(draft).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(draft).unlink()
        raise


@contextmanager
def _progress() -> Iterator[Callable[[int], None]]:
    """On standard error: a live count at a terminal, else a line now and then."""
    columns = (SpinnerColumn(), TextColumn("{task.completed:,.0f} emails counted"), TimeElapsedColumn())
    bar = show.progress(*columns, on=Console(stderr=True))
    task = bar.add_task("", total=None)
    is_terminal = sys.stderr.isatty()
    count, said_at = 0, time.monotonic()

    def on_emails(more: int) -> None:
        nonlocal count, said_at
        count += more
        if is_terminal:
            bar.advance(task, more)
        elif time.monotonic() > said_at + SAY_EVERY:
            said_at = time.monotonic()
            show.print_note(f"{count:,} emails counted")

    with bar:
        yield on_emails
