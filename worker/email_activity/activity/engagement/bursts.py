"""What stands close together in time. Pure."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TypeVar

T = TypeVar("T")


def dense(
    items: Sequence[T], at: Callable[[T], float], key: Callable[[T], Hashable], count: int, seconds: float
) -> list[T]:
    """Those that some span of so many seconds holds together with `count` different keys. items: in order of time."""
    keys: Counter[Hashable] = Counter()
    found: list[T] = []
    first = done = 0
    for last, item in enumerate(items):
        keys[key(item)] += 1
        while at(item) - at(items[first]) > seconds:
            left = key(items[first])
            keys[left] -= 1
            if not keys[left]:
                del keys[left]
            first += 1
        if len(keys) >= count:
            found += items[max(first, done) : last + 1]
            done = last + 1
    return found


def grouped(items: Iterable[T], key: Callable[[T], Hashable]) -> list[list[T]]:
    groups: dict[Hashable, list[T]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return list(groups.values())
