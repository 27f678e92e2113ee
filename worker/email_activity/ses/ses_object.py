"""How a JSON object of SES's becomes a dataclass, field by field. Pure.

A field is declared with the name that SES gives it and a reader for its type (`fields.py`). What has another type, or
no declaration, is kept under its own name in `unknown`. Of a list or a map, the elements that cannot be read are.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any, NamedTuple, Self

Reader = Callable[[Any], Any]


class Partial(NamedTuple):
    """A list, a map or an element of one, of which `value` could be read; `rest` is what could not."""

    value: Any
    rest: Any


def ses_field(name: str, reader: Reader) -> Any:
    """A field that SES calls `name`."""
    return field(default=None, metadata={"name": name, "reader": reader})


@dataclass(frozen=True, slots=True)
class SesObject:
    """A JSON object of SES's, read field by field; what does not fit is in `unknown`."""

    unknown: Mapping[str, Any] = field(default_factory=dict, kw_only=True)

    @classmethod
    def from_json(cls, payload: Mapping[str, Any]) -> Self:
        kind: Any = cls
        readers = _readers(kind)
        values: dict[str, Any] = {}
        unknown: dict[str, Any] = {}
        for name, value in payload.items():
            if value is None:
                continue
            try:
                field_name, reader = readers[name]
                read = reader(value)
            except (KeyError, ValueError):
                unknown[name] = value
                continue
            if type(read) is Partial:
                read, unknown[name] = read
            values[field_name] = read
        return cls(**values, unknown=unknown)

    @property
    def odd_elements(self) -> int:
        """Elements of its lists and maps that could not be read, or not wholly, while others of the same could."""
        kind: Any = type(self)
        readers = _readers(kind)
        return sum(
            _count(rest)
            for name, rest in self.unknown.items()
            if name in readers and getattr(self, readers[name][0]) is not None
        )


@cache
def _readers(kind: Any) -> dict[str, tuple[str, Reader]]:
    """SES's name of each field -> ours, and its reader."""
    return {each.metadata["name"]: (each.name, each.metadata["reader"]) for each in fields(kind) if each.metadata}


def _count(rest: Any) -> int:
    if isinstance(rest, dict):
        return sum(map(_count, rest.values()))
    return len(rest) if isinstance(rest, list) else 1
