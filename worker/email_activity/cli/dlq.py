"""`email-activity dlq`: what the worker could not record, and what to do about it."""

import functools
import re
import sys
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from email_activity.cli import dlq_output, show
from email_activity.cli.dlq_session import DrainSummary, Session
from email_activity.cli.interrupt import BY_CTRL_C
from email_activity.cli.options import non_empty, together
from email_activity.dead_letters.actions import Archive, Listed, Redrive, drain, find, list_messages
from email_activity.dead_letters.dead_letter import CopyKey, Filter
from email_activity.domain.facts import Document

SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}

#: Of so few digits that every span lies within the calendar.
SPAN = re.compile(r"(\d{1,4})([smhdw])")


def _ago(context: click.Context, parameter: click.Parameter, value: str | None) -> datetime | None:
    """`30m`, `2h`, `7d`: the time that long ago."""
    if value is None:
        return None
    span = SPAN.fullmatch(value.strip())
    if not span:
        raise click.BadParameter(f"{value!r}: want a span such as 30m, 2h or 7d", ctx=context, param=parameter)
    return datetime.now(UTC) - timedelta(seconds=int(span[1]) * SECONDS[span[2]])


FILTERS = together(
    click.option("--reason", multiple=True, help="Only with this reason. May be repeated."),
    click.option("--kind", multiple=True, help="Only events of this kind, in any case: bounce. May be repeated."),
    click.option("--document", type=(str, str), metavar="TYPE ID", help="Only about this document."),
    click.option("--older-than", callback=_ago, metavar="SPAN", help="Only what SQS took longer ago: 30m, 2h, 7d."),
    click.option("--newer-than", callback=_ago, metavar="SPAN", help="Only what SQS took since then."),
    click.option("--limit", type=click.IntRange(min=1), help="At most so many messages."),
)
BY_ID = click.option("--id", "ids", multiple=True, metavar="ID", help="Only this message. May be repeated.")
DRY_RUN = click.option("--dry-run", is_flag=True, help="Show what would be taken, and change nothing.")
JSON_LINES = click.option("--json", "as_json", is_flag=True, help="JSON lines: one object for each message.")


def filtered(command: Callable[..., None]) -> Callable[..., None]:
    """The command gets them as one `wanted`, and the limit."""

    @functools.wraps(command)
    def collected(**options: Any) -> None:
        document = options.pop("document")
        wanted = Filter(
            ids=frozenset(options.pop("ids", ())),
            reasons=frozenset(options.pop("reason")),
            kinds=frozenset(each.strip().casefold() for each in options.pop("kind")),
            document=Document(document[0].strip().lower(), document[1].strip()) if document else None,
            sent_before=options.pop("older_than"),
            sent_after=options.pop("newer_than"),
        )
        command(wanted=wanted, **options)

    return FILTERS(collected)


@click.group()
def dlq() -> None:
    """What the worker could not record: look at it, send it back, or throw it away.

    Messages are known by the id that they had in the events queue, which the worker's log has too. One that is there
    twice (its worker was killed at the wrong moment) is shown once, with the number of its copies.

    \b
    Reasons
      not_json, no_mail ...  the worker could not read it, or the table refused it
      received_too_often     no receive ended in a delete: an outage, or a crash
      undelivered            SNS or EventBridge could not bring it to the queue

    Age counts from when SQS took the message: for what the worker put here, from then; for received_too_often from
    when it first came to the events queue, since SQS tells no later time.

    While a command looks, nobody else sees the messages; at its end, and at Ctrl-C, they are given back. If it is
    killed, they return by themselves within 30 minutes. It needs the operator policy that `provision` makes.

    \b
    Examples:
      email-activity dlq list --reason not_json --newer-than 2h
      email-activity dlq show 0f1b3c9e-58a1-4b1e-9d53-2a3a1a0e6c11
      email-activity dlq redrive --kind bounce --dry-run
      email-activity dlq discard --reason not_ses --older-than 7d
      email-activity dlq list --json | jq -r .reason | sort | uniq -c

    Exit codes: 0 done; 1 nothing matched, or something failed; 2 wrong usage or settings; 130 interrupted.
    """


@dlq.command("list", short_help="What is in the dead-letter queue.")
@filtered
@JSON_LINES
def list_command(*, wanted: Filter, limit: int | None, as_json: bool) -> None:
    """What is in the dead-letter queue, oldest first; no bodies and no addresses.

    Printed at the end, because the second copy of a message may come last.

    \b
    With --json each object has
      id, reason, detail, copies
      kinds, documents, email_ids    of the events in it, as far as they can be
                                     read
      sent_at, size_bytes            when SQS took it; bytes of the body
      would_now_be                   what the worker would make of it now:
                                     activity, untracked, expired, control, or
                                     quarantine with its reason
      first_received, receive_count, worker_version
                                     from the worker that put it there, else null

    \b
    Examples:
      email-activity dlq list
      email-activity dlq list --document invoice 2026-117
      email-activity dlq list --json --older-than 7d | jq -c '[.id, .reason]'
    """
    session = Session(as_json=as_json)
    session.leave(ok=bool(_print_list(session, wanted, limit)))


@dlq.command("show", short_help="Everything about one message, personal data masked.")
@click.argument("message_id", metavar="ID", callback=non_empty)
@click.option("--reveal", is_flag=True, help="Show the body as it is, with the personal data in it.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object; `body` is a text.")
def show_command(*, message_id: str, reveal: bool, as_json: bool) -> None:
    """Everything about one message, and what the worker would make of it now.

    Addresses show their first letter and domain. Only fields that are known to hold nobody's data are shown at all:
    ids, kinds, times, codes. Everything else is ***.

    \b
    Examples:
      email-activity dlq show 0f1b3c9e-58a1-4b1e-9d53-2a3a1a0e6c11
      email-activity dlq show ID --reveal --json | jq -r .body
    """
    session = Session(as_json=as_json)
    with session.scan() as scan:
        found = find(scan, message_id)
    if found:
        dlq_output.print_message(*found, tags=session.tags(), reveal=reveal, as_json=as_json)
    session.leave(ok=True)
    if not found:
        raise click.ClickException(show.printable(f"no message {message_id} is in the dead-letter queue"))


@dlq.command(short_help="Send messages back to the events queue.")
@filtered
@BY_ID
@DRY_RUN
@JSON_LINES
def redrive(*, wanted: Filter, limit: int | None, dry_run: bool, as_json: bool) -> None:
    """Send messages back to the events queue; all of them without filters. It never asks.

    Each is deleted here only after it was sent. It may be interrupted and run again at any time: what is sent twice
    is recorded once, since the worker's writes are idempotent. What fails again comes back with a reason of its own,
    and is not sent once more in the same run. First mend what they failed at: --dry-run tells what each would be now.

    \b
    Examples:
      email-activity dlq redrive --dry-run
      email-activity dlq redrive --reason received_too_often
      email-activity dlq redrive --id 0f1b3c9e-58a1-4b1e-9d53-2a3a1a0e6c11
    """
    session = Session(as_json=as_json)
    if dry_run:
        _dry_run(session, wanted, limit, "redrive")
        return
    work = Redrive(session.sqs, session.queue.url)
    with DrainSummary("redriven", as_json) as summary, session.scan() as scan:
        summary.follow(drain(scan, lambda each: work.is_new(each) and wanted.matches(each), work.send, limit))
    if work.came_back:
        show.print_note(f"{work.came_back:,} failed again and came back: see `email-activity dlq list`")
    session.leave(ok=summary.ok)


@dlq.command(short_help="Write messages to a file and delete them.")
@filtered
@BY_ID
@click.option("--to", type=click.Path(path_type=Path), metavar="FILE", help="Default: discarded-<UTC time>.jsonl")
@DRY_RUN
@click.option("--yes", is_flag=True, help="Do not ask.")
@JSON_LINES
def discard(  # noqa: PLR0913  one argument for each option is how click works
    *, wanted: Filter, limit: int | None, to: Path | None, dry_run: bool, yes: bool, as_json: bool
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
    session = Session(as_json=as_json)
    if dry_run:
        _dry_run(session, wanted, limit, "discard")
        return
    path = to or Path(f"discarded-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.jsonl")
    if path.exists():
        raise click.UsageError(f"--to: {show.printable(path)} is there already, and may be the last trace of others")
    # What somebody was shown the count of and said yes to, so that nothing goes which came meanwhile.
    agreed = None if yes else _confirmed(session, wanted, limit, path)
    takes = wanted.matches if agreed is None else lambda each: each.key in agreed
    with Archive(path) as archive, DrainSummary("discarded", as_json) as summary, session.scan() as scan:
        summary.follow(drain(scan, takes, archive.write, limit))
    if summary.done:
        show.print_note(f"they are in {path}")
    session.leave(ok=summary.ok)


def _confirmed(session: Session, wanted: Filter, limit: int | None, path: Path) -> set[CopyKey]:
    if not sys.stdin.isatty():
        raise click.UsageError("there is nobody to ask: give --yes, or --dry-run to look only")
    with session.scan() as scan:
        listed = list_messages(scan, wanted, limit)
    show.print_note(dlq_output.listed_totals(listed.values()))
    session.leave(ok=bool(listed))
    try:
        is_confirmed = click.confirm(f"Write them to {show.printable(path)} and delete them", err=True)
    except click.Abort:
        raise SystemExit(BY_CTRL_C) from None
    if not is_confirmed:
        raise click.ClickException("nothing was changed")
    return set(listed)


def _dry_run(session: Session, wanted: Filter, limit: int | None, verb: str) -> None:
    if listed := _print_list(session, wanted, limit, f"would {verb} "):
        show.print_note(dlq_output.current_outcomes(listed))
    session.leave(ok=bool(listed))


def _print_list(session: Session, wanted: Filter, limit: int | None, before_totals: str = "") -> Collection[Listed]:
    with session.scan() as scan:
        listed = list_messages(scan, wanted, limit).values()
    dlq_output.print_list(listed, as_json=session.as_json)
    show.print_note(before_totals + dlq_output.listed_totals(listed))
    return listed
