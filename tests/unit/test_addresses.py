"""One spelling for each address, so that one person is one key."""

import time

import pytest

from worker.addresses import normalize_address

SPELLINGS = {
    "ana@example.com": "ana@example.com",
    "  ana@example.com\n": "ana@example.com",
    "Ana@Example.COM": "ana@example.com",
    "<ana@example.com>": "ana@example.com",
    "Ana <ana@example.com>": "ana@example.com",
    '"Silva, Ana" <Ana@example.com>': "ana@example.com",
    'Ana "<office>" < ana@example.com >': "ana@example.com",
    "=?utf-8?q?Ana?= <ana@example.com>": "ana@example.com",
    "ana+label@example.com": "ana+label@example.com",
    "jo\u0308rg@example.com": "j\u00f6rg@example.com",  # decomposed, composed
    "J\u00d6RG@example.com": "j\u00f6rg@example.com",
    "ana@b\u00fccher.example": "ana@xn--bcher-kva.example",
    "ana@B\u00dcCHER.example": "ana@xn--bcher-kva.example",
    "ana@bu\u0308cher.example": "ana@xn--bcher-kva.example",
    "ana@XN--BCHER-KVA.example": "ana@xn--bcher-kva.example",
    '"a@b"@example.com': '"a@b"@example.com',
    "gro\u00dfe@example.com": "gro\u00dfe@example.com",  # lower case, which leaves it what it is
    "mailer-daemon": "mailer-daemon",
    "ana@": "ana@",
    "@example.com": "@example.com",
    "ana@[192.0.2.1]": "ana@[192.0.2.1]",
    "": "",
    "   ": "",
    "<>": "",
}


@pytest.mark.parametrize(("written", "expected"), SPELLINGS.items())
def test_every_spelling_of_an_address_is_one(written, expected):
    assert normalize_address(written) == expected


@pytest.mark.parametrize(
    "written", ["ana@\u00fc b.example", "ana@\u00fc..example", "ana@" + "\u00fc" * 70 + ".example"]
)
def test_a_domain_that_cannot_be_is_kept_as_written(written):
    assert normalize_address(written) == written


def test_different_people_stay_different():
    assert normalize_address("ana@example.com") != normalize_address("ana@example.org")
    assert normalize_address("ana.b@example.com") != normalize_address("anab@example.com")


def test_a_very_long_address_holds_nobody_up():
    start = time.perf_counter()
    for text in ("a@" + "\u00fc" * 100_000, "a@" + "\u00fc." * 100_000, "<" * 100_000, "@" * 100_000):
        normalize_address(text)
    assert time.perf_counter() - start < 2


def test_a_text_far_too_long_for_an_address_takes_no_time():
    """A run of combining marks takes NFC quadratic time: 78 KB took eleven seconds."""
    marks = "".join(chr(0x300 + number % 2 * 0x20) for number in range(200_000))
    assert normalize_address("Ana" + marks) == ("Ana" + marks).lower()
