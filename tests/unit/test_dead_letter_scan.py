"""The dead-letter queue looked at, sent back and thrown away. SQS is in memory; `tests/integration/` has a real one."""

import json
import os
import stat
import tracemalloc
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from email_activity.dead_letters import queue_scan
from email_activity.dead_letters.actions import Archive, DrainResult, Listed, Redrive, drain, find, list_messages
from email_activity.dead_letters.dead_letter import DeadLetter, Filter
from email_activity.dead_letters.queue_scan import Scan
from email_activity.domain.facts import Document
from email_activity.ses.interpret import interpret
from email_activity.ses.tracking_policy import TrackingPolicy
from events import FORMS, KINDS, Email, raw, sns
from fakequeue import DEAD, EVENTS, FakeSqs, quarantined, refusal

ANY = Filter()


def scan_of(sqs: Any, policy: TrackingPolicy | None = None, **options: Any) -> Scan:
    return Scan(sqs, DEAD, policy or TrackingPolicy(), **options)


def filled(count: int, **options: Any) -> FakeSqs:
    sqs = FakeSqs(**options)
    for number in range(count):
        sqs.put(str(number), quarantined())
    return sqs


def dead_letter(
    body: str, attributes: dict[str, str] | None = None, policy: TrackingPolicy | None = None, **options: Any
) -> DeadLetter:
    sqs = FakeSqs()
    sqs.put(body, attributes, **options)
    with scan_of(sqs, policy) as scan:
        ((found,),) = scan.batches()
    return found


def listed(sqs: FakeSqs, **options: Any) -> tuple[list[Listed], Scan]:
    with scan_of(sqs, **options) as scan:
        found = list(list_messages(scan, ANY).values())
    return found, scan


def redriven(sqs: FakeSqs, wanted: Filter = ANY, limit: int | None = None, **options: Any) -> list[DrainResult]:
    work = Redrive(sqs, EVENTS)  # type: ignore[arg-type]
    with scan_of(sqs, **options) as scan:
        takes = lambda each: work.is_new(each) and wanted.matches(each)  # noqa: E731
        return [outcome for batch in drain(scan, takes, work.send, limit) for outcome in batch]


def discarded(sqs: FakeSqs, path: Path, limit: int | None = None) -> list[DrainResult]:
    with Archive(path) as archive, scan_of(sqs) as scan:
        return [outcome for batch in drain(scan, ANY.matches, archive.write, limit) for outcome in batch]


def archived(path: Path) -> list[str]:
    return [json.loads(line)["Records"][0]["body"] for line in path.read_text().splitlines()] if path.exists() else []


# --- What can be told of a dead letter ---


@pytest.mark.parametrize(
    ("attributes", "moved", "reason", "message_id"),
    [
        (quarantined("not_json", "id-1"), False, "not_json", "id-1"),
        (quarantined("not_json", "of an earlier stay"), True, "received_too_often", None),
        (None, True, "received_too_often", None),
        (None, False, "undelivered", None),
        ({"reason": "not_json"}, False, "undelivered", None),
        ({"ERROR_CODE": "x"}, False, "undelivered", None),
        (quarantined("ana@example.com", "id-1"), False, "undelivered", None),
    ],
)
def test_a_reason_says_who_put_it_there(attributes, moved, reason, message_id):
    found = dead_letter("{", attributes, moved=moved)
    assert (found.summary.reason, found.summary.id) == (reason, message_id or found.sqs_id)


@pytest.mark.parametrize("form", FORMS)
def test_kind_and_document_are_read_in_every_form_also_of_untracked_mail(form):
    found = dead_letter(FORMS[form](Email(document_type="Contract", document_id="77").bounce()))
    assert found.summary.kinds == ("Bounce",)
    assert found.summary.documents == (Document("contract", "77"),)


def test_a_document_is_told_although_its_aws_account_is_not_believed():
    """A person must see what it claims, to judge it; and what the worker would make of it."""
    policy = TrackingPolicy(trusted_accounts=frozenset({"444455556666"}))
    told = dead_letter(raw(Email(document_id="77").send()), quarantined("untrusted_aws_account"), policy=policy).summary
    assert (told.documents, told.current_outcome) == (
        (Document("invoice", "77"),),
        "quarantine (untrusted_aws_account)",
    )


@pytest.mark.parametrize(
    ("body", "outlook"),
    [
        (raw(Email().send()), "activity"),
        (raw(Email(document_type="contract").send()), "untracked"),
        (raw(Email(sent_at=datetime(2020, 1, 1, tzinfo=UTC)).send()), "expired"),
        ("{", "quarantine (not_json)"),
    ],
)
def test_it_is_told_what_the_worker_would_make_of_it_now(body, outlook):
    assert dead_letter(body, quarantined()).summary.current_outcome == outlook


HOUR_AGO = datetime.now(UTC) - timedelta(hours=1)


@pytest.mark.parametrize(
    ("asks", "matches"),
    [
        ({}, True),
        ({"reasons": {"no_mail", "refused_by_table"}}, True),
        ({"reasons": {"no_mail"}}, False),
        ({"kinds": {"click", "bounce"}}, True),
        ({"kinds": {"bounce"}}, False),
        ({"document": Document("invoice", "2026-117")}, True),
        ({"document": Document("invoice", "2026-118")}, False),
        ({"sent_before": HOUR_AGO}, True),
        ({"sent_after": HOUR_AGO}, False),
        ({"ids": {"id-1"}}, True),
        ({"ids": {"id-2"}}, False),
        ({"ids": {"id-1"}, "kinds": {"open"}}, False),
    ],
)
def test_a_filter_matches_what_meets_all_that_it_asks(asks, matches):
    found = dead_letter(sns(Email().click()), quarantined("refused_by_table", "id-1"), age=7200)
    assert Filter(**asks).matches(found) is matches


@given(st.binary(max_size=200) | st.sampled_from([make(Email()) for make in KINDS.values()]).map(raw))
def test_any_body_can_be_summarized(body):
    text = body if isinstance(body, str) else body.decode(errors="replace")
    assert dead_letter(text).summary.size == len(text.encode())


# --- The scan ---


def test_every_message_is_seen_once_hidden_meanwhile_and_given_back():
    sqs, hidden = filled(25), []
    sqs.before = lambda call: hidden.append((call, len(sqs.hidden())))
    found, _ = listed(sqs)
    assert [each.copies for each in found] == [1] * 25
    assert ("ChangeMessageVisibilityBatch", 25) in hidden
    assert (sqs.hidden(), len(sqs.bodies())) == ([], 25)


def test_a_message_that_is_there_twice_is_one_with_two_copies():
    sqs = FakeSqs()
    for _ in range(2):
        sqs.put("{", quarantined("not_json", "id-1"))
    sqs.put("another body under its id", quarantined("not_json", "id-1"))
    assert sorted(each.copies for each in listed(sqs)[0]) == [1, 2]
    with scan_of(sqs) as scan:
        found = find(scan, "id-1")
    assert found is not None
    assert (found[0].body, found[1].copies) == ("{", 2)


def test_one_that_the_worker_copied_and_sqs_moved_later_is_the_same():
    """The worker was killed between copy and delete, and so was each that received it again."""
    sqs = FakeSqs()
    moved = sqs.put("{", moved=True)
    sqs.put("{", quarantined("not_json", moved))
    assert [(each.summary.id, each.copies) for each in listed(sqs)[0]] == [(moved, 2)]


def test_an_error_gives_everything_back():
    sqs = filled(25)

    def fail(_: object) -> None:
        if len(sqs.hidden()) > 10:
            raise RuntimeError

    with pytest.raises(RuntimeError):
        redriven(sqs, Filter(reasons=frozenset({"none"})), seen=fail)
    assert sqs.hidden() == []


def test_a_stop_ends_the_scan_and_gives_everything_back():
    sqs, seen = filled(25), []
    found, _ = listed(sqs, stopping=lambda: sum(seen) >= 10, seen=seen.append)
    assert (len(found), sqs.hidden()) == (10, [])


def test_what_cannot_be_given_back_is_told():
    sqs = filled(2, fails=Counter({("ChangeMessageVisibilityBatch", "1"): 9}))
    _, scan = listed(sqs)
    assert (scan.not_given_back, sqs.hidden()) == (1, ["1"])


def test_an_error_in_giving_back_hides_no_error_that_was_before():
    def deny(call: str) -> None:
        if call in ("SendMessageBatch", "ChangeMessageVisibilityBatch"):
            raise refusal("AccessDenied", call)

    sqs = filled(1, before=deny)
    with pytest.raises(ClientError, match="SendMessageBatch"):
        redriven(sqs)


def test_a_message_that_is_received_once_more_is_no_copy_and_the_scan_ends():
    """As after a pause that was longer than messages stay hidden."""
    sqs = filled(1)

    def show_again(call: str) -> None:
        if call == "ReceiveMessage":
            for each in sqs.queues[DEAD].values():
                each.is_hidden = False

    sqs.before = show_again
    assert [each.copies for each in listed(sqs)[0]] == [1]
    assert sqs.hidden() == []


def test_what_comes_long_after_the_start_is_left_for_the_next_scan():
    sqs = FakeSqs()
    sqs.put("now")
    sqs.put("much later", age=-120)
    found, scan = listed(sqs)
    assert [each.summary.size for each in found] == [3]
    assert (scan.late, sqs.hidden()) == (1, [])


def test_a_queue_with_more_than_sqs_hides_is_said_to_be_cut(monkeypatch):
    monkeypatch.setattr(queue_scan, "MAX_IN_FLIGHT", 20)
    sqs = filled(30)
    found, scan = listed(sqs)
    assert (len(found), scan.is_cut, sqs.hidden()) == (20, True, [])


def test_bodies_are_not_kept():
    """100 MB of them."""

    class Endless(FakeSqs):
        left = 1_000

        def receive_message(self, **_: Any) -> dict[str, Any]:  # type: ignore[override]
            for number in range(min(10, self.left)):
                self.put(f"{self.left - number:0100000}", quarantined())
            self.left = max(0, self.left - 10)
            answer = super().receive_message(QueueUrl=DEAD, MaxNumberOfMessages=10, VisibilityTimeout=1)
            for each in self.queues[DEAD].values():
                each.body = ""
            return answer

    sqs = Endless()
    tracemalloc.start()
    assert len(listed(sqs)[0]) == 1_000
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 20_000_000


# --- Redrive ---


def test_all_are_sent_and_then_deleted():
    sqs = filled(25)
    outcomes = redriven(sqs)
    assert len(outcomes) == 25
    assert not any(each.error for each in outcomes)
    assert sqs.bodies(EVENTS) == sorted(map(str, range(25)))
    assert sqs.bodies() == []
    work = [call for call in sqs.calls if call in ("SendMessageBatch", "DeleteMessageBatch")]
    assert work == ["SendMessageBatch", "DeleteMessageBatch"] * 3


def test_what_was_deleted_is_not_counted_as_kept_from_others():
    sqs = filled(3)
    with scan_of(sqs) as scan:
        assert not any(map(scan.delete, scan.batches()))
    assert scan.not_given_back == 0


def test_of_the_attributes_only_the_mark_of_a_replay_goes_along():
    sqs = FakeSqs()
    sqs.put("plain", quarantined())
    sqs.put("replayed", quarantined(replay="1"))
    redriven(sqs)
    sent = {each.body: each.message_attributes for each in sqs.queues[EVENTS].values()}
    assert sent == {"plain": {}, "replayed": {"replay": {"DataType": "String", "StringValue": "1"}}}


def test_of_two_copies_one_is_sent_and_both_are_deleted():
    sqs = FakeSqs()
    for number in range(12):  # so that they come in different answers too
        sqs.put("{", quarantined("not_json", "id-1"))
        sqs.put(str(number), quarantined())
    sqs.put("another body under its id", quarantined("not_json", "id-1"))
    outcomes = redriven(sqs)
    assert sqs.bodies(EVENTS) == sorted(["{", "another body under its id", *map(str, range(12))])
    assert sqs.bodies() == []
    assert sum(each.is_copy for each in outcomes) == 11


def test_what_could_not_be_sent_stays_and_says_why():
    sqs = filled(3, fails=Counter({("SendMessageBatch", "1"): 9}))
    outcomes = redriven(sqs)
    assert [each.error for each in outcomes if each.error] == ["SQS refuses it: InternalError"]
    assert (sqs.bodies(), sqs.bodies(EVENTS), sqs.hidden()) == (["1"], ["0", "2"], [])


@pytest.mark.parametrize("call", ["send_message_batch", "delete_message_batch"])
def test_an_answer_that_lists_nothing_has_done_nothing(monkeypatch, call):
    """A proxy may answer 200 with a page of its own."""
    sqs = filled(1)
    monkeypatch.setattr(sqs, call, lambda **_: {})
    assert [bool(each.error) for each in redriven(sqs)] == [True]
    assert (sqs.bodies(), sqs.hidden()) == (["0"], [])


def test_one_larger_than_the_events_queue_takes_stays_and_the_others_go():
    sqs = FakeSqs(max_bytes=100)
    large, with_mark = "\u00e9" * 51, "x" * 95  # bytes count, not characters; and the mark of a replay counts too
    sqs.put(large, quarantined())
    sqs.put(with_mark, quarantined(replay="1"))
    sqs.put("small", quarantined())
    errors = {f"{size} bytes, and the events queue takes 100" for size in (102, 95 + len("replayString1"))}
    assert {each.error for each in redriven(sqs)} == {*errors, None}
    assert (sqs.bodies(), sqs.bodies(EVENTS), sqs.hidden()) == ([with_mark, large], ["small"], [])


def test_what_fails_again_meanwhile_is_not_sent_once_more():
    sqs = filled(25)
    sqs.before = sqs.quarantine_again
    outcomes = redriven(sqs)
    assert len(outcomes) == 25
    assert len(sqs.bodies()) == 25
    assert sqs.hidden() == []


def test_a_limit_counts_messages_and_the_rest_is_given_back():
    sqs = filled(30)
    assert len(redriven(sqs, limit=13)) == 13
    assert (len(sqs.bodies()), len(sqs.bodies(EVENTS)), sqs.hidden()) == (17, 13, [])


def test_sent_and_not_deleted_is_told_as_a_failure():
    sqs = filled(1, fails=Counter({("DeleteMessageBatch", "0"): 9}))
    (outcome,) = redriven(sqs)
    assert "did not delete" in str(outcome.error)
    assert sqs.hidden() == []


# --- Discard ---


def test_a_message_is_on_the_disk_before_it_is_deleted(tmp_path: Path, monkeypatch):
    sqs, path = filled(25), tmp_path / "gone.jsonl"
    sync, on_disk, at_deletion = os.fsync, [0], []

    def counted(file: int) -> None:
        sync(file)
        on_disk.append(len(archived(path)))

    monkeypatch.setattr(os, "fsync", counted)
    sqs.before = lambda call: at_deletion.append(on_disk[-1]) if call == "DeleteMessageBatch" else None
    discarded(sqs, path)
    assert at_deletion == [10, 20, 25]
    assert sorted(archived(path)) == sorted(map(str, range(25)))
    assert sqs.bodies() == []


def test_a_line_is_what_lambda_gets_and_the_worker_reads_it(tmp_path: Path):
    sqs, path, event = FakeSqs(), tmp_path / "gone.jsonl", Email().click()
    sqs.put(sns(event), quarantined("refused_by_table", "id-1", detail="x"))
    discarded(sqs, path)
    (line,) = path.read_text().splitlines()
    (record,) = json.loads(line)["Records"]
    assert record.keys() == {"messageId", "body", "attributes", "messageAttributes", "eventSource"}
    assert record["messageId"] == "id-1"
    assert record["messageAttributes"]["reason"] == {"stringValue": "refused_by_table", "dataType": "String"}
    (of_file,) = interpret(line, TrackingPolicy(), datetime.now(UTC)).events
    (of_queue,) = interpret(sns(event), TrackingPolicy(), datetime.now(UTC)).events
    assert (of_file.outcome, of_file.form) == ("activity", "lambda")
    assert [each.event_id for each in of_file.activities] == [each.event_id for each in of_queue.activities]


def test_the_file_is_its_owners_alone_and_is_not_made_for_nothing(tmp_path: Path):
    sqs, path = FakeSqs(), tmp_path / "gone"
    discarded(sqs, path)
    assert not path.exists()
    sqs.put("{")
    discarded(sqs, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_is_there_is_never_written_to(tmp_path: Path):
    sqs, path = FakeSqs(), tmp_path / "gone"
    path.write_text("kept")
    sqs.put("{")
    with pytest.raises(FileExistsError):
        discarded(sqs, path)
    assert (path.read_text(), sqs.bodies(), sqs.hidden()) == ("kept", ["{"], [])


def test_a_full_disk_deletes_nothing_and_leaves_no_half_line(tmp_path: Path, monkeypatch):
    sqs, path = FakeSqs(), tmp_path / "gone"
    for number in range(12):
        sqs.put(f"{number:02}")
    write = os.write

    def full(file: int, data: memoryview) -> int:
        if len(sqs.bodies()) == 2:
            if len(data) < 100:
                raise OSError(28, "No space left on device")
            return write(file, data[: len(data) // 2])
        return write(file, data)

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space"):
        discarded(sqs, path)
    assert len(archived(path)) == 10
    assert sorted(archived(path) + sqs.bodies()) == [f"{number:02}" for number in range(12)]
    assert sqs.hidden() == []


# --- Whatever happens ---


class KilledError(BaseException):
    """Nothing catches it, as nothing catches a kill."""


@st.composite
def queues(draw: st.DrawFn) -> FakeSqs:
    """Messages, several of which may be copies of one, or have its body and another id."""
    sqs = FakeSqs()
    for body, is_copy in draw(st.lists(st.tuples(st.integers(0, 8), st.booleans()), max_size=30)):
        sqs.put(str(body), quarantined("not_json", f"id-{body}" if is_copy else None))
    return sqs


def kill_at(sqs: FakeSqs, place: int) -> None:
    def before(_: str) -> None:
        if len(sqs.calls) == place:
            raise KilledError

    sqs.before = before


def revive(sqs: FakeSqs) -> None:
    """The hour in which messages were hidden is over."""
    sqs.before = lambda _: None
    for each in sqs.queues[DEAD].values():
        each.is_hidden = False


@given(sqs=queues(), place=st.integers(1, 40))
def test_a_redrive_killed_at_any_call_and_run_again_has_sent_all(sqs, place):
    wanted = set(sqs.bodies())
    kill_at(sqs, place)
    with suppress(KilledError):
        redriven(sqs)
    assert set(sqs.bodies()) | set(sqs.bodies(EVENTS)) == wanted
    revive(sqs)
    assert not any(each.error for each in redriven(sqs))
    assert (set(sqs.bodies(EVENTS)), sqs.bodies()) == (wanted, [])


@given(sqs=queues(), place=st.integers(1, 40))
def test_a_discard_killed_at_any_call_and_run_again_has_written_all(tmp_path_factory, sqs, place):
    folder = tmp_path_factory.mktemp("discard")
    wanted = set(sqs.bodies())
    kill_at(sqs, place)
    with suppress(KilledError):
        discarded(sqs, folder / "first")
    assert set(sqs.bodies()) | set(archived(folder / "first")) == wanted
    revive(sqs)
    discarded(sqs, folder / "second")
    assert set(archived(folder / "first") + archived(folder / "second")) == wanted
    assert sqs.bodies() == []


@given(sqs=queues(), stop_after=st.integers(0, 4))
def test_a_run_that_is_stopped_hides_nothing(sqs, stop_after):
    wanted = set(sqs.bodies())
    answers: list[int] = []
    redriven(sqs, stopping=lambda: len(answers) >= stop_after, seen=answers.append)
    assert sqs.hidden() == []
    assert set(sqs.bodies()) | set(sqs.bodies(EVENTS)) == wanted
