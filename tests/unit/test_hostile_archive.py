"""An archive that somebody else may write, and what lies beside it: what a replay reads is bounded and stands in it.

Events in it are believed as far as those in the queue are. What any bytes come to is shown in test_archive.py.
"""

import gzip
import itertools
import os
import tracemalloc
from pathlib import Path

import pytest
from click.testing import CliRunner

from email_activity.cli.main import main
from email_activity.replay.archive import MAX_QUOTED
from email_activity.replay.checkpoint import Checkpoint, CheckpointError, FileProgress
from email_activity.replay.files import find_files, open_archive
from email_activity.replay.replay import Replay
from email_activity.ses.tracking_policy import TrackingPolicy
from events import Email, raw

ESCAPE = "a\x1b[2J\r\n\u202eb"
ABOUT = {"queue": "http://sqs/events"}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "archive").mkdir()
    monkeypatch.chdir(tmp_path)


def read(folder: str = "archive") -> list[bytes | str]:
    """What stands in each of its files, or why it is not read."""
    contents: list[bytes | str] = []
    for file in find_files([folder]):
        try:
            with open_archive(file, lambda: False) as opened:
                contents.append(opened.read(1024))
        except OSError as error:
            contents.append(str(error.strerror))
    return contents


# --- What a folder holds ---


def test_what_a_link_leads_to_outside_of_the_folder_is_not_read_and_told() -> None:
    Path("secret").write_text("secret")
    Path("archive/a").symlink_to(Path("secret").absolute())
    Path("archive/b").write_text("b")
    assert read() == ["a symbolic link, which is not followed", b"b"]
    result = CliRunner().invoke(main, ["replay", "--dry-run", "archive"])
    assert (result.exit_code, "archive/a: a symbolic link, which is not followed" in result.stderr) == (1, True)
    assert read("archive/a") == [b"secret"]  # whoever names it means it


def test_a_link_within_the_folder_is_what_it_leads_to() -> None:
    Path("archive/z").write_text("z")
    Path("archive/a").symlink_to("z")
    assert read() == [b"z"]


def test_a_link_to_what_is_left_out_is_told() -> None:
    """As volumes of Kubernetes are: each file is a link into a hidden folder."""
    Path("archive/.data").mkdir()
    Path("archive/.data/a").write_text("a")
    Path("archive/a").symlink_to(".data/a")
    assert read() == ["a symbolic link, which is not followed"]


def test_devices_and_pipes_in_a_folder_hold_nobody() -> None:
    Path("archive/zero").symlink_to("/dev/zero")
    Path("archive/tty").symlink_to("/dev/tty")
    os.mkfifo("archive/pipe")
    Path("archive/loop").symlink_to("loop")
    assert read() == []


@pytest.mark.parametrize("what", ["a pipe", "a device", "a link"])
def test_what_takes_a_files_place_once_it_was_found_holds_nobody(what: str) -> None:
    Path("archive/a").write_text("a")
    Path("secret").write_text("secret")
    (found,) = find_files(["archive"])
    Path("archive/a").unlink()
    if what == "a pipe":
        os.mkfifo("archive/a")
    else:
        Path("archive/a").symlink_to("/dev/zero" if what == "a device" else "../secret")
    with pytest.raises(OSError, match=r"not a regular file|not followed"), open_archive(found, lambda: False):
        pass


@pytest.mark.parametrize("name", [ESCAPE, "%s{0}", "-", "s3:", "\udcff.gz"])
def test_names_are_printed_as_text_and_lead_nowhere(name: str) -> None:
    Path("archive", name).write_text("{")
    Path("archive", f"{name}2").symlink_to("/etc/hostname")
    result = CliRunner().invoke(main, ["replay", "--dry-run", "archive"])
    assert result.exit_code == 1
    assert "not_json" in result.stderr
    assert "\x1b" not in result.output
    assert "\u202e" not in result.output
    assert not any("2J" in line and not line.startswith("archive/a") for line in result.output.splitlines())


# --- Compressed ---


@pytest.mark.parametrize(("levels", "reason"), [(1, "too_large"), (2, "not_utf8")])
def test_a_gzip_bomb_is_one_document_that_is_rejected_in_bounded_memory(levels: int, reason: str) -> None:
    """Unpacked once: what was packed twice is no document."""
    bomb = gzip.compress(b"\0" * 2**20) * 64
    Path("archive/a.gz").write_bytes(bomb if levels == 1 else gzip.compress(bomb))
    Path("archive/b").write_text(raw(Email().send()))
    tracemalloc.start()
    try:
        result = CliRunner().invoke(main, ["replay", "--dry-run", "archive"])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert result.stdout.startswith("1 would be sent, ")
    assert f"archive/a.gz at byte 0: {reason}" in result.stderr
    assert peak < 5 * MAX_QUOTED


@pytest.mark.parametrize("filling", [b"[", b"\0"])
def test_a_stop_does_not_wait_for_a_document_that_never_ends(filling: bytes) -> None:
    Path("archive/a.gz").write_bytes(gzip.compress(filling * 2**22))
    looks = itertools.count()
    summary = Replay(find_files(["archive"]), TrackingPolicy(), lambda: next(looks) >= 3).run()
    assert summary.is_interrupted
    assert next(looks) < 6


# --- What lies beside it ---


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "[" * 100_000,
        '{"about": [], "rejected": 0, "files": {}}',
        '{"about": {"queue": 1}, "rejected": 0, "files": {}}',
        '{"about": {}, "rejected": "0", "files": {}}',
        '{"about": {}, "rejected": -1, "files": {}}',
        '{"about": {}, "rejected": 0, "files": []}',
        '{"about": {}, "rejected": 0, "files": {"a": [1, 2, "3", false]}}',
        '{"about": {}, "rejected": 0, "files": {"a": [1, 2, -3, false]}}',
        '{"about": {}, "rejected": 0, "files": {"a": [1, 2, 3.5, false]}}',
        '{"about": {}, "rejected": 0, "files": {"a": [1, 2, 3]}}',
        '{"about": {}, "rejected": 0, "files": {"a": [1, 2, 3, []]}}',
    ],
)
def test_a_checkpoint_that_no_replay_wrote_is_refused_in_words(text: str) -> None:
    Path("checkpoint").write_text(text)
    with pytest.raises(CheckpointError, match="no checkpoint"):
        Checkpoint.load(Path("checkpoint"), ABOUT)


@pytest.mark.parametrize("what", ["a pipe", "a device"])
def test_a_checkpoint_that_is_no_file_holds_nobody(what: str) -> None:
    if what == "a pipe":
        os.mkfifo("checkpoint")
    else:
        Path("checkpoint").symlink_to("/dev/zero")
    with pytest.raises(OSError, match=r"not a regular file|not followed"):
        Checkpoint.load(Path("checkpoint"), ABOUT)


@pytest.mark.parametrize("place", ["checkpoint", "checkpoint.new"])
def test_a_checkpoint_is_written_through_no_link(place: str) -> None:
    Path("victim").write_text("theirs")
    Path(place).symlink_to("victim")
    Checkpoint(Path("checkpoint"), ABOUT).save()
    assert Path("victim").read_text() == "theirs"
    assert Checkpoint.load(Path("checkpoint"), ABOUT).files == {}


def test_a_checkpoint_knows_a_name_that_is_no_utf_8() -> None:
    files = {"a\udcff": FileProgress(1, 2, 3)}
    Checkpoint(Path("checkpoint"), ABOUT, files).save()
    assert Checkpoint.load(Path("checkpoint"), ABOUT).files == files
