"""What the fuzzer once found stays mended; each of its files is the body of a message."""

from pathlib import Path

import pytest

from cputime import takes_at_most
from events import FORMS, KINDS, Email
from fuzz.cost import limit, read
from fuzz.invariants import check

FOUND = Path(__file__).parent.parent / "fuzz" / "found"


@pytest.mark.parametrize("found", sorted(FOUND.iterdir()), ids=lambda path: path.name)
def test_what_the_fuzzer_found_stays_mended(found):
    body = found.read_bytes().decode("utf-8", "replace")
    check(body)
    assert takes_at_most(limit(body), lambda: read(body))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", KINDS)
def test_what_the_fuzzer_starts_from_is_sound(kind, form):
    check(FORMS[form](KINDS[kind](Email())))
