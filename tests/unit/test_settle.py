"""The end of each message. SQS itself is faked at the client; `tests/integration/` has the real one."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from hypothesis import given
from hypothesis import strategies as st

from email_activity.domain.errors import NotJsonError
from email_activity.ingest.model import Message
from email_activity.ingest.queue import Queue
from email_activity.ingest.settle import MAX_DELAY, Settler, delay

QUEUE = Queue("https://sqs/events", "https://sqs/dead", 120)
FAILURE = ClientError({"Error": {"Code": "ServiceUnavailable"}}, "any")
NO_ANSWER = ReadTimeoutError(endpoint_url="http://x")


class FakeSqs:
    """raises: instead of an answer of a batch call. refuses: a receipt handle, each time. sends: instead of SQS."""

    def __init__(
        self,
        raises: Exception | None = None,
        refuses: str = "",
        sends: Callable[..., dict[str, str]] = lambda **_: {"MessageId": "new"},
    ) -> None:
        self.raises = raises
        self.refuses = refuses
        self.sends = sends
        self.calls = 0
        self.deleted: list[str] = []
        self.hidden: dict[str, int] = {}
        self.sent: list[dict[str, Any]] = []

    def delete_message_batch(self, **asked: Any) -> dict[str, Any]:
        return self._batch(asked, lambda entry: self.deleted.append(entry["ReceiptHandle"]))

    def change_message_visibility_batch(self, **asked: Any) -> dict[str, Any]:
        return self._batch(
            asked, lambda entry: self.hidden.update({entry["ReceiptHandle"]: entry["VisibilityTimeout"]})
        )

    def send_message(self, **message: Any) -> dict[str, str]:
        answer = self.sends(**message)
        self.sent.append(message)
        return answer

    def _batch(self, asked: Any, do: Callable[[Any], object]) -> dict[str, Any]:
        assert asked["QueueUrl"] == QUEUE.url
        self.calls += 1
        if self.raises:
            raise self.raises
        done = [entry for entry in asked["Entries"] if entry["ReceiptHandle"] != self.refuses]
        for entry in done:
            do(entry)
        return {"Successful": [{"Id": entry["Id"]} for entry in done]}


def settler(sqs: FakeSqs) -> Settler:
    return Settler(sqs, QUEUE)  # type: ignore[arg-type]


def message(handle: str, receive_count: int = 1) -> Message:
    now = datetime(2026, 11, 23, tzinfo=UTC)
    return Message(f"id-{handle}", handle, "body", receive_count, now, now)


def messages(count: int) -> list[Message]:
    return [message(str(number)) for number in range(count)]


def test_what_is_deleted_is_counted_and_what_sqs_refuses_is_not() -> None:
    sqs = FakeSqs(refuses="17")
    assert settler(sqs).delete(messages(25)) == 24
    assert sqs.deleted == [str(number) for number in range(25) if number != 17]


def test_an_outage_keeps_messages_away_before_their_backoff_begins() -> None:
    sqs = FakeSqs()
    assert settler(sqs).return_later(messages(25), at_least=10) == 25
    assert len(sqs.hidden) == 25
    assert all(11 <= seconds <= 15 for seconds in sqs.hidden.values())


def test_what_is_still_worked_on_is_hidden_for_a_whole_visibility_timeout_more() -> None:
    sqs = FakeSqs()
    assert settler(sqs).extend(messages(12)) == 12
    assert set(sqs.hidden.values()) == {QUEUE.visibility_timeout}


@pytest.mark.parametrize("call", ["delete", "return_later", "extend"])
@pytest.mark.parametrize(("error", "calls"), [(NO_ANSWER, 1), (FAILURE, 3)], ids=["no answer", "refused"])
def test_a_queue_that_does_not_answer_is_asked_once(call: str, error: Exception, calls: int) -> None:
    """Each unanswered call waits for its time-out; a hundred messages would take minutes of them."""
    sqs = FakeSqs(raises=error)
    assert getattr(settler(sqs), call)(messages(25)) == 0
    assert sqs.calls == calls


def test_a_quarantined_message_takes_its_reason_along() -> None:
    sqs = FakeSqs()
    assert settler(sqs).quarantine({message("1", receive_count=3): NotJsonError("a detail")})
    (sent,) = sqs.sent
    attributes = {name: value["StringValue"] for name, value in sent["MessageAttributes"].items()}
    assert (sent["QueueUrl"], sent["MessageBody"]) == (QUEUE.dead_letter_url, "body")
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
    settler(sqs).quarantine({message("1"): NotJsonError()})
    assert "detail" not in sqs.sent[0]["MessageAttributes"]


def fail(**_: object) -> dict[str, str]:
    raise FAILURE


@pytest.mark.parametrize("sends", [fail, lambda **_: {}], ids=["refused", "a proxy's own page with status 200"])
def test_only_what_is_in_the_dead_letter_queue_is_deleted(sends: Callable[..., dict[str, str]]) -> None:
    sqs = FakeSqs(sends=sends)
    assert settler(sqs).quarantine({message("1"): NotJsonError()}) == []
    assert sqs.deleted == []


def test_quarantine_stops_at_the_first_failure_and_deletes_only_what_was_copied() -> None:
    answers = iter([{"MessageId": "new"}, NO_ANSWER])

    def send(**_: object) -> dict[str, str]:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    sqs = FakeSqs(sends=send)
    copied = settler(sqs).quarantine({each: NotJsonError() for each in messages(5)})
    assert [each.id for each in copied] == ["id-0"]
    assert sqs.deleted == ["0"]


@given(st.integers(1, 1000))
def test_a_delay_grows_with_the_receives_but_never_beyond_its_bound(receive_count: int) -> None:
    assert 1 <= delay(receive_count) <= min(MAX_DELAY, 2 * 2 ** min(receive_count, 16)) + 1


def test_delays_differ_so_that_what_failed_together_does_not_return_together() -> None:
    assert len({delay(8) for _ in range(50)}) > 5
