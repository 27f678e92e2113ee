"""Text from strangers, as a terminal may be given it: whatever is not seen stands there as its escape.

What moves a cursor, turns the direction of text or hides a part of it could forge a line, and two addresses that look
the same could be two. Letters and emoji of all languages stay as they are.
"""

import re

#: Emoji and symbols that have two forms or join into one picture, skin tones included.
#: https://www.unicode.org/reports/tr51/
EMOJI = "\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"

#: Scripts whose spelling needs joiners: Arabic to Sinhala with all of India's between, Myanmar, Khmer, Mongolian.
#: https://www.unicode.org/versions/latest/core-spec/chapter-23/
JOINING = "\u0600-\u0dff\u1000-\u109f\u1780-\u18af"

#: Characters without a shape that Python calls printable: Unicode's default ignorable ones, and two that are blank.
#: https://www.unicode.org/reports/tr44/#Default_Ignorable_Code_Point
UNSEEN = "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U0001d159\U000e0100-\U000e01ef"

#: The characters of no shape that a text needs where they stand: which form an emoji has, and what is joined.
NEEDED = (
    f"(?<=[{EMOJI}])[\ufe0e\ufe0f]"
    "|(?<=[0-9#*])\ufe0f(?=\u20e3)"
    f"|(?:(?<=[{EMOJI}])|(?<=[{EMOJI}]\ufe0f))\u200d(?=[{EMOJI}])"
    f"|(?<=[{JOINING}])[\u200c\u200d]"
)

_plain = re.compile(r"[ -~]*").fullmatch
_each = re.compile(
    # Letters and ASCII in one piece: most of a text.
    f"(?P<needed>{NEEDED})|(?P<unseen>[{UNSEEN}])|(?:(?![{UNSEEN}])[\\w -~])+|.",
    re.DOTALL,
).sub


def escaped(text: str) -> str:
    """Line ends too: `\\n`."""
    return text if _plain(text) else _each(_seen, text)


def printable(text: object) -> str:
    """On one line, with single blanks."""
    return escaped(" ".join(str(text).split()))


def _seen(match: re.Match[str]) -> str:
    is_seen = match["needed"] or (match[0].isprintable() and not match["unseen"])
    return match[0] if is_seen else match[0].encode("unicode_escape").decode()
