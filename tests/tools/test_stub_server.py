"""The benchmarks' stub answers everything after the delay, runs on any event loop and ends with its block."""

import http.client
import json
import os
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

QUEUE = "email-activity-events"

#: Seconds.
DELAY = 0.08

WITHOUT_UVLOOP = """
import runpy, sys
sys.modules["uvloop"] = None
runpy.run_module("benchmarks.stub", run_name="__main__")
"""


@pytest.fixture(scope="module")
def sqs(running: Stub) -> Iterator[Any]:
    with running.connect("sqs") as client:
        yield client


@pytest.fixture
def stub(running: Stub) -> Stub:
    running.reset()
    running.configure(delay_ms=0)
    return running


@pytest.fixture
def url(stub: Stub, sqs: Any) -> str:  # noqa: ARG001  it is reset
    return sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]


def took(call: Callable[[], object]) -> float:
    began = time.monotonic()
    call()
    return time.monotonic() - began


# ---- the delay -----------------------------------------------------------------------------------------------------


def test_no_answer_comes_before_the_delay(stub: Stub, sqs: Any, url: str) -> None:
    stub.configure(delay_ms=DELAY * 1000)
    for _ in range(3):
        assert took(lambda: sqs.send_message(QueueUrl=url, MessageBody="a")) >= DELAY - SLACK
        assert took(lambda: sqs.receive_message(QueueUrl=url)) >= DELAY - SLACK
    with stub.connect("dynamodb") as dynamodb:
        assert took(lambda: dynamodb.describe_table(TableName="t")) >= DELAY - SLACK


def test_an_error_comes_after_the_delay_too(stub: Stub, sqs: Any, url: str) -> None:
    stub.configure(delay_ms=DELAY * 1000)

    def fail() -> None:
        with pytest.raises(sqs.exceptions.EmptyBatchRequest):
            sqs.send_message_batch(QueueUrl=url, Entries=[])

    assert took(fail) >= DELAY - SLACK


def test_calls_wait_side_by_side(stub: Stub, sqs: Any, url: str) -> None:
    stub.configure(delay_ms=500)
    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(took, lambda: sqs.send_message(QueueUrl=url, MessageBody="a")) for _ in range(8)]
        together = took(lambda: [each.result() for each in calls])
    assert together < 8 * 0.5 / 2


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


# ---- the process ---------------------------------------------------------------------------------------------------


def test_the_stub_ends_with_its_block_even_while_somebody_polls() -> None:
    with ThreadPoolExecutor(1) as pool, Stub.start(delay_ms=0) as stub, stub.connect("sqs") as sqs:
        url = sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]
        poll = pool.submit(sqs.receive_message, QueueUrl=url, WaitTimeSeconds=20)
        time.sleep(0.1)
        began = time.monotonic()
    assert time.monotonic() - began < END_WITHIN  # by itself, and not killed
    with pytest.raises(ProcessLookupError):
        os.kill(stub.pid, 0)
    assert poll.exception()


def test_the_stub_runs_without_uvloop() -> None:
    command = [sys.executable, "-c", WITHOUT_UVLOOP, "--until-stdin-closes"]
    with subprocess.Popen(command, cwd=TESTS, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        started = json.loads(process.stdout.readline())
        with closing(http.client.HTTPConnection(urlsplit(started["endpoint_url"]).netloc, timeout=5)) as connection:
            connection.request("GET", "/_stub/report")
            assert connection.getresponse().status == 200
        process.communicate(timeout=10)
    assert process.returncode == 0
