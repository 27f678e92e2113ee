"""What is given on the command line: a text with something in it."""

import click


def given(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """Without the blanks around it; a script's empty variable is a mistake, not a search for nothing."""
    text = value.strip()
    if not text:
        raise click.BadParameter("it is empty", ctx=context, param=parameter)
    return text
