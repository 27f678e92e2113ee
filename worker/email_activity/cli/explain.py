"""`email-activity explain`."""

import click
from rich.table import Table

from email_activity.activity.glossary import HOW_TO_READ, MEANINGS, Meaning
from email_activity.cli import show

MEANING_BY_NAME = {"".join(filter(str.isalnum, each.kind)).casefold(): each for each in MEANINGS}


@click.command()
@click.argument("event", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="JSON: one object for EVENT, else a list of all.")
def explain(*, event: tuple[str, ...], as_json: bool) -> None:
    """What each event means, and where it can be wrong.

    With EVENT in more detail: bounce classes, kinds of complaints and so on. Case, blanks and hyphens do not matter.

    \b
    Examples:
      email-activity explain
      email-activity explain bounce
      email-activity explain rendering-failure
    """
    wanted = "".join(filter(str.isalnum, " ".join(event))).casefold()
    if event and wanted not in MEANING_BY_NAME:
        known = ", ".join(each.kind for each in MEANINGS)
        raise click.UsageError(show.printable(f"no such event: {' '.join(event)}. There are {known}"))
    chosen = [MEANING_BY_NAME[wanted]] if event else list(MEANINGS)
    if as_json:
        shown = [_json(each) for each in chosen]
        show.print_json(shown[0] if event else shown)
    elif event:
        _print_one(chosen[0])
    else:
        show.print_table(_table(), prose=True)
        click.echo(HOW_TO_READ)


def _json(meaning: Meaning) -> dict[str, object]:
    return {
        "event": meaning.kind,
        "means": meaning.means,
        "beware": meaning.beware,
        "values": {name: means for names, means in meaning.values for name in names.split(", ")},
    }


def _table() -> Table:
    table = show.table("Event")
    table.add_column("Means", ratio=2)
    table.add_column("Where it can be wrong", ratio=3)
    for each in MEANINGS:
        table.add_row(show.text(each.kind, "bold"), each.means, show.text(each.beware, "dim"))
        table.add_section()
    return table


def _print_one(meaning: Meaning) -> None:
    grid = Table.grid(padding=(0, 2, 1, 0))
    grid.add_row(show.text("Event", "dim"), show.text(meaning.kind, "bold"))
    grid.add_row(show.text("Means", "dim"), meaning.means)
    grid.add_row(show.text("Beware", "dim"), meaning.beware)
    show.print_table(grid, prose=True)
    if meaning.values:
        table = show.table(meaning.values_title)
        table.add_column("Means")
        for name, means in meaning.values:
            table.add_row(show.text(name, "bold"), means)
        show.print_table(table, prose=True)
