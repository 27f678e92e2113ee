"""What stands in headers and tags: RFC 2047's encoded words as text, and what may become a key. Pure.

Encoded words are read by hand and not by `email.header`, which takes every charset that Python knows (punycode takes
2 s for 9 KB), and takes time by the square for what only looks like an encoded word.

https://www.rfc-editor.org/rfc/rfc2047
"""

import re
from binascii import a2b_base64, a2b_qp
from collections.abc import Iterator

from email_activity.domain.jsontext import storable
from email_activity.ses.parse import Mail

#: Characters of a header beyond which it stays as written. SES cuts all headers of an email at 10 KB.
#: https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html#mail-object
MAX_DECODED = 2_000

#: Characters of what becomes a key (document type and id, account). SES's tags have 256 at most; a longer text in
#: their place is none of these.
#: https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_MessageTag.html
MAX_CARRIED = 1_000

#: `=?charset?encoding?text?=`, with RFC 2231's language behind the charset. Blanks within the text are wrong, but seen.
_WORD = re.compile(r"=\?([A-Za-z0-9_.:-]{1,40})(?:\*[A-Za-z0-9-]{0,40})?\?([BbQq])\?([^?\r\n]*)\?=")

#: The charsets that mail uses, in Python's spelling and in others. All are decoded in linear time.
#: https://www.iana.org/assignments/character-sets
CHARSETS = {
    **{name: name for name in ("utf-8", "us-ascii", "big5", "big5-hkscs", "gb2312", "gbk", "gb18030", "hz-gb-2312")},
    **{
        name: name for name in ("euc-jp", "shift_jis", "iso-2022-jp", "iso-2022-jp-1", "iso-2022-jp-2", "iso-2022-jp-3")
    },
    **{name: name for name in ("euc-kr", "iso-2022-kr", "tis-620", "koi8-r", "koi8-u")},
    **{f"iso-8859-{part}": f"iso-8859-{part}" for part in (*range(1, 12), *range(13, 17))},
    **{f"windows-{page}": f"cp{page}" for page in (874, *range(1250, 1259))},
    **{f"cp{page}": f"cp{page}" for page in (437, 850, 852, 866, 874, 932, 936, 949, 950, *range(1250, 1259))},
    "utf8": "utf-8",
    "ascii": "us-ascii",
    "latin1": "iso-8859-1",
    "latin-1": "iso-8859-1",
    "x-sjis": "shift_jis",
    "sjis": "shift_jis",
    "shift-jis": "shift_jis",
    "windows-31j": "cp932",
    "x-gbk": "gbk",
    "cp65001": "utf-8",
    "ks_c_5601-1987": "cp949",
    "ks_c_5601": "cp949",
    "iso-8859-8-i": "iso-8859-8",
    "macintosh": "mac-roman",
}


def headers(mail: Mail, name: str) -> Iterator[str]:
    """Their texts. SES rewrites the casing of header names."""
    name = name.casefold()
    found = (value for each, value in mail.headers or () if each.casefold() == name)
    return (text for text in map(decoded, found) if text)


def short_headers(mail: Mail, name: str) -> Iterator[str]:
    """Those that may become a key."""
    return (text for text in headers(mail, name) if len(text) <= MAX_CARRIED)


def short_tags(mail: Mail, name: str) -> Iterator[str]:
    texts = (each.strip() for each in (mail.tags or {}).get(name, ()))
    return (text for text in texts if 0 < len(text) <= MAX_CARRIED)


def is_unread(mail: Mail, tag: str, header: str) -> bool:
    """Whether anything stands under one of these names, or may do so, that is no text or too long for a key."""
    if tag in mail.unknown.get("tags", ()) or any(len(each) > MAX_CARRIED for each in (mail.tags or {}).get(tag, ())):
        return True
    name = header.casefold()
    odd = mail.unknown.get("headers", ())
    names = (str(each.get("name")).casefold() if isinstance(each, dict) else name for each in odd)
    return name in names or any(len(each) > MAX_CARRIED for each in headers(mail, header))


def decoded(value: str) -> str:
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
    for found in _WORD.finditer(value):
        between, name = value[end : found.start()], found[1].lower()
        if name not in CHARSETS:
            raise ValueError(name)
        if charset and (between.strip() or name != charset):
            texts.append(pending.decode(CHARSETS[charset]))
            pending = b""
        if between.strip() or not charset:
            texts.append(between)
        pending += _bytes(found[2], found[3])
        charset, end = name, found.end()
    if charset:
        texts.append(pending.decode(CHARSETS[charset]))
    return [*texts, value[end:]]


def _bytes(encoding: str, text: str) -> bytes:
    given = text.encode("ascii")
    return a2b_qp(given, header=True) if encoding in "Qq" else a2b_base64(given + b"==")
