"""`email-activity config`."""

import os

import click
from rich.table import Table

from email_activity.cli import show
from email_activity.settings import Settings, load_settings


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
    shown = load_settings().shown()
    if as_json:
        show.print_json(shown)
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("Variable", no_wrap=True)
    table.add_column("Value", overflow="fold", min_width=20)
    table.add_column("Meaning")
    # As Settings reads them: in any case, and an empty one counts as not set.
    given = {name.upper() for name, value in os.environ.items() if value}
    for name, value in shown.items():
        meaning = Settings.model_fields[name.lower()].description
        table.add_row(
            show.text(name, "bold" if name in given else ""),
            show.text("-" if value is None else value, "bold" if name in given else ""),
            show.text(meaning, "dim"),
        )
    show.print_table(table)
    click.echo(f"\n{len(given & shown.keys())} set in the environment, the others by default", err=True)
