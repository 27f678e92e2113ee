"""What itertools lacks."""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")
H = TypeVar("H", bound=Hashable)


def chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """`itertools.batched`, which Python has from 3.12 on."""
    return (items[start : start + size] for start in range(0, len(items), size))


def distinct(items: Iterable[H]) -> Iterator[H]:
    """Each once, in order, and none before it is asked for."""
    seen: set[H] = set()
    for item in items:
        if item not in seen:
            seen.add(item)
            yield item
