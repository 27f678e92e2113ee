"""`email-activity config` and `health`: what is set and running here."""

import json
import os

import click
from rich.table import Table

from email_activity.cli import show
from email_activity.ingest.health import MAX_AGE, Health, State, problem_of, read_health
from email_activity.settings import Settings, load_settings, read_settings
from email_activity.web.settings import WebSettings


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object: variable to value.")
def config(*, as_json: bool) -> None:
    """The settings in force, passwords hidden.

    They come from the environment only; config/example.env documents them. If any is wrong, exit code 2 and a line
    for each.

    \b
    Examples:
      email-activity config
      TRACKED_DOCUMENT_TYPES=invoice,contract email-activity config --json
    """
    shown = load_settings().shown() | read_settings(WebSettings, {}).shown()
    if as_json:
        show.print_json(shown)
        return
    # As Settings reads them: in any case, and an empty one counts as not set.
    in_environment = {name.upper() for name, value in os.environ.items() if value}
    fields = {**WebSettings.model_fields, **Settings.model_fields}
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("Variable", no_wrap=True)
    table.add_column("Value", overflow="fold", min_width=20)
    table.add_column("Meaning")
    for name, value in shown.items():
        style = "bold" if name in in_environment else ""
        meaning = fields[name.lower()].description
        table.add_row(
            show.text(name, style), show.text("-" if value is None else value, style), show.text(meaning, "dim")
        )
    show.print_table(table)
    click.echo(f"\n{len(in_environment & shown.keys())} set in the environment, the others by default", err=True)


@click.command()
@click.option(
    "--max-age", type=click.FloatRange(min=0, min_open=True), default=MAX_AGE, show_default=True, help="In seconds."
)
@click.option(
    "--json", "as_json", is_flag=True, help="One JSON object: healthy, state, detail, age_seconds (or null), file."
)
def health(*, max_age: float, as_json: bool) -> None:
    """Whether the worker on this machine polls, or only waits: exit code 0 if so, else 1.

    A worker that waits for Redis, SQS, DynamoDB or Celery's broker is healthy: this is the check of a container, and
    to start that anew would mend none of them. One with a wrong setting is not, nor one of whose processes any has been
    silent for --max-age seconds. The words say which it is. Run it as the worker's user.

    \b
    Examples:
      email-activity health
      email-activity health --max-age 120
    """
    file = load_settings().health_file
    found, age, problem = _read_health(file)
    if found:
        problem = problem_of(found, age, max_age)
    if as_json:
        answer = {
            "healthy": not problem,
            "state": found.state if found else None,
            "detail": found.detail if found else problem,
            "age_seconds": age if found else None,
            "file": file,
        }
        click.echo(json.dumps(answer))
    elif problem:
        click.echo(problem, err=True)
    elif found and found.state is State.WAITING:
        click.echo(f"ok: waits for {found.detail}, and goes on by itself; said {age:.0f} s ago")
    else:
        click.echo(f"ok: last poll {age:.0f} s ago")
    if problem:
        raise SystemExit(1)


def _read_health(file: str) -> tuple[Health | None, float, str]:
    """What was said, its age in seconds, and what is wrong with the file."""
    try:
        return *read_health(file), ""
    except FileNotFoundError:
        return None, 0, f"no poll yet: {file} is not there. Does a worker run here, with the same HEALTH_FILE?"
    except ValueError:
        return None, 0, f"{file} is no health file. Does a worker run here, with the same HEALTH_FILE?"
    except OSError as error:
        return None, 0, f"{file} cannot be read: {error.strerror or error}"
