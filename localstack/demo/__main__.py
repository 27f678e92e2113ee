"""`make demo`: the whole path on this machine, and an honest count at the end."""

import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from demo import stand_ins
from demo.reconcile import Reconciliation
from demo.run import Demo, running_demo
from demo.stand_ins import StandInError
from demo.story import ACCOUNT, PRINTED_NUMBER, REFUSED
from email_activity.activity.answers import Context, email_with_timeline
from email_activity.activity.describe import whose
from email_activity.activity.model import EmailWithTimeline, Event
from email_activity.cli import show
from email_activity.cli.rows import block
from email_activity.cli.tables import event_in_words
from email_activity.cli.when import Zone, zone_named

#: Of the times that are printed.
ZONE = zone_named("UTC")

EXPLAINED = {
    "recorded": "one event each, in the table",
    "duplicate": "the same event once more: recorded once",
    "untracked": "about a contract, and only invoices are tracked",
    "control": "SES's own message about the topic",
    "quarantined": "no SES event: in the dead-letter queue, with the reason",
}


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--keep", is_flag=True, help="Leave everything running until Ctrl-C, and say how to look around.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object: the count, what is missing, every email.")
def demo(*, keep: bool, as_json: bool) -> None:
    """Watch SES events travel SNS -> SQS -> Celery -> Redis -> DynamoDB, on this machine.

    Stand-ins for AWS and Redis start on free ports of the loopback interface; a story of a morning's invoices
    is published, out of order and partly twice; a real Celery worker records it. Touches nothing else: no
    account, no credentials, no files that stay.

    Exit code 0 only if every message that was published is accounted for.

    \b
    Examples:
      make demo
      make demo ARGS=--keep
      make --silent demo ARGS=--json | jq .published
    """
    # `kill` must end the stand-ins too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with running_demo(show.print_note) as running:
            result = _wait(running)
            emails = [
                email_with_timeline(each, Context(datetime.now(UTC))) for each in running.emails() if each.timeline
            ]
            emails.sort(key=lambda each: str(each.sent_at))
            if as_json:
                show.print_json(_as_json(result, emails))
            else:
                _print(result, emails)
            _report_failure(result, running.log)
            if keep:
                _keep(running)
            elif result.ok and not as_json:
                _say_what_next()
    except StandInError as error:
        raise click.ClickException(str(error)) from None
    sys.exit(0 if result.ok else 1)


def _wait(running: Demo) -> Reconciliation:
    columns = (TextColumn("Accounted for"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with show.progress(*columns, on=Console(stderr=True), redirect_stderr=True) as bar:
        task = bar.add_task("", total=len(running.published))
        return running.wait(lambda count: bar.update(task, completed=count))


def _print(result: Reconciliation, emails: list[EmailWithTimeline]) -> None:
    out = show.console()
    for email in emails:
        show.print_lines(block(email, ZONE, out.width))
        for event in email.timeline:
            out.print(_event(event, email.destination_count, ZONE), no_wrap=True, overflow="ellipsis")
        out.print()
    click.echo(f"Times in {ZONE.name}\n")
    show.print_table(_count(result))


def _event(event: Event, destination_count: int, zone: Zone) -> Text:
    line = Text("    ").append(show.text(zone.moment(event.occurred_at), "dim")).append("  ")
    if destination_count > 1:
        line.append(show.text(whose(event, destination_count))).append("  ")
    return line.append(event_in_words(event, zone))


def _count(result: Reconciliation) -> Table:
    table = show.table()
    table.title, table.title_justify = "Published to the topic", "left"
    for name in ("Fate", "Messages", "That is"):
        table.add_column(name, justify="right" if name == "Messages" else "left")
    for fate, meaning in EXPLAINED.items():
        table.add_row(fate, str(result.published[fate]), meaning)
    verdict = "all accounted for" if result.ok else "NOT all accounted for"
    table.add_section()
    table.add_row("together", str(result.published.total()), show.text(verdict, "green" if result.ok else "red"))
    return table


def _as_json(result: Reconciliation, emails: list[EmailWithTimeline]) -> dict[str, Any]:
    return {
        "ok": result.ok,
        "published": {fate: result.published[fate] for fate in EXPLAINED},
        "missing": result.missing,
        "extra": result.extra,
        "waiting": result.waiting,
        "emails": [email.model_dump(mode="json") for email in emails],
    }


def _report_failure(result: Reconciliation, log: Path) -> None:
    if result.ok:
        return
    for what, found in (("missing", result.missing), ("not published, yet there", result.extra)):
        for each in found:
            show.print_note(f"{what}: {each}")
    if result.waiting:
        show.print_note(f"still in the queue: {result.waiting} messages")
    show.print_note("The end of the worker's log:")
    for line in log.read_text(errors="replace").splitlines()[-20:]:
        show.print_note(line)


#: What to try, with ids from the story.
COMMANDS = (f"document invoice {PRINTED_NUMBER}", f"recipient {REFUSED}", f"account {ACCOUNT} --status not_delivered")


def _say_what_next() -> None:
    click.echo("\nNext, look around in it yourself: `make demo-web` leaves it running, with its page.", err=True)


def _keep(running: Demo) -> None:
    with stand_ins.web(running.environment, running.log.with_name("web.log")) as url:
        _say_how_to_look(running, url)
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            show.print_note("Ending the worker and the stand-ins")


def _say_how_to_look(running: Demo, url: str) -> None:
    click.echo("\nStill running. In another terminal:\n", err=True)
    for name, value in running.environment.items():
        click.echo(f"  export {name}={value}", err=True)
    program = Path(sys.executable).with_name("email-activity")
    for command in (*COMMANDS, "health"):
        click.echo(f"  {program} {command}", err=True)
    click.echo(f"  tail -f {running.log}", err=True)
    click.echo(
        f"\nOr in a browser, where {PRINTED_NUMBER} and {REFUSED} can be searched for:\n\n  {url}\n\nCtrl-C ends it.",
        err=True,
    )


if __name__ == "__main__":
    demo(prog_name="demo")
