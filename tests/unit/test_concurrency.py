"""Which threads of a process work at the same time."""

import threading
from contextlib import suppress

from email_activity.ingest.concurrency import SharedLock

#: Seconds; a hang guard, and how long nothing may happen.
LONG, MOMENT = 20, 0.05


def started(work) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_many_threads_share_a_lock():
    lock, together = SharedLock(), threading.Barrier(5)

    def share() -> None:
        with lock.shared():
            together.wait(LONG)

    threads = [started(share) for _ in range(4)]
    share()
    for thread in threads:
        thread.join(LONG)
    assert not together.broken


def test_an_exclusive_holder_waits_for_sharers_and_keeps_later_ones_out():
    lock, exclusive, again, end = SharedLock(), threading.Event(), threading.Event(), threading.Event()

    def hold_exclusively() -> None:
        with lock.exclusive():
            exclusive.set()
            end.wait(LONG)

    def share() -> None:
        with lock.shared():
            again.set()

    with lock.shared():
        first = started(hold_exclusively)
        assert not exclusive.wait(MOMENT)
        second = started(share)  # comes while another waits to be exclusive
        assert not again.wait(MOMENT)
    assert exclusive.wait(LONG)
    assert not again.wait(MOMENT)
    end.set()
    first.join(LONG)
    second.join(LONG)
    assert again.is_set()


def test_exclusive_holders_come_one_after_another():
    lock, inside, most = SharedLock(), [], []

    def hold_exclusively() -> None:
        for _ in range(50):
            with lock.exclusive():
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    for thread in [started(hold_exclusively) for _ in range(4)]:
        thread.join(LONG)
    assert most == [1] * 200


def test_a_lock_is_free_after_an_error():
    lock = SharedLock()

    def fail_again_and_again() -> None:
        for hold in (lock.shared, lock.exclusive, lock.shared, lock.exclusive):
            with suppress(ZeroDivisionError), hold():
                1 / 0  # noqa: B018

    thread = started(fail_again_and_again)
    thread.join(LONG)
    assert not thread.is_alive()
