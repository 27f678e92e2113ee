"""What the soak sends, and how it finds what is wrong at the end."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from email_activity.ses.interpret import interpret
from email_activity.ses.tracking_policy import TrackingPolicy
from events import KINDS
from integration.test_whole_path import facts_of
from soak.stream import COPIES, MOST_COPIES, UNREADABLE, Stream


class PerfectSite:
    """Records everything at once."""

    def __init__(self) -> None:
        self.published: list[str] = []
        self.sent: list[str] = []
        self.table: dict[tuple[str, str], dict[str, Any]] = {}
        self.letters: list[tuple[str, str]] = []

    def publish(self, bodies: Sequence[str]) -> None:
        self.published += bodies
        self._record(bodies)

    def send(self, bodies: Sequence[str]) -> None:
        self.sent += bodies
        self._record(bodies)

    def _record(self, bodies: Sequence[str]) -> None:
        for body in bodies:
            if body.startswith("{"):
                self.table |= facts_of(body)
            else:
                self.letters.append((body, "not_json"))

    def items(self) -> dict[tuple[str, str], dict[str, Any]]:
        return self.table

    def dead_letters(self) -> list[tuple[str, str]]:
        return self.letters


def after(seconds: float, seed: int = 1) -> tuple[PerfectSite, Stream]:
    site = PerfectSite()
    stream = Stream(site, rate=30, seed=seed)
    stream.tick(seconds)
    return site, stream


def test_all_that_is_recorded_was_to_be_expected() -> None:
    _, stream = after(10)
    assert stream.sent == 300
    assert stream.differences() == []


def test_there_are_all_kinds_both_forms_copies_and_nonsense() -> None:
    site, stream = after(20)
    bodies = site.published + site.sent
    readings = [
        interpret(body, TrackingPolicy(), datetime.now(UTC)).events for body in bodies if body not in stream.dead
    ]
    assert {reading.event.kind for (reading,) in readings if reading.event} == set(KINDS)
    assert 0.4 < len(site.published) / len(bodies) < 0.6
    assert COPIES / 2 < 1 - len(set(bodies)) / len(bodies) < 2 * COPIES
    assert UNREADABLE / 4 < len(stream.dead) / len(bodies) < 4 * UNREADABLE


def test_the_rate_is_kept_over_ticks_of_any_length() -> None:
    site = PerfectSite()
    stream = Stream(site, rate=0.7, seed=1)
    for _ in range(100):
        stream.tick(0.5)
    assert stream.sent == pytest.approx(35, abs=1)
    assert stream.sent == len(site.published + site.sent)


def test_every_difference_is_found() -> None:
    site, stream = after(15)
    (lost, changed, *_), (letter, unmarked, *_) = site.table, [body for body, _ in site.letters]
    del site.table[lost]
    site.table[changed] = {**site.table[changed], "kind": "other"}
    site.table["EMAIL#x", "EVENT#x"] = {}
    site.letters = [each for each in site.letters if each[0] not in (letter, unmarked)]
    site.letters += [(unmarked, ""), ("a stranger", "not_json")]
    site.letters += [site.letters[0]] * MOST_COPIES
    assert sorted(stream.differences()) == sorted(
        [
            f"missing: {lost}",
            f"changed: {changed}",
            "nobody sent: ('EMAIL#x', 'EVENT#x')",
            f"no dead letter: {letter}",
            f"dead letter with the reason '': {unmarked}",
            "dead letter that nobody expected: a stranger",
            f"dead letter {MOST_COPIES + 1} times: {site.letters[0][0]}",
        ]
    )
