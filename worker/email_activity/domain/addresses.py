"""Email addresses: one spelling for each mailbox, so that one person is one key. Pure.

Two that RFC 5322 calls equal are equal here, and so are the spellings in which servers and people hand addresses
on: with a display name, in stray brackets, behind `mailto:` or `rfc822;`, with the full-width signs of a keyboard.
Taken apart by hand and not by `email.utils`, whose answers have changed between patch releases of Python, since
this is part of a key.

https://www.rfc-editor.org/rfc/rfc5322#section-3.4, and section 4.4 for the older forms
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple, Self
from urllib.parse import unquote

import idna

#: Characters, the longest line of RFC 5322. A longer text is no address, and is not taken apart.
MAX_WRITTEN = 998

#: Kinds of token; a sign stands for itself.
WORD, QUOTED, LITERAL, COMMENT, BLANK = "word", "quoted", "literal", "comment", "blank"
Token = tuple[str, str]

#: Signs that mean nothing without their other half.
STRAYS = frozenset('()[]"\\')

#: What nearly every address is: nothing to be done but lower case.
_PLAIN = re.compile(r"[A-Za-z0-9._+-]+@(?:[A-Za-z0-9-]+\.)*[A-Za-z0-9-]+")

_BLANKS = re.compile(r"\s+")
#: Anything but a comment, whose brackets nest, and a sign, which stands for itself.
_TOKEN = re.compile(
    r'(?P<word>[^\s()<>@,;:.\[\]"\\]+)|(?P<blank>\s+)|"(?P<quoted>(?:[^"\\]|\\.)*)"|\[(?P<literal>[^\[\]]*)\]',
    re.DOTALL,
)
_BRACKETS_OF_COMMENTS = re.compile(r"\\.|[()]", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)

#: A local part that needs no quotes: SES and servers write dots at any place without them.
_NEEDS_NO_QUOTES = re.compile(r'[^\s()<>@,;:\[\]"\\]+')

#: `mailto:` is a URL, where any character may be percent-encoded. https://www.rfc-editor.org/rfc/rfc6068#section-2
_MAILTO = re.compile(r"(^|<)\s*mailto:([^?>]*)[^>]*")

#: Around a whole address: what opens, by what closes. No domain ends with one of the latter.
_PAIRS = {"'": "'", "`": "`", "}": "{", "\u2019": "\u2018", "\u201d": "\u201c", "\u00bb": "\u00ab"}

#: The full-width and small signs and letters of East Asian keyboards: the plain ones to everybody who types them.
_PLAIN_SIGNS = {
    **{code: unicodedata.normalize("NFKC", chr(code)) for code in (*range(0xFF01, 0xFF5F), *range(0xFE50, 0xFE6C))},
    0x3000: " ",
    0x3002: ".",
    0xFF61: ".",
}

#: Two that some scripts need within a domain (IDNA decides where); the others show nothing anywhere.
#: https://www.unicode.org/reports/tr44/#Default_Ignorable_Code_Point
_JOINERS = re.compile("[\u200c\u200d]")
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


class Address(NamedTuple):
    """A mailbox, and how it was written. normalized: what `normalize_address` gives."""

    normalized: str
    written: str

    @classmethod
    def of(cls, written: str) -> Self:
        return cls(normalize_address(written), written)


def normalize_address(written: str) -> str:
    """The mailbox that a text names, in lower case, NFC, its domain in IDNA; empty if the text is.

    A text that names none, or several, stays as it is but for the blanks around it and its case. RFC 5321 lets a
    server tell `Bob@` from `bob@`; none that matters does, and bounces come back in either case.
    """
    return _normalized(written) if len(written) <= MAX_WRITTEN else written.strip().lower()


@lru_cache(maxsize=4096)  # an address stands in several places of its event, and an email has several events
def _normalized(written: str) -> str:
    if _PLAIN.fullmatch(written):
        return written.lower()
    text = _folded(written)
    tokens = tuple(_tokens(_folded(_MAILTO.sub(_decoded_url, text)) if "mailto:" in text else text))
    return _mailbox(tokens) or _mailbox(_within(tokens)) or _without_display_form(text)


def _folded(text: str) -> str:
    """Without what cannot be seen, in plain signs, NFC and lower case."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", _INVISIBLE.sub("", text.translate(_PLAIN_SIGNS)))
    return unicodedata.normalize("NFC", text.lower()).strip()


def _decoded_url(match: re.Match[str]) -> str:
    return match[1] + unquote(match[2], errors="replace")


def _without_display_form(text: str) -> str:
    """`Postmaster <postmaster>` -> `postmaster`."""
    _, bracket, name = text.removesuffix(">").partition("<")
    is_shown = bracket and text.endswith(">") and "<" not in name and "@" not in text
    return name.strip() if is_shown else text


# --- A text as the tokens of RFC 5322: each character is looked at a fixed number of times ---


def _tokens(text: str) -> Iterator[Token]:
    at = 0
    unclosed: set[str] = set()  # what never closes once, never does later
    while at < len(text):
        sign = text[at]
        end = _end_of_comment(text, at) if sign == "(" and sign not in unclosed else at
        if end > at:
            yield COMMENT, text[at + 1 : end - 1]
            at = end
            continue
        token = None if sign in unclosed else _TOKEN.match(text, at)
        if token and token.lastgroup:
            kind, inner = token.lastgroup, token[token.lastgroup]
            yield kind, _ESCAPED.sub(r"\1", inner).replace("\r", "").replace("\n", "") if kind == QUOTED else inner
            at = token.end()
            continue
        unclosed.add(sign)
        if sign == "(" and "@" in text[:at]:
            return  # a comment that was cut off
        yield sign, sign
        at += 1


def _end_of_comment(text: str, at: int) -> int:
    """Where it begins if it does not end."""
    depth = 0
    for bracket in _BRACKETS_OF_COMMENTS.finditer(text, at):
        depth += {"(": 1, ")": -1}.get(bracket[0], 0)
        if depth == 0:
            return bracket.end()
    return at


def _within(tokens: Iterable[Token]) -> tuple[Token, ...]:
    """What stands inside of quotes and brackets, where nothing outside of them is a mailbox: `"ana@b.example"`."""
    inside = [text.strip("()[]<>\"' ") for kind, text in tokens if kind in (QUOTED, LITERAL, COMMENT) and "@" in text]
    return tuple(_tokens(inside[0])) if len(inside) == 1 else ()


# --- From tokens to the one mailbox that they name ---


def _mailbox(tokens: Iterable[Token]) -> str:
    """Empty if there is none, or more than one. In angle brackets stands what counts, around them how it is shown."""
    found: dict[int, tuple[set[str], set[str]]] = {}
    for section, is_in_angles, piece in _pieces(tokens):
        if ("@", "@") in piece and piece[0][0] != "@":  # that would be a route: `<@relay.example:ana@b.example>`
            found.setdefault(section, (set(), set()))[is_in_angles].add(_spelled(piece))
    mailboxes = set().union(*(in_angles or around for around, in_angles in found.values()))
    return next(iter(mailboxes)) if len(mailboxes) == 1 else ""


def _pieces(tokens: Iterable[Token]) -> Iterator[tuple[int, bool, list[Token]]]:
    """What stands between brackets, and between the signs that part mailboxes, groups (`Team: ana@b.example;`), routes
    and prefixes: the number of its section (angle brackets with what is around them), whether it is in them, itself.
    """
    piece: list[Token] = []
    section, is_in_angles = 0, False
    for kind, text in (*tokens, (";", ";")):
        if kind in "<>,;:":
            if piece:
                yield section, is_in_angles, piece
            piece = []
            section += kind in ",;:" and not is_in_angles
            is_in_angles = kind == "<" or (is_in_angles and kind != ">")
        elif kind not in STRAYS:
            is_blank = kind in (COMMENT, BLANK) or (kind == LITERAL and "@" in text)
            if piece or not is_blank:
                piece.append((BLANK if is_blank else kind, text))


def _spelled(piece: Sequence[Token]) -> str:
    """Empty if it has several `@`, or is no mailbox on either side of it."""
    at = piece.index(("@", "@"))
    local, host = _joined(piece[:at]), _host(_joined(piece[at + 1 :]))
    if piece.count(("@", "@")) > 1 or not local or not host:
        return ""
    value, host = _without_pairs(_JOINERS.sub("", "".join(text for _, text in local)), host)
    if not host:
        return ""
    if not _NEEDS_NO_QUOTES.fullmatch(value):
        value = '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{value}@{_ascii_domain(host)}"


def _host(tokens: Sequence[Token]) -> str:
    kinds = {kind for kind, _ in tokens}
    if kinds == {LITERAL} and len(tokens) == 1:
        return f"[{_BLANKS.sub('', tokens[0][1])}]"
    return "".join(text for _, text in tokens) if kinds <= {WORD, "."} else ""


def _joined(tokens: Iterable[Token]) -> tuple[Token, ...]:
    """Words and dots without the blanks and comments, which mean nothing around dots; none if two words stand apart."""
    taken: list[Token] = []
    is_apart = False
    for token in tokens:
        if token[0] == BLANK:
            is_apart = bool(taken)
            continue
        if is_apart and "." not in (taken[-1][0], token[0]):
            return ()
        taken.append(token)
        is_apart = False
    return tuple(taken)


def _without_pairs(local: str, host: str) -> tuple[str, str]:
    """Without the dot of the root (`b.example.`), and without quotes or braces around the whole."""
    while host and (host[-1] == "." or host[-1] in _PAIRS):
        if host[-1] != "." and local.startswith(_PAIRS[host[-1]]):
            local = local[1:]
        host = host[:-1]
    return local, host


def _ascii_domain(domain: str) -> str:
    if domain.isascii():
        return domain
    for spelling in (domain, _JOINERS.sub("", domain)):
        try:
            return spelling if spelling.isascii() else idna.encode(spelling, uts46=True).decode("ascii")
        except idna.IDNAError:
            continue
    return domain
