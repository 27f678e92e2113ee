"""Texts as values of message tags, and back for people."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from email_activity.domain.tags import tag, untag


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_tag_has_allowed_characters_only_and_tells_texts_apart(text):
    value = tag(text)
    assert re.fullmatch(r"[A-Za-z0-9_-]*", value)
    assert (
        bytes.fromhex(
            "".join(
                re.sub(r"[^_]", lambda each: f"_{ord(each[0]):02X}", part) if "_" not in part else part
                for part in re.split(r"(_[0-9A-F]{2})", value)
            ).replace("_", "")
        ).decode()
        == text
    )


@pytest.mark.parametrize("text", ["2026/117", "INV_1", "Größe #1", "a b/c", "4711", "", "2026-117", "契約"])
def test_people_are_shown_what_was_encoded(text):
    assert untag(tag(text)) == text


@pytest.mark.parametrize(
    "value", ["order_2024", "INV_20", "x_FF", "a_4A", "a_", "_", "a_2f", "_C3", "_0A_2F", "2026/117"]
)
def test_what_was_hardly_encoded_is_shown_as_it_is(value):
    assert untag(value) == value
