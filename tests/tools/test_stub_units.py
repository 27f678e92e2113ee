"""Sizes and write units worked out by hand, after the rules that units.py names."""

import pytest

from benchmarks.stub.units import IN_NO_INDEX, index_keys, index_units, item_size, number_size, units, value_size


@pytest.mark.parametrize(
    ("number", "size"),
    [
        ("0", 1),
        ("1", 2),
        ("12", 2),
        ("123", 3),
        ("100", 2),  # trailing zeroes are trimmed
        ("1.5", 3),  # pairs are counted from the point: 01 50
        ("0.001", 2),
        ("-12.34", 4),  # a byte for the minus
        ("1e-5", 2),
        ("1795604849", 6),
    ],
)
def test_a_number_takes_a_byte_for_two_digits(number, size) -> None:
    assert number_size(number) == size


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ({"S": "Straße"}, 7),
        ({"BOOL": True}, 1),
        ({"NULL": True}, 1),
        ({"M": {}}, 3),
        ({"M": {"ab": {"S": "cde"}}}, 3 + 1 + 2 + 3),
        ({"L": [{"S": "a"}, {"N": "12"}]}, 3 + 1 + 1 + 1 + 2),
        ({"B": "YWJj"}, 3),
        ({"SS": ["ab", "c"]}, 3),
    ],
)
def test_each_type_has_its_size(value, size) -> None:
    assert value_size(value) == size


def test_an_item_is_its_names_and_values() -> None:
    assert item_size({"pk": {"S": "abc"}, "größe": {"N": "12"}}) == 2 + 3 + 7 + 2


@pytest.mark.parametrize(("size", "want"), [(0, 1), (1, 1), (1024, 1), (1025, 2), (409_600, 400)])
def test_a_write_unit_covers_a_kilobyte(size, want) -> None:
    assert units(size) == want


def mail(**changed):
    item = {"document": "invoice#1", "mail_recipient": "a@b.example", "account": "4711", "sent_key": "2026"} | changed
    return index_keys({name: {"S": value} for name, value in item.items() if value})


def failure(account):
    return index_keys({"failure_account": {"S": account}, "failure_time": {"S": "2026"}, "failure_day": {"S": "2026"}})


@pytest.mark.parametrize(
    ("old", "new", "costs"),
    [
        (None, mail(), [1, 1, 1, 0, 0]),
        (None, mail(account=None), [1, 1, 0, 0, 0]),
        (None, mail(sent_key=None), [0, 0, 0, 0, 0]),
        (None, failure("4711"), [0, 0, 0, 1, 1]),
        (mail(), mail(), [0, 0, 0, 0, 0]),  # unchanged costs nothing
        (mail(), mail(document="invoice#2"), [2, 0, 0, 0, 0]),  # a changed key is a delete and a put
        (mail(), mail(account=None), [0, 0, 1, 0, 0]),  # a delete
        (mail(), failure("4711"), [1, 1, 1, 1, 1]),
        (mail(), mail(document="x" * 1024), [1 + 2, 0, 0, 0, 0]),
    ],
)
def test_an_index_costs_what_its_entry_costs(old, new, costs) -> None:
    assert index_units("EMAIL#1", "RECIPIENT#1", old, new) == costs


def test_most_items_are_in_no_index() -> None:
    assert index_keys({"pk": {"S": "a"}}) is IN_NO_INDEX
    assert not any(index_units("a", "b", None, IN_NO_INDEX))
