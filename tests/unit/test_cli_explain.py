"""`email-activity explain`: all ten events, and every value that the code gives."""

import json

import pytest
from click.testing import CliRunner

from email_activity.activity.glossary import HOW_TO_READ
from email_activity.activity.states import CONSENT, DELIVERY, ENGAGEMENT
from email_activity.cli.main import main
from email_activity.domain.kinds import BOUNCE_CLASSES, COMPLAINT_KINDS
from events import KINDS


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


def test_the_order_of_the_facets_is_that_of_the_code():
    told = " ".join(HOW_TO_READ.split())
    assert ", ".join(state.replace("_", " ") for state in DELIVERY) in told
    assert ", ".join(state.replace("_", " ") for state in ENGAGEMENT) in told
    assert all(state in told for state in CONSENT[1:])
