"""What fails a soak, each by its own figure."""

from collections import Counter
from dataclasses import replace

import pytest

from soak.outcome import MORE_FDS, MORE_THREADS, Outcome
from soak.samples import Held

IDLE = {"main": Held(29, 1), "child 1": Held(39, 10)}

GOOD = Outcome(
    minutes=5,
    seed=1,
    sent=9000,
    facts=8000,
    dead_letters=90,
    faults=Counter({"Redis is down": 2, "a child is killed": 1}),
    fitted=3.75,
    slopes={"main": 0.1, "child 1": 0.9},
    slope_limit=1,
    idle_before=IDLE,
    idle_after={"main": Held(29 + MORE_FDS, 1 + MORE_THREADS), "child 1": Held(30, 5)},
    max_receives=11,
    receives_limit=12,
    violations=[],
    wrong=[],
    complaints=[],
)

BAD = {
    "child 1 grows by 1.10 MB a minute": replace(GOOD, slopes={"main": 0.1, "child 1": 1.1}),
    "main holds 48 file descriptors, after the warm-up 29": replace(
        GOOD, idle_after=IDLE | {"main": Held(29 + MORE_FDS + 1, 1)}
    ),
    "child 1 has 12 threads, after the warm-up 10": replace(
        GOOD, idle_after=IDLE | {"child 1": Held(39, 10 + MORE_THREADS + 1)}
    ),
    "child 1 has ended": replace(GOOD, idle_after={"main": Held(29, 1)}),
    "main has ended": replace(GOOD, idle_before={"child 1": Held(39, 10)}),
    "a message was received 12 times": replace(GOOD, max_receives=12),
    "watch: DeleteMessage too early": replace(GOOD, violations=["DeleteMessage too early"]),
    "not exact: missing: a key": replace(GOOD, wrong=["missing: a key"]),
    "a worker did not end": replace(GOOD, complaints=["a worker did not end"]),
}


def test_at_its_limits_all_is_well() -> None:
    assert GOOD.failures == []
    assert GOOD.as_text().endswith("\nOK")


@pytest.mark.parametrize("said", BAD)
def test_each_figure_can_fail_it(said: str) -> None:
    outcome = BAD[said]
    assert outcome.failures == [said]
    assert outcome.as_text().endswith(f"\nFAILED: {said}")


def test_of_many_wrongs_a_few_are_shown_and_the_rest_counted() -> None:
    failures = replace(GOOD, wrong=[f"missing: {number}" for number in range(100)]).failures
    assert len(failures) == 6
    assert failures[-1] == "not exact: and 95 more"


def test_the_figures_are_there() -> None:
    text = GOOD.as_text()
    assert "child 1                   +0.90 MB a minute" in text
    assert f"29 -> {29 + MORE_FDS} file descriptors, 1 -> {1 + MORE_THREADS} threads" in text
    assert "a child is killed         1" in text
