"""`email-activity health`: the check of the worker's container."""

import json
import time
from pathlib import Path

import click

from config.settings import load_settings


@click.command()
@click.option(
    "--max-age", type=click.FloatRange(min=0, min_open=True), default=60, show_default=True, help="In seconds."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object: healthy, age_seconds, file.")
def health(*, max_age: float, as_json: bool) -> None:
    """Whether the worker on this machine polls: exit code 0 if its last poll is recent, else 1.

    The worker touches HEALTH_FILE each time it polls, also while Redis or the table are down: this is the check of
    a container, and to start that anew would mend neither of them.

    \b
    Examples:
      email-activity health
      email-activity health --max-age 120
    """
    file = load_settings().health_file
    try:
        age = max(0.0, time.time() - Path(file).stat().st_mtime)
    except OSError:
        age = None
    healthy = age is not None and age < max_age
    if as_json:
        click.echo(json.dumps({"healthy": healthy, "age_seconds": age, "file": file}))
    else:
        click.echo(_line(age, max_age, file), err=not healthy)
    if not healthy:
        raise SystemExit(1)


def _line(age: float | None, max_age: float, file: str) -> str:
    if age is None:
        return f"no poll yet: {file} is not there. Does a worker run here, with the same HEALTH_FILE?"
    if age < max_age:
        return f"ok: last poll {age:.0f} s ago"
    return f"last poll {age:.0f} s ago, more than {max_age:g} s: the worker hangs or is gone. Start it anew"
