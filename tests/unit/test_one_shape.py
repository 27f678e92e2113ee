"""Python, `--json` and the API tell the same, name for name and value for value."""

import json
from typing import Any

import pytest
from click.testing import CliRunner

from email_activity.activity import reader
from email_activity.activity.query import ActivityTable
from email_activity.cli.main import main
from events import ANA, CLEO
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
