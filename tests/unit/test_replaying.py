"""Replay: patient with the queue, and a checkpoint that never passes what is not sent. SQS is faked."""

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
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError, NoCredentialsError

from email_activity.domain.errors import NotJsonError
from email_activity.ingest.model import REPLAY_ATTRIBUTES
from email_activity.replay import replay as replay_module
from email_activity.replay import sender as sender_module
from email_activity.replay.checkpoint import Checkpoint, CheckpointError, fingerprint
from email_activity.replay.files import find_files
from email_activity.replay.messages import ArchivedMessage
from email_activity.replay.rejects import Rejects
from email_activity.replay.replay import Replay, ReplayBatch, ReplaySummary
from email_activity.replay.sender import QueueSender
from email_activity.ses.interpret import Outcome
from email_activity.ses.tracking_policy import TrackingPolicy
from email_activity.settings import load_settings
from events import TOPIC_SUBSCRIBED, Email, lambda_sns, lambda_sqs, raw, sns
from harness import eventually

TARGET = {"queue": "http://sqs/events"}
MAX_BYTES = 1_032_192
MAX_CALL = 1_048_576

AWAY = EndpointConnectionError(endpoint_url="http://somewhere")


def refusal(code: str, status: int = 400) -> ClientError:
    return ClientError(
        {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]
        "SendMessageBatch",
    )


class FakeSqs:
    """failures: what the first calls raise. `sent` is what it took, `sizes` how many messages each call brought.

    refuses: by_entry or by_call, the bodies with this text in them.
    """

    def __init__(self) -> None:
        self.failures: list[ClientError | BotoCoreError] = []
        self.sent: list[str] = []
        self.sizes: list[int] = []
        self.refuses = "\0"
        self.by_call = False
        self.refusal: dict[str, Any] = {"Code": "InvalidMessageContents"}
        self.is_held_up = threading.Event()
        self.is_held_up.set()

    def send_message_batch(self, QueueUrl: str, Entries: Any) -> dict[str, Any]:  # noqa: N803  boto3's own
        self.is_held_up.wait(60)
        if self.failures:
            raise self.failures.pop(0)
        assert QueueUrl == TARGET["queue"]
        assert all(entry["MessageAttributes"] == REPLAY_ATTRIBUTES for entry in Entries)
        assert sum(len(entry["MessageBody"].encode()) for entry in Entries) <= MAX_CALL
        bad = [entry for entry in Entries if self.refuses in entry["MessageBody"]]
        if bad and self.by_call:
            raise refusal("InvalidMessageContents")
        good = [entry for entry in Entries if entry not in bad]
        self.sizes.append(len(Entries))
        self.sent += [entry["MessageBody"] for entry in good]
        return {
            "Successful": [{"Id": entry["Id"], "MessageId": "1"} for entry in good],
            "Failed": [{"Id": entry["Id"], **self.refusal} for entry in bad],
        }


@dataclass
class Stand:
    """A folder to replay, and a queue to send it to."""

    folder: Path
    sqs: FakeSqs = field(default_factory=FakeSqs)
    said: list[str] = field(default_factory=list)
    is_stopping: Callable[[], bool] = lambda: False

    @property
    def checkpoint(self) -> Checkpoint:
        return Checkpoint.load(self.folder / "checkpoint", TARGET)

    def archive(self, bodies: Sequence[str], name: str = "events.jsonl") -> Path:
        path = self.folder / "archive" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(body.strip() + "\n" for body in bodies))
        return path

    def job(self, *paths: str, **changes: Any) -> Replay:
        threads = changes.pop("threads", 4)
        return replace(
            Replay(
                find_files(paths or [str(self.folder / "archive")]),
                TrackingPolicy(),
                self._is_stopping,
                self.said.append,
                QueueSender(self.sqs, TARGET["queue"], MAX_BYTES, threads, self.said.append, self._is_stopping),  # type: ignore[arg-type]
                Rejects(self.folder / "rejects.jsonl"),
                self.checkpoint,
            ),
            **changes,
        )

    def _is_stopping(self) -> bool:
        return self.is_stopping()

    def replay(self, *paths: str, **changes: Any) -> ReplaySummary:
        return self.job(*paths, **changes).run()

    def rejects(self, name: str = "rejects.jsonl") -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / name).read_text().splitlines()]


@pytest.fixture
def stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stand:
    monkeypatch.setattr(sender_module, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(sender_module, "LONGEST_PAUSE", 0.01)
    monkeypatch.setattr(sender_module, "LOOK_EVERY", 0.001)
    monkeypatch.setattr(sender_module, "GRACE", 0.2)
    monkeypatch.setattr(sender_module, "QUIET", 0.0)
    return Stand(tmp_path)


def sends(count: int) -> list[str]:
    return [raw(Email(document_id=str(number)).send()).strip() for number in range(count)]


def test_every_outcome_is_counted_and_only_activity_is_sent_as_it_was(stand: Stand) -> None:
    contract = Email(document_type="contract")
    old = Email(sent_at=datetime.now(UTC) - timedelta(days=400))
    broken = {"eventType": "Send", "mail": {}}
    good = sns(Email().send()).strip()
    stand.archive([good, raw(TOPIC_SUBSCRIBED), raw(contract.send()), raw(old.send()), raw(broken)])
    counted = dict.fromkeys(("activity", "sent", "control", "untracked", "expired", "rejected"), 1)
    assert stand.replay().counts == {"documents": 5, **counted}
    assert stand.sqs.sent == [good]


def test_calls_to_sqs_are_full(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay_module, "MAX_AGE", 60)  # however slowly the archive is read
    bodies = sends(200)
    stand.archive(bodies)
    assert stand.replay().counts["sent"] == 200
    assert sorted(stand.sqs.sent) == sorted(bodies)
    assert stand.sqs.sizes.count(10) >= 16


def test_what_lambda_or_sqs_gave_is_sent_as_the_messages_in_it(stand: Stand) -> None:
    """Together they may be larger than a message; and a broken one of them takes no other with it."""
    email = Email()
    send, delivery, opened, click = map(raw, (email.send(), email.delivery(), email.open(), email.click()))
    wide = raw(Email(subject="x" * 400_000).send())
    records = [{"body": body} for body in (send, wide, "{", wide)]
    received = [{"MessageId": "1", "Body": delivery}, {"MessageId": "2"}]
    one = {"MessageId": "3", "ReceiptHandle": "4", "Body": opened}
    documents = {"Records": [*records, {"Sns": {"Message": click}}]}, {"Messages": received}, one
    stand.archive([json.dumps(document) for document in documents])
    assert len(json.dumps(documents[0])) > MAX_CALL
    summary = stand.replay()
    of_topic = json.dumps({"Records": [{"Sns": {"Message": click}}]})
    assert sorted(stand.sqs.sent) == sorted([of_topic, send, wide, wide, delivery, opened])
    assert (summary.counts["documents"], summary.reasons) == (8, {"not_json": 1, "not_ses": 1})


@pytest.mark.parametrize("outcome", [Outcome.ACTIVITY, Outcome.QUARANTINE])
def test_large_documents_do_not_wait_for_a_full_batch_in_memory(outcome: Outcome) -> None:
    batch, size = ReplayBatch(), 0
    error = NotJsonError() if outcome is Outcome.QUARANTINE else None
    while not batch.is_full():
        batch.add(ArchivedMessage("events", 0, "x" * 1_000_000, outcome, error))
        size += 1_000_000
    assert size <= 5_000_000


@pytest.mark.parametrize("failure", [AWAY, refusal("RequestThrottled"), refusal("Strange", status=503)])
def test_a_queue_that_is_away_is_waited_for_and_nothing_is_passed_over(stand: Stand, failure) -> None:
    stand.sqs.failures = [failure] * 20
    stand.archive(sends(60))
    summary = stand.replay(threads=1)  # of several, one may find the queue back while another still waits
    assert len(set(stand.sqs.sent)) == summary.counts["sent"] == 60
    assert len([line for line in stand.said if "takes nothing more" in line]) == 1
    assert stand.said[-1] == "the queue takes messages again"


@pytest.mark.parametrize("error", [refusal("AccessDenied"), NoCredentialsError()])
def test_what_waiting_cannot_mend_ends_it_and_what_was_sent_stays_known(stand: Stand, error) -> None:
    stand.archive(sends(300))
    job = stand.job(threads=1)
    taken = stand.sqs.send_message_batch

    def refusing(**call: Any) -> Any:
        if len(stand.sqs.sent) >= 200:
            raise error
        return taken(**call)

    stand.sqs.send_message_batch = refusing  # type: ignore[method-assign]
    with pytest.raises(type(error)):
        job.run()
    assert next(iter(stand.checkpoint.files.values())).position > 0
    stand.sqs.send_message_batch = taken  # type: ignore[method-assign]
    assert stand.replay().counts["sent"] == 100


@pytest.mark.parametrize("is_hanging", [False, True])
def test_nothing_counts_as_done_before_it_is_sent(stand: Stand, monkeypatch, *, is_hanging: bool) -> None:
    """Not while it waits, and not when it is stopped while it waits; nor does a call that hangs hold up the stop."""
    monkeypatch.setattr(replay_module, "SAVE_EVERY", 0.0)
    if is_hanging:
        stand.sqs.is_held_up.clear()
    else:
        stand.sqs.failures = [AWAY] * 1_000_000
    stand.archive(sends(60))
    stopping = threading.Event()
    stand.is_stopping = stopping.is_set
    found: list[ReplaySummary] = []
    thread = threading.Thread(target=lambda: found.append(stand.replay()))
    thread.start()
    time.sleep(0.1) if is_hanging else eventually(lambda: stand.said)
    assert stand.checkpoint.files == {}
    stopping.set()
    thread.join(10)
    assert found[0].is_interrupted
    assert found[0].counts["documents"] == 0
    assert stand.checkpoint.files == {}
    stand.sqs.is_held_up.set()


def test_interrupted_it_goes_on_and_each_document_is_counted_once(stand: Stand) -> None:
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
    assert len(set(stand.sqs.sent)) == 600
    assert all(progress.is_done for progress in stand.checkpoint.files.values())
    assert stand.replay().counts["documents"] == 0


def test_the_checkpoint_passes_no_payload_with_a_message_not_sent(stand: Stand, monkeypatch) -> None:
    monkeypatch.setattr(replay_module, "MAX_MESSAGES", 10)
    stand.archive([lambda_sqs(*sends(15))])
    stand.is_stopping = lambda: len(stand.sqs.sent) == 10
    assert stand.replay(threads=1).is_interrupted
    stand.is_stopping = lambda: False
    assert stand.replay().counts["documents"] == 15
    assert len(set(stand.sqs.sent)) == 15


def test_a_file_that_has_changed_since_is_read_from_its_start(stand: Stand) -> None:
    stand.archive(sends(3))
    stand.replay()
    path = stand.archive([*sends(5), "{"])
    assert stand.replay().counts["documents"] == 6
    path.touch()
    assert stand.replay().counts["documents"] == 6


@pytest.mark.timeout(60)  # what is not taken for refused is tried for ever
@pytest.mark.parametrize("by_call", [False, True])
@pytest.mark.parametrize("refusal", [{"Code": "InvalidMessageContents"}, {"Code": "Another", "SenderFault": True}])
def test_what_the_queue_refuses_is_rejected_alone(stand: Stand, refusal: dict[str, Any], *, by_call: bool) -> None:
    stand.sqs.refuses, stand.sqs.by_call, stand.sqs.refusal = "poison", by_call, refusal
    stand.archive([*sends(30), raw(Email().click(link="https://poison.example/"))])
    summary = stand.replay()
    assert len(set(stand.sqs.sent)) == summary.counts["sent"] == summary.counts["activity"] == 30
    assert summary.reasons == {"refused_by_queue": 1}
    (line,) = stand.rejects()
    code = "InvalidMessageContents" if by_call else refusal["Code"]
    assert line["Records"][0]["messageAttributes"]["detail"]["stringValue"] == code


def test_the_good_events_of_a_message_that_is_rejected_are_sent(stand: Stand) -> None:
    good, bad = Email().send(), {**Email().send(), "mail": {}}
    stand.archive([sns({"Records": [{"Sns": {"Message": raw(each)}} for each in (good, bad)]})])
    summary = stand.replay()
    assert [json.loads(body) for body in stand.sqs.sent] == [good]
    assert summary.counts == {"documents": 2, "activity": 1, "sent": 1, "rejected": 1}
    assert len(stand.rejects()) == 1


def test_what_is_larger_than_the_queue_takes_is_rejected_and_not_tried(stand: Stand) -> None:
    """The attribute counts towards its size."""
    body, room = raw(Email(subject="").send()).strip(), sum(map(len, ("replay", "String", "1")))
    fitting = [
        body.replace('"subject": ""', f'"subject": "{"x" * (MAX_BYTES - room - len(body) + more)}"') for more in (0, 1)
    ]
    stand.archive(fitting)
    assert stand.replay().reasons == {"too_large": 1}
    assert stand.sqs.sent == fitting[:1]


def test_what_is_rejected_can_be_mended_and_replayed(stand: Stand) -> None:
    """The file holds each document as it was, its reason, and where it stood."""
    good, broken = Email().send(), raw(Email().send()).strip()[:-1]
    path = stand.archive([raw(good), broken, sns(broken), lambda_sns(good, "{")])
    summary = stand.replay()
    assert (summary.counts["rejected"], summary.counts["sent"], summary.reasons) == (3, 2, {"not_json": 3})
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
    assert stand.replay(str(stand.folder / "mended.jsonl")).counts["sent"] == 1
    # Rejected again it is not wrapped again, or the fifth try would fail for its envelopes.
    stand.replay(str(stand.folder / "rejects.jsonl"), rejects=Rejects(stand.folder / "again.jsonl"))
    assert [line["Records"] for line in stand.rejects("again.jsonl")] == [line["Records"] for line in stand.rejects()]


def reject(path: Path, *positions: int, body: str | None = "oops\udcff") -> None:
    found = [ArchivedMessage("events", position, body, Outcome.QUARANTINE) for position in positions]
    Rejects(path).write([(message, NotJsonError()) for message in found])


def test_what_is_rejected_once_more_after_a_kill_stands_there_once(tmp_path: Path) -> None:
    path = tmp_path / "rejects.jsonl"
    path.touch(0o666)
    reject(path, 0)
    reject(path, 0, 5)
    reject(path, 0, 5)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["position"] for line in lines] == [0, 5]
    assert lines[0]["Records"][0]["body"] == "oops\udcff"
    path.write_bytes(path.read_bytes()[:-9])  # a kill in the middle of a line
    reject(path, 5)
    assert json.loads(path.read_text().splitlines()[-1])["position"] == 5
    assert path.stat().st_mode & 0o777 == 0o600  # it holds personal data, also where it was there before


@pytest.mark.parametrize("content", ["", "theirs", None])
def test_a_link_in_the_place_of_the_rejects_is_not_followed(tmp_path: Path, content: str | None) -> None:
    path, victim = tmp_path / "rejects.jsonl", tmp_path / "victim"
    if content is not None:
        victim.write_text(content)
    path.symlink_to(victim)
    with pytest.raises(OSError, match="symbolic link"):
        reject(path, 0)
    assert (victim.read_text() if victim.exists() else None) == content


def test_a_pipe_in_the_place_of_the_rejects_holds_nobody(tmp_path: Path) -> None:
    path = tmp_path / "rejects.jsonl"
    os.mkfifo(path)
    with pytest.raises(OSError, match="not a regular file"):
        reject(path, 0)


def test_a_file_that_cannot_be_read_is_told_and_the_others_are_done(stand: Stand) -> None:
    stand.archive(sends(2), "b.jsonl")
    gone = stand.archive(sends(2), "a.jsonl")
    job = stand.job()
    gone.unlink()
    summary = job.run()
    assert (summary.failed, summary.counts["documents"]) == ([str(gone)], 2)
    assert any("No such file" in line for line in stand.said)
    assert list(stand.checkpoint.files) == [str(stand.folder / "archive" / "b.jsonl")]


def test_a_checkpoint_that_cannot_be_written_is_known_before_anything_is_done(stand: Stand) -> None:
    stand.archive(sends(2))
    with pytest.raises(OSError, match="No such file"):
        stand.replay(checkpoint=Checkpoint(stand.folder / "nowhere" / "checkpoint", TARGET))
    assert stand.sqs.sent == []


def test_a_bug_met_on_one_document_rejects_it_and_no_other(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("email_activity.ses.interpret.parse", lambda *_: 1 / 0)
    stand.archive([raw(TOPIC_SUBSCRIBED), raw(Email().send()), raw(TOPIC_SUBSCRIBED)])
    summary = stand.replay()
    assert (summary.reasons, summary.counts["control"]) == ({"unexpected": 1}, 2)


def test_a_rate_is_kept_by_what_is_sent(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the clock that it goes by, which here moves only when it sleeps."""
    now = [1000.0]
    # Its own clock only: threads that another test left behind sleep too.
    clock = SimpleNamespace(monotonic=lambda: now[0], sleep=lambda seconds: now.__setitem__(0, now[0] + seconds))
    monkeypatch.setattr(replay_module, "time", clock)
    stand.archive([*sends(50), *[raw(TOPIC_SUBSCRIBED)] * 50])
    stand.replay(rate=10.0, sender=None)
    assert 4.8 <= now[0] - 1000 <= 5.0


def test_a_checkpoint_of_a_restored_table_or_of_other_tags_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    settings = load_settings()
    table = {"TableArn": "arn:table", "CreationDateTime": datetime(2026, 1, 1, tzinfo=UTC)}
    given = fingerprint(settings, "http://sqs/events", table)
    Checkpoint(path, given, rejected=3).save()
    assert Checkpoint.load(path, given).rejected == 3
    others = [
        fingerprint(settings, "http://sqs/events", table | {"CreationDateTime": datetime(2026, 11, 23, tzinfo=UTC)}),
        fingerprint(load_settings(document_id_tag="number"), "http://sqs/events", table),
    ]
    for other in others:
        with pytest.raises(CheckpointError, match="and now it is"):
            Checkpoint.load(path, other)
    with pytest.raises(CheckpointError, match="does not tell NEWER"):
        Checkpoint.load(path, {**given, "NEWER": "True"})
    path.write_text('{"files": []}')
    with pytest.raises(CheckpointError, match="no checkpoint"):
        Checkpoint.load(path, given)


def test_a_save_that_fails_leaves_the_old_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "checkpoint"
    Checkpoint(path, TARGET, rejected=1).save()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        Checkpoint(path, TARGET, rejected=2).save()
    assert Checkpoint.load(path, TARGET).rejected == 1
