"""`email-activity version`."""

import json

import click

from email_activity import __version__


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object: version.")
def version(*, as_json: bool) -> None:
    """The version of this program."""
    click.echo(json.dumps({"version": __version__}) if as_json else f"email-activity {__version__}")
