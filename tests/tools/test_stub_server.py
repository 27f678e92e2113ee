"""The benchmarks' stub as a process: its delay, its counts, its HTTP, its end."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import pytest

from benchmarks.stub.client import END_WITHIN, TESTS, Stub
from benchmarks.stub.delay import SLACK

EVENTS = "stub-events"
ASK = b'{"QueueName": "stub-events"}'

#: Seconds.
DELAY = 0.08

WITHOUT_UVLOOP = """
import runpy, sys
sys.modules["uvloop"] = None
runpy.run_module("benchmarks.stub", run_name="__main__")
"""


@pytest.fixture
def url(stub: Stub, sqs: Any) -> str:  # noqa: ARG001  it is reset
    return sqs.get_queue_url(QueueName=EVENTS)["QueueUrl"]


@pytest.fixture
def wire(stub: Stub) -> Iterator[socket.socket]:
    where = urlsplit(stub.endpoint_url)
    with socket.create_connection((where.hostname, where.port), timeout=60) as connected:
        yield connected


def took(call: Callable[[], object]) -> float:
    began = time.monotonic()
    call()
    return time.monotonic() - began


def request(body: bytes = ASK, target: str = "AmazonSQS.GetQueueUrl", more: str = "") -> bytes:
    head = f"POST /any/path HTTP/1.1\r\nX-Amz-Target: {target}\r\n{more}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def read_answer(wire: socket.socket) -> dict[str, Any]:
    answer = http.client.HTTPResponse(wire)
    answer.begin()
    with closing(answer):
        return json.loads(answer.read())


def test_no_answer_comes_before_the_delay_but_those_of_control(stub: Stub, sqs: Any, url: str) -> None:
    stub.configure(delay_ms=DELAY * 1000)
    assert took(lambda: sqs.send_message(QueueUrl=url, MessageBody="a")) >= DELAY - SLACK
    assert took(lambda: sqs.receive_message(QueueUrl=url)) >= DELAY - SLACK
    with stub.connect("dynamodb") as dynamodb:
        assert took(lambda: dynamodb.describe_table(TableName="t")) >= DELAY - SLACK

    def fail() -> None:
        with pytest.raises(sqs.exceptions.EmptyBatchRequest):
            sqs.send_message_batch(QueueUrl=url, Entries=[])

    assert took(fail) >= DELAY - SLACK
    stub.configure(delay_ms=60_000)
    assert took(stub.report) < 60


def test_calls_wait_side_by_side(stub: Stub, sqs: Any, url: str) -> None:
    stub.configure(delay_ms=2_000)
    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(took, lambda: sqs.send_message(QueueUrl=url, MessageBody="a")) for _ in range(8)]
        together = took(lambda: [each.result() for each in calls])
    assert together < 8 * 2 / 2


def test_a_long_poll_is_answered_a_delay_after_it_was_woken(stub: Stub, sqs: Any, url: str) -> None:
    stub.configure(delay_ms=DELAY * 1000)

    def poll() -> float:
        assert len(sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10)["Messages"]) == 1
        return time.monotonic()

    with ThreadPoolExecutor(1) as pool:
        polling = pool.submit(poll)
        time.sleep(0.2)
        began = time.monotonic()
        sqs.send_message(QueueUrl=url, MessageBody="a")
        assert polling.result() - began >= DELAY - SLACK


def test_calls_entries_and_bills_are_counted_until_a_reset(stub: Stub, sqs: Any, url: str) -> None:
    stub.fill(EVENTS, ["x" * 30_000] * 3)
    messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    sqs.receive_message(QueueUrl=url)
    entries = [{"Id": each["MessageId"], "ReceiptHandle": each["ReceiptHandle"]} for each in messages[:2]]
    sqs.delete_message_batch(QueueUrl=url, Entries=entries)
    report = stub.report()
    assert report["calls"] == {"sqs.GetQueueUrl": 1, "sqs.ReceiveMessage": 2, "sqs.DeleteMessageBatch": 1}
    assert report["entries"] == {"sqs.ReceiveMessage": 3, "sqs.DeleteMessageBatch": 2}
    assert report["empty_receives"] == 1
    assert report["billed_sqs_requests"] == 4 + 1  # 90,000 bytes are two chunks of 64 KB
    counts = report["queues"][EVENTS]
    assert [counts[name] for name in ("sent", "received", "deleted", "in_flight", "visible")] == [3, 3, 2, 1, 0]
    assert stub.sent(EVENTS) == counts
    stub.reset()
    stub.fill(EVENTS, ["c", "d"])
    sqs.delete_message(QueueUrl=url, ReceiptHandle=messages[2]["ReceiptHandle"])  # of the time before
    assert stub.sent(EVENTS)["visible"] == 2
    assert stub.report()["calls"] == {"sqs.DeleteMessage": 1}


def test_a_wrong_request_to_control_is_told_so(stub: Stub) -> None:
    with pytest.raises(RuntimeError, match="unknown field"):
        stub._call("POST", "config", {"delay_ms": 1, "dealy_ms": 1})
    with pytest.raises(RuntimeError, match="no queue 'nobody'"):
        stub.sent("nobody")


def test_a_request_in_pieces_is_read_whole_and_headers_in_any_case(wire: socket.socket) -> None:
    whole = request().replace(b"X-Amz-Target: ", b"X-AMZ-target:").replace(b"Content-Length: ", b"content-length:")
    for byte in whole:
        wire.sendall(bytes([byte]))
        time.sleep(0.0005)
    assert read_answer(wire)["QueueUrl"].endswith(EVENTS)


def test_requests_that_came_before_an_answer_are_answered_in_order(stub: Stub, wire: socket.socket) -> None:
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


def test_who_asks_before_sending_much_is_told_to_go_on(wire: socket.socket) -> None:
    head, body = request(more="Expect: 100-continue\r\n").split(b"\r\n\r\n")
    wire.sendall(head + b"\r\n\r\n")
    assert wire.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
    wire.sendall(body)
    assert read_answer(wire)["QueueUrl"].endswith(EVENTS)


@pytest.mark.parametrize(
    ("body", "target", "kind"),
    [
        (b"{}", "AmazonSQS.TagQueue", "UnknownOperationException"),
        (b"{}", "DynamoDB_20120810.Scan", "UnknownOperationException"),
        (b"{", "AmazonSQS.GetQueueUrl", "SerializationException"),
        (b"{}", "AmazonSQS.ReceiveMessage", "SerializationException"),
        (b'{"TableName": "t", "Item": {"pk": {"S": "a"}}}', "DynamoDB_20120810.PutItem", "ValidationException"),
    ],
)
def test_what_cannot_be_read_is_an_error_of_aws(body: bytes, target: str, kind: str, wire: socket.socket) -> None:
    wire.sendall(request(body, target))
    assert read_answer(wire)["__type"].endswith(f"#{kind}")


@pytest.mark.parametrize("end", ["signal", "stdin", "stdin, without uvloop"])
def test_it_ends_when_told_or_when_its_starter_is_gone(end: str) -> None:
    module = ["-c", WITHOUT_UVLOOP] if "without" in end else ["-m", "benchmarks.stub"]
    command = [sys.executable, *module, "--until-stdin-closes"]
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
            assert process.wait(60) == 0


def test_the_stub_ends_with_its_block_even_while_somebody_polls() -> None:
    with ThreadPoolExecutor(1) as pool, Stub.start(delay_ms=0) as stub, stub.connect("sqs") as sqs:
        url = sqs.get_queue_url(QueueName=EVENTS)["QueueUrl"]
        poll = pool.submit(sqs.receive_message, QueueUrl=url, WaitTimeSeconds=20)
        time.sleep(0.1)
        began = time.monotonic()
    assert time.monotonic() - began < END_WITHIN  # by itself, and not killed
    with pytest.raises(ProcessLookupError):
        os.kill(stub.pid, 0)
    assert poll.exception()
