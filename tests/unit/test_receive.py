"""How a batch is gathered. SQS is faked at the client; `tests/integration/` has the real one."""

from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from email_activity.domain.errors import TransientError
from email_activity.ingest import receive as module
from email_activity.ingest.receive import GATHER_SECONDS, MAX_BATCH_CHARACTERS, Receiver
from email_activity.settings import load_settings

Answer = int | Exception


class FakeSqs:
    """answers: how many messages each receive brings, or how it fails."""

    def __init__(self, *answers: Answer, body: str = "body") -> None:
        self._answers = list(answers)
        self._body = body
        self.calls: list[dict[str, Any]] = []
        self.on_receive = lambda: None

    def receive_message(self, **call: Any) -> dict[str, Any]:
        self.calls.append(call)
        self.on_receive()
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return {"Messages": [{"MessageId": "1", "ReceiptHandle": "1", "Body": self._body} for _ in range(answer)]}


def receiver(sqs: FakeSqs, batch_size: int = 100, stopping: Any = lambda: False) -> Receiver:
    settings = load_settings(batch_size=batch_size, receive_wait_seconds=7)
    return Receiver(sqs, "https://sqs/events", settings, stopping)  # type: ignore[arg-type]


def test_it_waits_for_the_first_messages_and_takes_the_others_as_they_are() -> None:
    sqs = FakeSqs(10, 10, 3)
    assert len(receiver(sqs).receive()) == 23
    assert [call["WaitTimeSeconds"] for call in sqs.calls] == [7, 0, 0]


def test_it_never_asks_for_more_than_a_batch() -> None:
    sqs = FakeSqs(10, 10, 5)
    assert len(receiver(sqs, batch_size=25).receive()) == 25
    assert [call["MaxNumberOfMessages"] for call in sqs.calls] == [10, 10, 5]


def test_a_failure_after_the_first_messages_does_not_lose_them() -> None:
    assert len(receiver(FakeSqs(10, EndpointConnectionError(endpoint_url="http://x"))).receive()) == 10
    with pytest.raises(TransientError):
        receiver(FakeSqs(EndpointConnectionError(endpoint_url="http://x"))).receive()


def test_huge_messages_make_a_small_batch() -> None:
    """A hundred of a megabyte each, in each thread, would be more than a container has."""
    sqs = FakeSqs(*[10] * 10, body="x" * (MAX_BATCH_CHARACTERS // 20))
    assert len(receiver(sqs).receive()) == 20


def test_a_slow_sqs_does_not_hold_up_what_it_gave_first(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    sqs = FakeSqs(*[10] * 10)

    def takes_long() -> None:
        now[0] += GATHER_SECONDS - 1

    sqs.on_receive = takes_long
    assert len(receiver(sqs).receive()) == 30


def test_a_stop_ends_the_gathering() -> None:
    sqs = FakeSqs(*[10] * 10)
    assert len(receiver(sqs, stopping=lambda: len(sqs.calls) >= 2).receive()) == 20
