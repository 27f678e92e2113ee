"""SQS's batch calls: what counts as done, what is tried again, and when it ends. SQS itself is in memory."""

from collections import Counter
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from hypothesis import given
from hypothesis import strategies as st

from email_activity.aws.batches import MAX_ATTEMPTS, MAX_BYTES, NOT_ANSWERED, call_in_batches

REFUSAL = ClientError({"Error": {"Code": "ServiceUnavailable"}}, "any")
NO_ANSWER = ReadTimeoutError(endpoint_url="http://x")


class Queue:
    """fails: how often an entry fails, by its body. raises: instead of an answer, by the number of the call."""

    def __init__(self, fails: dict[str, int] | None = None, raises: dict[int, Exception] | None = None) -> None:
        self.fails = Counter(fails or {})
        self.raises = raises or {}
        self.calls = 0
        self.bodies: list[str] = []

    def send_message_batch(self, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        assert QueueUrl == "url"
        assert 0 < len({entry["Id"] for entry in Entries}) == len(Entries) <= 10
        assert sum(len(entry["MessageBody"].encode()) for entry in Entries) <= MAX_BYTES
        self.calls += 1
        if error := self.raises.get(self.calls):
            raise error
        answer: dict[str, list[dict[str, str]]] = {"Successful": [], "Failed": []}
        for entry in Entries:
            self.fails[entry["MessageBody"]] -= 1
            if self.fails[entry["MessageBody"]] >= 0:
                answer["Failed"].append({"Id": entry["Id"], "Code": "InternalError"})
            else:
                self.bodies.append(entry["MessageBody"])
                answer["Successful"].append({"Id": entry["Id"], "MessageId": f"new-{entry['MessageBody']}"})
        return answer


def entries(*bodies: str) -> dict[str, dict[str, str]]:
    return {f"key-{place}": {"MessageBody": body} for place, body in enumerate(bodies)}


@given(st.dictionaries(st.integers(0, 24).map(str), st.integers(0, MAX_ATTEMPTS + 1)))
def test_what_fails_in_part_is_tried_again_and_every_entry_is_told_once(fails: dict[str, int]) -> None:
    queue = Queue(fails)
    bodies = [str(number) for number in range(25)]
    results = list(call_in_batches(queue.send_message_batch, "url", entries(*bodies)))
    done = {key: sent["MessageId"] for result in results for key, sent in result.done.items()}
    failed = {key: code for result in results for key, code in result.failed.items()}
    assert failed == {f"key-{body}": "InternalError" for body, times in fails.items() if times >= MAX_ATTEMPTS}
    assert done == {f"key-{body}": f"new-{body}" for body in bodies if f"key-{body}" not in failed}
    assert Counter(queue.bodies) == Counter(body for body in bodies if f"key-{body}" in done)


@pytest.mark.parametrize(
    "answer", [{}, {"Successful": []}, {"Successful": [{"Id": "of another call"}]}, {"Successful": [{"Id": "0"}]}]
)
def test_only_what_an_answer_lists_was_done_since_a_proxy_may_answer_200(answer: dict[str, Any]) -> None:
    (result,) = call_in_batches(lambda **_: answer, "url", entries("a"))
    assert (result.done, result.failed, result.error) == ({}, {"key-0": NOT_ANSWERED}, None)


@pytest.mark.parametrize(("error", "code"), [(REFUSAL, "ServiceUnavailable"), (NO_ANSWER, "ReadTimeoutError")])
def test_an_error_keeps_what_was_done_before_it(error: Exception, code: str) -> None:
    queue = Queue({"b": 1}, raises={2: error})
    (result,) = call_in_batches(queue.send_message_batch, "url", entries("a", "b"))
    assert (list(result.done), result.failed, result.error) == (["key-0"], {"key-1": code}, error)


def test_who_stops_at_an_error_makes_no_further_call() -> None:
    queue = Queue(raises={1: REFUSAL})
    for result in call_in_batches(queue.send_message_batch, "url", entries(*"abcdefghijklmno")):
        assert len(result.failed) == 10
        break
    assert queue.calls == 1


def test_no_call_is_larger_than_a_mebibyte() -> None:
    queue = Queue()
    for _ in call_in_batches(queue.send_message_batch, "url", entries(*("\u00e9" * 150_000 for _ in range(10)))):
        pass
    assert (queue.calls, len(queue.bodies)) == (4, 10)
