"""How settings are read: from the environment, once, typed and checked. Which there are, `settings.py` says."""

import re
from collections.abc import Callable
from typing import Annotated, Any, TypeVar
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from email_activity.redis_url import hide_password, read_redis_url

EVERYTHING = "*"

Loaded = TypeVar("Loaded", bound="Environment")


class SettingsError(Exception):
    """A variable of the environment is wrong. Each line names it, what it holds, and what it should hold."""


def checked(is_valid: Callable[[str], object], wanted: str) -> AfterValidator:
    def check(value: str) -> str:
        if not is_valid(value):
            raise ValueError(wanted)
        return value

    return AfterValidator(check)


def is_redis_url(*others: str) -> AfterValidator:
    def check(value: str) -> str:
        if value not in others:
            if not value.startswith(("redis://", "rediss://")):
                raise ValueError(" or ".join(("a URL that starts with redis:// or rediss://", *others)))
            read_redis_url(value)
        return value

    return AfterValidator(check)


def listed(value: str | None) -> frozenset[str]:
    return frozenset(name.strip() for name in (value or "").split(",") if name.strip())


def list_of(pattern: str, wanted: str) -> AfterValidator:
    """A comma-separated list."""
    is_name = re.compile(pattern, re.ASCII).fullmatch
    return checked(lambda value: listed(value) and all(map(is_name, listed(value))), wanted)


def _is_time_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (LookupError, ValueError, OSError):  # not there, no name at all, a folder of names
        return False
    return True


Name = Annotated[str, Field(min_length=1, max_length=256)]
HttpUrl = Annotated[
    str, checked(re.compile("https?://.+", re.DOTALL).fullmatch, "a URL that starts with http:// or https://")
]
DocumentTypes = Annotated[
    str,
    checked(
        lambda value: listed(value) == {EVERYTHING} or (listed(value) and EVERYTHING not in listed(value)),
        "a comma-separated list of document types, or * for all",
    ),
]
AccountIds = Annotated[str, list_of("[0-9]{12}", "comma-separated AWS account ids of 12 digits")]
ConfigurationSets = Annotated[str, list_of("[A-Za-z0-9_-]{1,64}", "comma-separated names of SES's configuration sets")]
TopicArns = Annotated[
    str,
    list_of(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_.-]{1,256}", "comma-separated ARNs of SNS topics"),
]
TimeZone = Annotated[str, checked(_is_time_zone, "an IANA time zone that this system knows, as Europe/Berlin or UTC")]


class Environment(BaseSettings):
    """Field names are the variables' names in lower case. Durations are in the unit that the name says."""

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True, extra="ignore", case_sensitive=False)


def read_settings(kind: type[Loaded], overrides: dict[str, Any]) -> Loaded:
    try:
        return kind(**overrides)
    except ValidationError as error:
        raise SettingsError("\n".join(map(_line, error.errors()))) from None


def _line(error: Any) -> str:
    """`BATCH_SIZE: got '0', want an input greater than or equal to 1`"""
    message = error["msg"].removeprefix("Value error, ")
    if not error["loc"]:
        return str(message)
    name, wanted = str(error["loc"][0]), message.removeprefix("Input should be ")
    value = error["input"]
    # A token itself may stand where its hash should.
    shown = "***" if "token" in name or "key" in name else hide_password(value) if "url" in name else value
    return f"{name.upper()}: got {shown!r}, want {wanted}"
