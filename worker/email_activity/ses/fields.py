"""How a JSON object of SES's is read into a dataclass, field by field. Pure.

A field is declared with the name that SES gives it and the shape that it should have; what has another shape,
or no declaration, is kept under its own name in `unknown`. Of a list or a map, what can be read is read, and the
elements that cannot are kept there.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any, Self

import msgspec

from email_activity.domain.times import Timestamp, parse_timestamp

Reader = Callable[[Any], Any]

#: A DynamoDB number holds 38 digits.
#: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
TOO_LARGE = 10**38
_DIGITS = re.compile(r"-?[0-9]{1,38}")


@dataclass(frozen=True, slots=True)
class Partly:
    """A list, a map or an element of one, of which `value` could be read; `rest` is what could not."""

    value: Any
    rest: Any


# --- The shapes a field can have. Each returns the value, or a Partly, or raises ValueError for another shape. ---


def text(value: Any) -> str:
    """A number counts as its digits."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError
    return str(value)


def integer(value: Any) -> int:
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) >= TOO_LARGE:
        raise ValueError
    return value


def boolean(value: Any) -> bool:
    """AWS's page calls `headersTruncated` a string; every recorded event has a boolean."""
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if not isinstance(value, bool):
        raise ValueError
    return value


def likely(value: Any) -> str:
    """`isBotEvent` is `Likely` or `Unlikely`; a boolean says the same."""
    try:
        return "Likely" if boolean(value) else "Unlikely"
    except ValueError:
        return text(value)


def timestamp(value: Any) -> Timestamp:
    if not isinstance(value, str):
        raise ValueError
    return parse_timestamp(value)


def strings(value: Any) -> Any:
    """A tuple of strings."""
    try:
        return msgspec.convert(value, tuple[str, ...])
    except msgspec.ValidationError:
        return _elements(value, text)


def addresses(value: Any) -> Any:
    """A tuple of strings, each given as itself or as an object with `emailAddress`."""
    try:
        return msgspec.convert(value, tuple[str, ...])
    except msgspec.ValidationError:
        return _elements(value, _address)


def tags(value: Any) -> Any:
    """Of each name a tuple of strings."""
    try:
        return msgspec.convert(value, dict[str, tuple[str, ...]])
    except msgspec.ValidationError:
        return _members(value, lambda each: _elements(each, text))


class Header(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    value: str | None = None


def headers(value: Any) -> Any:
    """A tuple of pairs. Duplicates and order are kept. A header without a value, as look-alikes send, is no header."""
    try:
        given = msgspec.convert(value, list[Header])
    except msgspec.ValidationError:
        if not isinstance(value, list):
            raise ValueError from None
        return _elements([each for each in value if not _is_valueless(each)], _header)
    return tuple([(each.name, each.value) for each in given if each.value is not None])


def preferences(value: Any) -> Any:
    """`{unsubscribeAll: bool, topicSubscriptionStatus: [{topicName, subscriptionStatus}], ...}`"""
    return _members(value, _preference)


# --- What they are made of, where an element is not as documented ---


def _elements(value: Any, reader: Reader) -> Any:
    """A list, one element after another. A single value is a list of one; what holds nothing readable is no list."""
    read, rest = [], []
    for each in value if isinstance(value, list) else [value]:
        try:
            found = None if each is None else reader(each)
        except ValueError:
            rest.append(each)
            continue
        if isinstance(found, Partly):
            rest.append(found.rest)
            found = found.value
        if found is not None:
            read.append(found)
    if rest and not read:
        raise ValueError
    return Partly(tuple(read), rest) if rest else tuple(read)


def _members(value: Any, reader: Reader) -> Any:
    """A map, one member after another."""
    if not isinstance(value, dict):
        raise ValueError
    read, rest = {}, {}
    for name, each in value.items():
        try:
            found = None if each is None else reader(each)
        except ValueError:
            rest[name] = each
            continue
        if isinstance(found, Partly):
            rest[name] = found.rest
            found = found.value
        if found is not None:
            read[name] = found
    if rest and not read:
        raise ValueError
    return Partly(read, rest) if rest else read


def _address(value: Any) -> Any:
    if isinstance(value, str):
        return value
    if not isinstance(value, dict) or not isinstance(value.get("emailAddress"), str):
        raise ValueError
    rest = {name: each for name, each in value.items() if name != "emailAddress" and each is not None}
    return Partly(value["emailAddress"], rest) if rest else value["emailAddress"]


def _header(value: Any) -> Any:
    if not isinstance(value, dict):
        raise ValueError
    pair = text(value.get("name")), text(value.get("value"))
    rest = {name: each for name, each in value.items() if name != "value" and each is not None}
    return Partly(pair, rest) if rest.keys() != {"name"} else pair


def _is_valueless(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() <= {"name", "value"} and value.get("value") is None


def _preference(value: Any) -> Any:
    """A list of topics stays one, as DynamoDB and JSON have it."""
    if not isinstance(value, list):
        return _leaf(value)
    topics = _elements(value, lambda topic: _members(topic, _leaf)) if value else ()
    return Partly(list(topics.value), topics.rest) if isinstance(topics, Partly) else list(topics)


def _leaf(value: Any) -> bool | str:
    return value if isinstance(value, bool) else text(value)


def odd_elements(given: "Fields") -> int:
    """How many elements of its lists and maps could not be read, or not wholly, while others of the same could."""
    kind: Any = type(given)
    known = _readers(kind)
    odd = (rest for name, rest in given.unknown.items() if name in known and getattr(given, known[name][0]) is not None)
    return sum(map(_count, odd))


def _count(rest: Any) -> int:
    if isinstance(rest, dict):
        return sum(map(_count, rest.values()))
    return len(rest) if isinstance(rest, list) else 1


def ses_field(name: str, reader: Reader) -> Any:
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
                found = reader(value)
            except (KeyError, ValueError):
                unknown[name] = value
                continue
            if type(found) is Partly:
                found, unknown[name] = found.value, found.rest
            values[field_name] = found
        return cls(**values, unknown=unknown)


@cache
def _readers(kind: Any) -> dict[str, tuple[str, Reader]]:
    """SES's name for each field -> ours, and its reader."""
    return {each.metadata["name"]: (each.name, each.metadata["reader"]) for each in fields(kind) if each.metadata}
