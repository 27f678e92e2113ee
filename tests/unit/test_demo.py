"""The demo's story and its honest count: it must notice whatever is missing or too much."""

import json
from datetime import UTC, datetime

import pytest

from commands import read_from, run
from demo.__main__ import COMMANDS
from demo.reconcile import expected, reconcile
from demo.story import UNREADABLE, Published, story
from email_activity.activity.status import EmailStatus, status
from email_activity.domain.facts import Activity
from email_activity.ses.interpret import interpret
from email_activity.ses.tracking_policy import TrackingPolicy

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DEAD = [(UNREADABLE, "not_json")]


def recorded(published: list[Published]) -> list[EmailStatus]:
    """As if a worker had recorded all of it."""
    readings = [reading for each in published for reading in interpret(each.body, TrackingPolicy(), NOW).events]
    activities: list[Activity] = [fact for reading in readings for fact in reading.activities]
    ids = {each.email_id for each in activities}
    return [status(email_id, [each for each in activities if each.email_id == email_id]) for email_id in ids]


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_to_try_finds_something_in_the_story(monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    told = story(datetime.now(UTC))
    read_from(monkeypatch, [json.loads(each.body) for each in told if each.fate == "recorded"])
    assert "Not delivered: the address does not exist" in run(*command.split()).stdout


def test_a_story_that_was_recorded_is_all_accounted_for() -> None:
    published = story(NOW)
    result = reconcile(published, recorded(published), DEAD, waiting=0)
    assert result.ok
    assert result.published.total() == len(published)


def test_the_story_has_every_kind_duplicates_disorder_and_no_activities() -> None:
    published = story(NOW)
    kinds = {each.kind for each in published if each.fate == "recorded"}
    assert len(kinds) == 10
    assert {each.fate for each in published} == {"recorded", "duplicate", "untracked", "control", "quarantined"}
    times = [each.occurred_at for each in published if each.occurred_at]
    assert times != sorted(times)


def test_the_story_has_an_open_by_each_of_whom_it_may_be() -> None:
    opens = [each for email in recorded(story(NOW)) for each in email.timeline if each.activity.kind == "Open"]
    assert {each.judged.class_ for each in opens if each.judged} == {"person", "proxy", "machine", "unknown"}


@pytest.mark.parametrize("lost", range(31))
def test_any_event_that_is_not_in_the_table_is_missed(lost: int) -> None:
    published = story(NOW)
    events = [each for each in published if each.fate == "recorded"]
    others = [each for each in published if each.body != events[lost].body]
    result = reconcile(published, recorded(others), DEAD, waiting=0)
    assert not result.ok
    assert len(result.missing) == len(list(expected([events[lost]]).elements()))


def test_a_contract_in_the_table_is_one_too_many() -> None:
    published = story(NOW)
    contract = next(each for each in published if each.fate == "untracked")
    stored = [
        fact
        for reading in interpret(contract.body, TrackingPolicy(frozenset()), NOW).events
        for fact in reading.activities
    ]
    result = reconcile(published, [*recorded(published), status(contract.email_id, stored)], DEAD, waiting=0)
    assert len(result.extra) == 1


@pytest.mark.parametrize("dead", [[], [(UNREADABLE, "")], [*DEAD, ("something else", "not_json")], [*DEAD, *DEAD]])
def test_the_dead_letter_queue_must_hold_what_is_unreadable_alone(
    dead: list[tuple[str, str]],
) -> None:
    published = story(NOW)
    assert not reconcile(published, recorded(published), dead, waiting=0).ok


def test_a_message_still_in_the_queue_is_not_accounted_for() -> None:
    published = story(NOW)
    assert not reconcile(published, recorded(published), DEAD, waiting=1).ok
