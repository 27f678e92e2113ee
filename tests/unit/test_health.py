"""What the worker says of itself, and what the check of its container makes of it."""

import json
import os
import threading
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from email_activity.cli.main import main
from email_activity.domain.errors import TransientError
from email_activity.ingest import health as module
from email_activity.ingest.health import MAX_BYTES, REFUSALS, Health, HealthFile, State, read_health

POLLING = Health(State.POLLING)
WAITING = Health(State.WAITING, "redis: ConnectionError")
WRONG = Health(State.WRONG_SETTING, "EVENTS_QUEUE: got 'nope', want the name or URL of a queue that exists")


@pytest.fixture
def file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    path = tmp_path / "poll"
    monkeypatch.setenv("HEALTH_FILE", str(path))
    return path


def check(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["health", *arguments])


def passes(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    now = time.monotonic() + seconds
    monkeypatch.setattr(module.time, "monotonic", lambda: now)


@pytest.mark.parametrize(
    ("said", "exit_code", "words"),
    [
        (POLLING, 0, "ok: last poll "),
        (WAITING, 0, "ok: waits for redis: ConnectionError, and goes on by itself"),
        (WRONG, 1, "wrong setting: EVENTS_QUEUE: got 'nope'"),
    ],
)
def test_a_wrong_setting_is_unhealthy_and_a_silent_dependency_is_not(file, said, exit_code, words):
    HealthFile(str(file)).write(said)
    result = check()
    assert result.exit_code == exit_code
    assert words in (result.stderr if exit_code else result.stdout)
    told = json.loads(check("--json").stdout)
    assert (told["healthy"], told["state"], told["detail"]) == (not exit_code, said.state, said.detail)
    assert told["file"] == str(file)
    assert 0 <= told["age_seconds"] < 30


@pytest.mark.parametrize("said", [POLLING, WAITING, WRONG])
def test_silence_is_unhealthy_whatever_was_said_before(file, monkeypatch, said):
    HealthFile(str(file)).write(said)
    passes(monkeypatch, 90)
    result = check()
    assert result.exit_code == 1
    assert "the worker or one of its processes hangs or is gone" in result.stderr
    assert check("--max-age", "120").exit_code == (said is WRONG)
    assert 89 < json.loads(check("--json").stdout)["age_seconds"] < 120


def test_one_process_that_is_silent_is_unhealthy_though_another_reports(file):
    HealthFile(str(file), lambda _: time.monotonic() - 90).write(POLLING)
    result = check()
    assert result.exit_code == 1
    assert "last word 90 s ago" in result.stderr


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "is not there"),
        ("", "is no health file"),
        ("[]", "is no health file"),
        ('{"state": "polling"}', "is no health file"),
        ('{"state": "well", "detail": "", "at": 0}', "is no health file"),
        ('{"state": "polling", "detail": "", "at": 9e99}', "is not there"),
    ],
)
def test_without_a_word_of_a_worker_since_the_machine_started_it_is_unhealthy(file, content, words):
    if content is not None:
        file.write_text(content)
    result = check()
    assert result.exit_code == 1
    assert words in result.stderr
    told = json.loads(check("--json").stdout)
    assert (told["healthy"], told["state"], told["age_seconds"]) == (False, None, None)


def test_who_is_refused_has_a_wrong_setting_and_who_is_not_answered_waits():
    for code in REFUSALS:
        assert Health.of(TransientError("sqs", code)) == Health(State.WRONG_SETTING, f"sqs refuses: {code}")
    for code in (
        "ConnectionError",
        "TimeoutError",
        "EndpointConnectionError",
        "OutOfMemoryError",
        "ExpiredToken",
        "503",
    ):
        assert Health.of(TransientError("redis", code)) == Health(State.WAITING, f"redis: {code}")


def test_the_same_is_written_once_a_second_and_what_changes_at_once(file, monkeypatch):
    health = HealthFile(str(file))
    health.write(POLLING)
    first = file.read_bytes()
    health.write(POLLING)
    assert file.read_bytes() == first
    health.write(WAITING)
    assert read_health(str(file))[0] == WAITING
    health.write(POLLING)
    again = file.read_bytes()
    passes(monkeypatch, module.WRITE_EVERY + 0.1)
    health.write(POLLING)
    assert file.read_bytes() != again


def test_it_is_the_owners_only_also_when_it_was_there_before(file):
    file.touch(0o666)
    file.chmod(0o666)
    old_mask = os.umask(0)
    try:
        HealthFile(str(file)).write(POLLING)
    finally:
        os.umask(old_mask)
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_a_link_or_a_pipe_of_this_name_is_neither_written_nor_read(file, kind):
    victim = file.parent / "victim"
    HealthFile(str(victim)).write(POLLING)
    before = victim.read_bytes()
    if kind == "link":
        file.symlink_to(victim)
    else:
        os.mkfifo(file)
    with pytest.raises(OSError, match="want a regular file"):
        HealthFile(str(file)).write(WRONG)
    assert (file.is_symlink() or file.is_fifo(), victim.read_bytes()) == (True, before)
    result = check()
    assert result.exit_code == 1
    assert f"{file} cannot be read" in result.stderr or "want a regular file" in result.stderr


def test_a_file_of_another_user_is_not_believed(file, monkeypatch):
    HealthFile(str(file)).write(POLLING)
    monkeypatch.setattr(module.os, "geteuid", lambda: file.stat().st_uid + 1)
    result = check()
    assert result.exit_code == 1
    assert "belongs to another user" in result.stderr
    with pytest.raises(PermissionError):
        HealthFile(str(file)).write(POLLING)


def test_a_write_that_fails_leaves_nothing_behind(file, monkeypatch):
    def fail(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(module.os, "replace", fail)
    with pytest.raises(OSError, match="no space left"):
        HealthFile(str(file)).write(POLLING)
    assert list(file.parent.iterdir()) == []


def test_a_reader_never_sees_half_a_file_of_several_writers(file, monkeypatch):
    monkeypatch.setattr(module, "WRITE_EVERY", 0)
    long = Health(State.WAITING, "x" * (MAX_BYTES // 2))
    HealthFile(str(file)).write(POLLING)
    done = threading.Event()

    def write(health: Health) -> None:
        mine = HealthFile(str(file))
        while not done.is_set():
            mine.write(health)

    writers = [threading.Thread(target=write, args=(health,)) for health in (POLLING, long, long)]
    for writer in writers:
        writer.start()
    try:
        assert all(read_health(str(file))[0] in (POLLING, long) for _ in range(300))
    finally:
        done.set()
        for writer in writers:
            writer.join()
