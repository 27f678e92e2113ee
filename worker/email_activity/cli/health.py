"""`email-activity health`: the check of the worker's container."""

import json

import click

from email_activity.ingest.health import Health, State, read_health
from email_activity.settings import load_settings


@click.command()
@click.option(
    "--max-age", type=click.FloatRange(min=0, min_open=True), default=60, show_default=True, help="In seconds."
)
@click.option(
    "--json", "as_json", is_flag=True, help="One JSON object: healthy, state, detail, age_seconds (or null), file."
)
def health(*, max_age: float, as_json: bool) -> None:
    """Whether the worker on this machine polls, or only waits: exit code 0 if so, else 1.

    A worker that waits for Redis, SQS, DynamoDB or Celery's broker is healthy: this is the check of a container, and
    to start that anew would mend none of them. One with a wrong setting is not, nor one that has written nothing to
    HEALTH_FILE for --max-age seconds. The words say which it is. Run it as the worker's user.

    \b
    Examples:
      email-activity health
      email-activity health --max-age 120
    """
    file = load_settings().health_file
    found, age, problem = _read(file)
    if found and age >= max_age:
        problem = f"last word {age:.0f} s ago, more than {max_age:g} s: the worker hangs or is gone. Start it anew"
    elif found and found.state is State.WRONG_SETTING:
        problem = f"wrong setting: {found.detail}"
    if as_json:
        told = {
            "healthy": not problem,
            "state": found.state if found else None,
            "detail": found.detail if found else problem,
            "age_seconds": age if found else None,
            "file": file,
        }
        click.echo(json.dumps(told))
    else:
        click.echo(problem or _line(found, age), err=bool(problem))
    if problem:
        raise SystemExit(1)


def _read(file: str) -> tuple[Health | None, float, str]:
    """What was said, its age in seconds, and what is wrong with the file."""
    try:
        return *read_health(file), ""
    except FileNotFoundError:
        return None, 0, f"no poll yet: {file} is not there. Does a worker run here, with the same HEALTH_FILE?"
    except ValueError:
        return None, 0, f"{file} is no health file. Does a worker run here, with the same HEALTH_FILE?"
    except OSError as error:
        return None, 0, f"{file} cannot be read: {error.strerror or error}"


def _line(found: Health | None, age: float) -> str:
    if found and found.state is State.WAITING:
        return f"ok: waits for {found.detail}, and goes on by itself; said {age:.0f} s ago"
    return f"ok: last poll {age:.0f} s ago"
