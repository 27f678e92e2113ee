"""Readers of the fields of SES's objects. Pure.

Each returns the value, or a Partial, or raises ValueError for another type than the field should have.
"""

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from email_activity.domain.addresses import Address
from email_activity.domain.errors import TooManyRecipientsError
from email_activity.domain.times import Timestamp, parse_timestamp
from email_activity.ses.ses_object import Partial, Reader

#: A DynamoDB number holds 38 digits.
#: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
TOO_LARGE = 10**38
_DIGITS = re.compile(r"-?[0-9]{1,38}")

#: Of one event. SES takes 50 in a call, look-alikes perhaps more; each costs an item or two.
#: https://docs.aws.amazon.com/ses/latest/dg/quotas.html
MAX_RECIPIENTS = 200


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
    """A tuple of texts."""
    try:
        return msgspec.convert(value, tuple[str, ...])
    except msgspec.ValidationError:
        return _elements(value, text)


def tags(value: Any) -> Any:
    """Of each name a tuple of texts."""
    try:
        return msgspec.convert(value, dict[str, tuple[str, ...]])
    except msgspec.ValidationError:
        return _members(value, lambda values: _elements(values, text))


class Header(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    value: str | None = None


def headers(value: Any) -> Any:
    """A tuple of pairs. Duplicates and order are kept. A header without a value, as look-alikes send, is no header."""
    try:
        read = msgspec.convert(value, list[Header])
    except msgspec.ValidationError:
        if not isinstance(value, list):
            raise ValueError from None
        return _elements(value, _header)
    return tuple([(header.name, header.value) for header in read if header.value is not None])


def address(value: Any) -> Address:
    return Address.of(text(value))


def addresses(value: Any) -> Any:
    """A tuple of addresses, each given as itself or as an object with `emailAddress`."""
    return _elements(people(value), _address)


def people(value: Any) -> list[Any]:
    """Counted before they are read: a megabyte has room for half a million. Raises TooManyRecipientsError."""
    listed = value if isinstance(value, list) else [value]
    if len(listed) > MAX_RECIPIENTS:
        raise TooManyRecipientsError(str(len(listed)))
    return listed


def preferences(value: Any) -> Any:
    """`{unsubscribeAll: bool, topicSubscriptionStatus: [{topicName, subscriptionStatus}], ...}`"""
    return _members(value, _preference)


# --- Lists and maps of which an element is not as documented ---


def _elements(value: Any, reader: Reader) -> Any:
    """A list, one element after another. A single value is a list of one."""
    read, rest = _read_each(enumerate(value if isinstance(value, list) else [value]), reader)
    values = tuple(read.values())
    return Partial(values, list(rest.values())) if rest else values


def _members(value: Any, reader: Reader) -> Any:
    """A map, one member after another."""
    if not isinstance(value, dict):
        raise ValueError
    read, rest = _read_each(value.items(), reader)
    return Partial(read, rest) if rest else read


def _read_each(values: Iterable[tuple[Any, Any]], reader: Reader) -> tuple[dict[Any, Any], dict[Any, Any]]:
    """What could be read, and what could not. Raises ValueError where nothing could."""
    read, rest = {}, {}
    for key, value in values:
        try:
            element = None if value is None else reader(value)
        except ValueError:
            rest[key] = value
            continue
        if isinstance(element, Partial):
            element, rest[key] = element
        if element is not None:
            read[key] = element
    if rest and not read:
        raise ValueError
    return read, rest


def _address(value: Any) -> Any:
    if isinstance(value, str):
        return Address.of(value)
    if not isinstance(value, dict) or not isinstance(value.get("emailAddress"), str):
        raise ValueError
    read = Address.of(value["emailAddress"])
    rest = {name: other for name, other in value.items() if name != "emailAddress" and other is not None}
    return Partial(read, rest) if rest else read


def _header(value: Any) -> Any:
    if not isinstance(value, dict):
        raise ValueError
    if value.get("value") is None and value.keys() <= {"name", "value"}:
        return None
    pair = text(value.get("name")), text(value.get("value"))
    rest = {name: other for name, other in value.items() if name != "value" and other is not None}
    return Partial(pair, rest) if rest.keys() != {"name"} else pair


def _preference(value: Any) -> Any:
    """A list of topics stays one, as DynamoDB and JSON have it."""
    if not isinstance(value, list):
        return _boolean_or_text(value)
    topics = _elements(value, lambda topic: _members(topic, _boolean_or_text)) if value else ()
    return Partial(list(topics.value), topics.rest) if isinstance(topics, Partial) else list(topics)


def _boolean_or_text(value: Any) -> bool | str:
    return value if isinstance(value, bool) else text(value)
