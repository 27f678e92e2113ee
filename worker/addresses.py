"""Email addresses: one spelling for each, so that one person is one key."""

import unicodedata

import idna

#: Characters. No address is longer (RFC 5321: 320 bytes), and normalizing combining marks takes quadratic time.
MAX_ADDRESS = 320


def normalize_address(written: str) -> str:
    """Trimmed, display form removed, NFC, lower case, the domain in IDNA.

    RFC 5321 lets a server tell `Bob@` from `bob@`; none that matters does, and bounces come back in either case.
    """
    address = _without_display_form(written.strip())
    if address.isascii() or len(address) > MAX_ADDRESS:
        return address.lower()
    address = unicodedata.normalize("NFC", unicodedata.normalize("NFC", address).lower())
    local, at, domain = address.rpartition("@")
    return f"{local}{at}{_ascii_domain(domain)}" if at else address


def _without_display_form(text: str) -> str:
    """`Bob <bob@example.com>` -> `bob@example.com`.

    By hand and not by email.utils.parseaddr, whose answers have changed between patch releases of Python,
    and this is part of a key.
    """
    if text.endswith(">") and "<" in text:
        return text[text.rindex("<") + 1 : -1].strip()
    return text


def _ascii_domain(domain: str) -> str:
    if domain.isascii():
        return domain
    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except idna.IDNAError:
        return domain
