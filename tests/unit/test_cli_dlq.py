"""`email-activity dlq`: what is printed, what is asked, and how it ends. SQS is in memory."""

import json
import os
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from email_activity.cli import dlq_session
from email_activity.cli.dlq_output import MAX_SHOWN
from email_activity.cli.main import main
from events import ANA, Email, raw, sns
from fakequeue import DEAD, EVENTS, FakeSqs, quarantined, refusal


@pytest.fixture
def sqs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeSqs:
    fake = FakeSqs()
    monkeypatch.setattr(dlq_session, "sqs_client", lambda _: fake)
    monkeypatch.setenv("EVENTS_QUEUE", EVENTS)
    monkeypatch.setenv("DEAD_LETTER_QUEUE", DEAD)
    monkeypatch.chdir(tmp_path)
    return fake


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, ["dlq", *arguments], input=stdin)


def lines(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def some(sqs: FakeSqs) -> None:
    """Two of one reason, one of another, the oldest last."""
    sqs.put(raw(Email().click()), quarantined("refused_by_table", "id-click", detail="Validation"), age=60)
    sqs.put("{", quarantined("not_json", "id-1"), age=7_200)
    sqs.put("}", quarantined("not_json", "id-2"), age=200_000)


@pytest.fixture
def at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """CliRunner puts its own input in place of standard input."""
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda _: True, raising=False)


# --- list ---


def test_a_list_is_oldest_first_with_totals_on_standard_error(sqs):
    some(sqs)
    result = run("list", "--json")
    assert result.exit_code == 0
    assert [each["id"] for each in lines(result)] == ["id-2", "id-1", "id-click"]
    assert result.stderr == "3 messages: 2 not_json, 1 refused_by_table\n"
    assert sqs.hidden() == []


def test_a_line_says_all_that_is_no_personal_data(sqs):
    email = Email()
    body = sns(email.click())
    for _ in range(2):
        sqs.put(body, quarantined("refused_by_table", "id-1", detail="Validation"))
    (line,) = lines(run("list", "--json"))
    assert line.pop("sent_at").endswith("Z")
    assert line.pop("worker_version")
    assert line == {
        "id": "id-1",
        "reason": "refused_by_table",
        "detail": "Validation",
        "copies": 2,
        "kinds": ["Click"],
        "documents": [{"type": "invoice", "id": "2026-117"}],
        "email_ids": [email.message_id],
        "size_bytes": len(body),
        "would_now_be": "activity",
        "first_received": "2026-11-23T10:00:00.000Z",
        "receive_count": "1",
    }


def test_a_table_for_people_has_everything_but_addresses(sqs):
    some(sqs)
    sqs.put("{", quarantined("not_json", "id-1"))
    result = run("list")
    for wanted in ("id-1", "not_json (2 copies)", "refused_by_table", "Click", "2 d", "2 h", "invoice 2026-117"):
        assert wanted in result.stdout
    assert "@" not in result.output


def test_nothing_of_strangers_reaches_the_terminal_raw(sqs):
    """The runner takes colours out by itself, so other sequences are sent too."""
    event = Email(document_id="\x1b]0;title", tags={"document_type": "in\x07voice"}).event("Ev\x1bil")
    sqs.put(raw(event), quarantined("not_json", "id\x1b[2J", worker_version="\x1b", detail="\x9b1m"))
    sqs.put("\x1b[31m plain \x07 text", quarantined("not_json", "id-2"))
    for arguments in (["list"], ["list", "--json"], ["show", "id-2"], ["show", "id-2", "--reveal"], ["redrive"]):
        result = run(*arguments)
        assert all(each.isprintable() for each in result.output.replace("\n", "")), arguments


@pytest.mark.parametrize("of", ["x", "x ", "\u4e00", "\u202e", "a@"])
@pytest.mark.parametrize("arguments", [["list"], ["redrive", "--dry-run"], ["show", "the-other"]])
def test_one_message_takes_some_lines_and_hides_no_other(sqs, arguments: list[str], of: str) -> None:
    """Whatever a stranger wrote into its body and its attributes."""
    text = of * (200_000 // len(of))
    event = Email(document_id=text, document_type=text, message_id=text).event(text)
    names = ("detail", "first_received", "receive_count", "worker_version")
    sqs.put(raw(event), quarantined("not_json", text, **dict.fromkeys(names, text)))
    sqs.put(raw(event), quarantined("not_json", "the-other", **dict.fromkeys(names, text)))
    result = run(*arguments)
    assert result.exit_code == 0
    assert "the-other" in result.stdout
    assert len(result.output) < 30_000


@pytest.mark.parametrize(
    ("filters", "ids"),
    [
        (["--reason", "not_json"], ["id-2", "id-1"]),
        (["--reason", "not_json", "--reason", "refused_by_table"], ["id-2", "id-1", "id-click"]),
        (["--kind", "CLICK"], ["id-click"]),
        (["--document", "Invoice", "2026-117"], ["id-click"]),
        (["--older-than", "1h"], ["id-2", "id-1"]),
        (["--newer-than", "2d"], ["id-1", "id-click"]),
        (["--older-than", "30m", "--newer-than", "1d"], ["id-1"]),
        (["--limit", "2"], ["id-1", "id-click"]),
    ],
)
def test_filters(sqs, filters, ids):
    some(sqs)
    assert [each["id"] for each in lines(run("list", "--json", *filters))] == ids
    assert lines(run("redrive", "--dry-run", "--json", *filters)) == lines(run("list", "--json", *filters))
    result = run("redrive", "--json", *filters)
    assert sorted(each["id"] for each in lines(result)) == sorted(ids)
    assert len(sqs.bodies()) == 3 - len(ids)


@pytest.mark.parametrize("arguments", [["list"], ["redrive"], ["discard", "--yes"], ["redrive", "--dry-run"]])
@pytest.mark.parametrize("is_empty", [True, False])
def test_nothing_that_matches_is_exit_code_1(sqs, arguments, is_empty):
    if not is_empty:
        some(sqs)
    result = run(*arguments, "--reason", "other")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "0 messages" in result.stderr
    assert sqs.hidden() == []


def test_messages_that_somebody_else_holds_are_told(sqs):
    some(sqs)
    for each in sqs.queues[DEAD].values():
        each.is_hidden = True
    result = run("list")
    assert result.exit_code == 1
    assert "3 more are hidden" in result.stderr


# --- show ---


def test_one_message_is_shown_masked(sqs):
    sqs.put(sns(Email(subject="secretsubject").bounce()), quarantined("refused_by_table", "id-1", detail="why"))
    result = run("show", "id-1")
    assert result.exit_code == 0
    for wanted in ("refused_by_table: why", "Bounce", "Would now be", "activity", '"bounceType": "Permanent"'):
        assert wanted in result.stdout
    assert "a***@example.com" in result.stdout
    assert ANA not in result.output
    assert "secretsubject" not in result.output
    assert sqs.hidden() == []


def test_reveal_shows_the_body_as_it_is(sqs):
    body = raw(Email(subject="secretsubject").send())
    sqs.put(body, quarantined(message_id="id-1"))
    assert "secretsubject" in run("show", "id-1", "--reveal").stdout
    (told,) = lines(run("show", "id-1", "--reveal", "--json"))
    assert told["body"] == body
    (told,) = lines(run("show", "id-1", "--json"))
    assert json.loads(told["body"])["eventType"] == "Send"
    assert ANA not in told["body"]


def test_attributes_of_others_are_shown_masked(sqs):
    sent = sqs.put("{}", {"ERROR_CODE": "NO_PERMISSIONS", "customer": "Ana Smith"})
    (told,) = lines(run("show", sent, "--json"))
    assert told["reason"] == "undelivered"
    assert told["attributes"] == {"ERROR_CODE": "NO_PERMISSIONS", "customer": "***"}
    (told,) = lines(run("show", sent, "--json", "--reveal"))
    assert told["attributes"]["customer"] == "Ana Smith"


def test_a_long_body_ends_with_a_word_about_the_rest(sqs):
    sqs.put("x" * (MAX_SHOWN + 5), quarantined(message_id="id-1"))
    assert "and 5 characters more" in run("show", "id-1").stdout


def test_a_message_that_takes_anothers_id_does_not_hide_it(sqs):
    for body in ("{", "}", "}"):
        sqs.put(body, quarantined("not_json", "id-1"))
    sqs.put("{", quarantined("not_json", "id-2"))
    assert "other messages give themselves the same id" in run("show", "id-1").stderr
    assert run("show", "id-2").stderr == ""
    assert len(lines(run("list", "--json"))) == 3


def test_an_unknown_id_is_one_line(sqs):
    some(sqs)
    result = run("show", "nobody")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "no message nobody" in result.stderr


# --- redrive ---


def test_a_redrive_says_what_it_did(sqs):
    some(sqs)
    sqs.put("{", quarantined("not_json", "id-1"))
    result = run("redrive")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "redriven 3 messages: 2 not_json, 1 refused_by_table, and 1 further copy deleted" in result.stderr
    assert (len(sqs.bodies(EVENTS)), sqs.bodies()) == (3, [])


def test_a_redrive_as_json_is_a_line_for_each(sqs):
    some(sqs)
    sqs.fails = Counter({("SendMessageBatch", "{"): 9})
    result = run("redrive", "--json")
    assert result.exit_code == 1
    assert {each["id"]: (each["result"], each["error"]) for each in lines(result)} == {
        "id-click": ("redriven", None),
        "id-1": ("failed", "SQS refuses it: InternalError"),
        "id-2": ("redriven", None),
    }


def test_one_message_by_its_id(sqs):
    some(sqs)
    other = sqs.put("by the id of its copy", quarantined())
    assert run("redrive", "--id", "id-2", "--id", other).exit_code == 0
    assert sqs.bodies(EVENTS) == ["by the id of its copy", "}"]


@pytest.mark.parametrize("command", ["redrive", "discard"])
def test_a_dry_run_changes_nothing_and_says_what_would(sqs, command, tmp_path: Path):
    some(sqs)
    before = sqs.bodies()
    result = run(command, "--dry-run")
    assert result.exit_code == 0
    assert f"would {command} 3 messages: 2 not_json, 1 refused_by_table" in result.stderr
    assert "would now be: 2 quarantine (not_json), 1 activity" in result.stderr
    assert (sqs.bodies(), sqs.bodies(EVENTS), sqs.hidden(), list(tmp_path.iterdir())) == (before, [], [], [])


def test_what_came_back_is_told(sqs):
    some(sqs)
    sqs.before = sqs.quarantine_again
    result = run("redrive")
    assert result.exit_code == 0
    assert "3 failed again and came back" in result.stderr


# --- discard ---


def test_a_discard_without_anybody_to_ask_wants_yes(sqs, tmp_path: Path):
    some(sqs)
    result = run("discard")
    assert result.exit_code == 2
    assert "--yes" in result.stderr
    assert (len(sqs.bodies()), list(tmp_path.iterdir())) == (3, [])


@pytest.mark.usefixtures("at_a_terminal")
def test_a_discard_shows_the_counts_and_asks(sqs, tmp_path: Path):
    some(sqs)
    refused = run("discard", "--to", "gone", stdin="n\n")
    assert refused.exit_code == 1
    assert "3 messages: 2 not_json, 1 refused_by_table" in refused.stderr
    assert "nothing was changed" in refused.stderr
    assert (len(sqs.bodies()), list(tmp_path.iterdir())) == (3, [])
    agreed = run("discard", "--to", "gone", stdin="y\n")
    assert agreed.exit_code == 0
    assert "they are in gone" in agreed.stderr
    assert (sqs.bodies(), len((tmp_path / "gone").read_text().splitlines())) == ([], 3)


@pytest.mark.usefixtures("at_a_terminal")
def test_what_comes_while_somebody_thinks_is_not_discarded(sqs, monkeypatch):
    some(sqs)
    monkeypatch.setattr("click.confirm", lambda *_, **__: bool(sqs.put("new", quarantined())))
    assert run("discard").exit_code == 0
    assert (sqs.bodies(), sqs.hidden()) == (["new"], [])


def test_a_discard_names_a_file_by_itself_which_parse_reads(sqs, tmp_path: Path):
    some(sqs)
    assert run("discard", "--yes", "--reason", "not_json", "--reason", "refused_by_table").exit_code == 0
    (path,) = tmp_path.glob("discarded-*Z.jsonl")
    with path.open() as file:
        parsed = CliRunner().invoke(main, ["parse", "--json"], input=file)
    assert sorted(each["outcome"] for each in lines(parsed)) == ["activity", "quarantine", "quarantine"]


def test_a_discard_never_writes_to_a_file_that_is_there(sqs, tmp_path: Path):
    some(sqs)
    (tmp_path / "gone").write_text("kept")
    result = run("discard", "--yes", "--to", "gone")
    assert result.exit_code == 2
    assert "there already" in result.stderr
    assert ((tmp_path / "gone").read_text(), len(sqs.bodies())) == ("kept", 3)


# --- How it ends ---


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_finishes_the_batch_and_gives_the_rest_back(sqs, number):
    for each in range(25):
        sqs.put(str(each), quarantined())
    sqs.before = lambda call: os.kill(os.getpid(), number) if call == "DeleteMessageBatch" else None
    handler = signal.getsignal(number)
    result = run("redrive")
    assert result.exit_code == 128 + number
    assert "redriven 10 messages" in result.stderr
    assert "interrupted" in result.stderr
    assert (len(sqs.bodies(EVENTS)), len(sqs.bodies()), sqs.hidden()) == (10, 15, [])
    assert signal.getsignal(number) == handler


def test_a_second_interrupt_ends_at_once(sqs):
    some(sqs)
    sqs.before = lambda call: os.kill(os.getpid(), signal.SIGINT) if call != "GetQueueAttributes" else None
    result = run("list")
    assert result.exit_code == 130
    assert "stopped at once" in result.stderr


def test_an_interrupted_list_shows_what_it_saw(sqs):
    for each in range(25):
        sqs.put(str(each), quarantined())

    def interrupt(call: str) -> None:
        if (call, len(sqs.hidden())) == ("ReceiveMessage", 10):
            os.kill(os.getpid(), signal.SIGINT)

    sqs.before = interrupt
    result = run("list", "--json")
    assert (result.exit_code, len(lines(result))) == (130, 20)
    assert sqs.hidden() == []


@pytest.mark.parametrize(
    ("call", "code", "wanted"),
    [
        ("GetQueueAttributes", "AccessDenied", "operator policy"),
        ("ReceiveMessage", "AccessDenied", "operator policy"),
        ("SendMessageBatch", "AccessDeniedException", "sqs:SendMessage on the events queue"),
        ("GetQueueAttributes", "AWS.SimpleQueueService.NonExistentQueue", "EVENTS_QUEUE"),
        ("GetQueueAttributes", "ExpiredToken", "credentials"),
    ],
)
def test_what_aws_refuses_is_one_line_that_says_what_to_do(sqs, call, code, wanted):
    some(sqs)

    def refuse(name: str) -> None:
        if name == call:
            raise refusal(code, name)

    sqs.before = refuse
    result = run("redrive")
    assert result.exit_code == 1
    assert wanted in result.stderr.splitlines()[-1]
    assert "dynamodb" not in result.stderr
    assert (len(sqs.bodies()), sqs.hidden()) == (3, [])


def test_the_queues_are_found_whatever_the_lease_and_the_table(sqs, monkeypatch):
    """The dead-letter queue by the redrive policy of the other."""
    monkeypatch.delenv("DEAD_LETTER_QUEUE")
    monkeypatch.setenv("LEASE_SECONDS", "43200")
    monkeypatch.setenv("ACTIVITY_TABLE", "nowhere")
    some(sqs)
    assert len(lines(run("list", "--json"))) == 3


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["show"],
        ["show", " "],
        ["list", "--older-than", "yesterday"],
        ["list", "--newer-than", "-1h"],
        ["list", "--limit", "0"],
        ["list", "--document", "invoice"],
        ["redrive", "--to", "x"],
        ["redrive", "--yes"],
    ],
)
@pytest.mark.usefixtures("sqs")
def test_wrong_usage_is_exit_code_2(arguments):
    result = run(*arguments)
    assert result.exit_code == 2
    assert "Error: " in result.stderr


@pytest.mark.parametrize("command", ["list", "show", "redrive", "discard"])
def test_every_subcommand_has_examples_and_json(command):
    result = run(command, "--help")
    assert result.exit_code == 0
    assert f"email-activity dlq {command}" in result.stdout
    assert "--json" in result.stdout


@pytest.mark.usefixtures("at_a_terminal")
def test_at_a_terminal_a_bar_is_shown_and_the_counts_stay_when_it_goes(sqs):
    some(sqs)
    sqs.fails = Counter({("SendMessageBatch", "{"): 9})
    result = run("redrive")
    assert "Dead letters" in result.stderr
    *_, why, counts = filter(None, result.stderr.splitlines())
    assert "id-1: SQS refuses it: InternalError" in why
    assert "redriven 2 messages: 1 refused_by_table, 1 not_json; 1 failed, still there" in counts
    assert "Dead letters" not in run("list", "--json").stderr
