"""What is seen stays; what is not stands there as its escape."""

import re
import unicodedata

import pytest

from email_activity.domain.printable import escaped, printable

#: Texts that need what is not seen: of each language, and of pictures.
NEEDED = {
    "a family": "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "a rainbow flag": "\U0001f3f3\ufe0f\u200d\U0001f308",
    "a woman astronaut": "\U0001f469\U0001f3fd\u200d\U0001f680",
    "a burning heart": "\u2764\ufe0f\u200d\U0001f525",
    "a man runs": "\U0001f3c3\u200d\u2642\ufe0f",
    "a telephone, as text": "\u260e\ufe0e",
    "a keycap": "1\ufe0f\u20e3",
    "Persian": "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
    "Hindi": "\u0915\u094d\u200d\u0937",
    "Sinhala": "\u0dc1\u0dca\u200d\u0dbb\u0dd3",
    "Malayalam": "\u0d28\u0d4d\u200d",
    "Korean": "\ud55c\uad6d\uc5b4",
    "German": "Stra\u00dfe, Gr\u00f6\u00dfe",
    "a flag": "\U0001f1eb\U0001f1f7",
}

#: What hides, or shows something else than it is.
HIDDEN = {
    "a Hangul filler": ("an\u3164a", r"an\u3164a"),
    "a narrow one": ("\uffa0", r"\uffa0"),
    "a joiner in Latin": ("an\u200da@example.com", r"an\u200da@example.com"),
    "a non-joiner in Latin": ("an\u200ca", r"an\u200ca"),
    "a joiner at the beginning": ("\u200d\U0001f525", "\\u200d\U0001f525"),
    "a joiner at the end": ("\U0001f525\u200d", "\U0001f525\\u200d"),
    "two joiners": ("\u0915\u200d\u200d\u0937", "\u0915\u200d\\u200d\u0937"),
    "tags": ("x\U000e0061\U000e007f", r"x\U000e0061\U000e007f"),
    "tags of a flag": ("\U0001f3f4\U000e0067\U000e007f", "\U0001f3f4\\U000e0067\\U000e007f"),
    "a selector in Latin": ("a\ufe0f", r"a\ufe0f"),
    "two selectors": ("\u2764\ufe0f\ufe0f", "\u2764\ufe0f\\ufe0f"),
    "a selector of an ideograph": ("\u845b\U000e0100", "\u845b\\U000e0100"),
    "a selector of a digit": ("1\ufe0f", r"1\ufe0f"),
    "direction": ("\u202eexe.\u2066x\u2069\u200f", r"\u202eexe.\u2066x\u2069\u200f"),
    "a grapheme joiner": ("a\u034fb", r"a\u034fb"),
    "a blank of braille": ("a\u2800b", r"a\u2800b"),
    "escapes": ("\x1b[31m\x9b1m\x00\x7f", r"\x1b[31m\x9b1m\x00\x7f"),
    "half a character": ("\ud800", r"\ud800"),
    "line ends": ("a\r\n\u2028b", r"a\r\n\u2028b"),
}


@pytest.mark.parametrize("text", NEEDED.values(), ids=NEEDED)
def test_what_a_language_or_a_picture_needs_stays(text):
    assert escaped(text) == text


@pytest.mark.parametrize(("text", "shown"), HIDDEN.values(), ids=HIDDEN)
def test_what_is_not_seen_stands_there_as_its_escape(text, shown):
    assert escaped(text) == shown


def test_of_all_characters_alone_only_those_that_are_seen_stay():
    """Marks are seen with what they stand on; none of those below is."""
    unseen = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    planes = (*range(0x10000), *range(0x1D100, 0x1D200), *range(0xE0000, 0xE0200))
    stay = [each for each in map(chr, planes) if escaped(each) == each]
    assert not [each for each in stay if unicodedata.category(each) in unseen]
    blank = re.compile("HANGUL.* FILLER|VARIATION SELECTOR|BRAILLE PATTERN BLANK|ZERO WIDTH|^TAG ")
    assert not [name for each in stay if blank.search(name := unicodedata.name(each, ""))]
    assert {"a", "\u00e9", "\u6c49", "\u0301", "\u0639"} <= set(stay)


def test_a_text_on_one_line_has_single_blanks():
    assert printable(" a\u00a0b\tc\nd ") == "a b c d"
    assert printable(7) == "7"
