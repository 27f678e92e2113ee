"""`email-activity dlq redrive` and `discard`: what takes messages out of the dead-letter queue."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from email_activity.cli import show
from email_activity.cli.dlq import letters
from email_activity.cli.dlq.desk import Desk
from email_activity.cli.dlq.filters import BY_ID, JSON_LINES, filtered
from email_activity.cli.dlq.tally import Tally
from email_activity.cli.interrupt import BY_CTRL_C
from email_activity.dead_letters.clear import clear
from email_activity.dead_letters.discard import Archive
from email_activity.dead_letters.letter import Key, Letter, Wanted
from email_activity.dead_letters.redrive import Redrive
from email_activity.dead_letters.survey import survey

DRY_RUN = click.option("--dry-run", is_flag=True, help="Show what would be taken, and change nothing.")


@click.command(short_help="Send messages back to the events queue.")
@filtered
@BY_ID
@DRY_RUN
@click.option("--yes", is_flag=True, help="Changes nothing here: a redrive never asks.")
@JSON_LINES
def redrive(*, wanted: Wanted, limit: int | None, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Send messages back to the events queue; all of them without filters.

    Each is deleted here only after it was sent. It may be interrupted and run again at any time: what is sent twice
    is recorded once, since the worker's writes are idempotent. What fails again comes back with a reason of its own,
    and is not sent once more in the same run. First mend what they failed at: --dry-run tells what each would be now.

    \b
    Examples:
      email-activity dlq redrive --dry-run
      email-activity dlq redrive --reason received_too_often
      email-activity dlq redrive --id 0f1b3c9e-58a1-4b1e-9d53-2a3a1a0e6c11
    """
    del yes
    desk = Desk(as_json=as_json)
    if dry_run:
        _look_only(desk, wanted, limit, "redrive", as_json=as_json)
        return
    work = Redrive(desk.sqs, desk.queue.url)
    tally = Tally("redriven")
    with tally, desk.walk() as walk:
        tally.follow(
            clear(walk, lambda letter: work.is_new(letter) and wanted.takes(letter), work.send, limit), as_json=as_json
        )
    if work.came_back:
        show.print_note(f"{work.came_back:,} failed again and came back: see `email-activity dlq list`")
    desk.leave(ok=tally.is_good)


@click.command(short_help="Write messages to a file and delete them.")
@filtered
@BY_ID
@click.option("--to", type=click.Path(path_type=Path), metavar="FILE", help="Default: discarded-<UTC time>.jsonl")
@DRY_RUN
@click.option("--yes", is_flag=True, help="Do not ask.")
@JSON_LINES
def discard(  # noqa: PLR0913  one argument for each option is how click works
    *, wanted: Wanted, limit: int | None, to: Path | None, dry_run: bool, yes: bool, as_json: bool
) -> None:
    """Write messages to a file and delete them; all of them without filters.

    The file is new and its owner's alone, for it holds personal data. Each line is a message as Lambda would get it,
    which `parse` reads. Nothing is deleted before it is on the disk.

    \b
    Examples:
      email-activity dlq discard --reason not_ses --dry-run
      email-activity dlq discard --older-than 7d --to old.jsonl --yes
      email-activity parse < old.jsonl
    """
    desk = Desk(as_json=as_json)
    if dry_run:
        _look_only(desk, wanted, limit, "discard", as_json=as_json)
        return
    path = to or Path(f"discarded-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.jsonl")
    if path.exists():
        raise click.UsageError(f"--to: {show.printable(path)} is there already, and may be the last trace of others")
    tally = Tally("discarded")
    with Archive(path) as archive:
        agreed = None if yes else _agreed(desk, wanted, limit, path)
        with tally, desk.walk() as walk:

            def takes(letter: Letter) -> bool:
                return wanted.takes(letter) if agreed is None else letter.key in agreed

            tally.follow(clear(walk, takes, archive.write, limit), as_json=as_json)
    if tally.done:
        show.print_note(f"they are in {path}")
    desk.leave(ok=tally.is_good)


def _agreed(desk: Desk, wanted: Wanted, limit: int | None, path: Path) -> set[Key]:
    """What somebody was shown the count of and said yes to, so that nothing goes which came meanwhile."""
    if not sys.stdin.isatty():
        raise click.UsageError("there is nobody to ask: give --yes, or --dry-run to look only")
    with desk.walk() as walk:
        found = survey(walk, wanted, limit)
    show.print_note(letters.found_totals(found.values()))
    if not found or desk.interrupt():
        desk.leave(ok=False)
    try:
        is_agreed = click.confirm(f"Write them to {show.printable(path)} and delete them", err=True)
    except click.Abort:
        raise SystemExit(BY_CTRL_C) from None
    if not is_agreed:
        raise click.ClickException("nothing was changed")
    return set(found)


def _look_only(desk: Desk, wanted: Wanted, limit: int | None, verb: str, *, as_json: bool) -> None:
    with desk.walk() as walk:
        found = survey(walk, wanted, limit).values()
    letters.print_found(found, as_json=as_json)
    show.print_note(f"would {verb} {letters.found_totals(found)}")
    if found:
        show.print_note(letters.outlook(found))
    desk.leave(ok=bool(found))
