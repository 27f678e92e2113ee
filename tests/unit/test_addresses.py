"""One spelling for each address, so that one person is one key."""

import pytest

from cputime import takes_at_most
from email_activity.domain.addresses import MAX_WRITTEN, _normalized, normalize_address
from mailboxes import JON, SPELLINGS_OF_JON

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

#: Of RFC 5322, appendix A, and RFC 6068, section 6.2; and what is like them.
OTHERS = {
    "Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>": "pete@silly.test",
    "Mary Smith <@node.test:mary@example.net>": "mary@example.net",
    "Mary Smith\r\n          <@node.test:mary@example.net>": "mary@example.net",
    "jdoe@test   . example": "jdoe@test.example",
    "Joe Q. Public <john.q.public@example.com>": "john.q.public@example.com",
    '"Giant; \\"Big\\" Box" <sysservices@example.net>': "sysservices@example.net",
    "<boss@nil.test>": "boss@nil.test",
    "Who? <one@y.test>": "one@y.test",
    "<mailto:%22not%40me%22@example.org>": '"not@me"@example.org',
    "mailto:gorby%25kremvax@example.com": "gorby%kremvax@example.com",
    "mailto:user@example.org?subject=caf%C3%A9": "user@example.org",
    '"lena."@hotmail.example': "lena.@hotmail.example",
    "lena.@hotmail.example": "lena.@hotmail.example",
    '"ab..c"@docomo.example': "ab..c@docomo.example",
    '".ab"@docomo.example': ".ab@docomo.example",
    '"jon"."lee"@x.example': "jon.lee@x.example",
    '"jon" . lee@x.example': "jon.lee@x.example",
    '"Jon Lee"@x.example': '"jon lee"@x.example',
    '"jon\\"lee"@x.example': '"jon\\"lee"@x.example',
    '"jon\\\\lee"@x.example': '"jon\\\\lee"@x.example',
    '"a@b"@x.example': '"a@b"@x.example',
    '"a\\@b"@x.example': '"a@b"@x.example',
    '""@x.example': '""@x.example',
    "o'neil@x.example": "o'neil@x.example",
    "{jon}@x.example": "{jon}@x.example",
    "jon=client.example@relay.example": "jon=client.example@relay.example",
    "jon@[ 192.0.2.1 ]": "jon@[192.0.2.1]",
    "jon@[IPv6:2001:DB8::1]": "jon@[ipv6:2001:db8::1]",
    "jon@b\u00fccher.example.": "jon@xn--bcher-kva.example",
    "Jon <jon@b\u00fccher.example>": "jon@xn--bcher-kva.example",
    "jon@\u0646\u0627\u0645\u0647\u200c\u0627\u06cc.example": "jon@xn--mgba3gch31f060k.example",
    "jon@\uff58\uff4e--bcher-kva.example": "jon@xn--bcher-kva.example",
}

#: No mailbox, or several: nothing is made up.
NO_MAILBOX = (
    "undisclosed-recipients:;",
    "team: ana@example.com, ben@example.com;",
    "ana@example.com, ben@example.com",
    "ana@example.com ben@example.com",
    "ana@@example.com",
    "ana@b@example.com",
    "ana lee@example.com",
    "ana@example com",
    "not an address",
    "<ana@example.com>, <ben@example.com>",
)


@pytest.mark.parametrize(("written", "expected"), SPELLINGS.items())
def test_every_spelling_of_an_address_is_one(written, expected):
    assert normalize_address(written) == expected


@pytest.mark.parametrize("written", SPELLINGS_OF_JON)
def test_every_way_to_write_one_mailbox_is_one_address(written):
    assert normalize_address(written) == JON


@pytest.mark.parametrize(("written", "expected"), OTHERS.items())
def test_what_the_rfcs_call_equal_is_equal(written, expected):
    assert normalize_address(written) == expected
    assert normalize_address(expected) == expected


@pytest.mark.parametrize("written", NO_MAILBOX)
def test_a_text_that_names_no_mailbox_or_several_stays_as_it_is(written):
    assert normalize_address(written) == written


@pytest.mark.parametrize(
    "written", ["ana@\u00fc b.example", "ana@\u00fc..example", "ana@" + "\u00fc" * 70 + ".example"]
)
def test_a_domain_that_cannot_be_is_kept_as_written(written):
    assert normalize_address(written) == written


#: What a text as long as is taken apart could be full of.
PATTERNS = (
    *("(", ")", "((a)", '"', '\\"', '"\\', "<", ">", "<>", "@", "a@b,", "a@b;", "<a@b>", "[", "[]", ". ", " "),
    *("\u00fc.", "\u0301\u0320", "<mailto:", "a'", "\uff1c\u200b"),
)


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("around", ["{}", "a@{}", "{}@b.example", "<{}>", "ana@b.example {}"])
def test_no_text_takes_more_than_ten_microseconds_a_character(pattern, around):
    text = around.format(pattern * MAX_WRITTEN)[:MAX_WRITTEN]

    def normalize() -> None:
        _normalized.cache_clear()
        normalize_address(text)

    assert takes_at_most(10e-6 * MAX_WRITTEN, normalize)


def test_a_text_too_long_to_take_apart_is_one_whatever_its_case_and_blanks() -> None:
    text = f"Ana@{'Example.' * MAX_WRITTEN}com"
    assert normalize_address(f" {text} ") == normalize_address(text.lower()) == text.lower()
