"""RFC 2047's encoded words as text. Pure.

Read by hand and not by `email.header`, which takes every charset that Python knows (punycode takes 2 s for 9 KB), and
takes time by the square for what only looks like an encoded word.

https://www.rfc-editor.org/rfc/rfc2047
"""

import re
from binascii import a2b_base64, a2b_qp

from email_activity.domain.jsontext import storable

#: Characters of a header beyond which it stays as written. SES cuts all headers of an email at 10 KB.
#: https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html#mail-object
MAX_DECODED = 2_000

#: `=?charset?encoding?text?=`, with RFC 2231's language behind the charset. Blanks within the text are wrong, but seen.
_WORD = re.compile(r"=\?([A-Za-z0-9_.:-]{1,40})(?:\*[A-Za-z0-9-]{0,40})?\?([BbQq])\?([^?\r\n]*)\?=")

#: The charsets that mail uses, each with Python's name for it. All are decoded in linear time.
#: https://www.iana.org/assignments/character-sets
CHARSETS = {
    **{name: name for name in ("utf-8", "utf8", "us-ascii", "ascii", "latin1", "latin-1", "koi8-r", "koi8-u")},
    **{name: name for name in ("big5", "big5-hkscs", "gb2312", "gbk", "gb18030", "hz-gb-2312", "tis-620", "macintosh")},
    **{name: name for name in ("euc-jp", "shift_jis", "shift-jis", "sjis", "euc-kr", "iso-2022-kr")},
    **{name: name for name in ("iso-2022-jp", "iso-2022-jp-1", "iso-2022-jp-2", "iso-2022-jp-3")},
    **{f"iso-8859-{part}": f"iso-8859-{part}" for part in (*range(1, 12), *range(13, 17))},
    **{f"windows-{page}": f"cp{page}" for page in (874, *range(1250, 1259))},
    **{f"cp{page}": f"cp{page}" for page in (437, 850, 852, 866, 874, 932, 936, 949, 950, *range(1250, 1259))},
    "cp65001": "utf-8",
    "iso-8859-8-i": "iso-8859-8",
    "ks_c_5601": "cp949",
    "ks_c_5601-1987": "cp949",
    "windows-31j": "cp932",
    "x-gbk": "gbk",
    "x-sjis": "shift_jis",
}


def decode_words(value: str) -> str:
    """As text, without blanks around it; as it stands if it is plain, too long, or a word of it cannot be read.

    Words that stand side by side are one text, in which a character may begin in one word and end in the next.
    """
    if "=?" not in value or len(value) > MAX_DECODED:
        return value.strip()
    try:
        return storable("".join(_texts(value))).strip()
    except ValueError:
        return value.strip()


def _texts(value: str) -> list[str]:
    """Raises ValueError for an unknown charset, and for bytes that are none of it."""
    texts: list[str] = []
    pending, charset, end = b"", "", 0
    for word in _WORD.finditer(value):
        between, name = value[end : word.start()], word[1].lower()
        if name not in CHARSETS:
            raise ValueError(name)
        if charset and (between.strip() or name != charset):
            texts.append(pending.decode(CHARSETS[charset]))
            pending = b""
        if between.strip() or not charset:
            texts.append(between)
        pending += _bytes(word[2], word[3])
        charset, end = name, word.end()
    if charset:
        texts.append(pending.decode(CHARSETS[charset]))
    return [*texts, value[end:]]


def _bytes(encoding: str, text: str) -> bytes:
    encoded = text.encode("ascii")
    return a2b_qp(encoded, header=True) if encoding in "Qq" else a2b_base64(encoded + b"==")
