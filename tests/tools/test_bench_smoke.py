"""CI runs the quick benchmark for its form, never for its figures."""

import json

from benchmarks.smoke import KEYS, complaint

GOOD = dict.fromkeys(KEYS, 1.5)


def test_the_last_line_has_a_number_for_each_key():
    assert complaint("a table\n" + json.dumps({**GOOD, "more": None})) is None


def test_what_is_missing_is_named():
    assert complaint(json.dumps({**GOOD, "ratio_to_bare": None})) == "no number for: ratio_to_bare"
    assert complaint("{}") == f"no number for: {', '.join(KEYS)}"


def test_a_benchmark_that_died_is_seen():
    assert "no JSON" in complaint("Traceback")
    assert "no JSON" in complaint("")
