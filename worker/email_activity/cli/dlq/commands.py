"""`email-activity dlq`: what the worker could not record, and what to do about it."""

import click

from email_activity.cli import show
from email_activity.cli.dlq import letters
from email_activity.cli.dlq.clearing import discard, redrive
from email_activity.cli.dlq.desk import Desk
from email_activity.cli.dlq.filters import JSON_LINES, filtered
from email_activity.cli.given import given
from email_activity.dead_letters.letter import Wanted
from email_activity.dead_letters.survey import find, survey


@click.group()
def dlq() -> None:
    """What the worker could not record: look at it, send it back, or throw it away.

    Messages are known by the id that they had in the events queue, which the worker's log has too. One that is there
    twice (its worker was killed at the wrong moment) is shown once, with the number of its copies.

    \b
    Reasons
      not_json, no_mail ...  the worker could not read it, or the table refused it
      received_too_often     each receive ended without a delete: look for an outage, or a crash
      undelivered            SNS or EventBridge could not bring it to the events queue

    Age counts from when SQS took the message: for what the worker put here, from then; for received_too_often from
    when it first came to the events queue, since SQS tells no later time.

    While a command looks, nobody else sees the messages; at its end, and at Ctrl-C, they are given back. If it is
    killed, they return by themselves within 30 minutes. It needs the operator policy that `provision` makes.

    \b
    Examples:
      email-activity dlq list --reason not_json --newer-than 2h
      email-activity dlq show 0f1b3c9e-58a1-4b1e-9d53-2a3a1a0e6c11
      email-activity dlq redrive --kind bounce --dry-run
      email-activity dlq discard --reason not_ses --older-than 7d --to not-ses.jsonl
      email-activity dlq list --json | jq -r .reason | sort | uniq -c

    Exit codes: 0 done; 1 nothing matched, or something failed; 2 wrong usage or settings; 130 interrupted.
    """


@dlq.command("list", short_help="What is in the dead-letter queue.")
@filtered
@JSON_LINES
def list_letters(*, wanted: Wanted, limit: int | None, as_json: bool) -> None:
    """What is in the dead-letter queue, oldest first; no bodies and no addresses.

    Printed at the end, because the second copy of a message may come last.

    \b
    With --json each object has
      id, reason, detail, copies
      kinds, documents, email_ids    of the events in it, as far as they can be read
      sent_at, size_bytes            when SQS took it; bytes of the body
      would_now_be                   what the worker would make of it now: activity, untracked, expired, control,
                                     or quarantine with its reason
      first_received, receive_count, worker_version   from the worker that put it there, else null

    \b
    Examples:
      email-activity dlq list
      email-activity dlq list --reason received_too_often --document invoice 2026-117
      email-activity dlq list --json --older-than 7d | jq -c '[.id, .reason, .would_now_be]'
    """
    desk = Desk(as_json=as_json)
    with desk.walk() as walk:
        found = survey(walk, wanted, limit).values()
    letters.print_found(found, as_json=as_json)
    show.print_note(letters.found_totals(found))
    desk.leave(ok=bool(found))


@dlq.command("show", short_help="Everything about one message, personal data masked.")
@click.argument("letter_id", metavar="ID", callback=given)
@click.option("--reveal", is_flag=True, help="Show the body as it is, with the personal data in it.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object; `body` is a text.")
def show_letter(*, letter_id: str, reveal: bool, as_json: bool) -> None:
    """Everything about one message, and what the worker would make of it now.

    Addresses show their first letter and domain. Only fields that are known to hold nobody's data are shown at all:
    ids, kinds, times, codes. Everything else is ***.

    \b
    Examples:
      email-activity dlq show 0f1b3c9e-58a1-4b1e-9d53-2a3a1a0e6c11
      email-activity dlq show ID --reveal --json | jq -r .body | email-activity parse
    """
    desk = Desk(as_json=as_json)
    with desk.walk() as walk:
        met = find(walk, letter_id)
    if not met:
        desk.leave(ok=True)
        raise click.ClickException(show.printable(f"no message {letter_id} is in the dead-letter queue"))
    told = letters.letter_json(*met, tags=desk.tags, reveal=reveal)
    if as_json:
        show.print_json(told)
    else:
        show.print_table(letters.heading(told))
        for line in letters.body_lines(told["body"]):
            click.echo(line)
    desk.leave(ok=True)


dlq.add_command(redrive)
dlq.add_command(discard)
