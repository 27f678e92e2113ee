"""Every word that stands on a screen or in JSON, with what it means: from `words.toml` and the glossary. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from email_activity.activity.glossary import ATTRIBUTIONS, FACETS, GROUPS, MEANINGS, VERDICT_CODES
from email_activity.activity.words import VERDICTS, WORDS


@dataclass(frozen=True, slots=True)
class Term:
    """name: as JSON spells it, or as people see it. what: code, reason, label and so on."""

    name: str
    what: str
    means: str
    next_step: str | None = None


def _of_words() -> Iterator[Term]:
    for row in WORDS:
        of = " or ".join(row.codes)
        yield Term(row.label, f"label of {of}", row.means, row.next_step)
        if row.reason:
            yield Term(row.reason, f"reason of {of}", row.means, row.next_step)
        else:
            yield from (Term(code, "code", row.means, row.next_step) for code in row.codes)
    for verdict in VERDICTS.values():
        yield Term(verdict.reason, f"reason of the verdict {verdict.code}", verdict.label, verdict.next_step)
        yield Term(verdict.label, f"label of the verdict {verdict.code}", verdict.label, verdict.next_step)


def _of_glossary() -> Iterator[Term]:
    for meaning in MEANINGS:
        yield Term(meaning.kind, "event", meaning.means)
        for names, means in meaning.values:
            yield from (Term(name, f"{meaning.values_title}, of {meaning.kind}", means) for name in names.split(", "))
    for what, values in {
        "attribution": ATTRIBUTIONS,
        "facet": FACETS,
        "verdict": VERDICT_CODES,
        "status to ask for": GROUPS,
    }.items():
        yield from (Term(name, what, means) for name, means in values)


TERMS = (*dict.fromkeys((*_of_glossary(), *_of_words())),)

#: As they may be typed: one word for each name that is no sentence.
NAMES = tuple(sorted({each.name.replace(" ", "-") for each in TERMS if not each.what.startswith("label")}))


def _key(text: str) -> str:
    return "".join(filter(str.isalnum, text)).casefold()


def find_terms(text: str) -> list[Term]:
    """In any spelling: case, blanks, hyphens and icons do not matter. What a label is filled with stands at its end."""
    wanted = _key(text)
    return [each for each in TERMS if wanted and _matches(each.name, wanted)]


def _matches(name: str, wanted: str) -> bool:
    fixed, brace, _ = name.partition("{")
    return wanted.startswith(_key(fixed)) if brace else wanted == _key(name)


def near(text: str) -> list[str]:
    """What may be meant."""
    by_key: dict[str, str] = {_key(each): each for each in _spellings()}
    return [by_key[key] for key in get_close_matches(_key(text), by_key, cutoff=0.6)]


def _spellings() -> Iterable[str]:
    return (*(each.name for each in TERMS if "{" not in each.name), *NAMES)
