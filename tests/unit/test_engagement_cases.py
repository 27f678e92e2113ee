"""The labelled opens and clicks are well-formed, and what is reckoned from them is right."""

from collections import Counter
from urllib.parse import urlsplit

import pytest

from engagement.cases import CLASSES, ENGAGEMENT, FOLDER, HALVES, Case, Label, load, sources_of
from engagement.figures import Judged, figures
from engagement.report import show

CASES = {half: load(half) for half in HALVES}
EVERY = [case for cases in CASES.values() for case in cases]


@pytest.mark.parametrize("half", HALVES)
def test_every_open_and_click_has_one_label(half):
    for case in CASES[half]:
        labelled = [label.event for label in case.labels]
        first_copies = [
            index
            for index, event in enumerate(case.events)
            if event["eventType"] in ENGAGEMENT and event not in case.events[:index]
        ]
        assert labelled == first_copies, case.id


@pytest.mark.parametrize("half", HALVES)
def test_a_label_says_what_why_and_where_it_is_from(half):
    for case in CASES[half]:
        for label in case.labels:
            assert {label.label, label.also or label.label} <= set(CLASSES), case.id
            assert label.also != label.label, case.id
            assert label.why, case.id
            assert label.source in case.sources, case.id


@pytest.mark.parametrize("half", HALVES)
def test_the_product_reads_each_event_as_one_activity(half):
    for case in CASES[half]:
        assert [each.kind for each in case.activities] == [event["eventType"] for event in case.events], case.id


def test_there_are_enough_cases_and_each_has_its_own_id():
    assert len(EVERY) >= 200
    assert {case_id: count for case_id, count in Counter(case.id for case in EVERY).items() if count > 1} == {}


def test_each_source_is_a_page_and_is_in_one_half_only():
    assert sources_of(CASES["rules"]) & sources_of(CASES["judging"]) == set()
    assert all(urlsplit(source).scheme in ("http", "https") for source in sources_of(EVERY))


def test_people_have_addresses_of_documentation():
    """Nobody's real address is published here: not even one that a report names."""
    for case in EVERY:
        for event in case.events:
            assert all(address.endswith("@client.example") for address in event["mail"]["destination"])


def test_the_files_are_small():
    assert sum(path.stat().st_size for path in FOLDER.rglob("*.jsonl")) < 1_500_000


def test_flags_are_taken_off_and_nothing_else():
    case = next(case for case in EVERY if "isBotEvent" in str(case.events))
    without = case.without_flags()
    assert "isBotEvent" not in str(without.events)
    assert without.labels == case.labels
    assert [event["mail"] for event in without.events] == [event["mail"] for event in case.events]


def test_a_case_is_shown_with_its_labels():
    case = CASES["rules"][0]
    lines = show(case).splitlines()
    assert lines[0].startswith(f"{case.id}: ")
    assert sum(case.labels[0].why in line for line in lines) >= 1


def case_of(*emails: str) -> Case:
    """One event of each of these emails."""
    events = [{"eventType": "Open", "mail": {"messageId": email}} for email in emails]
    return Case("made", "Made by hand", "test", {}, events, [])


def judged(case: Case, *labels: tuple[str, str | None, str]) -> list[Judged]:
    """labels: the label, what an expert may say as well, and what the judge said."""
    return [
        Judged(case, Label(index, label, also, "why", "source"), said)
        for index, (label, also, said) in enumerate(labels)
    ]


def test_figures_of_a_confusion_made_by_hand():
    case = case_of("a", "a", "a", "b", "b", "c", "d", "e")
    found = figures(
        judged(
            case,
            ("machine", None, "machine"),
            ("machine", None, "person"),
            ("person", None, "machine"),
            ("machine", "proxy", "proxy"),
            ("machine", None, "person"),
            ("proxy", None, "proxy"),
            ("unknown", "machine", "machine"),
            ("machine", None, "unknown"),
        )
    )
    assert found.events == 8
    assert found.confusion["machine", "person"] == 2
    assert (found.precision["machine"].right, found.precision["machine"].of) == (2, 3)
    assert (found.recall["machine"].right, found.recall["machine"].of) == (2, 5)
    assert (found.precision["proxy"].right, found.precision["proxy"].of) == (2, 2)
    assert (found.recall["proxy"].share, found.recall["unknown"].share) == (1, 1)
    assert found.recall["person"].share == 0
    assert (found.accuracy.right, found.accuracy.of) == (4, 8)
    assert [each.label.event for each in found.persons_called_machine] == [2]
    assert [each.label.event for each in found.wrong] == [1, 2, 4, 7]
    # Of the five emails nobody touched b and e; one event of b is taken for a person's.
    assert (found.untouched.right, found.untouched.of) == (1, 2)


def test_a_person_whom_an_expert_may_call_machine_is_not_called_so_by_mistake():
    found = figures(judged(case_of("a"), ("person", "machine", "machine")))
    assert (found.persons_called_machine, found.wrong, found.precision["person"].share) == ((), (), None)
