"""Take letters out of the dead-letter queue: each is first dealt with, once, and then deleted with all its copies."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from email_activity.dead_letters.letter import Key, Letter, Summary
from email_activity.dead_letters.walk import Walk

#: Deals with letters, and says why it could not, by SQS's id, of those that must stay.
Deal = Callable[[Sequence[Letter]], Mapping[str, str]]

NOT_DELETED = "dealt with, but SQS did not delete it here: it will be found again, which does no harm"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one letter. error: why it is still there. is_copy: another copy was dealt with before."""

    summary: Summary
    error: str | None = None
    is_copy: bool = False


def clear(walk: Walk, takes: Callable[[Letter], bool], deal: Deal, limit: int | None = None) -> Iterator[list[Outcome]]:
    """One list for each batch, after its letters are deleted. limit: at most so many messages, copies not counted.

    A stop or a kill at any point loses nothing: what was dealt with and not deleted is met again by the next run.
    """
    done: set[Key] = set()
    for letters in walk.answers():
        chosen = _chosen(letters, takes, done, limit)
        errors = dict(deal(chosen)) if chosen else {}
        done |= {letter.key for letter in chosen if letter.sqs_id not in errors}
        gone = [letter for letter in letters if letter.key in done]
        errors |= dict.fromkeys(walk.delete(gone), NOT_DELETED)
        firsts = {letter.sqs_id for letter in chosen}
        touched = (letter for letter in letters if letter.sqs_id in firsts or letter.key in done)
        yield [Outcome(each.summary, errors.get(each.sqs_id), is_copy=each.sqs_id not in firsts) for each in touched]
        if len(done) == limit:
            return


def _chosen(
    letters: Sequence[Letter], takes: Callable[[Letter], bool], done: set[Key], limit: int | None
) -> list[Letter]:
    """The first copy of each that is meant and was not dealt with yet."""
    fresh: dict[Key, Letter] = {}
    for letter in letters:
        if letter.key not in done and takes(letter):
            fresh.setdefault(letter.key, letter)
    room = None if limit is None else limit - len(done)
    return list(fresh.values())[:room]
