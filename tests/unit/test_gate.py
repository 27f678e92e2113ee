"""No receive while a dependency does not answer."""

import pytest

from worker.errors import TransientError
from worker.ingest import gate as module
from worker.ingest.gate import PROBE_EVERY, Gate


class Dependency:
    """Answers, or not; counts how often it is asked."""

    def __init__(self) -> None:
        self.is_up = True
        self.asked = 0

    def __call__(self) -> None:
        self.asked += 1
        if not self.is_up:
            raise TransientError("redis", "ConnectionError")


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


def test_an_open_gate_asks_nobody() -> None:
    redis = Dependency()
    assert Gate({"redis": redis}).is_open()
    assert redis.asked == 0


def test_it_stays_shut_until_what_failed_has_answered(clock: list[float], said: list[str]) -> None:
    redis = Dependency()
    gate = Gate({"redis": redis})
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
    redis, table = Dependency(), Dependency()
    gate = Gate({"redis": redis, "dynamodb": table})
    table.is_up = False  # which nobody has noticed yet
    gate.fail(TransientError("redis", "ConnectionError"))
    clock[0] += PROBE_EVERY
    assert not gate.is_open()
    assert said == ["dependency_failing", "dependency_back"]
    table.is_up = True
    clock[0] += PROBE_EVERY
    assert gate.is_open()
    assert said == ["dependency_failing", "dependency_back"]


def test_many_threads_ask_once_a_second_and_an_outage_is_said_once(clock: list[float], said: list[str]) -> None:
    redis = Dependency()
    redis.is_up = False
    gate = Gate({"redis": redis})
    for _ in range(50):
        gate.fail(TransientError("redis", "ConnectionError"))
        assert not gate.is_open()
    clock[0] += PROBE_EVERY
    for _ in range(50):
        assert not gate.is_open()
    assert redis.asked == 1
    assert said == ["dependency_failing"]
