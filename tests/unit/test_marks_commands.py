"""Which commands show personal data, and where: those that answer about emails, on standard output; no others."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from commands import read_from
from email_activity.activity import count
from email_activity.cli import assign, dlq_session
from email_activity.cli.main import main
from email_activity.erasure import eraser, forget, table
from events import new_message_id, raw, sns
from fakequeue import DEAD, EVENTS, FakeSqs, quarantined
from faketable import table_of
from marks import ADDRESS, CORE, EMAIL, SAID, marked_events, traces, unreadable
from reading import items_of
from unit.test_cli_forget import SECRET, Fake
from unit.test_cli_replay import sent  # noqa: F401  a fixture

#: Of the kinds that SES has: a kind is shown.
KNOWN = marked_events()[:10]

#: Nothing is heard of it.
SILENT = replace(EMAIL, message_id=new_message_id()).send()

#: Those that are asked about an email, and answer. With what they are asked.
ANSWERING = {
    "status": [EMAIL.message_id],
    "timeline": [EMAIL.message_id],
    "document": ["invoice", "2026-117"],
    "recipient": [ADDRESS],
    "account": ["acme"],
    "failures": [],
    "stuck": ["--account", "acme", "--after", "1m"],
    "parse": ["bounce"],
}


@pytest.fixture(autouse=True)
def _stored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In a table, in an archive and in a dead-letter queue."""
    monkeypatch.chdir(tmp_path)
    read_from(monkeypatch, [*KNOWN, SILENT])
    monkeypatch.setattr(count, "open_table", lambda _: table_of(items_of(map(raw, KNOWN)).values()))
    fake = Fake(items_of(map(raw, KNOWN)).values())
    for module in (table, assign):
        monkeypatch.setattr(module, "dynamodb_client", lambda _: fake)
    for module in (eraser, forget):
        monkeypatch.setattr(module, "LOOK_EVERY", 0)
    queue = FakeSqs()
    for number, body in enumerate((*map(sns, KNOWN), *unreadable())):
        queue.put(body, quarantined("refused_by_table", f"id-{number}", detail="ValidationException"))
        queue.put(body, {"customer": ADDRESS, "ERROR_MESSAGE": SAID})
    monkeypatch.setattr(dlq_session, "sqs_client", lambda _: queue)
    for name, value in {"EVENTS_QUEUE": EVENTS, "DEAD_LETTER_QUEUE": DEAD, "FORGET_KEY": SECRET}.items():
        monkeypatch.setenv(name, value)
    Path("bounce").write_text(raw(KNOWN[3]))
    Path("archive").write_text("\n".join((*map(sns, KNOWN), *unreadable())))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


@pytest.mark.parametrize("command", ANSWERING)
def test_who_asks_about_an_email_is_told_on_standard_output_alone(command: str) -> None:
    for form in ([], ["--json"]):
        result = run(command, *ANSWERING[command], *form)
        assert ADDRESS in result.stdout.replace("\n", "")
        assert traces(result.stderr) == set()


@pytest.mark.parametrize(
    "arguments",
    [
        "dlq list",
        "dlq list --json --kind bounce",
        "dlq redrive --dry-run",
        "dlq redrive --dry-run --json",
        "dlq redrive",
        "dlq redrive --json",
        "dlq discard --dry-run",
        "dlq discard --yes --to discarded",
        "dlq discard --yes --to discarded --json",
        "replay archive",
        "replay archive --json",
        "replay archive --dry-run",
        f"forget {ADDRESS} --dry-run",
        f"forget {ADDRESS} --dry-run --json",
        f"forget {ADDRESS} --yes",
        f"forget {ADDRESS} --yes --json",
        f"forget {ADDRESS}",
        f"forget {CORE} --yes",
        f"export {CORE}",
        "report --account acme -o report.html",
        "report --account acme --json",
        "assign EMAIL invoice 7",
        "assign EMAIL invoice 7 --json",
        "config",
        "health",
    ],
)
@pytest.mark.usefixtures("sent")
def test_who_tends_the_worker_sees_nobodys_data(arguments: str) -> None:
    result = run(*arguments.replace("EMAIL", EMAIL.message_id).split())
    assert result.output
    assert traces(result.output) == set()
    for file in Path().iterdir():
        holds_messages = file.name in {"bounce", "archive", "discarded", "archive.rejects.jsonl"}
        assert bool(traces(file.read_text())) == holds_messages
        assert not holds_messages or file.name in {"bounce", "archive"} or file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_a_dead_letter_shows_them_to_whoever_asks_to_reveal_them(form: list[str]) -> None:
    ids = [each["id"] for each in map(json.loads, run("dlq", "list", "--json").stdout.splitlines())]
    assert len(ids) == 2 * (len(KNOWN) + len(unreadable()))
    for each in ids[len(form) :: 2]:  # each in one of the forms
        found = traces(run("dlq", "show", each, *form).output)
        assert {mark for mark in found if not mark.endswith(".example")} == set()  # domains are shown
    assert traces(run("dlq", "show", "id-1", *form, "--reveal").stdout)


def fails(*_: object, **__: object) -> None:
    raise ValueError(SAID)


@pytest.mark.parametrize(
    "command", [*ANSWERING, "dlq list", "replay archive", f"forget {ADDRESS} --yes", "report --account acme --json"]
)
@pytest.mark.usefixtures("sent")
def test_a_bug_is_a_place_and_not_what_was_at_it(monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    for place in (
        "activity.status.status",
        "activity.reader.open_table",
        "activity.count.open_table",
        "cli.parse.preview",
        "dead_letters.queue_scan.DeadLetter.of",
        "replay.replay.messages_in",
        "erasure.table.PersonalTable.tombstones",
    ):
        monkeypatch.setattr(f"email_activity.{place}", fails)
    result = run(*command.split(), *ANSWERING.get(command, ()))
    assert (result.exit_code, "a bug: ValueError at " in result.stderr) == (1, True)
    assert traces(result.output) == set()
