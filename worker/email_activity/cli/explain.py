"""`email-activity explain`."""

from dataclasses import asdict

import click
from rich.table import Table

from email_activity.activity.glossary import HOW_TO_READ, MEANINGS, Meaning
from email_activity.activity.terms import NAMES, Term, find_terms, near
from email_activity.cli import show

MEANING_BY_NAME = {"".join(filter(str.isalnum, each.kind)).casefold(): each for each in MEANINGS}


def _complete(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    return [name for name in NAMES if name.casefold().startswith(incomplete.casefold())]


@click.command()
@click.argument("event", metavar="[WORD]...", nargs=-1, shell_complete=_complete)
@click.option("--json", "as_json", is_flag=True, help="JSON: one object for WORD, else a list of all events.")
def explain(*, event: tuple[str, ...], as_json: bool) -> None:
    """What each event means, and where it can be wrong; or any word that the commands show.

    WORD is an event, a code, a reason, a label, a bounce class and so on, with what to do where that is something.
    Case, blanks and hyphens do not matter.

    \b
    Examples:
      email-activity explain
      email-activity explain bounce
      email-activity explain no_such_address
      email-activity explain 'Not delivered: mailbox full'
    """
    wanted = "".join(filter(str.isalnum, " ".join(event))).casefold()
    if event and wanted not in MEANING_BY_NAME:
        _explain_terms(" ".join(event), as_json=as_json)
        return
    chosen = [MEANING_BY_NAME[wanted]] if event else list(MEANINGS)
    if as_json:
        shown = [_json(each) for each in chosen]
        show.print_json(shown[0] if event else shown)
    elif event:
        _print_one(chosen[0])
        _print_terms(_beside(chosen[0]))
    else:
        show.print_table(_table(), prose=True)
        click.echo(HOW_TO_READ)


def _explain_terms(text: str, *, as_json: bool) -> None:
    found = find_terms(text)
    if not found:
        meant = near(text)
        hint = f"Did you mean {', or '.join(meant)}?" if meant else "`email-activity explain` lists the events."
        raise click.UsageError(show.printable(f"nothing is called {text!r}. {hint}"))
    if as_json:
        show.print_json({"word": text, "meanings": list(map(asdict, found))})
    else:
        _print_terms(found)


def _print_terms(terms: list[Term]) -> None:
    for number, each in enumerate(terms):
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_row(show.text("Word", "dim"), show.text(each.name, "bold").append(f" ({each.what})", "dim"))
        grid.add_row(show.text("Means", "dim"), each.means)
        if each.next_step:
            grid.add_row(show.text("Do", "dim"), each.next_step)
        if number:
            click.echo()
        show.print_table(grid, prose=True)


def _beside(meaning: Meaning) -> list[Term]:
    """What else has the name of an event."""
    return [each for each in find_terms(meaning.kind) if each.what != "event"]


def _json(meaning: Meaning) -> dict[str, object]:
    return {
        "event": meaning.kind,
        "means": meaning.means,
        "beware": meaning.beware,
        "values": {name: means for names, means in meaning.values for name in names.split(", ")},
        "meanings": list(map(asdict, _beside(meaning))),
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
