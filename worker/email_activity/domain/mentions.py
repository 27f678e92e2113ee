"""Where a text names a person by an address, in whatever spelling, and the text without that. Pure.

Who is meant is told by a predicate over normalized addresses, so that whoever knows only keyed hashes can ask too.
"""

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from email_activity.domain.addresses import normalize_address
from email_activity.domain.keys import canonical_json

#: Whether a normalized address is that of the person, or of one of several.
IsPerson = Callable[[str], bool]

#: Stands where an address stood.
ERASED = "[erased]"

#: Between local part and domain: as written, in a URL, in a return path that holds its recipient
#: (`bounces+ana=b.example@sender.example`, `ana+40b.example`; `=40` is looked for behind `=`), in HTML and in JSON.
_AT = re.compile(
    r"@|%(?:25)*40|\uff20|\ufe6b|=|\+40|&#0{0,9}64;|&#x0{0,9}40;|&commat;|\\u(?:0040|ff20|fe6b)", re.IGNORECASE
)

#: The local part before it, read backwards, and the domain behind it: as it may be written, and as it mostly is, so
#: that what follows it does not count. Characters: RFC 5321 allows a local part 64.
_LOCAL_BACKWARDS = re.compile(r'"[^"]*"|[^\s<>()\[\],;:"\\]+')
_HOSTS = (re.compile(r"\[[^\[\]\s]{1,80}\]|[^\s<>()\[\],;:\"'\\/?&#|{}!*=@%]{1,255}"), re.compile(r"[\w.-]{1,255}"))
_ENCODED_HOST = re.compile(r"[^\s<>\"'\\&#/?]{0,80}%[^\s<>\"'\\&#/?]{2,80}")
_LONGEST_LOCAL = 100

#: Behind what a local part may begin within what stands before the sign: in a query, also one that stands encoded in
#: another (`%3D`, `%2520`), behind a prefix, a quotation mark of any language, an escape; and in a return path.
_BEGINS = re.compile(
    r"%(?:25)*(?:[01][0-9a-f]|2[0-36-9acf]|3[a-f]|5[bcd]|60|7[bcd])|[=&?/#|'`*!{]|[^\w\x00-\x7f]", re.IGNORECASE
)
_BEGINS_IN_RETURN_PATH = re.compile(f"{_BEGINS.pattern}|[+_.-]", re.IGNORECASE)
_BEGINS_IN_LINK = re.compile(f"{_BEGINS.pattern}|[+]", re.IGNORECASE)
_BEGINS_ESCAPED = re.compile(r"u[0-9a-f]{4}|[nrt]")

#: Places within it that are tried for one sign, the nearest: a text of nothing but signs must not cost much.
_MOST_TRIED = 16

#: Characters of a text that is remembered with the addresses in it.
_SHORT = 500

#: How the person is shown, before an address in angle brackets.
_SHOWN = re.compile(r"(?:\"[^\"\n]*\"|[^<>\",;:\n@()\[\]{}]*)\s*<\s*$")
_LONGEST_SHOWN = 200


def names(value: Any, is_person: IsPerson) -> bool:
    """Whether any text in it does: a text, or lists and maps of any depth."""
    match value:
        case str():
            return bool(_AT.search(value)) and any(map(is_person, _addresses_in(value)))
        case dict():
            return any(names(name, is_person) or names(each, is_person) for name, each in value.items())
        case list() | tuple() | set() | frozenset():
            return any(names(each, is_person) for each in value)
    return False


def _addresses_in(text: str) -> Iterable[str]:
    """All that it may name."""
    return _short_ones(text) if len(text) <= _SHORT else _asked_for(text)


def _asked_for(text: str) -> tuple[str, ...]:
    asked: dict[str, None] = {}
    without(text, lambda address: bool(asked.setdefault(address)))
    return tuple(asked)


#: The same senders, recipients and subjects come again and again.
_short_ones = lru_cache(maxsize=4096)(_asked_for)


def without(value: Any, is_person: IsPerson, others: Collection[str] = ()) -> Any:
    """The same, with ERASED where it named the person. A text that is JSON stays JSON.

    others: normalized addresses that are known to be others', though a part of one be the person's: `o'ana@b.example`.
    """
    match value:
        case str():
            return _text_without(value, is_person, others) if _AT.search(value) else value
        case dict():
            members = value.items()
            return {without(name, is_person, others): without(each, is_person, others) for name, each in members}
        case list() | tuple() | set() | frozenset():
            return type(value)(without(each, is_person, others) for each in value)
    return value


def _text_without(text: str, is_person: IsPerson, others: Collection[str]) -> str:
    if text[0] in "{[" and (document := _json(text)) is not None:
        changed = without(document, is_person, others)
        return text if changed == document else canonical_json(changed)
    if is_person(normalize_address(text)):
        return ERASED
    kept, at = [], 0
    for begin, end in _found(text, is_person, others):
        if begin >= at:
            kept.append(text[at:begin])
            at = end
    return ERASED.join([*kept, text[at:]]) if kept else text


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _found(text: str, is_person: IsPerson, others: Collection[str]) -> Iterator[tuple[int, int]]:
    """Where the text names the person, in order."""
    for sign in _AT.finditer(text):
        is_return_path = sign[0] in ("=", "+40")
        domains = _domains(text, sign.end(), is_return_path=is_return_path)
        if sign[0] == "=" and text.startswith("40", sign.end()):
            domains |= _domains(text, sign.end() + 2, is_return_path=True)
        if not domains:
            continue
        behind = _BEGINS_IN_RETURN_PATH if is_return_path else _BEGINS_IN_LINK if sign[0][0] == "%" else _BEGINS
        for local in _locals(text, sign.start(), behind):
            written = {f"{local}@{each}": end for each, end in domains.items()}
            if end := next((end for each, end in written.items() if _is_one(each, is_person)), None):
                yield _with_name(text, sign.start() - len(local), end)
                break
            if any(_is_one(each, others.__contains__) for each in written):
                break


def _is_one(written: str, is_person: IsPerson) -> bool:
    return is_person(normalize_address(written)) or ("%" in written and is_person(normalize_address(unquote(written))))


def _domains(text: str, begin: int, *, is_return_path: bool) -> dict[str, int]:
    """What may be the domain that begins there, the longest first, and where each ends."""
    written = (host[0].rstrip(".-") for each in _HOSTS if (host := each.match(text, begin)))
    found = {domain: begin + len(domain) for domain in written}
    if encoded := _ENCODED_HOST.match(text, begin):  # as in a link: it ends where its parameter does
        decoded = unquote(unquote(encoded[0]))
        found |= {host[0].rstrip(".-"): encoded.end() for each in _HOSTS if (host := each.match(decoded))} | found
    return {each: end for each, end in found.items() if each and ("." in each or not is_return_path)}


def _locals(text: str, end: int, behind: re.Pattern[str]) -> Iterator[str]:
    """What may be the local part that ends there, the longest first. behind: what it may begin behind."""
    backwards = text[max(0, end - _LONGEST_LOCAL) : end][::-1]
    before = _LOCAL_BACKWARDS.match(backwards)
    if not before:
        return
    run = before[0][::-1]
    yield run
    begins = [sign.end() for sign in behind.finditer(run)]
    escape = _BEGINS_ESCAPED.match(run) if backwards.startswith("\\", len(run)) else None
    for begin in [*([escape.end()] if escape else []), *begins[-_MOST_TRIED:]]:
        if begin < len(run):
            yield run[begin:]


def _with_name(text: str, begin: int, end: int) -> tuple[int, int]:
    """With the name that is shown before it: `Ana <ana@b.example>` as a whole."""
    first = max(0, begin - _LONGEST_SHOWN)
    shown = _SHOWN.search(text[first:begin])
    return (first + shown.start(), end + (text[end : end + 1] == ">")) if shown else (begin, end)
