"""Arguments and options that several commands have."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

import click

F = TypeVar("F", bound=Callable[..., Any])


def together(*options: Callable[[F], F]) -> Callable[[F], F]:
    """One decorator of several, in the order in which help shows them."""

    def decorate(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def time_option(name: str, help_: str, default: str | None = None) -> Callable[[F], F]:
    return click.option(name, metavar="TIME", default=default, show_default=default is not None, help=help_)


def one_form(json_help: str) -> Callable[[F], F]:
    """--json, --csv and --plain, of which one may be given: the argument `form`, "people" without any."""
    forms = {"json": json_help, "csv": "For a spreadsheet.", "plain": "Rows with a tab between cells, after a header."}

    def decorate(command: F) -> F:
        @wraps(command)
        def run(**arguments: Any) -> Any:
            chosen = [form for form in forms if arguments.pop(f"as_{form}")]
            if len(chosen) > 1:
                raise click.UsageError(f"--{' and --'.join(chosen)} exclude each other")
            return command(form=chosen[0] if chosen else "people", **arguments)

        options = (click.option(f"--{name}", f"as_{name}", is_flag=True, help=told) for name, told in forms.items())
        return cast("F", together(*options)(run))

    return decorate


def non_empty(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """Without the blanks around it; a script's empty variable is a mistake, not a search for nothing."""
    if value is None:
        return None
    text = value.strip()
    if not text:
        raise click.BadParameter("it is empty", ctx=context, param=parameter)
    return text
