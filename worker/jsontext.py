"""JSON as strangers write it, read so that every text and number can be stored."""

import json

#: Digits that a DynamoDB number can hold; Python reads 4,300.
#: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
MAX_DIGITS = 38


def load_json(text: str) -> object:
    """The JSON value of a text, with what could not be stored made harmless.

    Numbers that neither an exact float nor 38 digits can hold stay text as written, and so does `NaN`, which is
    no JSON. A lone surrogate (`\\ud800` is legal JSON, but no UTF-8) becomes the replacement character.
    Raises ValueError if it is not JSON, RecursionError if it is nested too deep.
    """
    value = json.loads(text.removeprefix("\ufeff"), parse_float=_fraction, parse_int=_whole, parse_constant=str)
    may_have_surrogates = "\\ud" in text or "\\uD" in text or not _is_utf8(text)
    return _without_surrogates(value) if may_have_surrogates else value


def storable(text: str) -> str:
    """A text without lone surrogates, so that UTF-8 can hold it."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _whole(digits: str) -> int | str:
    return int(digits) if len(digits) <= MAX_DIGITS else digits


def _fraction(digits: str) -> float | str:
    return float(digits) if repr(float(digits)) == digits else digits


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _without_surrogates(value: object) -> object:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {_without_surrogates(name): _without_surrogates(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_without_surrogates(each) for each in value]
    return value
