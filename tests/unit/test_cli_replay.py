"""`email-activity replay`: what it says, what it counts and how it ends. Without AWS."""

import gzip
import json
import signal
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result

from email_activity.cli.main import main
from events import KINDS, TOPIC_SUBSCRIBED, Email, raw, sns


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without anything in it, and a queue that nobody has."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")


def run(*arguments: str, stdin: bytes | str | None = None) -> Result:
    return CliRunner().invoke(main, ["replay", *arguments], input=stdin)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The bodies that the queue took, which takes all; it and the table are as the environment names them."""
    bodies: list[str] = []

    def send_message_batch(QueueUrl: str, Entries: Any) -> dict[str, Any]:  # noqa: ARG001, N803  boto3's own
        bodies.extend(entry["MessageBody"] for entry in Entries)
        return {"Successful": [{"Id": entry["Id"], "MessageId": "1"} for entry in Entries]}

    def describe_table(TableName: str) -> dict[str, Any]:  # noqa: N803
        return {"Table": {"TableArn": f"arn:{TableName}", "CreationDateTime": datetime(2026, 1, 1, tzinfo=UTC)}}

    sqs = SimpleNamespace(
        get_queue_url=lambda QueueName: {"QueueUrl": f"http://sqs/{QueueName}"},  # noqa: N803
        get_queue_attributes=lambda **_: {"Attributes": {"MaximumMessageSize": "1032192"}},
        send_message_batch=send_message_batch,
        exceptions=SimpleNamespace(QueueDoesNotExist=KeyError),
    )
    monkeypatch.setattr("email_activity.cli.replay.sqs_client", lambda _: sqs)
    dynamodb = SimpleNamespace(describe_table=describe_table)
    monkeypatch.setattr("email_activity.cli.replay.dynamodb_client", lambda _: dynamodb)
    return bodies


def test_run_again_it_says_that_nothing_is_left_and_does_new_files_only(sent: list[str]) -> None:
    Path("archive").mkdir()
    Path("archive/a").write_text(raw(Email().send()))
    first = run("archive")
    assert first.exit_code == 0
    assert "1 sent to email-activity-events, the workers record them; 0 control" in first.stdout
    assert "; 1 document of 1 file; " in first.stdout
    assert len(sent) == 1
    again = run("./archive/")
    assert (again.exit_code, len(sent)) == (0, 1)
    assert "nothing left to do; --from-start does it again" in again.stderr
    Path("archive/b").write_text(raw(Email().click()) * 2)
    assert "2 documents of 1 file;" in run("archive").stdout
    assert "3 documents of 2 files;" in run("archive", "--from-start").stdout


def test_a_checkpoint_of_another_target_or_tracking_is_refused(
    sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("events").write_text(raw(Email().send()))
    run("events")
    for name, value in (
        ("EVENTS_QUEUE", "another"),
        ("ACTIVITY_TABLE", "another"),
        ("TRACKED_DOCUMENT_TYPES", "invoice,contract"),
        *((name, "False") for name in ("STORE_SUBJECT", "STORE_FULL_IP", "STORE_LINK_QUERY")),
    ):
        sent.clear()
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            result = run("events")
            assert (result.exit_code, sent) == (2, [])
            assert value.split(",")[-1] in result.stderr
            assert "--from-start" in result.stderr
            assert run("events", "--checkpoint", f"{name}.json").exit_code == 0
            assert sent


@pytest.mark.usefixtures("sent")
def test_the_exit_code_speaks_of_the_whole_replay() -> None:
    """A run that only finishes what another began must not call it all well."""
    Path("events").write_text("{\n" + raw(Email().send()))
    first = run("events")
    assert first.exit_code == 1
    assert "1 document rejected (1 not_json); in events.rejects.jsonl" in first.stderr
    second = run("events")
    assert second.exit_code == 1
    assert "1 document rejected (1 by earlier runs); in events.rejects.jsonl" in second.stderr
    Path("events").write_text(raw(Email().send()))
    assert run("events", "--from-start").exit_code == 0
    assert len(Path("events.rejects.jsonl").read_text().splitlines()) == 1


def test_the_files_that_it_writes_are_those_that_were_given(sent: list[str]) -> None:
    Path("events").write_text("{")
    result = json.loads(run("--json", "events", "--checkpoint", "c.json", "--rejects", "r.jsonl").stdout)
    assert (result["checkpoint"], result["rejects"]) == ("c.json", "r.jsonl")
    assert sorted(path.name for path in Path().iterdir()) == ["c.json", "events", "r.jsonl"]
    assert sent == []


def summary(*arguments: str, stdin: bytes | str | None = None) -> dict:
    return json.loads(run("--json", "--dry-run", *arguments, stdin=stdin).stdout)


def test_a_dry_run_counts_writes_nothing_and_needs_no_aws() -> None:
    bodies = [make(Email()) for make in KINDS.values()]
    Path("archive").mkdir()
    Path("archive/a.gz").write_bytes(gzip.compress("\n".join(map(raw, bodies)).encode()))
    Path("archive/b").write_text(sns(Email(document_type="contract").send()) + raw(TOPIC_SUBSCRIBED) + "{oops")
    counted = summary("archive")
    seconds = counted.pop("seconds")
    assert 0 < seconds < 60
    assert counted == {
        "documents": 13,
        "activity": 10,
        "control": 1,
        "untracked": 1,
        "expired": 0,
        "rejected": 1,
        "sent": 0,
        "files": 2,
        "checkpoint": None,
        "rejects": None,
    }
    assert [path.name for path in Path().iterdir()] == ["archive"]


def test_rejected_documents_are_exit_code_1_and_told_with_reason_and_place() -> None:
    Path("events").write_text(raw(Email().send()) + '{"a": 1}\n\n{')
    result = run("--dry-run", "events")
    assert result.exit_code == 1
    place = len(raw(Email().send()))
    assert f"events at byte {place}: not_ses" in result.stderr.splitlines()
    assert "2 documents rejected (1 not_ses, 1 not_json)" in result.stderr
    assert "1 would be sent, 0 control, 0 untracked, 0 expired, 2 rejected; 3 documents of 1 file;" in result.stdout
    assert result.stdout.endswith("; nothing sent\n")
    Path("events").write_text(raw(Email().send()))
    assert run("--dry-run", "events").exit_code == 0


def test_standard_input_is_read_to_its_end() -> None:
    lines = "".join(raw(make(Email())) for make in KINDS.values())
    assert summary("-", stdin=lines)["activity"] == len(KINDS)
    assert summary("-", stdin=gzip.compress(lines.encode()))["activity"] == len(KINDS)
    assert summary("-", stdin="")["documents"] == 0


def test_what_is_tracked_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("events").write_text(raw(Email(document_type="contract").send()))
    assert summary("events")["untracked"] == 1
    monkeypatch.setenv("TRACKED_DOCUMENT_TYPES", "contract")
    assert summary("events")["activity"] == 1


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["missing"],
        ["-", "events"],
        ["events", "--rate", "0"],
        ["events", "--threads", "0"],
        ["events", "--rejects", "events"],
        ["events", "--checkpoint", "./events"],
        ["events", "--checkpoint", "x", "--rejects", "x"],
    ],
)
def test_wrong_usage_is_exit_code_2_and_touches_nothing(arguments) -> None:
    Path("events").write_text("{}")
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Error: " in result.stderr
    assert Path("events").read_text() == "{}"
    assert [path.name for path in Path().iterdir()] == ["events"]


def test_wrong_settings_are_exit_code_2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETENTION_DAYS", "0")
    result = run("--dry-run", "events")
    assert result.exit_code == 2
    assert "RETENTION_DAYS" in result.stderr


def test_nothing_personal_reaches_the_terminal() -> None:
    email = Email(to=("secretperson@example.com",), subject="secretsubject")
    Path("events").write_text(raw(email.send()) + raw(email.bounce())[:-40] + "\nsecretperson@example.com\n")
    result = run("--dry-run", "events")
    assert result.exit_code == 1
    assert "secret" not in result.output


def test_an_empty_folder_is_done_at_once_and_signals_are_as_before() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    Path("empty").mkdir()
    result = run("--dry-run", "empty")
    assert (result.exit_code, "0 documents of 0 files" in result.stdout) == (0, True)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_without_a_terminal_progress_is_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("email_activity.cli.bar.SAY_EVERY", 0.0)
    Path("events").write_text(raw(Email().send()) * 300)
    lines = run("--dry-run", "events").stderr.splitlines()
    assert any(line.startswith("100%, 300 documents, 0 rejected, ") for line in lines)
