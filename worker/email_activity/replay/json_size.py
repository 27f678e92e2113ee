"""How long is the JSON at the beginning of a text, if it is any? Pure. In time that grows with what is looked at.

A text that is broken again and again (a megabyte of `{"a":[`) is looked at again from each place where a document could
begin. So what one look tells of later places is kept.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

#: Bytes before the end of what was looked at in which an error may come of its being cut: `\ud83d\ud`, `-Infin`.
CUT = 16

#: Levels of JSON: more than any notification has. Python's reader gives up a little later, depending on who calls it.
MAX_DEPTH = 500
FAR_TOO_DEEP = 2 * MAX_DEPTH
_STRUCTURE = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*\\?(?:"|\Z)|[{}\[\]]', re.DOTALL)

#: Seen at once, since errors take Python long: an object whose first name is none, a string with a line's end in it.
NO_VALUE = re.compile(r'\{[ \t\r\n]*[^ \t\r\n"}]|"[^"\\\x00-\x1f]*[\x00-\x1f]')

#: Finds where a value ends, and keeps digits as they are: Python refuses numbers of more than 4,300.
_decoder = json.JSONDecoder(parse_int=str, parse_float=str)


@dataclass(frozen=True, slots=True)
class JsonSize:
    """The size of a JSON value, 0 if there is none; then, whether more text would change nothing, and where within the
    text no document begins either: what was open where an error stands ends in the same error, and what holds more than
    MAX_DEPTH levels is none.
    """

    size: int = 0
    is_sure: bool = False
    hopeless: Sequence[int] = ()


def measure(text: str) -> JsonSize:
    """At the JSON at the beginning of a text."""
    try:
        size = _decoder.raw_decode(text)[1]
    except json.JSONDecodeError as error:
        may_be_cut = error.msg.startswith("Unterminated string") or error.pos >= len(text) - CUT
        return JsonSize(is_sure=not may_be_cut, hopeless=_open(text[: error.pos]))
    except RecursionError:
        return JsonSize(is_sure=True, hopeless=_too_deep(text))
    may_be_too_deep = text.count("{", 0, size) + text.count("[", 0, size) > MAX_DEPTH
    if may_be_too_deep and (places := _too_deep(text[:size])):
        return JsonSize(is_sure=True, hopeless=places)
    return JsonSize(size)


def _open(text: str) -> list[int]:
    """Where the objects and arrays begin that are open at the end of a text."""
    places: list[int] = []
    for token in _STRUCTURE.finditer(text):
        _open_or_close(places, token)
    return places


def _too_deep(text: str) -> list[int]:
    """Where objects and arrays begin that hold more than MAX_DEPTH levels, up to where the text is far too deep."""
    places: list[int] = []
    found: list[int] = []
    for token in _STRUCTURE.finditer(text):
        _open_or_close(places, token)
        if len(places) > MAX_DEPTH:
            found.append(places[-MAX_DEPTH - 1])
        if len(places) > FAR_TOO_DEEP:
            break
    return found


def _open_or_close(places: list[int], token: re.Match[str]) -> None:
    if token[0] in ("{", "["):
        places.append(token.start())
    elif token[0] in ("}", "]") and places:
        places.pop()
