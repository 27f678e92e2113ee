"""What is promised of the judgement of opens and clicks, on the half that its rules were not written on."""

import pytest

from engagement.cases import load
from engagement.figures import Figures
from engagement.judges import ours
from engagement.report import FORMS, judge_all

#: Machines that are found at least: with SES's own opinion, without, and where less is stored.
RECALL = dict(zip(FORMS, (0.95, 0.95, 0.94, 0.8), strict=True))


@pytest.fixture(scope="module", params=FORMS)
def form(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def found(form) -> Figures:
    return judge_all(ours, map(FORMS[form], load("judging")))


def test_machines_are_found_and_nobody_else_is_called_one(found, form):
    assert found.precision["machine"].share >= 0.99
    assert found.recall["machine"].share >= RECALL[form]


def test_no_person_is_called_a_machine(found):
    assert [each.case.id for each in found.persons_called_machine] == []


def test_proxies_are_told_from_people_and_from_machines(found):
    assert found.precision["proxy"].share >= 0.95
    assert found.recall["proxy"].share >= 0.95
