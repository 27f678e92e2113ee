"""Arguments and options that several commands have."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def together(*options: Callable[[F], F]) -> Callable[[F], F]:
    """One decorator of several, in the order in which help shows them."""

    def decorate(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def non_empty(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """Without the blanks around it; a script's empty variable is a mistake, not a search for nothing."""
    text = value.strip()
    if not text:
        raise click.BadParameter("it is empty", ctx=context, param=parameter)
    return text
