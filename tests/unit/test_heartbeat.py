"""A batch that takes long keeps its messages and its claims."""

import threading
import time
from datetime import UTC, datetime

import pytest

from email_activity.domain.errors import TransientError
from email_activity.ingest import heartbeat as module
from email_activity.ingest.heartbeat import Heartbeat, InFlightMessages
from email_activity.ingest.model import Message
from email_activity.ingest.queue import Queue

EVENT = ("EMAIL#1", "EVENT#1")
NOW = datetime(2026, 11, 24, tzinfo=UTC)
MESSAGES = [Message(str(number), str(number), "body", 1, NOW, NOW) for number in range(3)]


class FakeSettler:
    queue = Queue("https://sqs/events", "https://sqs/dead", 120)

    def __init__(self) -> None:
        self.extended: list[list[Message]] = []
        self.may_extend = threading.Event()
        self.may_extend.set()

    def extend(self, messages) -> int:
        self.may_extend.wait()
        self.extended.append(list(messages))
        return len(messages)


class FakeClaims:
    lease_seconds = 60

    def __init__(self) -> None:
        self.extended: list[list[tuple[str, str]]] = []
        self.is_up = True

    def extend(self, keys) -> None:
        if not self.is_up:
            raise TransientError("redis", "ConnectionError")
        self.extended.append(list(keys))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def in_flight(settler: FakeSettler, claims: FakeClaims) -> InFlightMessages:
    batch = InFlightMessages(MESSAGES, settler, claims)  # type: ignore[arg-type]
    batch.our_keys = [EVENT]
    return batch


def test_a_batch_is_extended_well_before_its_lease_or_its_visibility_ends(clock: list[float]) -> None:
    settler, claims = FakeSettler(), FakeClaims()
    batch = in_flight(settler, claims)
    batch.extend_if_due()
    assert settler.extended == []
    for _ in range(3):
        clock[0] += 21  # a third of the lease, which is the shorter
        batch.extend_if_due()
        batch.extend_if_due()
    assert settler.extended == [MESSAGES] * 3
    assert claims.extended == [[EVENT]] * 3


def test_a_redis_that_is_away_does_not_keep_messages_from_being_extended(clock: list[float]) -> None:
    settler, claims = FakeSettler(), FakeClaims()
    batch = in_flight(settler, claims)
    claims.is_up = False
    clock[0] += 21
    batch.extend_if_due()
    assert settler.extended == [MESSAGES]


def test_what_has_ended_is_never_hidden_again(clock: list[float]) -> None:
    """A beat under way is waited for; else it could hide for minutes what the batch gave back at once."""
    settler, claims = FakeSettler(), FakeClaims()
    batch = in_flight(settler, claims)
    settler.may_extend.clear()
    clock[0] += 21
    beat = threading.Thread(target=batch.extend_if_due)
    beat.start()
    while not batch._lock.locked():
        time.sleep(0.001)
    end = threading.Thread(target=lambda: batch.release(MESSAGES))
    end.start()
    time.sleep(0.05)
    assert end.is_alive()
    settler.may_extend.set()
    beat.join()
    end.join()
    clock[0] += 21
    batch.extend_if_due()
    assert settler.extended == [MESSAGES, []]


def test_what_was_settled_is_extended_no_more_and_the_rest_is(clock: list[float]) -> None:
    settler, claims = FakeSettler(), FakeClaims()
    batch = in_flight(settler, claims)
    batch.release(MESSAGES[:2])
    clock[0] += 21
    batch.extend_if_due()
    assert settler.extended == [MESSAGES[2:]]
    assert claims.extended == [[]]


def test_a_bug_met_in_a_beat_does_not_end_the_beats_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHECK_EVERY", 0.01)
    monkeypatch.setattr(module, "EXTEND_AFTER", 0.001)
    broken, settler, claims = FakeSettler(), FakeSettler(), FakeClaims()
    monkeypatch.setattr(broken, "extend", lambda _: 1 / 0)
    heartbeat = Heartbeat()
    with heartbeat.extending(MESSAGES, broken, FakeClaims()), heartbeat.extending(MESSAGES, settler, claims):  # type: ignore[arg-type]
        deadline = time.monotonic() + 20
        while len(settler.extended) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert not heartbeat._in_flight
