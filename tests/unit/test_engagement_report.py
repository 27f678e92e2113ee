"""The report on labelled opens and clicks: what others go by, what is printed, and how a case is written."""

import json

import pytest

from engagement.cases import Case
from engagement.draft import Draft
from engagement.figures import Figures
from engagement.judges import ses_alone, three_links, time_only
from engagement.report import OURS, as_json, as_text, judge_all, main
from events import BROWSER

MACHINE = ("machine", "at once", "report")
PERSON = ("person", "read and clicked", "report")


def draft() -> Draft:
    return Draft("made", "Made by hand", "test", {"report": "https://sender.example/"})


def said(judge, written: Draft) -> list[str]:
    return judge(Case.from_line(written.line()))


def test_time_counts_from_the_first_delivery():
    written = draft().email(to=2, delivered=(10, 300))
    for seconds in (5, 10, 12, 12.001, 301):
        written.open(seconds, "192.0.2.1", BROWSER, *PERSON)
    assert said(time_only, written) == ["machine", "machine", "machine", "person", "person"]


def test_time_counts_from_the_sending_where_no_delivery_is_known():
    written = draft().email(delivered=None)
    for seconds in (2, 2.001):
        written.open(seconds, "192.0.2.1", BROWSER, *PERSON)
    assert said(time_only, written) == ["machine", "person"]


def test_three_links_count_within_ten_seconds_and_one_email():
    written = draft().email()
    for seconds, link in ((0, 1), (30, 1), (35, 2), (36, 2), (40, 3), (41, 1), (90, 1), (91, 2)):
        written.click(seconds, "192.0.2.1", BROWSER, link, *MACHINE)
    written.email().click(38, "192.0.2.1", BROWSER, 4, *PERSON)
    assert said(three_links, written) == ["person", *["machine"] * 5, *["person"] * 3]


def test_a_flag_of_ses_is_taken_at_its_word():
    written = draft().email()
    for bot in ("Likely", "Unlikely", None):
        written.click(60, "192.0.2.1", BROWSER, 1, *PERSON, bot=bot)
    assert said(ses_alone, written) == ["machine", "person", "person"]


def test_copies_and_order_keep_each_label_at_its_event():
    written = draft().email()
    written.open(60, "192.0.2.1", BROWSER, *PERSON)
    written.click(70, "192.0.2.2", None, 1, *MACHINE, "unknown")
    written.again(3)
    written.arrive(4, 2, 3, 0, 1)
    with pytest.raises(ValueError, match="5 events"):
        written.arrive(0, 1, 2, 3, 3)
    case = Case.from_line(written.line())
    assert [event["eventType"] for event in case.events] == ["Click", "Open", "Click", "Send", "Delivery"]
    assert [(label.event, label.label, label.also) for label in case.labels] == [
        (0, "machine", "unknown"),
        (1, "person", None),
    ]


def figures_of_one() -> Figures:
    """A judge that calls everybody a machine."""
    written = draft().email()
    written.open(60, "192.0.2.1", BROWSER, *PERSON)
    return judge_all(lambda case: ["machine"] * len(case.labels), [Case.from_line(written.line())])


def test_a_person_called_machine_is_named_in_both_forms():
    found = {"judging": {"as reported": {OURS: figures_of_one()}}}
    text = as_text(found)
    assert "persons called machine, as reported: 1\n  made: Made by hand\n" in text
    assert "made event 2: person, said machine (read and clicked)" in text
    ours = json.loads(json.dumps(as_json(found)))["judging"]["as reported"][OURS]
    assert (ours["precision"]["machine"], ours["recall"]["person"], ours["recall"]["proxy"]) == (0, 0, None)
    assert [each["case"] for each in ours["persons_called_machine"]] == ["made"]


def test_a_case_that_is_not_there_is_said_so(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["--show", "nowhere"])
    assert stopped.value.code == 2
    assert "no case is called nowhere" in capsys.readouterr().err
