"""The stub as a process: its delay, its counts, its HTTP, its end."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import urlsplit

import pytest

from benchmarks.stub.client import TESTS, Stub

EVENTS = "stub-events"
ASK = b'{"QueueName": "stub-events"}'


@pytest.fixture
def stub(running) -> Stub:
    running.configure(delay_ms=0)
    running.reset()
    return running


@pytest.fixture
def wire(stub) -> Iterator[socket.socket]:
    where = urlsplit(stub.endpoint_url)
    with socket.create_connection((where.hostname, where.port), timeout=5) as connected:
        yield connected


def request(body=ASK, target="AmazonSQS.GetQueueUrl", more="") -> bytes:
    return (
        f"POST /any/path HTTP/1.1\r\nX-Amz-Target: {target}\r\n{more}Content-Length: {len(body)}\r\n\r\n".encode()
        + body
    )


def read_answer(wire) -> dict:
    answer = http.client.HTTPResponse(wire)
    answer.begin()
    with closing(answer):
        return json.loads(answer.read())


def test_each_call_is_answered_after_the_delay(stub) -> None:
    stub.configure(delay_ms=30)
    with stub.connect("sqs") as sqs:
        url = sqs.get_queue_url(QueueName=EVENTS)["QueueUrl"]
        took = []
        for _ in range(20):
            began = time.monotonic()
            sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
            took.append(time.monotonic() - began)
    assert 0.029 < min(took) < 0.045


def test_control_is_not_delayed(stub) -> None:
    stub.configure(delay_ms=500)
    began = time.monotonic()
    stub.report()
    assert time.monotonic() - began < 0.4


def test_calls_entries_and_bills_are_counted(stub) -> None:
    stub.fill(EVENTS, ["x" * 30_000] * 3)
    with stub.connect("sqs") as sqs:
        url = sqs.get_queue_url(QueueName=EVENTS)["QueueUrl"]
        began = time.monotonic()
        messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
        sqs.receive_message(QueueUrl=url)
        entries = [{"Id": each["MessageId"], "ReceiptHandle": each["ReceiptHandle"]} for each in messages[:2]]
        sqs.delete_message_batch(QueueUrl=url, Entries=entries)
    report = stub.report()
    assert report["calls"] == {"sqs.GetQueueUrl": 1, "sqs.ReceiveMessage": 2, "sqs.DeleteMessageBatch": 1}
    assert report["entries"] == {"sqs.ReceiveMessage": 3, "sqs.DeleteMessageBatch": 2}
    assert report["empty_receives"] == 1
    assert report["billed_sqs_requests"] == 4 + 1  # 90,000 bytes are two chunks of 64 KB
    assert began < report["first_receive_at"] < report["last_delete_at"] < time.monotonic()
    counts = report["queues"][EVENTS]
    names = ("sent", "received", "deleted", "in_flight", "visible", "redelivered")
    assert [counts[name] for name in names] == [3, 3, 2, 1, 0, 0]
    assert stub.sent(EVENTS) == counts


def test_a_reset_empties_and_forgets(stub) -> None:
    stub.fill(EVENTS, ["a", "b"])
    with stub.connect("sqs") as sqs:
        url = sqs.get_queue_url(QueueName=EVENTS)["QueueUrl"]
        [old] = sqs.receive_message(QueueUrl=url)["Messages"]
        stub.reset()
        assert "Messages" not in sqs.receive_message(QueueUrl=url)
        stub.fill(EVENTS, ["c", "d"])
        sqs.delete_message(QueueUrl=url, ReceiptHandle=old["ReceiptHandle"])  # of the time before
        assert stub.sent(EVENTS)["visible"] == 2
    assert stub.report()["calls"] == {"sqs.ReceiveMessage": 1, "sqs.DeleteMessage": 1}


def test_the_time_of_filling_and_reporting_is_no_time_of_the_stub(stub) -> None:
    stub.fill(EVENTS, ["x" * 2_500] * 20_000)
    assert stub.report()["cpu_seconds"] < 0.05


def test_a_wrong_request_to_control_is_told_so(stub) -> None:
    with pytest.raises(RuntimeError, match="unknown field"):
        stub.configure(dealy_ms=1)
    with pytest.raises(RuntimeError, match="no queue 'nobody'"):
        stub.sent("nobody")


def test_a_request_in_pieces_is_read_whole(wire) -> None:
    for byte in request():
        wire.sendall(bytes([byte]))
        time.sleep(0.0005)
    assert read_answer(wire)["QueueUrl"].endswith(EVENTS)


def test_requests_that_came_before_an_answer_are_answered_one_after_the_other(stub, wire) -> None:
    stub.fill(EVENTS, [])
    poll = b'{"QueueUrl": "/stub-events", "WaitTimeSeconds": 1}'
    wire.sendall(request(poll, "AmazonSQS.ReceiveMessage") + request()[:20])
    time.sleep(0.1)
    wire.sendall(request()[20:] + request(b'{"QueueName": "last"}'))
    came = b""
    while not came.endswith(b'last"}'):
        came += wire.recv(65_536)
    assert re.findall(rb"{.*?}", came) == [b"{}", *re.findall(rb'{"QueueUrl":"[^"]*/(?:stub-events|last)"}', came)]
    assert came.count(b"HTTP/1.1 200") == 3


def test_headers_may_be_in_any_case(wire) -> None:
    body = request().split(b"\r\n\r\n")[1]
    wire.sendall(
        b"POST / HTTP/1.1\r\nX-AMZ-target:AmazonSQS.GetQueueUrl\r\ncontent-length:%d\r\n\r\n%b" % (len(body), body)
    )
    assert read_answer(wire)["QueueUrl"].endswith(EVENTS)


def test_who_asks_before_sending_much_is_told_to_go_on(wire) -> None:
    head, body = request(more="Expect: 100-continue\r\n").split(b"\r\n\r\n")
    wire.sendall(head + b"\r\n\r\n")
    assert wire.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
    wire.sendall(body)
    assert read_answer(wire)["QueueUrl"].endswith(EVENTS)


@pytest.mark.parametrize(
    ("body", "target", "kind"),
    [
        (b"{}", "AmazonSQS.TagQueue", "UnknownOperationException"),
        (b"{", "AmazonSQS.GetQueueUrl", "SerializationException"),
        (b"{}", "AmazonSQS.ReceiveMessage", "SerializationException"),
        (b'{"TableName": "t", "Item": {"pk": {"S": "a"}}}', "DynamoDB_20120810.PutItem", "ValidationException"),
        (
            b'{"TableName": "t", "KeyConditionExpression": "pk = :a", "ExpressionAttributeValues": {}}',
            "DynamoDB_20120810.Query",
            "InternalFailure",
        ),
    ],
)
def test_what_cannot_be_read_is_an_error_of_aws(body, target, kind, wire) -> None:
    wire.sendall(request(body, target))
    assert read_answer(wire)["__type"].endswith(f"#{kind}")


@pytest.mark.parametrize("end", ["signal", "stdin"])
def test_it_ends_when_told_or_when_its_starter_is_gone(end) -> None:
    command = [sys.executable, "-m", "benchmarks.stub", "--until-stdin-closes"]
    with subprocess.Popen(command, cwd=TESTS, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        said = json.loads(process.stdout.readline())
        assert said["pid"] == process.pid
        where = urlsplit(said["endpoint_url"])
        with pytest.raises(OSError):  # noqa: PT011  refused or unknown: nobody listens there
            socket.create_connection(("127.0.0.2", where.port), timeout=1)
        with socket.create_connection((where.hostname, where.port)):  # a connection that is open holds nothing up
            if end == "signal":
                os.kill(process.pid, signal.SIGTERM)
            else:
                process.stdin.close()
            assert process.wait(10) == 0
