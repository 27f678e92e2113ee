"""No receive while a dependency does not answer."""

import pytest

from worker.errors import TransientError
from worker.ingest import gate as module
from worker.ingest.gate import PROBE_EVERY, Gate


class Dependency:
    """Answers, or not; counts how often it is asked."""

    def __init__(self, name: str = "redis") -> None:
        self.name = name
        self.is_up = True
        self.asked = 0

    def __call__(self) -> None:
        self.asked += 1
        if not self.is_up:
            raise TransientError(self.name, "ConnectionError")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []

    class Log:
        def __getattr__(self, _: str):
            return lambda event, **__: lines.append(event)

    monkeypatch.setattr(module, "log", Log())
    return lines


def test_it_opens_when_all_have_answered_and_then_asks_nobody(clock: list[float]) -> None:
    """A worker that starts in an outage, or a child that replaces another, must not receive to find out."""
    redis = Dependency()
    redis.is_up = False
    gate = Gate({"redis": redis})
    assert not gate.is_open()
    redis.is_up = True
    clock[0] += PROBE_EVERY
    assert gate.is_open()
    assert gate.is_open()
    assert redis.asked == 2


def test_it_stays_shut_until_what_failed_has_answered(clock: list[float], said: list[str]) -> None:
    redis = Dependency()
    gate = Gate({"redis": redis})
    assert gate.is_open()
    redis.is_up = False
    gate.fail(TransientError("redis", "ConnectionError"))
    for _ in range(3):
        clock[0] += PROBE_EVERY
        assert not gate.is_open()
    redis.is_up = True
    clock[0] += PROBE_EVERY
    assert gate.is_open()
    assert said == ["dependency_failing", "dependency_back"]


def test_all_must_have_answered_since_the_last_failure(clock: list[float], said: list[str]) -> None:
    redis, table = Dependency(), Dependency("dynamodb")
    gate = Gate({"redis": redis, "dynamodb": table})
    assert gate.is_open()
    table.is_up = False  # which nobody has noticed yet
    gate.fail(TransientError("redis", "ConnectionError"))
    clock[0] += PROBE_EVERY
    assert not gate.is_open()
    table.is_up = True
    clock[0] += PROBE_EVERY
    assert gate.is_open()
    assert said.count("dependency_failing") == said.count("dependency_back") == 2


def test_many_threads_ask_once_a_second_and_an_outage_is_said_once(clock: list[float], said: list[str]) -> None:
    redis = Dependency()
    gate = Gate({"redis": redis})
    assert gate.is_open()
    redis.is_up = False
    redis.asked = 0
    for _ in range(50):
        gate.fail(TransientError("redis", "ConnectionError"))
        assert not gate.is_open()
    clock[0] += PROBE_EVERY
    for _ in range(50):
        assert not gate.is_open()
    assert redis.asked == 1
    assert said == ["dependency_failing"]
