"""Which dead letters a command is about: the options that `list`, `redrive` and `discard` share."""

import functools
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, cast

import click

from email_activity.dead_letters.letter import Wanted
from email_activity.domain.facts import Document

F = TypeVar("F", bound=Callable[..., Any])

SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}

#: So few digits that every span lies within the calendar.
SPAN = re.compile(r"(\d{1,4})([smhdw])")


def ago(context: click.Context, parameter: click.Parameter, value: str | None) -> datetime | None:
    """`30m`, `2h`, `7d`: the time that long ago."""
    if value is None:
        return None
    span = SPAN.fullmatch(value.strip())
    if not span:
        raise click.BadParameter(f"{value!r}: want a span such as 30m, 2h or 7d", ctx=context, param=parameter)
    return datetime.now(UTC) - timedelta(seconds=int(span[1]) * SECONDS[span[2]])


OPTIONS = (
    click.option("--reason", multiple=True, help="Only with this reason. May be repeated."),
    click.option("--kind", multiple=True, help="Only events of this kind, in any case: bounce. May be repeated."),
    click.option("--document", type=(str, str), metavar="TYPE ID", help="Only about this document."),
    click.option("--older-than", callback=ago, metavar="SPAN", help="Only what SQS took longer ago: 30m, 2h, 7d."),
    click.option("--newer-than", callback=ago, metavar="SPAN", help="Only what SQS took since then."),
    click.option("--limit", type=click.IntRange(min=1), help="At most so many messages."),
)
BY_ID = click.option("--id", "ids", multiple=True, metavar="ID", help="Only this message. May be repeated.")

JSON_LINES = click.option("--json", "as_json", is_flag=True, help="JSON lines: one object for each message.")


def filtered(command: F) -> F:
    """The command gets them as one `wanted`, and the limit."""

    @functools.wraps(command)
    def collected(  # noqa: PLR0913  one argument for each option is how click works
        *,
        reason: tuple[str, ...],
        kind: tuple[str, ...],
        document: tuple[str, str] | None,
        older_than: datetime | None,
        newer_than: datetime | None,
        ids: tuple[str, ...] = (),
        **others: Any,
    ) -> Any:
        wanted = Wanted(
            ids=frozenset(ids),
            reasons=frozenset(reason),
            kinds=frozenset(each.strip().casefold() for each in kind),
            document=Document(document[0].strip().lower(), document[1].strip()) if document else None,
            sent_before=older_than,
            sent_after=newer_than,
        )
        return command(wanted=wanted, **others)

    for option in reversed(OPTIONS):
        collected = option(collected)
    return cast("F", collected)
