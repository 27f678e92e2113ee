"""Replay: patient with the table, and a checkpoint that never passes what is not done. DynamoDB and Redis are faked."""

import json
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

from email_activity.domain.errors import NotJsonError, TransientError
from email_activity.domain.indexes import INDEXES
from email_activity.ingest.store import MAX_ITEMS, Store
from email_activity.replay import recorder as module
from email_activity.replay import replay as replay_module
from email_activity.replay.archive import Part
from email_activity.replay.batches import Batch, Document
from email_activity.replay.checkpoint import Checkpoint, CheckpointError, Mark, about
from email_activity.replay.files import StoppedError, find_files
from email_activity.replay.recorder import Patience, Recorder, open_target
from email_activity.replay.rejects import Rejects
from email_activity.replay.replay import Replay, Summary
from email_activity.ses.parse import parse
from email_activity.ses.tracking_policy import TrackingPolicy
from email_activity.settings import SettingsError, load_settings
from events import TOPIC_SUBSCRIBED, Email, lambda_sns, lambda_sqs, raw, sns
from harness import eventually

ABOUT = {"table": "arn:aws:dynamodb:eu-west-1:111122223333:table/email-activity"}

AWAY = EndpointConnectionError(endpoint_url="http://somewhere")
THROTTLED = ClientError({"Error": {"Code": "ThrottlingException"}}, "BatchWriteItem")
INVALID = ClientError({"Error": {"Code": "ValidationException"}}, "PutItem")


class FakeDynamoDB:
    """failures: what the first calls raise. `held` is what it took, `sizes` how many items each call brought."""

    def __init__(self, *failures: Exception, refuses: str = "\0") -> None:
        self.failures = list(failures)
        self.held: dict[tuple[str, str], Any] = {}
        self.sizes: list[int] = []
        self.refuses = refuses
        self.is_held_up = threading.Event()
        self.is_held_up.set()

    def batch_write_item(self, RequestItems):  # noqa: N803  boto3's own
        self.is_held_up.wait(30)
        if self.failures:
            raise self.failures.pop(0)
        (requests,) = RequestItems.values()
        items = [request["PutRequest"]["Item"] for request in requests]
        if any(self.refuses in json.dumps(item) for item in items):
            raise INVALID
        self.sizes.append(len(items))
        self.held |= {(item["pk"]["S"], item["sk"]["S"]): item for item in items}
        return {"UnprocessedItems": {}}

    def put_item(self, TableName, Item):  # noqa: N803, ARG002
        if self.refuses in json.dumps(Item):
            raise INVALID
        self.held[Item["pk"]["S"], Item["sk"]["S"]] = Item


class FakeClaims:
    """It can commit and nothing else: a replay asks no claim."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.committed: set[tuple[str, str]] = set()

    def commit(self, keys: Sequence[tuple[str, str]]) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.committed |= set(keys)


@dataclass
class Stand:
    """A folder to replay, and what to replay it into."""

    folder: Path
    dynamodb: FakeDynamoDB = field(default_factory=FakeDynamoDB)
    claims: FakeClaims = field(default_factory=FakeClaims)
    said: list[str] = field(default_factory=list)
    is_stopping: Callable[[], bool] = lambda: False

    @property
    def checkpoint(self) -> Checkpoint:
        return Checkpoint.load(self.folder / "checkpoint", ABOUT)

    def archive(self, bodies: Sequence[str], name: str = "events.jsonl") -> Path:
        path = self.folder / "archive" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(body.strip() + "\n" for body in bodies))
        return path

    def job(self, *paths: str, **changes: Any) -> Replay:
        patience = Patience(self.said.append, self._is_stopping)
        store = Store(self.dynamodb, "table")  # type: ignore[arg-type]
        return replace(
            Replay(
                find_files(paths or [str(self.folder / "archive")]),
                TrackingPolicy(),
                self._is_stopping,
                self.said.append,
                Recorder(store, self.claims, patience, self.said.append),  # type: ignore[arg-type]
                Rejects(self.folder / "rejects.jsonl"),
                self.checkpoint,
            ),
            **changes,
        )

    def _is_stopping(self) -> bool:
        return self.is_stopping()

    def replay(self, *paths: str, **changes: Any) -> Summary:
        return self.job(*paths, **changes).run()

    def rejects(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / "rejects.jsonl").read_text().splitlines()]


@pytest.fixture
def stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stand:
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(module, "LOOK_EVERY", 0.001)
    monkeypatch.setattr(module, "QUIET", 0.0)
    monkeypatch.setattr("email_activity.ingest.store.time.sleep", lambda _: None)
    return Stand(tmp_path)


def sends(count: int) -> list[str]:
    return [raw(Email(document_id=str(number)).send()) for number in range(count)]


def test_every_outcome_is_counted_and_only_activity_is_stored(stand: Stand) -> None:
    contract = Email(document_type="contract")
    old = Email(sent_at=datetime.now(UTC) - timedelta(days=400))
    broken = {"eventType": "Send", "mail": {}}
    stand.archive([raw(Email().send()), raw(TOPIC_SUBSCRIBED), raw(contract.send()), raw(old.send()), raw(broken)])
    summary = stand.replay()
    assert summary.counts == {
        "documents": 5,
        "activity": 1,
        "control": 1,
        "untracked": 1,
        "expired": 1,
        "rejected": 1,
        "facts_written": 2,
    }
    assert len(stand.dynamodb.held) == 2


def test_calls_to_the_table_are_full_and_facts_that_share_a_key_go_once(stand: Stand) -> None:
    """A Send and a Delivery come to two activities and, twice, to the same recipient fact."""
    emails = [Email() for _ in range(100)]
    stand.archive([raw(event) for email in emails for event in (email.send(), email.delivery())])
    summary = stand.replay()
    assert (len(stand.dynamodb.held), summary.counts["documents"]) == (300, 200)
    assert max(stand.dynamodb.sizes) <= MAX_ITEMS
    assert len(stand.dynamodb.sizes) <= 14


def test_one_document_with_more_facts_than_a_call_holds_is_stored_whole(stand: Stand) -> None:
    stand.archive([raw(Email(to=tuple(f"person{each}@example.com" for each in range(50))).send())])
    assert stand.replay().counts["facts_written"] == len(stand.dynamodb.held) == 100


def test_large_documents_do_not_wait_for_a_full_batch_in_memory() -> None:
    """A folder of such, all untracked, would else come to gigabytes."""
    batch, size = Batch(), 0
    body = "x" * 1_000_000
    while not batch.is_ripe():
        batch.add(Document("events", Part(0, 1, body), "untracked"), Mark(1, 1))
        size += len(body)
    assert size <= 5_000_000


@pytest.mark.parametrize("failure", [AWAY, THROTTLED])
def test_a_table_that_is_away_is_waited_for_said_once_and_nothing_is_passed_over(stand: Stand, failure) -> None:
    stand.dynamodb.failures = [failure] * 20
    stand.archive(sends(60))
    summary = stand.replay(threads=1)  # of several, one may find the table back while another still waits
    assert (len(stand.dynamodb.held), summary.counts["facts_written"]) == (120, 120)
    assert len([line for line in stand.said if "takes nothing more" in line]) == 1
    assert stand.said[-1] == "the table takes facts again"


def test_nothing_counts_as_done_before_it_is_stored(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not while it waits, and not when it is stopped while it waits."""
    monkeypatch.setattr(replay_module, "SAVE_EVERY", 0.0)
    stand.dynamodb.failures = [AWAY] * 1_000_000
    stand.archive(sends(60))
    stopping = threading.Event()
    stand.is_stopping = stopping.is_set
    found: list[Summary] = []
    thread = threading.Thread(target=lambda: found.append(stand.replay()))
    thread.start()
    eventually(lambda: stand.said)
    assert stand.checkpoint.marks == {}
    stopping.set()
    thread.join(30)
    assert found[0].is_interrupted
    assert (found[0].counts["documents"], stand.claims.committed) == (0, set())
    assert stand.checkpoint.marks == {}


def test_the_checkpoint_does_not_pass_a_batch_that_hangs_though_later_ones_are_done(stand: Stand, monkeypatch) -> None:
    monkeypatch.setattr(replay_module, "GRACE", 0.2)
    stand.archive(sends(40))
    job = stand.job()
    assert job.recorder
    record = job.recorder.record
    is_first, hang, stopping = threading.Lock(), threading.Event(), threading.Event()
    done: list[int] = []

    def hanging(items: Any) -> Any:
        if is_first.acquire(blocking=False):
            hang.wait(30)
        recorded = record(items)
        done.append(len(items))
        if len(done) == 3:
            stopping.set()
        return recorded

    monkeypatch.setattr(job.recorder, "record", hanging)
    stand.is_stopping = stopping.is_set
    assert job.run().is_interrupted
    assert len(stand.dynamodb.held) > 0
    assert stand.checkpoint.marks == {}
    hang.set()


def test_interrupted_it_goes_on_after_the_checkpoint_and_each_document_is_counted_once(stand: Stand) -> None:
    stand.archive(sends(300), "a.jsonl")
    stand.archive(sends(300), "b.jsonl")
    left = [400]

    def stopping() -> bool:
        left[0] -= 1
        return left[0] < 0

    stand.is_stopping = stopping
    first = stand.replay(threads=1)
    assert first.is_interrupted
    assert 0 < first.counts["documents"] < 600
    stand.is_stopping = lambda: False
    second = stand.replay()
    assert not second.is_interrupted
    assert first.counts["documents"] + second.counts["documents"] == 600
    assert len(stand.dynamodb.held) == 1200
    assert all(mark.is_done for mark in stand.checkpoint.marks.values())
    assert stand.replay().counts["documents"] == 0


def test_a_file_that_has_changed_since_is_read_from_its_start(stand: Stand) -> None:
    stand.archive(sends(3))
    stand.replay()
    path = stand.archive([*sends(5), "{"])
    assert stand.replay().counts["documents"] == 6
    path.touch()
    assert stand.replay().counts["documents"] == 6


def test_only_what_the_table_took_is_committed(stand: Stand) -> None:
    stand.dynamodb.refuses = "poison"
    stand.archive([*sends(30), raw(Email().click(link="https://poison.example/"))])
    summary = stand.replay()
    assert stand.claims.committed == set(stand.dynamodb.held)
    assert summary.reasons == {"refused_by_table": 1}
    (line,) = stand.rejects()
    assert line["Records"][0]["messageAttributes"]["detail"]["stringValue"] == "ValidationException"


def test_without_redis_it_goes_on_says_so_once_and_leaves_redis_alone(stand: Stand) -> None:
    stand.claims.failures = [TransientError("redis", "ConnectionError")] * 2
    stand.archive(sends(200))
    summary = stand.replay(threads=1)
    assert summary.counts["facts_written"] == len(stand.dynamodb.held) == 400
    assert [line for line in stand.said if "Redis" in line] == [
        "Redis does not answer (ConnectionError): going on, since the table is right without it"
    ]
    assert len(stand.claims.failures) == 1  # a silent Redis takes seconds each time


def test_what_is_rejected_can_be_mended_and_replayed(stand: Stand) -> None:
    """The file holds each document as it was, its reason, and where it stood."""
    good, broken = Email().send(), raw(Email().send()).strip()[:-1]
    path = stand.archive([raw(good), broken, sns(broken), lambda_sns(good, "{")])
    summary = stand.replay()
    assert (summary.counts["rejected"], summary.reasons) == (3, {"not_json": 3})
    first, second, third = stand.rejects()
    assert first == {
        "Records": [
            {"body": broken, "messageAttributes": {"reason": {"dataType": "String", "stringValue": "not_json"}}}
        ],
        "file": str(path),
        "position": len(raw(good)),
    }
    assert second["position"] < third["position"]
    first["Records"][0]["body"] += "}"
    (stand.folder / "mended.jsonl").write_text(json.dumps(first))
    assert stand.replay(str(stand.folder / "mended.jsonl")).counts["activity"] == 1


def test_what_is_rejected_again_is_not_wrapped_again(stand: Stand) -> None:
    """Else the fifth try would fail for its envelopes."""
    stand.archive(['{"eventType": "Send"}', lambda_sqs("{", "[")])
    stand.replay()
    again = Rejects(stand.folder / "again.jsonl")
    stand.replay(str(stand.folder / "rejects.jsonl"), rejects=again)
    lines = [json.loads(line) for line in again.path.read_text().splitlines()]
    assert [line["Records"] for line in lines] == [line["Records"] for line in stand.rejects()]
    assert [len(line["Records"]) for line in lines] == [1, 2]
    assert lines[1]["Records"][0]["messageId"]


def test_what_is_rejected_once_more_after_a_kill_stands_there_once(tmp_path: Path) -> None:
    path = tmp_path / "rejects.jsonl"
    part, other = Part(0, 5, "oops\udcff"), Part(5, 9, None)
    for number in range(3):
        rejects = Rejects(path)
        rejects.add("events", part, NotJsonError())
        if number:
            rejects.add("events", other, NotJsonError())
        rejects.flush()
    assert [json.loads(line)["position"] for line in path.read_text().splitlines()] == [0, 5]
    assert json.loads(path.read_text().splitlines()[0])["Records"][0]["body"] == "oops\udcff"
    path.write_bytes(path.read_bytes()[:-9])  # a kill in the middle of a line
    rejects = Rejects(path)
    rejects.add("events", other, NotJsonError())
    rejects.flush()
    assert json.loads(path.read_text().splitlines()[-1])["position"] == 5
    assert path.stat().st_mode & 0o777 == 0o600  # it holds personal data


def a_reject(path: Path) -> None:
    rejects = Rejects(path)
    rejects.add("events", Part(0, 5, "oops"), NotJsonError())
    rejects.flush()


def test_rejects_are_the_owners_only_also_where_the_file_was_there_before(tmp_path: Path) -> None:
    path = tmp_path / "rejects.jsonl"
    path.touch()
    path.chmod(0o666)
    a_reject(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text()


@pytest.mark.parametrize("content", ["", "theirs", None])
def test_a_link_in_the_place_of_the_rejects_is_not_followed(tmp_path: Path, content: str | None) -> None:
    path, victim = tmp_path / "rejects.jsonl", tmp_path / "victim"
    if content is not None:
        victim.write_text(content)
    path.symlink_to(victim)
    with pytest.raises(OSError, match="symbolic links"):
        a_reject(path)
    assert (victim.read_text() if victim.exists() else None) == content


def test_a_pipe_in_the_place_of_the_rejects_holds_nobody(tmp_path: Path) -> None:
    path = tmp_path / "rejects.jsonl"
    os.mkfifo(path)
    with pytest.raises(OSError, match="not a regular file"):
        a_reject(path)


def test_a_file_that_cannot_be_read_is_told_and_the_others_are_done(stand: Stand) -> None:
    stand.archive(sends(2), "b.jsonl")
    gone = stand.archive(sends(2), "a.jsonl")
    job = stand.job()
    gone.unlink()
    summary = job.run()
    assert (summary.failed, summary.counts["documents"]) == ([str(gone)], 2)
    assert any("No such file" in line for line in stand.said)
    assert list(stand.checkpoint.marks) == [str(stand.folder / "archive" / "b.jsonl")]


def test_a_checkpoint_that_cannot_be_written_is_known_before_anything_is_done(stand: Stand) -> None:
    stand.archive(sends(2))
    with pytest.raises(OSError, match="No such file"):
        stand.replay(checkpoint=Checkpoint(stand.folder / "nowhere" / "checkpoint", ABOUT))
    assert stand.dynamodb.held == {}


def test_a_bug_met_on_one_document_rejects_it_and_no_other(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    fail = lambda kind, event: 1 / 0 if "poison" in str(event) else parse(kind, event)  # noqa: E731
    monkeypatch.setattr("email_activity.ses.interpret.parse", fail)
    stand.archive([*sends(2), raw(Email(subject="poison").send()), *sends(2)])
    summary = stand.replay()
    assert (summary.reasons, summary.counts["activity"]) == ({"unexpected": 1}, 4)


def test_a_rate_is_kept(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the clock that it goes by, which here moves only when it sleeps."""
    now = [1000.0]
    # Its own clock only: threads that another test left behind sleep too.
    clock = SimpleNamespace(monotonic=lambda: now[0], sleep=lambda seconds: now.__setitem__(0, now[0] + seconds))
    monkeypatch.setattr(replay_module, "time", clock)
    stand.archive(sends(50))
    stand.replay(rate=10.0, recorder=None)
    assert 4.8 <= now[0] - 1000 <= 5.0


def test_a_checkpoint_of_another_table_or_of_other_settings_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    settings = load_settings()
    given = about(settings, "arn:table", "2026-01-01")
    Checkpoint(path, given, rejected=3).save()
    assert Checkpoint.load(path, given).rejected == 3
    others = [
        about(settings, "arn:other", "2026-01-01"),
        about(settings, "arn:table", "2026-11-23"),  # restored from a backup
        about(load_settings(tracked_document_types="invoice,contract"), "arn:table", "2026-01-01"),
        about(load_settings(document_id_tag="number"), "arn:table", "2026-01-01"),
    ]
    for other in others:
        with pytest.raises(CheckpointError, match="and now it is"):
            Checkpoint.load(path, other)
    path.write_text('{"files": []}')
    with pytest.raises(CheckpointError, match="no checkpoint"):
        Checkpoint.load(path, given)


def test_a_save_that_fails_leaves_the_old_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "checkpoint"
    Checkpoint(path, ABOUT, rejected=1).save()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        Checkpoint(path, ABOUT, rejected=2).save()
    assert Checkpoint.load(path, ABOUT).rejected == 1


TABLE = {
    "TableName": "facts",
    "TableArn": "arn:table",
    "CreationDateTime": datetime(2026, 1, 1, tzinfo=UTC),
    "GlobalSecondaryIndexes": [{"IndexName": name} for name in INDEXES],
}


class Describing:
    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)

    def describe_table(self, TableName):  # noqa: N803, ARG002
        if self.failures:
            raise self.failures.pop(0)
        return {"Table": TABLE}


def test_a_table_that_is_away_at_the_start_is_waited_for(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "dynamodb_client", lambda _: Describing(AWAY, AWAY, THROTTLED))
    target = open_target(load_settings(), stand.said.append, lambda: False)
    assert (target.arn, len(stand.said)) == ("arn:table", 1)
    monkeypatch.setattr(module, "dynamodb_client", lambda _: Describing(AWAY))
    with pytest.raises(StoppedError):
        open_target(load_settings(), stand.said.append, lambda: True)


def test_a_replay_writes_to_no_table_of_an_older_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "dynamodb_client", lambda _: Describing())
    monkeypatch.setitem(TABLE, "GlobalSecondaryIndexes", TABLE["GlobalSecondaryIndexes"][:-1])
    with pytest.raises(SettingsError, match="lacks the index by_failure_day"):
        open_target(load_settings(), print, lambda: False)


@pytest.mark.parametrize(
    "error", [NoCredentialsError(), ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "DescribeTable")]
)
def test_what_waiting_cannot_mend_at_the_start_is_said_at_once(monkeypatch: pytest.MonkeyPatch, error) -> None:
    monkeypatch.setattr(module, "dynamodb_client", lambda _: Describing(error))
    with pytest.raises(type(error)):
        open_target(load_settings(), print, lambda: False)


def test_a_table_that_hangs_does_not_hold_up_a_stop(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay_module, "GRACE", 0.2)
    stand.archive(sends(20))
    stand.dynamodb.is_held_up.clear()
    began_at = time.monotonic()
    stand.is_stopping = lambda: time.monotonic() - began_at > 0.5
    summary = stand.replay()
    assert summary.is_interrupted
    assert stand.checkpoint.marks == {}
    stand.dynamodb.is_held_up.set()
