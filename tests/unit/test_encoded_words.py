"""Encoded words as text: the charsets of mail, and no others, in time that grows with the length."""

import codecs
from base64 import b64encode
from email.header import decode_header, make_header

import pytest

from cputime import takes_at_most
from email_activity.ses.encoded_words import CHARSETS, MAX_DECODED, decode_words

WORDS = {
    "=?utf-8?q?M=C3=BCller?=": "M\u00fcller",
    "=?UTF-8?B?TcO8bGxlcg==?=": "M\u00fcller",
    "=?utf-8?b?TcO8bGxlcg?=": "M\u00fcller",  # its padding was cut off
    "=?utf-8*de?q?M=C3=BCller?=": "M\u00fcller",  # RFC 2231
    "Re: =?iso-8859-1?Q?M=FCller_5?= end": "Re: M\u00fcller 5 end",
    "=?utf-8?q?a=20b?= =?utf-8?q?c?=": "a bc",
    "=?utf-8?q?=C3?= =?utf-8?q?=BC?=": "\u00fc",  # a character in two words
    "=?utf-8?Q?=E2=82=AC?=\r\n =?utf-8?Q?5?=": "\u20ac5",
    "a =?utf-8?q?b?= =?iso-8859-1?q?=FC?= c": "a b\u00fc c",
    "=?iso-2022-jp?b?GyRCRnxLXBsoQg==?=": "\u65e5\u672c",
    "=?cp1251?b?z/Do4uXy?=": "\u041f\u0440\u0438\u0432\u0435\u0442",
    "=?ks_c_5601-1987?b?x9Gx2w==?=": "\ud55c\uae00",
    "=?utf-8?q?a b?=": "a b",
    "=?utf-8?q??=": "",
    " plain ": "plain",
    "2026 =? 117": "2026 =? 117",
}

AS_WRITTEN = (
    "=?punycode?q?abc?=",
    "=?utf-7?q?+2AA-?=",
    "=?idna?q?abc?=",
    "=?unicode_escape?q?abc?=",
    "=?rot13?q?abc?=",
    "=?zlib?b?eJwrSS0uAQAEXQHB?=",
    "=?x?b?a?=",
    "=?utf-8?b?a?=",
    "=?utf-8?q?=ff?=",
    "=?utf-8?q?ok?= =?punycode?q?abc?=",
    "=?\u00fc?b?YQ==?=",
    "=?utf-8?q?\u00fc?=",
    "=?utf-8?x?abc?=",
    "=?utf-8?q?" + "a" * MAX_DECODED + "?=",
)


@pytest.mark.parametrize(("written", "text"), WORDS.items())
def test_an_encoded_word_is_read(written, text):
    assert decode_words(written) == text


@pytest.mark.parametrize("written", AS_WRITTEN)
def test_what_cannot_be_decoded_or_may_not_be_stays_as_written(written):
    assert decode_words(written) == written


@pytest.mark.parametrize("name", CHARSETS)
def test_every_charset_that_is_allowed_is_one_that_python_knows(name):
    assert codecs.lookup(CHARSETS[name])
    assert decode_words(f"=?{name}?q?Invoice?=") in ("Invoice", f"=?{name}?q?Invoice?=")


@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-15", "windows-1252", "shift_jis", "gb18030", "koi8-r"])
@pytest.mark.parametrize("encoding", ["q", "b"])
def test_the_standard_library_reads_the_same(charset, encoding):
    text = {"koi8-r": "\u041f\u0440\u0438", "shift_jis": "\u8acb\u6c42"}.get(charset, "a, b_c=d")
    data = text.encode(charset)
    body = b64encode(data).decode() if encoding == "b" else "".join(f"={each:02X}" for each in data)
    word = f"=?{charset}?{encoding}?{body}?="
    assert decode_words(word) == str(make_header(decode_header(word))) == text


PATTERNS = (
    *(
        "=?utf-8?q?a?= ",
        "=?",
        "?=",
        "=?a?q?",
        "=?utf-8?q?",
        "=?utf-8?b?YQ==?=",
        "=?utf-8?q?=41",
        "=?utf-8*",
        "=?utf-8?q? ",
    ),
    *(f"=?{charset}?q?{'=81' * 30}?= " for charset in CHARSETS),
    *(f"=?{charset}?q?{'=1B=24=42=30' * 8}?= " for charset in CHARSETS),
)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_no_header_takes_more_than_ten_microseconds_a_character(pattern):
    written = (pattern * MAX_DECODED)[:MAX_DECODED]
    assert takes_at_most(10e-6 * MAX_DECODED, lambda: decode_words(written))
