"""JSON as strangers write it, with whatever could not be stored made harmless."""

import pytest

from email_activity.domain.jsontext import load_json, storable


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("-1", -1),
        ("1.5", 1.5),
        ("1" * 38, int("1" * 38)),
        ("1" * 39, int("1" * 39)),
        ("1" * 5000, "1" * 5000),
        ("0.1234567890123456789", "0.1234567890123456789"),
        ("1.50", "1.50"),
        ("1e400", "1e400"),
        ("1e-400", "1e-400"),
        ("NaN", "NaN"),
        ("-Infinity", "-Infinity"),
        ('"\\ud83d\\ude00"', "\U0001f600"),
        ('"\\ud83d"', "\ufffd"),
        ('"\\uDE00x"', "\ufffdx"),
        ('{"\\ud83d": ["\\ud83d"]}', {"\ufffd": ["\ufffd"]}),
        ('\ufeff{"a": null}', {"a": None}),
        ('"\\u0000"', "\x00"),
    ],
)
def test_whatever_is_read_can_be_stored(text, value):
    assert load_json(text) == value


def test_half_a_character_in_the_body_itself_is_replaced():
    assert load_json('"a\ud800"') == "a\ufffd"
    assert load_json('"\ud83d\ude00"') == "\U0001f600"


@pytest.mark.parametrize("text", ["", "{", "hello", "[1,]", "{'a': 1}", '"\x01"'])
def test_what_is_no_json_says_so(text):
    with pytest.raises(ValueError, match=r"line \d"):
        load_json(text)


def test_a_text_that_can_be_stored_is_left_as_it_is():
    assert storable("\u00e9 \U0001f600 \x00") == "\u00e9 \U0001f600 \x00"
    assert storable("\ud800") == "\ufffd"
