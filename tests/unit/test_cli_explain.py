"""`email-activity explain`: all ten events, and every value that the code gives."""

import json

import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner

from email_activity.activity.filters import STATUSES
from email_activity.activity.glossary import HOW_TO_READ
from email_activity.activity.states import CONSENT, DELIVERY, ENGAGEMENT
from email_activity.activity.words import VERDICTS, WORDS, words
from email_activity.cli.main import main
from email_activity.domain.kinds import BOUNCE_CLASSES, COMPLAINT_KINDS
from events import ANA, KINDS


def run(*arguments: str):
    result = CliRunner().invoke(main, ["explain", *arguments])
    assert result.exit_code == 0
    return result.stdout


def test_all_events_are_explained_as_ses_spells_them():
    shown = run()
    assert all(kind in shown for kind in KINDS)
    assert sorted(each["event"] for each in json.loads(run("--json"))) == sorted(KINDS)


@pytest.mark.parametrize(
    "spelling", [["rendering-failure"], ["Rendering Failure"], ["RENDERINGFAILURE"], ["rendering", "failure"]]
)
def test_an_event_is_found_in_any_spelling(spelling):
    assert json.loads(run(*spelling, "--json"))["event"] == "Rendering Failure"


def test_every_bounce_class_is_explained():
    assert json.loads(run("bounce", "--json"))["values"].keys() == {each.name for each in BOUNCE_CLASSES}
    assert all(each.name in run("bounce") for each in BOUNCE_CLASSES)


def test_every_complaint_kind_is_explained():
    assert json.loads(run("complaint", "--json"))["values"].keys() == {each.name for each in COMPLAINT_KINDS}


def test_out_of_office_replies_and_machines_are_told_of():
    assert "out-of-office" in run("bounce")
    assert "Privacy Protection" in run("open")


def every_word() -> list[str]:
    by_kind = [each.name for each in (*BOUNCE_CLASSES, *COMPLAINT_KINDS)]
    of_rows = [
        name for row in WORDS for name in (*row.codes, row.reason, row.label.format(address=ANA, count=3)) if name
    ]
    of_verdicts = [name for row in VERDICTS.values() for name in (row.code, row.reason, row.label)]
    others = ["exact", "ambiguous", "candidate", "delivery", "engagement", "consent", "shared", "proxy", *STATUSES]
    others += ["SpamDetected", "IPFailure", "Undetermined"]
    return list(dict.fromkeys([*by_kind, *of_rows, *of_verdicts, *others]))


@pytest.mark.parametrize("word", every_word())
def test_every_word_that_is_shown_is_explained(word):
    told = json.loads(run(word.upper(), "--json"))
    assert all(each["means"] for each in told["meanings"])
    assert told["meanings"][0]["means"].split()[0] in run(word)


def test_a_reason_says_what_to_do_as_the_answers_do():
    (bounced, delayed) = json.loads(run("mailbox_full", "--json"))["meanings"][-2:]
    row = words("hard_bounced", "mailbox_full")
    assert row.next_step in (bounced["next_step"], delayed["next_step"])
    assert row.next_step in run("Not delivered: mailbox full")


@pytest.mark.parametrize(("typed", "meant"), [("hard_bounce", "hard_bounced"), ("no-such-adress", "no_such_address")])
def test_a_mistyped_word_is_met_with_what_may_be_meant(typed, meant):
    result = CliRunner().invoke(main, ["explain", typed])
    assert result.exit_code == 2
    assert f"Did you mean {meant}" in result.stderr


def test_a_shell_completes_events_and_words():
    complete = ShellComplete(main, {}, "email-activity", "").get_completions
    assert "Rendering-Failure" in {each.value for each in complete(["explain"], "rend")}
    assert "no_such_address" in {each.value for each in complete(["explain"], "no_such")}


def test_the_order_of_the_facets_is_that_of_the_code():
    told = " ".join(HOW_TO_READ.split())
    assert ", ".join(state.replace("_", " ") for state in DELIVERY) in told
    assert ", ".join(state.replace("_", " ") for state in ENGAGEMENT) in told
    assert all(state in told for state in CONSENT[1:])
