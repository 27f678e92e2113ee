"""The time zone that a command shows times in."""

from collections.abc import Callable
from functools import partial
from typing import Any

import click

from email_activity.domain.zones import Zone as Zone  # noqa: PLC0414  the commands take it from here
from email_activity.domain.zones import age as age  # noqa: PLC0414  as above
from email_activity.domain.zones import zone_named as zone_named  # noqa: PLC0414  as above
from email_activity.settings import load_reader_settings


def zone_of_settings() -> Zone:
    return zone_named(load_reader_settings().display_timezone)


def _zone(_context: click.Context, _parameter: click.Parameter, value: str | None) -> Zone:
    try:
        return zone_named(value.strip()) if value is not None else zone_of_settings()
    except ValueError as error:
        raise click.BadParameter(f"{error}; want an IANA name such as Europe/Berlin") from None


#: Of every command that prints times. Its value is a `Zone`.
tz_option: Callable[[Any], Any] = partial(
    click.option(
        "--tz",
        "zone",
        metavar="ZONE",
        callback=_zone,
        help="Times in this time zone, an IANA name such as Europe/Berlin. Default: DISPLAY_TIMEZONE.",
    )
)
