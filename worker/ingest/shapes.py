"""How a JSON object of SES's is read into a dataclass, field by field. Pure.

A field is declared with the name that SES gives it and the shape that it should have; what has another shape,
or no declaration, is kept under its own name in `unknown`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any, Self

import msgspec

from worker.times import Moment, read_moment

Reader = Callable[[Any], Any]

#: A DynamoDB number holds 38 digits.
#: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
TOO_LARGE = 10**38


# --- The shapes a field can have. Each returns the value, or raises ValueError for another shape. ---


def text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError
    return value


def whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) >= TOO_LARGE:
        raise ValueError
    return value


def flag(value: Any) -> bool:
    """AWS's page calls `headersTruncated` a string; every recorded event has a boolean."""
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if not isinstance(value, bool):
        raise ValueError
    return value


def moment(value: Any) -> Moment:
    return read_moment(text(value))


def texts(value: Any) -> tuple[str, ...]:
    try:
        return msgspec.convert(value, tuple[str, ...])
    except msgspec.ValidationError:
        given = value if isinstance(value, list) else [value]
        return tuple(text(each) for each in given if each is not None)


def tags(value: Any) -> dict[str, tuple[str, ...]]:
    try:
        return msgspec.convert(value, dict[str, tuple[str, ...]])
    except msgspec.ValidationError:
        if not isinstance(value, dict):
            raise ValueError from None
        return {name: texts(each) for name, each in value.items() if each is not None}


class Header(msgspec.Struct, forbid_unknown_fields=True):
    name: str | None = None
    value: str | None = None


def headers(value: Any) -> tuple[tuple[str, str], ...]:
    """Duplicates and order are kept. A header without a value, as look-alikes send, is no header."""
    try:
        given = msgspec.convert(value, list[Header])
    except msgspec.ValidationError:
        raise ValueError from None
    with_value = [(each.name, each.value) for each in given if each.value is not None]
    return tuple([(text(name), value) for name, value in with_value])


def preferences(value: Any) -> dict[str, Any]:
    """`{unsubscribeAll: bool, topicSubscriptionStatus: [{topicName, subscriptionStatus}], ...}`"""
    if not isinstance(value, dict) or not all(_is_preference(each) for each in value.values()):
        raise ValueError
    return value


def _is_preference(value: Any) -> bool:
    if isinstance(value, list):
        return all(isinstance(each, dict) and all(isinstance(leaf, str) for leaf in each.values()) for each in value)
    return value is None or isinstance(value, bool | str)


def ses(name: str, reader: Reader) -> Any:
    """A field that SES calls `name`."""
    return field(default=None, metadata={"name": name, "reader": reader})


@dataclass(frozen=True, slots=True)
class Fields:
    """A JSON object of SES's, read field by field; what does not fit is in `unknown`."""

    unknown: Mapping[str, Any] = field(default_factory=dict, kw_only=True)

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Self:
        kind: Any = cls
        known = _readers(kind)
        values: dict[str, Any] = {}
        unknown: dict[str, Any] = {}
        for name, value in given.items():
            if value is None:
                continue
            try:
                field_name, reader = known[name]
                values[field_name] = reader(value)
            except (KeyError, ValueError):
                unknown[name] = value
        return cls(**values, unknown=unknown)


@cache
def _readers(kind: Any) -> dict[str, tuple[str, Reader]]:
    """SES's name for each field -> ours, and its reader."""
    return {each.metadata["name"]: (each.name, each.metadata["reader"]) for each in fields(kind) if each.metadata}
