"""How much of one email is read at most: whoever has an email can have opens of it recorded without end."""

import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from email_activity.domain.facts import Fact, Item, is_recipient_fact, key_of, read_fact

#: Facts of one email. Keys sort opens and clicks behind all other events (domain/keys.py), so those are left out first,
#: the latest of them.
MAX_FACTS = 1_000


class Facts(list[Fact]):
    """Of one email, those that are not expired. has_more: there are others, which were not read."""

    has_more: bool = False


def bounded_facts(items: Iterable[Item], rest: Callable[[Iterator[Item]], Iterable[Item]] = iter) -> Facts:
    """Of the first MAX_FACTS items of an email, and of as many that tell its recipients.

    Those sort last, and tell whose email it is. items: of one email, sorted by key, read no further than needed.
    rest: of what is left of the items, those that tell recipients or more.
    """
    left = iter(items)
    read = list(islice(left, MAX_FACTS))
    next_item = next(left, None)
    if next_item is None:
        return _facts(read)
    recipients = (item for item in rest(left) if is_recipient_fact(key_of(item)))
    if is_whole := is_recipient_fact(key_of(next_item)):
        read.append(next_item)
    facts = _facts([*read, *islice(recipients, MAX_FACTS)])
    facts.has_more = not is_whole
    return facts


def unexpired(items: Iterable[Item]) -> Iterator[Item]:
    """DynamoDB may take days to remove what has expired."""
    now = time.time()
    return (item for item in items if item.get("expires_at", now + 1) > now)


def _facts(items: Iterable[Item]) -> Facts:
    return Facts(fact for fact in map(read_fact, unexpired(items)) if fact is not None)
