"""How many threads poll: one when there is nothing to do, all when there is more than they can take."""

import pytest

from email_activity.ingest import concurrency as module
from email_activity.ingest.concurrency import AdaptiveConcurrency


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr(module, "WAIT", 0)


def polling(of: AdaptiveConcurrency) -> list[int]:
    return [number for number in range(5) if of.may_poll(number)]


def test_an_idle_process_has_one_long_poll_open():
    idle = AdaptiveConcurrency(4)
    assert polling(idle) == [0]
    idle.record_receive(0, full=10)
    assert polling(idle) == [0]


def test_each_full_receive_calls_one_more_thread_until_all_are_there():
    busy = AdaptiveConcurrency(3)
    for wanted in ([0, 1], [0, 1, 2], [0, 1, 2]):
        busy.record_receive(100, full=10)
        assert polling(busy) == wanted


def test_a_trickle_changes_nothing():
    calm = AdaptiveConcurrency(3)
    calm.record_receive(10, full=10)
    calm.record_receive(3, full=10)
    assert polling(calm) == [0, 1]


def test_each_empty_receive_sends_one_thread_away():
    late = AdaptiveConcurrency(3)
    late.record_receive(10, full=10)
    late.record_receive(10, full=10)
    for wanted in ([0, 1], [0], [0]):
        late.record_receive(0, full=10)
        assert polling(late) == wanted
