"""Python, `--json` and the API tell the same, name for name and value for value; and people read the same labels."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from email_activity.activity import reader
from email_activity.activity.query import ActivityTable
from email_activity.cli.main import main
from email_activity.ses.tracking_policy import TrackingPolicy
from events import ANA, CLEO
from faketable import FakeDynamoDB
from reading import items_of
from webapi import BARE, EMAIL, NOON, activity_on, client, fake_table

EPOCH = f"{NOON:%Y-%m-%d}"

#: The command, what is asked of the API, and of Python. Lists are JSON lines on the command line.
QUESTIONS = {
    "email": (["status", EMAIL.message_id], f"/emails/{EMAIL.message_id}", lambda of: of.email(EMAIL.message_id)),
    "bounce elsewhere": (
        ["status", BARE.message_id],
        f"/emails/{BARE.message_id}",
        lambda of: of.email(BARE.message_id),
    ),
    "document": (
        ["document", "invoice", "2026/117"],
        "/documents/invoice/2026/117",
        lambda of: of.document("invoice", "2026/117"),
    ),
    "recipient": (["recipient", ANA], {"address": ANA}, lambda of: of.recipient(ANA)),
    "delayed": (["recipient", CLEO], {"address": CLEO}, lambda of: of.recipient(CLEO)),
    "account": (
        ["account", "acme", "--since", EPOCH],
        f"/accounts/acme/emails?since={EPOCH}",
        lambda of: of.account("acme", NOON.replace(hour=0)),
    ),
    "status": (
        ["account", "acme", "--since", EPOCH, "--status", "not_delivered"],
        f"/accounts/acme/emails?since={EPOCH}&status=not_delivered",
        lambda of: of.account("acme", NOON.replace(hour=0), status="not_delivered"),
    ),
    "failures": (["failures"], "/failures", lambda of: of.failures()),
    "failures of an account": (
        ["failures", "--account", "acme", "--reason", "complained"],
        "/accounts/acme/failures?reason=complained",
        lambda of: of.failures("acme", reason="complained"),
    ),
}


def rows(answer: dict[str, Any]) -> Any:
    """Freshness is of the moment, and a list is its rows."""
    return answer["data"] if answer["object"] == "list" else answer | {"freshness": None}


@pytest.mark.parametrize("name", QUESTIONS)
def test_python_the_command_line_and_the_api_agree(monkeypatch, name):
    command, asked, python = QUESTIONS[name]
    monkeypatch.setattr(reader, "open_table", lambda _: ActivityTable(fake_table(), "facts"))
    result = CliRunner().invoke(main, [*command, "--json"])
    assert result.exit_code == 0, result.output
    told = [json.loads(line) for line in result.stdout.splitlines()]
    wanted = rows(python(activity_on(fake_table())).model_dump(mode="json"))
    assert wanted
    assert (told if isinstance(wanted, list) else rows(told[0])) == wanted
    api = client()
    if isinstance(asked, dict):
        answer = api.post("/api/v1/recipients/lookup", json=asked)
    else:
        answer = api.get(f"/api/v1{asked}")
    assert rows(answer.json()) == wanted


CASES = sorted((Path(__file__).parent.parent / "cases").glob("*.json"))

#: All mail, and none of it expires in our time.
ALL = TrackingPolicy(tracked=frozenset(), retention=timedelta(days=36_500))


def bodies_of(case: Path) -> list[str]:
    body = json.loads(case.read_text())
    return [json.dumps(each) for each in body["bodies"]] if set(body) == {"bodies"} else [case.read_text()]


@pytest.mark.parametrize("case", CASES, ids=lambda each: each.stem)
def test_the_labels_of_every_case_are_the_same_wherever_they_are_read(monkeypatch, case):
    stored = items_of(bodies_of(case), ALL)
    table = FakeDynamoDB(stored.values())
    monkeypatch.setattr(reader, "open_table", lambda _: ActivityTable(table, "facts"))
    for email_id in {pk.removeprefix("EMAIL#") for pk, _ in stored}:
        told = activity_on(table).email(email_id)
        assert told
        assert rows(client(table).get(f"/api/v1/emails/{email_id}").json()) == rows(told.model_dump(mode="json"))
        read = " ".join(CliRunner().invoke(main, ["status", email_id]).output.split())
        timeline = " ".join(CliRunner().invoke(main, ["timeline", email_id]).output.split())
        for recipient in told.recipients:
            assert recipient.delivery.label
            assert recipient.delivery.label in read
        assert told.status.label in read
        for event in told.timeline:
            assert event.label in timeline
