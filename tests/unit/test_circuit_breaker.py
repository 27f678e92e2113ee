"""Receives are allowed only while everything has answered of late; nothing else may receive in an outage."""

import math

import pytest
import structlog

from email_activity.domain.errors import TransientError
from email_activity.ingest import circuit_breaker as module
from email_activity.ingest.circuit_breaker import (
    ANSWER_LASTS,
    LONGEST_PAUSE,
    PROBE_EVERY,
    QUIET,
    CircuitBreaker,
    Dependency,
)


class Probed:
    def __init__(self, name: str = "redis") -> None:
        self.name = name
        self.is_up = True
        self.probes = 0

    def __call__(self) -> None:
        self.probes += 1
        if not self.is_up:
            raise TransientError(self.name, "TimeoutError")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def passes(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module.time, "monotonic", lambda: clock.now)
    return clock


@pytest.fixture
def redis() -> Probed:
    return Probed()


@pytest.fixture
def table() -> Probed:
    return Probed("dynamodb")


def breaker_for(*dependencies: Probed, lasts: float = ANSWER_LASTS) -> CircuitBreaker:
    """Which has allowed a receive."""
    breaker = CircuitBreaker({each.name: Dependency(each, lasts) for each in dependencies})
    assert breaker.allows_receive()
    return breaker


def failure(name: str = "redis") -> TransientError:
    return TransientError(name, "ConnectionError")


def test_a_process_that_starts_in_an_outage_probes_before_it_receives(clock: Clock, redis: Probed) -> None:
    redis.is_up = False
    breaker = CircuitBreaker({"redis": Dependency(redis)})
    assert not breaker.allows_receive()
    redis.is_up = True
    clock.passes(PROBE_EVERY)
    assert breaker.allows_receive()
    clock.passes(ANSWER_LASTS)
    assert breaker.allows_receive()
    assert redis.probes == 2


def test_an_idle_process_learns_of_an_outage_by_a_probe(clock: Clock, redis: Probed) -> None:
    """Else each process of many would learn of it by a receive, and a message would count one for each."""
    breaker = breaker_for(redis)
    redis.is_up = False
    clock.passes(ANSWER_LASTS + 0.1)
    assert not breaker.allows_receive()


def test_work_that_succeeds_spares_the_probe(clock: Clock, redis: Probed) -> None:
    breaker = breaker_for(redis)
    for _ in range(5):
        clock.passes(ANSWER_LASTS)
        breaker.record_success("redis")
        assert breaker.allows_receive()
    assert redis.probes == 1


@pytest.mark.usefixtures("clock")
def test_work_that_succeeds_ends_no_outage(redis: Probed, table: Probed) -> None:
    """It may have begun before the failure."""
    breaker = breaker_for(redis, table)
    breaker.record_failure(failure())
    for name in ("redis", "dynamodb"):
        breaker.record_success(name)
    assert not breaker.allows_receive()


def test_an_answer_that_lasts_is_probed_for_once(clock: Clock) -> None:
    queue = Probed("sqs")
    breaker = breaker_for(queue, lasts=math.inf)
    clock.passes(1e6)
    assert breaker.allows_receive()
    assert queue.probes == 1


def test_nothing_is_received_until_what_failed_has_answered(clock: Clock, redis: Probed) -> None:
    breaker = breaker_for(redis)
    redis.is_up = False
    with structlog.testing.capture_logs() as logged:
        breaker.record_failure(failure())
        for _ in range(3):
            clock.passes(PROBE_EVERY)
            assert not breaker.allows_receive()
        redis.is_up = True
        clock.passes(PROBE_EVERY)
        assert breaker.allows_receive()
        assert [line["event"] for line in logged] == ["dependency_failing"]
        clock.passes(QUIET + 0.1)
        breaker.record_success("redis")
    assert [line["event"] for line in logged] == ["dependency_failing", "dependency_back"]


def test_all_must_have_answered_since_the_last_failure(clock: Clock, redis: Probed, table: Probed) -> None:
    breaker = breaker_for(redis, table)
    table.is_up = False  # which nobody has noticed yet
    breaker.record_failure(failure())
    clock.passes(PROBE_EVERY)
    assert not breaker.allows_receive()
    table.is_up = True
    clock.passes(PROBE_EVERY)
    assert breaker.allows_receive()


def test_many_threads_probe_once_a_second_and_log_an_outage_once(clock: Clock, redis: Probed) -> None:
    breaker = breaker_for(redis)
    redis.is_up, redis.probes = False, 0
    with structlog.testing.capture_logs() as logged:
        for _ in range(50):
            breaker.record_failure(failure())
            assert not breaker.allows_receive()
        clock.passes(PROBE_EVERY)
        for _ in range(50):
            assert not breaker.allows_receive()
    assert redis.probes == 1
    assert [line["event"] for line in logged] == ["dependency_failing"]


def test_an_outage_that_flickers_is_logged_once(clock: Clock, redis: Probed) -> None:
    """Thirty per cent of failing calls would fill the log."""
    breaker = breaker_for(redis)
    with structlog.testing.capture_logs() as logged:
        for _ in range(100):
            breaker.record_failure(failure())
            clock.passes(PROBE_EVERY)
            assert breaker.allows_receive()
            breaker.record_success("redis")
    assert [line["event"] for line in logged] == ["dependency_failing"]


def test_what_answers_probes_but_never_works_is_tried_ever_more_rarely(
    clock: Clock, redis: Probed, table: Probed
) -> None:
    """A table that takes a put but no batch: each try counts a receive for the messages of all threads."""
    breaker = breaker_for(redis, table)
    pauses = []
    for _ in range(9):
        breaker.record_success("redis")  # the claims succeed each time
        breaker.record_failure(failure("dynamodb"))
        began = clock.now
        while not breaker.allows_receive():
            clock.passes(0.5)
        pauses.append(clock.now - began)
    assert pauses == [1, 2, 4, 8, 16, 32, LONGEST_PAUSE, LONGEST_PAUSE, LONGEST_PAUSE]
    breaker.record_success("dynamodb")
    breaker.record_failure(failure("dynamodb"))
    clock.passes(PROBE_EVERY)
    assert breaker.allows_receive()


def test_what_is_returned_waits_until_every_open_receive_has_ended() -> None:
    assert CircuitBreaker({}, receive_wait=20).drain_seconds >= ANSWER_LASTS + 20
