"""What every answer says, in words for people: the table `words.toml`, looked up by code and reason.

Pure, but for reading that file when it is imported.
"""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Literal

Tone = Literal["ok", "wait", "note", "bad"]

#: Whether to send to an address.
VerdictCode = Literal["ok", "risky", "do_not_send", "unknown"]

#: Never a colour alone.
ICONS: dict[Tone, str] = {"ok": "✓", "wait": "…", "note": "◐", "bad": "✕"}

#: Names in the table that stand for several codes.
GROUPS = {
    "bounced": ("soft_bounced", "undetermined_bounce", "hard_bounced"),
    "pending": ("sent", "delayed", "none"),
}


@dataclass(frozen=True, slots=True)
class Words:
    """A row of the table, which says what each is. `codes`: those that it is for."""

    codes: tuple[str, ...]
    reason: str | None
    tone: Tone
    label: str
    means: str
    next_step: str | None = None


@dataclass(frozen=True, slots=True)
class VerdictWords:
    """Whether to send to an address. `reason` is unique, `code` is ok, risky, do_not_send or unknown."""

    reason: str
    code: VerdictCode
    tone: Tone
    label: str
    next_step: str | None = None


def _rows(table: dict[str, Any]) -> Iterator[Words]:
    for name, row in table.items():
        codes = GROUPS.get(name, (name,))
        own = {key: value for key, value in row.items() if not isinstance(value, dict)}
        if own:
            yield Words(codes, None, **own)
        yield from (Words(codes, key, **value) for key, value in row.items() if isinstance(value, dict))


_TABLE = tomllib.loads(files("email_activity.activity").joinpath("words.toml").read_text("utf-8"))

VERDICTS = {reason: VerdictWords(reason, **row) for reason, row in _TABLE.pop("verdict").items()}

WORDS = tuple(_rows(_TABLE))

_BY_CODE = {(code, row.reason): row for row in WORDS for code in row.codes}


def words(code: str, reason: str | None = None) -> Words:
    """The row of a code and a reason; without a row for the reason, that of the code; of a newer code, `unknown`."""
    return _BY_CODE.get((code, reason)) or _BY_CODE.get((code, None)) or _BY_CODE["unknown", None]
