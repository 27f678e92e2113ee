"""The benchmark's stub of SQS and DynamoDB, for its own tests: one process for each file."""

from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks.stub.client import Stub


@pytest.fixture(scope="module")
def running() -> Iterator[Stub]:
    with Stub.start(delay_ms=0) as stub:
        yield stub


@pytest.fixture
def stub(running: Stub) -> Stub:
    """As if nothing had been, and without a delay."""
    running.reset()
    running.configure(delay_ms=0)
    return running


@pytest.fixture(scope="module")
def sqs(running: Stub) -> Iterator[Any]:
    with running.connect("sqs") as client:
        yield client
