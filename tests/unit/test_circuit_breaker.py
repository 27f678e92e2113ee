"""No receive while a dependency does not answer."""

import math

import pytest

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


class Asked:
    """Answers, or not; counts how often it is asked."""

    def __init__(self, name: str = "redis") -> None:
        self.name = name
        self.is_up = True
        self.times = 0

    def __call__(self) -> None:
        self.times += 1
        if not self.is_up:
            raise TransientError(self.name, "ConnectionError")


class Clock:
    now = 100.0

    def passes(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module.time, "monotonic", lambda: clock.now)
    return clock


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []

    class Log:
        def __getattr__(self, _: str):
            return lambda event, **__: lines.append(event)

    monkeypatch.setattr(module, "log", Log())
    return lines


def breaker_for(*asked: Asked, lasts: float = ANSWER_LASTS) -> CircuitBreaker:
    return CircuitBreaker({each.name: Dependency(each, lasts) for each in asked})


def failure(name: str = "redis") -> TransientError:
    return TransientError(name, "ConnectionError")


def test_it_opens_when_all_have_answered_and_then_asks_nobody_for_a_while(clock: Clock) -> None:
    """A worker that starts in an outage, or a child that replaces another, must not receive to find out."""
    redis = Asked()
    redis.is_up = False
    breaker = breaker_for(redis)
    assert not breaker.allows_receive()
    redis.is_up = True
    clock.passes(PROBE_EVERY)
    assert breaker.allows_receive()
    clock.passes(ANSWER_LASTS)
    assert breaker.allows_receive()
    assert redis.times == 2


def test_an_idle_process_asks_before_it_receives_and_so_learns_of_an_outage(clock: Clock) -> None:
    """Else each process of many would learn of it by a receive, and a message would count one for each."""
    redis = Asked()
    breaker = breaker_for(redis)
    assert breaker.allows_receive()
    redis.is_up = False
    clock.passes(ANSWER_LASTS + 0.1)
    assert not breaker.allows_receive()


def test_work_that_succeeds_spares_the_question(clock: Clock) -> None:
    redis = Asked()
    breaker = breaker_for(redis)
    assert breaker.allows_receive()
    for _ in range(5):
        clock.passes(ANSWER_LASTS)
        breaker.record_success("redis")
        assert breaker.allows_receive()
    assert redis.times == 1


@pytest.mark.usefixtures("clock")
def test_work_that_succeeds_opens_no_gate_that_was_shut() -> None:
    """It may have begun before the failure."""
    redis, table = Asked(), Asked("dynamodb")
    breaker = breaker_for(redis, table)
    assert breaker.allows_receive()
    breaker.record_failure(failure())
    for name in ("redis", "dynamodb"):
        breaker.record_success(name)
    assert not breaker.allows_receive()


def test_an_answer_that_lasts_is_asked_for_once(clock: Clock) -> None:
    queue = Asked("sqs")
    breaker = breaker_for(queue, lasts=math.inf)
    assert breaker.allows_receive()
    clock.passes(1e6)
    assert breaker.allows_receive()
    assert queue.times == 1


def test_it_stays_shut_until_what_failed_has_answered(clock: Clock, said: list[str]) -> None:
    redis = Asked()
    breaker = breaker_for(redis)
    assert breaker.allows_receive()
    redis.is_up = False
    breaker.record_failure(failure())
    for _ in range(3):
        clock.passes(PROBE_EVERY)
        assert not breaker.allows_receive()
    redis.is_up = True
    clock.passes(PROBE_EVERY)
    assert breaker.allows_receive()
    assert said == ["dependency_failing"]
    clock.passes(QUIET + 0.1)
    breaker.record_success("redis")
    assert said == ["dependency_failing", "dependency_back"]


def test_all_must_have_answered_since_the_last_failure(clock: Clock) -> None:
    redis, table = Asked(), Asked("dynamodb")
    breaker = breaker_for(redis, table)
    assert breaker.allows_receive()
    table.is_up = False  # which nobody has noticed yet
    breaker.record_failure(failure())
    clock.passes(PROBE_EVERY)
    assert not breaker.allows_receive()
    table.is_up = True
    clock.passes(PROBE_EVERY)
    assert breaker.allows_receive()


def test_many_threads_ask_once_a_second_and_an_outage_is_said_once(clock: Clock, said: list[str]) -> None:
    redis = Asked()
    breaker = breaker_for(redis)
    assert breaker.allows_receive()
    redis.is_up = False
    redis.times = 0
    for _ in range(50):
        breaker.record_failure(failure())
        assert not breaker.allows_receive()
    clock.passes(PROBE_EVERY)
    for _ in range(50):
        assert not breaker.allows_receive()
    assert redis.times == 1
    assert said == ["dependency_failing"]


def test_an_outage_that_flickers_is_said_once(clock: Clock, said: list[str]) -> None:
    """Thirty per cent of failing calls would fill the log."""
    redis = Asked()
    breaker = breaker_for(redis)
    for _ in range(100):
        clock.passes(PROBE_EVERY)
        assert breaker.allows_receive()
        breaker.record_success("redis")
        breaker.record_failure(failure())
    assert said == ["dependency_failing"]


def test_what_answers_questions_but_never_works_is_tried_ever_more_rarely(clock: Clock) -> None:
    """A table that takes a put but no batch: each try counts a receive for the messages of all threads."""
    redis, table = Asked(), Asked("dynamodb")
    breaker = breaker_for(redis, table)
    assert breaker.allows_receive()
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


def test_what_is_given_back_waits_until_no_receive_in_ignorance_can_be_open() -> None:
    assert CircuitBreaker({}, receive_wait=20).drain_seconds >= ANSWER_LASTS + 20
