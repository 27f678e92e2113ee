"""Which threads of a worker receive, and how long they wait for a batch to gather."""

import math
import os
import signal
import threading
import time
from collections.abc import Callable

import pytest

from email_activity.ingest import receivers as module
from email_activity.ingest.receivers import LOOK_EVERY, MARGIN, Receivers, Turn, WorkerReceivers, linger
from email_activity.settings import load_settings

#: Seconds; a hang guard, and how long nothing may happen.
LONG, MOMENT = 20, 0.05

#: Seconds: the default, and what a call of the simulated SQS takes.
LINGER, CALL = 0.2, 0.01


def receivers(
    worker: WorkerReceivers | None = None, process: int = 0, longest: float = 0, batch_size: int = 70
) -> Receivers:
    settings = load_settings(threads_per_process=4, batch_size=batch_size, linger_milliseconds=int(longest * 1000))
    return Receivers(worker or WorkerReceivers(), process, settings)


def turn_of(each: Receivers) -> Turn:
    until = time.monotonic() + LONG
    turn = each.take_turn(lambda: time.monotonic() > until)
    assert turn, "no turn"
    return turn


@pytest.mark.parametrize(
    ("messages", "seconds", "expected"),
    [
        (20, 0.2, 0.2),  # 100 a second: enough of them in 200 ms
        (20, 0.04, 0.04),  # 500 a second
        (70, 0.1, 2 / 70),  # a backlog
        (5, 0.2, 0.2),  # too few ever to be enough in time
        (1, math.inf, 0.2),
        (0, 0.2, 0),  # an empty long poll has waited by itself
    ],
)
def test_the_next_receive_comes_when_enough_is_likely_there(messages: int, seconds: float, expected: float) -> None:
    assert linger(messages, seconds, enough=20, longest=0.2) == pytest.approx(expected)
    assert linger(messages, seconds, enough=20, longest=0) == 0


class Clock:
    """Time passes only where somebody waits."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(module.time, "monotonic", lambda: self.now)

    def wait(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds


@pytest.mark.parametrize("rate", [100, 150, 250, 400, 600])
def test_a_steady_rate_costs_a_third_of_a_request_an_event_and_waits_no_longer(
    monkeypatch: pytest.MonkeyPatch, rate: int
) -> None:
    """Each message is received by the first call that finds it; each batch is deleted in calls of ten."""
    clock = Clock(monkeypatch)
    process = receivers(longest=LINGER)
    monkeypatch.setattr(process._changed, "wait", clock.wait)
    received, requests, waited = 0, 0, []
    while received < 20 * rate:
        turn = turn_of(process)
        batch = 0
        while True:
            requests += 1
            if not batch:  # a long poll
                clock.now = max(clock.now, 100 + (received + 1) / rate)
            there = int((clock.now - 100) * rate + 1e-6) - received
            waited += [clock.now - 100 - (number + 1) / rate for number in range(received, received + min(10, there))]
            received, batch = received + min(10, there), batch + min(10, there)
            clock.now += CALL
            if there < 10 or batch >= 70:
                break
        turn.end(batch)
        requests += math.ceil(batch / 10)
    assert requests / received <= 0.35
    assert max(waited) <= LINGER + CALL + 1e-6


def test_a_trickle_waits_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long poll that took longer than a linger has waited long enough."""
    clock = Clock(monkeypatch)
    process = receivers(longest=LINGER)
    for _ in range(5):
        turn = turn_of(process)
        assert turn.linger == 0
        clock.wait(LINGER + 0.01)
        turn.end(1)


@pytest.mark.parametrize(
    ("received", "together"),
    [
        ([], 1),
        ([0], 1),
        ([70], 2),
        ([70, 70], 3),
        ([39], 1),
        ([40], 2),
        ([70, 70, 15], 3),
        ([70, 70, 9], 2),
        ([70] * 9, 4),
    ],
)
def test_a_full_receive_adds_a_receiver_and_a_small_one_takes_one_away(received: list[int], together: int) -> None:
    process = receivers()
    for messages in received:
        turn_of(process).end(messages)
    for _ in range(together):
        turn_of(process)
    began = time.monotonic()
    assert process.take_turn(lambda: time.monotonic() > began + MOMENT) is None


@pytest.mark.parametrize("batch_size", [1, 10, 70])
def test_after_a_full_batch_nothing_is_waited_for(batch_size: int) -> None:
    """A batch that could not be larger does not tell how much more there is."""
    process = receivers(longest=5, batch_size=batch_size)
    for _ in range(3):
        turn = turn_of(process)
        assert turn.linger == 0
        turn.end(batch_size)


def test_a_turn_that_ends_lets_the_next_thread_receive_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_EVERY", 2 * LONG)
    process = receivers()
    turn = turn_of(process)
    next_turn = threading.Event()

    def wait_for_turn() -> None:
        turn_of(process)
        next_turn.set()

    threading.Thread(target=wait_for_turn, daemon=True).start()
    assert not next_turn.wait(MOMENT)
    turn.end(30)
    turn.end(30)  # counts once
    assert next_turn.wait(LONG)
    assert process._asking == 1


def test_no_linger_holds_up_a_stop() -> None:
    process = receivers(longest=5)
    turn_of(process).end(1)
    looks = []

    def is_over() -> bool:
        looks.append(time.monotonic())
        return len(looks) > 2

    assert process.take_turn(is_over) is None
    assert looks[-1] - looks[0] < 10 * LOOK_EVERY


# --- The processes of a worker ---


def test_one_process_receives_while_little_comes_and_all_do_under_a_backlog() -> None:
    worker = WorkerReceivers()
    for process in range(3):
        worker.receives_for(process, LONG)
    dealt = []
    for _ in range(7):
        dealt.append([worker.wanted(process) for process in range(3)])
        worker.change(1, +1, most=2)
    assert dealt == [[1, 0, 0], [1, 1, 0], [1, 1, 1], [2, 1, 1], [2, 2, 1], [2, 2, 2], [2, 2, 2]]
    for _ in range(9):
        worker.change(2, -1, most=2)
    assert [worker.wanted(process) for process in range(3)] == [1, 0, 0]


def test_a_process_that_receives_no_more_leaves_its_part_to_another() -> None:
    """Killed, stopped or stuck it says nothing; one that fails says so at once."""
    worker = WorkerReceivers()
    first, second = receivers(worker, 0), receivers(worker, 1)
    stood_by: list[int] = []
    second._stand_by = lambda: stood_by.append(1)
    first.receives_for(5)
    assert (worker.wanted(0), worker.wanted(1)) == (1, 0)
    assert second.take_turn(iter([False, True]).__next__) is None
    assert stood_by == [1]
    first.receives_for(0)
    assert (worker.wanted(0), worker.wanted(1)) == (1, 1)
    turn_of(second)
    worker.receives_for(1, LONG)
    first.receives_for(5)  # it is back
    assert (worker.wanted(0), worker.wanted(1)) == (1, 0)


def test_a_process_whose_threads_are_all_busy_leaves_its_part_at_once() -> None:
    """Not only when the time of its receive is over: a batch may take longer than that."""
    worker = WorkerReceivers()
    busy = receivers(worker, 0)
    turn, beside = turn_of(busy), Turn(busy, 0, time.monotonic())
    busy._asking += 1
    busy.receives_for(LONG)
    turn.end(30)
    assert worker.wanted(1) == 0  # another of its threads receives still
    busy._line.acquire()
    beside.end(30)
    assert worker.wanted(1) == 0  # one that is free waits for its turn
    busy._line.release()
    turn = turn_of(busy)
    busy.receives_for(LONG)
    turn.end(30)
    assert worker.wanted(1) == 1
    turn_of(receivers(worker, 1))


@pytest.fixture
def killed() -> Callable[[Callable[[], None]], None]:
    """Does something in a child process that is killed in the middle of the next."""

    def run(work: Callable[[], None]) -> None:
        done, told = os.pipe()
        child = os.fork()
        if not child:  # pragma: no cover
            work()
            os.write(told, b"1")
            time.sleep(LONG)
            os._exit(1)
        os.read(done, 1)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(done)
        os.close(told)

    return run


def test_a_killed_process_leaves_no_count_wrong(
    monkeypatch: pytest.MonkeyPatch, killed: Callable[[Callable[[], None]], None]
) -> None:
    """It had turns that never end, and had asked for more receivers."""
    worker = WorkerReceivers()

    def receive() -> None:
        process = receivers(worker, 0)
        turn_of(process).end(70)
        process.receives_for(5)
        turn_of(process)
        turn_of(process)

    killed(receive)
    other = receivers(worker, 1)
    other.receives_for(5)
    assert worker.wanted(1) == 1  # of the two that the dead one has asked for
    later = time.monotonic() + 5 + MARGIN + 1
    monkeypatch.setattr(module.time, "monotonic", lambda: later)
    assert worker.wanted(1) == 2
    turn_of(other).end(5)
    assert worker.wanted(1) == 1


def test_a_replaced_process_takes_its_place_again_at_once() -> None:
    worker = WorkerReceivers()
    worker.receives_for(0, LONG)  # the dead one, of which nobody knows yet
    turn_of(receivers(worker, 0))
