"""JSON as strangers write it, read so that every text and number can be stored."""

import json

import msgspec


def load_json(text: str) -> object:
    """The JSON value of a text, with what could not be stored made harmless.

    A fraction that no float holds exactly stays text as written, and so does `NaN`, which is no JSON. A lone
    surrogate (`\\ud800` is legal JSON, but no UTF-8) becomes the replacement character.
    Raises ValueError if it is not JSON, RecursionError if it is nested too deep.
    """
    text = text.removeprefix("\ufeff")
    try:
        return _decode(text)
    except (msgspec.DecodeError, ValueError):
        return _leniently(text)


def opened(text: str) -> object:
    """The JSON value of a text; the text itself if it is none, or nested too deep."""
    try:
        return load_json(text)
    except (ValueError, RecursionError):
        return text


def storable(text: str) -> str:
    """A text without lone surrogates, so that UTF-8 can hold it."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _fraction(digits: str) -> float | str:
    return float(digits) if repr(float(digits)) == digits else digits


#: msgspec takes a third of the time that `json` takes, but neither `NaN` nor half a character.
_decode = msgspec.json.Decoder(float_hook=_fraction).decode


def _leniently(text: str) -> object:
    value = json.loads(text, parse_float=_fraction, parse_int=_integer, parse_constant=str)
    if "\\ud" in text.lower() or storable(text) != text:
        return json.loads(storable(json.dumps(value, ensure_ascii=False)))
    return value


def _integer(digits: str) -> int | str:
    """Python reads 4,300 digits at most."""
    try:
        return int(digits)
    except ValueError:
        return digits
