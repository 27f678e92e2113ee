"""Texts as values of SES's message tags, which allow only letters, digits, `_` and `-`. Pure.

https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_MessageTag.html
"""

import re

_NOT_ALLOWED = re.compile(r"[^A-Za-z0-9-]")
_ESCAPES = re.compile(r"(?:_[0-9A-F]{2})+")


def tag(text: str) -> str:
    """`2026/117` becomes `2026_2F117`: each byte that is not allowed, and `_`, as `_` and two hex digits."""
    return _NOT_ALLOWED.sub(lambda found: "".join(f"_{byte:02X}" for byte in found[0].encode()), text)


def untag(value: str) -> str:
    """What `tag` made it from; the value itself where it made nothing.

    An id like `order_2024` was hardly encoded, though `tag(" 24")` ends like it: so one escape at least must have a
    letter.
    """
    try:
        text = _ESCAPES.sub(lambda found: bytes.fromhex(found[0].replace("_", "")).decode(), value)
    except UnicodeDecodeError:
        return value
    has_letter = re.search(r"_(?:[0-9A-F][A-F]|[A-F][0-9A-F])", value)
    return text if has_letter and tag(text) == value and text.isprintable() else value
