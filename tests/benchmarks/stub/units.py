"""The size of an item and the write units of a put, as DynamoDB counts both. Pure.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html#GSI.ThroughputConsiderations.Writes

DynamoDB Local counts the same, for numbers of all forms and for puts that add, change and drop index keys.
"""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from email_activity.domain.indexes import INDEXES

#: Bytes that one write unit covers.
UNIT = 1024

#: An item in DynamoDB's JSON, {"pk": {"S": "..."}, ...}.
WireItem = Mapping[str, Mapping[str, Any]]

#: The key of an item in an index, None where it is not in it; for each of INDEXES.
IndexKeys = tuple[tuple[str, str] | None, ...]

#: Of most items.
IN_NO_INDEX: IndexKeys = (None,) * len(INDEXES)


def item_size(item: WireItem) -> int:
    """Bytes."""
    return sum([_bytes(name) + value_size(value) for name, value in item.items()])


def value_size(value: Mapping[str, Any]) -> int:  # noqa: PLR0911  one for each of DynamoDB's types
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return _bytes(content)
        case "N":
            return number_size(content)
        case "BOOL" | "NULL":
            return 1
        case "M":
            # Three bytes for the map, one for each element of it; for a list likewise.
            return 3 + sum([1 + _bytes(name) + value_size(each) for name, each in content.items()])
        case "L":
            return 3 + sum([1 + value_size(each) for each in content])
        case "B":
            return len(base64.b64decode(content))
        case "SS":
            return sum([_bytes(each) for each in content])
        case "NS":
            return sum([number_size(each) for each in content])
        case "BS":
            return sum([len(base64.b64decode(each)) for each in content])
    raise ValueError(f"no type of DynamoDB: {kind}")


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def number_size(text: str) -> int:
    """One byte for two significant digits, one for the exponent, one for a minus.

    Digits are paired from the decimal point on, so that 100 has one pair (01 00) and 1234.5 three (12 34 50).
    """
    mantissa, _, exponent = text.lower().partition("e")
    whole, _, part = mantissa.lstrip("+-").partition(".")
    shift = int(exponent or 0)
    digits = (whole + part).lstrip("0")
    point = len(whole) + shift - (len(whole + part) - len(digits))
    digits = digits.rstrip("0")
    if not digits:
        return 1
    # A pair may begin before the first digit and end after the last.
    padded = len(digits) + (point % 2)
    return (padded + 1) // 2 + 1 + text.startswith("-")


def units(size: int) -> int:
    return -(-size // UNIT) or 1


def index_keys(item: WireItem) -> IndexKeys:
    if "sent_key" not in item and "failure_time" not in item:
        return IN_NO_INDEX
    return tuple(
        [
            (item[hash_key]["S"], item[range_key]["S"]) if hash_key in item and range_key in item else None
            for hash_key, range_key in INDEXES.values()
        ]
    )


def index_units(pk: str, sk: str, old: IndexKeys | None, new: IndexKeys) -> Sequence[int]:
    """For each index: its entry is written if it is new, deleted if it goes, both
    if its key changes.

    An entry holds the keys of index and table, and nothing else of the item: other changes cost nothing here.
    """
    old = old or IN_NO_INDEX
    if old is new is IN_NO_INDEX:
        return [0] * len(INDEXES)
    table_key = _bytes("pksk" + pk + sk)
    costs = []
    for names, before, after in zip(INDEXES.values(), old, new, strict=True):
        changed = [] if before == after else [key for key in (before, after) if key]
        costs.append(sum(units(table_key + _bytes("".join(names + key))) for key in changed))
    return costs
