"""Held together by many, or alone by one."""

import threading
from contextlib import suppress

from email_activity.ingest.shared_lock import SharedLock

#: Seconds; a hang guard, and how long nothing may happen.
LONG, MOMENT = 20, 0.05


def started(work) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_many_share_it() -> None:
    lock, together = SharedLock(), threading.Barrier(5)

    def share() -> None:
        with lock.shared():
            together.wait(LONG)

    threads = [started(share) for _ in range(4)]
    share()
    for thread in threads:
        thread.join(LONG)
    assert not together.broken


def test_who_holds_it_alone_waits_for_those_who_share_it_and_keeps_later_ones_out() -> None:
    lock, alone, again, end = SharedLock(), threading.Event(), threading.Event(), threading.Event()

    def hold_alone() -> None:
        with lock.exclusive():
            alone.set()
            end.wait(LONG)

    def share() -> None:
        with lock.shared():
            again.set()

    with lock.shared():
        first = started(hold_alone)
        assert not alone.wait(MOMENT)
        second = started(share)  # comes while another waits to be alone
        assert not again.wait(MOMENT)
    assert alone.wait(LONG)
    assert not again.wait(MOMENT)
    end.set()
    first.join(LONG)
    second.join(LONG)
    assert again.is_set()


def test_one_after_another_is_alone() -> None:
    lock, inside, most = SharedLock(), [], []

    def hold_alone() -> None:
        for _ in range(50):
            with lock.exclusive():
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [started(hold_alone) for _ in range(4)]
    for thread in threads:
        thread.join(LONG)
    assert most == [1] * 200


def test_it_is_free_after_an_error() -> None:
    lock = SharedLock()

    def fail_again_and_again() -> None:
        for hold in (lock.shared, lock.exclusive, lock.shared, lock.exclusive):
            with suppress(ZeroDivisionError), hold():
                1 / 0  # noqa: B018

    thread = started(fail_again_and_again)
    thread.join(LONG)
    assert not thread.is_alive()
