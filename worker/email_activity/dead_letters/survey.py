"""Look at dead letters without keeping their bodies, and count the copies of each."""

from dataclasses import dataclass

from email_activity.dead_letters.letter import Key, Letter, Summary, Wanted
from email_activity.dead_letters.walk import Walk


@dataclass(slots=True)
class Found:
    """One message, and how often it is there: a worker killed between send and delete leaves it there twice."""

    summary: Summary
    copies: int = 1


def survey(walk: Walk, wanted: Wanted, limit: int | None = None) -> dict[Key, Found]:
    """What is there, without the bodies. limit: at most so many messages."""
    found: dict[Key, Found] = {}
    for letters in walk.answers():
        for letter in filter(wanted.takes, letters):
            if letter.key in found:
                found[letter.key].copies += 1
            elif limit is None or len(found) < limit:
                found[letter.key] = Found(letter.summary)
        if len(found) == limit:
            break
    return found


def find(walk: Walk, letter_id: str) -> tuple[Letter, Found] | None:
    """The letter with this id, and how many copies there are, for which the whole queue must be seen."""
    wanted = Wanted(ids=frozenset({letter_id}))
    first, copies = None, 0
    for letters in walk.answers():
        for letter in filter(wanted.takes, letters):
            first = first or letter
            copies += letter.key == first.key
    return (first, Found(first.summary, copies)) if first else None
