"""The end of each message. SQS itself is faked at the client; `tests/integration/` has the real one."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from hypothesis import given
from hypothesis import strategies as st

from email_activity.aws.batches import MAX_ATTEMPTS
from email_activity.domain.errors import NotJsonError
from email_activity.ingest.receive import Message, Queue
from email_activity.ingest.settle import MAX_DELAY, Settler, delay

QUEUE = Queue("https://sqs/events", "https://sqs/dead", 120)
FAILURE = ClientError({"Error": {"Code": "ServiceUnavailable"}}, "any")


class FakeSqs:
    """fails: entries by receipt handle, and how often a batch call fails for each."""

    def __init__(self, fails: dict[str, int] | None = None, *, refuses_to_send: bool = False) -> None:
        self.fails = Counter(fails or {})
        self.refuses_to_send = refuses_to_send
        self.deleted: list[str] = []
        self.hidden: dict[str, int] = {}
        self.sent: list[dict[str, Any]] = []

    def delete_message_batch(self, QueueUrl, Entries):  # noqa: N803  boto3's own
        return self._batch(QueueUrl, Entries, lambda entry: self.deleted.append(entry["ReceiptHandle"]))

    def change_message_visibility_batch(self, QueueUrl, Entries):  # noqa: N803
        return self._batch(
            QueueUrl, Entries, lambda entry: self.hidden.update({entry["ReceiptHandle"]: entry["VisibilityTimeout"]})
        )

    def send_message(self, **message: Any) -> dict[str, str]:
        if self.refuses_to_send:
            raise FAILURE
        self.sent.append(message)
        return {"MessageId": "new"}

    def _batch(self, url, entries, do):
        assert url == QUEUE.url
        assert len(entries) <= 10
        assert len({entry["Id"] for entry in entries}) == len(entries)
        answer = {"Successful": [], "Failed": []}
        for entry in entries:
            if self.fails[entry["ReceiptHandle"]] > 0:
                self.fails[entry["ReceiptHandle"]] -= 1
                answer["Failed"].append({"Id": entry["Id"], "SenderFault": False, "Code": "InternalError"})
            else:
                do(entry)
                answer["Successful"].append({"Id": entry["Id"]})
        return answer


def message(handle: str, receive_count: int = 1) -> Message:
    now = datetime(2026, 11, 23, tzinfo=UTC)
    return Message(f"id-{handle}", handle, "body", receive_count, now, now)


def test_deletes_go_in_batches_and_what_fails_in_part_is_tried_again() -> None:
    sqs = FakeSqs({"3": 1, "12": MAX_ATTEMPTS - 1, "17": MAX_ATTEMPTS})
    deleted = Settler(sqs, QUEUE).delete([message(str(number)) for number in range(25)])  # type: ignore[arg-type]
    assert deleted == 24
    assert sorted(sqs.deleted) == sorted(str(number) for number in range(25) if number != 17)


def test_an_answer_that_names_nothing_is_none_of_sqs_and_counts_as_nothing_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A proxy may answer 200 with a page of its own."""
    sqs = FakeSqs()
    monkeypatch.setattr(sqs, "delete_message_batch", lambda **_: {})
    assert Settler(sqs, QUEUE).delete([message("1")]) == 0  # type: ignore[arg-type]


def test_a_message_is_deleted_only_after_it_is_in_the_dead_letter_queue() -> None:
    sqs = FakeSqs(refuses_to_send=True)
    assert Settler(sqs, QUEUE).quarantine({message("1"): NotJsonError()}) == []  # type: ignore[arg-type]
    assert sqs.deleted == []


def test_an_answer_without_an_id_is_none_of_sqs_and_deletes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy may answer 200 with a page of its own."""
    sqs = FakeSqs()
    monkeypatch.setattr(sqs, "send_message", lambda **_: {})
    assert Settler(sqs, QUEUE).quarantine({message("1"): NotJsonError()}) == []  # type: ignore[arg-type]
    assert sqs.deleted == []


def test_a_quarantined_message_takes_its_reason_along() -> None:
    sqs = FakeSqs()
    settler = Settler(sqs, QUEUE)  # type: ignore[arg-type]
    assert settler.quarantine({message("1", receive_count=3): NotJsonError("a detail")})
    (sent,) = sqs.sent
    attributes = {name: value["StringValue"] for name, value in sent["MessageAttributes"].items()}
    assert sent["QueueUrl"] == QUEUE.dead_letter_url
    assert sent["MessageBody"] == "body"
    assert attributes.pop("worker_version")
    assert attributes == {
        "reason": "not_json",
        "detail": "a detail",
        "message_id": "id-1",
        "first_received": "2026-11-23T00:00:00.000Z",
        "receive_count": "3",
    }
    assert sqs.deleted == ["1"]


def test_an_empty_detail_is_left_out_for_sqs_takes_no_empty_attribute() -> None:
    sqs = FakeSqs()
    Settler(sqs, QUEUE).quarantine({message("1"): NotJsonError()})  # type: ignore[arg-type]
    assert "detail" not in sqs.sent[0]["MessageAttributes"]


@given(st.integers(1, 1000))
def test_a_delay_grows_with_the_receives_but_never_beyond_its_bound(receive_count: int) -> None:
    assert 1 <= delay(receive_count) <= min(MAX_DELAY, 2 * 2 ** min(receive_count, 16)) + 1


def test_delays_differ_so_that_what_failed_together_does_not_return_together() -> None:
    assert len({delay(8) for _ in range(50)}) > 5


def test_an_outage_keeps_messages_away_before_their_backoff_begins() -> None:
    sqs = FakeSqs()
    Settler(sqs, QUEUE).return_later([message(str(number)) for number in range(25)], at_least=10)  # type: ignore[arg-type]
    assert len(sqs.hidden) == 25
    assert all(11 <= seconds <= 15 for seconds in sqs.hidden.values())


def test_what_is_still_worked_on_is_hidden_for_a_whole_visibility_timeout_more() -> None:
    sqs = FakeSqs()
    assert Settler(sqs, QUEUE).extend([message(str(number)) for number in range(12)]) == 12  # type: ignore[arg-type]
    assert set(sqs.hidden.values()) == {QUEUE.visibility_timeout}


@pytest.mark.parametrize("call", ["delete", "return_later", "extend"])
def test_a_queue_that_does_not_answer_is_asked_once_and_one_that_refuses_for_each_batch(
    call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each unanswered call waits for its time-out; a hundred messages would take minutes of them."""
    calls: list[Exception] = []
    for error, expected in ((ReadTimeoutError(endpoint_url="http://x"), 1), (FAILURE, 3)):

        def fail(error: Exception = error, **_: object) -> None:
            calls.append(error)
            raise error

        sqs = FakeSqs()
        monkeypatch.setattr(sqs, "delete_message_batch", fail)
        monkeypatch.setattr(sqs, "change_message_visibility_batch", fail)
        assert getattr(Settler(sqs, QUEUE), call)([message(str(number)) for number in range(25)]) == 0  # type: ignore[arg-type]
        assert calls.count(error) == expected


def test_quarantine_stops_at_the_first_failure_and_deletes_only_what_was_copied(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sqs = FakeSqs()
    sent: list[str] = []

    def send(**given: Any) -> dict[str, str]:
        sent.append(given["MessageAttributes"]["message_id"]["StringValue"])
        if len(sent) == 2:
            raise ReadTimeoutError(endpoint_url="http://x")
        return {"MessageId": "new"}

    monkeypatch.setattr(sqs, "send_message", send)
    errors = {message(str(number)): NotJsonError() for number in range(5)}
    assert [each.id for each in Settler(sqs, QUEUE).quarantine(errors)] == ["id-0"]  # type: ignore[arg-type]
    assert sqs.deleted == ["0"]
    assert sent == ["id-0", "id-1"]


@pytest.mark.parametrize("call", ["delete", "return_later"])
def test_sqs_failing_at_settlement_is_no_error_of_the_batch(call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sqs = FakeSqs()

    def fail(**_: object) -> None:
        raise FAILURE

    monkeypatch.setattr(sqs, "delete_message_batch", fail)
    monkeypatch.setattr(sqs, "change_message_visibility_batch", fail)
    assert getattr(Settler(sqs, QUEUE), call)([message("1")]) == 0  # type: ignore[arg-type]
