"""The benchmarks' stub of SQS behaves as SQS where the worker would notice, asked by boto3's client."""

import hashlib
import http.client
import json
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import pytest

from benchmarks.stub.client import Stub

QUEUE = "email-activity-events"
DEAD_LETTERS = "email-activity-dead-letters"

#: Seconds: the shortest visibility timeout.
SOON = 1

#: Bytes.
CHUNK = 64 * 1024
MEGABYTE = 1024 * 1024


@pytest.fixture
def url(stub: Stub, sqs: Any) -> str:  # noqa: ARG001  it is reset
    return sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]


def received(sqs: Any, url: str, wait: int = 0, **wanted: Any) -> list[dict[str, Any]]:
    answer = sqs.receive_message(
        QueueUrl=url, WaitTimeSeconds=wait, MessageSystemAttributeNames=["All"], MessageAttributeNames=["All"], **wanted
    )
    return answer.get("Messages", [])


def count_of(message: dict[str, Any]) -> int:
    return int(message["Attributes"]["ApproximateReceiveCount"])


def test_a_received_message_is_hidden_and_returns_with_a_higher_count(sqs: Any, url: str) -> None:
    sqs.send_message(QueueUrl=url, MessageBody="a")
    (first,) = received(sqs, url, VisibilityTimeout=SOON)
    assert received(sqs, url) == []
    time.sleep(SOON)
    (second,) = received(sqs, url)
    assert (count_of(first), count_of(second)) == (1, 2)
    assert second["MessageId"] == first["MessageId"]
    assert second["ReceiptHandle"] != first["ReceiptHandle"]
    for name in ("SentTimestamp", "ApproximateFirstReceiveTimestamp"):
        assert second["Attributes"][name] == first["Attributes"][name]


def test_a_message_given_back_is_there_at_once(sqs: Any, url: str) -> None:
    sqs.send_message(QueueUrl=url, MessageBody="a")
    (message,) = received(sqs, url)
    entry = {"Id": "0", "ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": 0}
    sqs.change_message_visibility_batch(QueueUrl=url, Entries=[entry])
    assert [count_of(each) for each in received(sqs, url)] == [2]


def test_what_is_deleted_or_extended_does_not_return_at_the_old_time(stub: Stub, sqs: Any, url: str) -> None:
    stub.fill(QUEUE, ["a", "b"])
    deleted, extended = received(sqs, url, VisibilityTimeout=SOON, MaxNumberOfMessages=2)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=deleted["ReceiptHandle"])
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=extended["ReceiptHandle"], VisibilityTimeout=60)
    time.sleep(SOON)
    assert received(sqs, url) == []
    counts = stub.sent(QUEUE)
    assert (counts["deleted"], counts["visible"], counts["in_flight"]) == (1, 0, 1)


def test_a_visible_message_is_deleted_by_an_older_handle_but_not_hidden(stub: Stub, sqs: Any, url: str) -> None:
    stub.fill(QUEUE, ["a"])
    (message,) = received(sqs, url, VisibilityTimeout=0)
    handle = message["ReceiptHandle"]
    with pytest.raises(sqs.exceptions.MessageNotInflight):
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=60)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)
    assert received(sqs, url) == []
    entry = {"Id": "a", "ReceiptHandle": handle, "VisibilityTimeout": 1}
    answer = sqs.change_message_visibility_batch(QueueUrl=url, Entries=[entry])
    assert [each["Code"] for each in answer["Failed"]] == ["InvalidParameterValue"]


def test_a_message_goes_to_the_dead_letters_instead_of_a_thirteenth_receive(stub: Stub, sqs: Any, url: str) -> None:
    sent = sqs.send_message(QueueUrl=url, MessageBody="a")
    for count in range(1, 13):
        assert [count_of(each) for each in received(sqs, url, VisibilityTimeout=0)] == [count]
    assert received(sqs, url) == []
    dead = sqs.get_queue_url(QueueName=DEAD_LETTERS)["QueueUrl"]
    assert [each["MessageId"] for each in received(sqs, dead)] == [sent["MessageId"]]
    assert stub.sent(QUEUE)["dead_lettered"] == 1


# ---- long polls ----------------------------------------------------------------------------------------------------


@pytest.fixture
def polled(sqs: Any, url: str) -> Iterator[Callable[[], Any]]:
    """Begins a long poll of 20 s, which hides a message for SOON; what that returns tells its messages."""
    with ThreadPoolExecutor(2) as pool:

        def begin() -> Any:
            future = pool.submit(received, sqs, url, wait=20, VisibilityTimeout=SOON)
            time.sleep(0.2)
            return future.result

        yield begin


def test_long_polls_are_woken_in_their_order_by_what_arrives(sqs: Any, url: str, polled: Callable[[], Any]) -> None:
    began, first, second = time.monotonic(), polled(), polled()
    for body in ("a", "b"):
        sqs.send_message(QueueUrl=url, MessageBody=body)
    assert [each["Body"] for poll in (first, second) for each in poll()] == ["a", "b"]
    assert time.monotonic() - began < 15


def test_what_one_long_poll_was_given_wakes_the_next_when_it_returns(
    sqs: Any, url: str, polled: Callable[[], Any]
) -> None:
    """Both waited when there was nothing that could return."""
    first, second = polled(), polled()
    began = time.monotonic()
    sqs.send_message(QueueUrl=url, MessageBody="a")
    assert sorted(count_of(each) for poll in (first, second) for each in poll()) == [1, 2]
    assert time.monotonic() - began < 15


def test_a_long_poll_that_nothing_came_to_ends_empty_and_is_billed(stub: Stub, sqs: Any, url: str) -> None:
    began = time.monotonic()
    assert received(sqs, url, wait=1) == []
    assert time.monotonic() - began >= 1
    assert stub.report()["empty_receives"] == 1
    assert stub.report()["billed_sqs_requests"] == 2  # with the question for the URL


def test_a_poll_of_who_hung_up_is_no_empty_receive(stub: Stub, sqs: Any, url: str) -> None:  # noqa: ARG001
    hang_up_in_a_poll(stub, url, wait=1)
    time.sleep(1.3)
    assert stub.report()["empty_receives"] == 0


def hang_up_in_a_poll(stub: Stub, url: str, wait: int) -> None:
    body = json.dumps({"QueueUrl": url, "WaitTimeSeconds": wait})
    with closing(http.client.HTTPConnection(urlsplit(stub.endpoint_url).netloc)) as connection:
        connection.request("POST", "/", body, {"X-Amz-Target": "AmazonSQS.ReceiveMessage"})
        time.sleep(0.1)
    time.sleep(0.1)


def test_who_hung_up_is_given_nothing(stub: Stub, sqs: Any, url: str) -> None:
    hang_up_in_a_poll(stub, url, wait=20)
    sqs.send_message(QueueUrl=url, MessageBody="a")
    assert [count_of(each) for each in received(sqs, url)] == [1]


# ---- batches and errors --------------------------------------------------------------------------------------------


def entries(operation: str, count: int) -> list[dict[str, Any]]:
    fields: dict[str, dict[str, Any]] = {
        "send_message_batch": {"MessageBody": "a"},
        "delete_message_batch": {"ReceiptHandle": "h"},
        "change_message_visibility_batch": {"ReceiptHandle": "h", "VisibilityTimeout": 0},
    }
    return [{"Id": str(number), **fields[operation]} for number in range(count)]


@pytest.mark.parametrize("operation", ["send_message_batch", "delete_message_batch", "change_message_visibility_batch"])
def test_batches_of_the_wrong_form_are_refused(stub: Stub, sqs: Any, url: str, operation: str) -> None:
    for refused, asked in {
        "TooManyEntriesInBatchRequest": entries(operation, 11),
        "BatchEntryIdsNotDistinct": entries(operation, 1) * 2,
        "EmptyBatchRequest": [],
        "InvalidBatchEntryId": [entries(operation, 1)[0] | {"Id": "a b"}],
    }.items():
        with pytest.raises(getattr(sqs.exceptions, refused)):
            getattr(sqs, operation)(QueueUrl=url, Entries=asked)
    assert stub.sent(QUEUE)["sent"] == 0


def test_a_bad_handle_fails_only_its_own_entry(stub: Stub, sqs: Any, url: str) -> None:
    sqs.send_message_batch(QueueUrl=url, Entries=entries("send_message_batch", 2))
    first, second = received(sqs, url, MaxNumberOfMessages=10)
    handles = {"a": first["ReceiptHandle"], "b": "no handle", "c": second["ReceiptHandle"]}
    asked = [{"Id": name, "ReceiptHandle": handle} for name, handle in handles.items()]
    answer = sqs.delete_message_batch(QueueUrl=url, Entries=asked)
    assert [each["Id"] for each in answer["Successful"]] == ["a", "c"]
    assert [(each["Id"], each["Code"]) for each in answer["Failed"]] == [("b", "ReceiptHandleIsInvalid")]
    assert stub.sent(QUEUE)["deleted"] == 2


@pytest.mark.parametrize(
    "wanted", [{"MaxNumberOfMessages": 11}, {"MaxNumberOfMessages": 0}, {"wait": 21}, {"VisibilityTimeout": 43_201}]
)
def test_a_receive_beyond_the_limits_is_refused(sqs: Any, url: str, wanted: dict[str, int]) -> None:
    with pytest.raises(sqs.exceptions.ClientError, match="InvalidParameterValue"):
        received(sqs, url, **wanted)


def test_more_than_a_megabyte_is_refused(stub: Stub, sqs: Any, url: str) -> None:
    with pytest.raises(sqs.exceptions.ClientError, match="InvalidParameterValue"):
        sqs.send_message(QueueUrl=url, MessageBody="a" * (MEGABYTE + 1))
    half = {"MessageBody": "a" * (MEGABYTE // 2)}
    sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": "a", **half}, {"Id": "b", **half}])
    with pytest.raises(sqs.exceptions.BatchRequestTooLong):
        sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": name, **half} for name in "abc"])
    assert stub.sent(QUEUE)["sent"] == 2


def test_a_queue_that_was_never_asked_for_is_not_there(stub: Stub, sqs: Any) -> None:
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        sqs.receive_message(QueueUrl=f"{stub.endpoint_url}/000000000000/nobody-asked")


# ---- what a message carries, and what a queue says of itself -------------------------------------------------------


def test_a_message_comes_as_it_was_sent_with_what_was_asked_for(sqs: Any, url: str) -> None:
    body = 'Grüße, "Ω" \\ \n \U0001f4ec'
    attributes = {name: {"DataType": "String", "StringValue": "x"} for name in ("reason", "detail")}
    sent = sqs.send_message(QueueUrl=url, MessageBody=body, MessageAttributes=attributes)
    (message,) = received(sqs, url, VisibilityTimeout=0)
    assert (message["Body"], message["MessageAttributes"]) == (body, attributes)
    digest = hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()
    assert (sent["MD5OfMessageBody"], message["MD5OfBody"]) == (digest, digest)
    assert sent["MessageId"] == message["MessageId"]
    (bare,) = sqs.receive_message(QueueUrl=url, VisibilityTimeout=0)["Messages"]
    assert bare.keys() == {"MessageId", "ReceiptHandle", "MD5OfBody", "Body"}
    (some,) = sqs.receive_message(
        QueueUrl=url, MessageSystemAttributeNames=["ApproximateReceiveCount"], MessageAttributeNames=["reason"]
    )["Messages"]
    assert some["Attributes"] == {"ApproximateReceiveCount": "3"}
    assert some["MessageAttributes"].keys() == {"reason"}


def test_what_a_queue_is_filled_with_comes_in_its_order(stub: Stub, sqs: Any, url: str) -> None:
    bodies = [f'{{"Grüße": {number}}}' for number in range(10)]
    stub.fill(QUEUE, bodies)
    assert [each["Body"] for each in received(sqs, url, MaxNumberOfMessages=10)] == bodies


def test_the_queue_tells_the_worker_what_it_asks_at_its_start(sqs: Any, url: str) -> None:
    said = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout", "RedrivePolicy"])["Attributes"]
    assert said["VisibilityTimeout"] == "120"
    assert f':{DEAD_LETTERS}"' in said["RedrivePolicy"]


def test_a_queue_is_made_as_it_is_told(stub: Stub, sqs: Any) -> None:  # noqa: ARG001
    """As kombu makes the queue of a Celery broker."""
    url = sqs.create_queue(QueueName="celery", Attributes={"VisibilityTimeout": "77"})["QueueUrl"]
    said = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert said["VisibilityTimeout"] == "77"
    assert "RedrivePolicy" not in said
    assert sqs.list_queues(QueueNamePrefix="cel")["QueueUrls"] == [url]


@pytest.mark.parametrize(
    ("sizes", "billed"),
    [
        ([1], 1),
        ([CHUNK], 1),
        ([CHUNK + 1], 2),
        ([CHUNK // 10] * 10, 1),
        ([CHUNK // 8] * 10, 2),
        ([CHUNK] * 10, 10),
    ],
)
def test_each_64_kb_of_a_call_are_billed_as_a_request(
    stub: Stub, sqs: Any, url: str, sizes: Sequence[int], billed: int
) -> None:
    def now() -> int:
        return stub.report()["billed_sqs_requests"]

    before = now()
    send = [{"Id": str(number), "MessageBody": "a" * size} for number, size in enumerate(sizes)]
    sqs.send_message_batch(QueueUrl=url, Entries=send)
    assert now() - before == billed
    messages = received(sqs, url, MaxNumberOfMessages=10)
    assert now() - before == 2 * billed
    delete = [{"Id": str(number), "ReceiptHandle": each["ReceiptHandle"]} for number, each in enumerate(messages)]
    sqs.delete_message_batch(QueueUrl=url, Entries=delete)
    assert now() - before == 2 * billed + 1
    counted = {"sqs.SendMessageBatch", "sqs.ReceiveMessage", "sqs.DeleteMessageBatch"}
    assert stub.report()["entries"] == dict.fromkeys(counted, len(sizes))
