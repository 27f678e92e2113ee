"""Which threads of a worker ask SQS for messages, and when: as few and as seldom as the rate of arrival allows.

A long poll returns with the first message. So threads that ask again at once get messages one by one at any steady
rate, and each costs two requests. Here they take turns, and each waits until a good batch is likely to be there.
"""

import math
import mmap
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from email_activity.settings import Settings

#: Messages that a receive is meant to bring: two full answers of SQS. An event then costs a quarter of a request; twice
#: as many would save 0.02 of one more.
ENOUGH = 20

#: Seconds between two looks at whether it is over, and at what the other processes have changed.
LOOK_EVERY = 0.1

#: Seconds beyond its long poll for which a process that asks counts as one that receives.
MARGIN = 2.0

#: Processes of a worker that have a place of their own; those beyond share one.
PLACES = 256


class WorkerReceivers:
    """Memory that the processes of a worker share: how many receivers are wanted, and which processes receive.

    Must be made before the fork. It has no lock, which a killed process would keep, and no death leaves it wrong:
    `wanted` is no count of what there is but a target, which each receive moves, and a process counts as one that
    receives until a time that it has to put off again and again. Of two changes at once one may be lost; the next
    receives make up for it.
    """

    def __init__(self) -> None:
        self._wanted = memoryview(mmap.mmap(-1, 8)).cast("q")
        self._wanted[0] = 1
        self._until = memoryview(mmap.mmap(-1, 8 * PLACES)).cast("d")

    def wanted(self, process: int) -> int:
        """Receivers of this process. They are dealt out one by one to all that receive, and to this one."""
        receiving = self._receiving(process)
        return max(0, math.ceil((self._wanted[0] - receiving.index(process % PLACES)) / len(receiving)))

    def change(self, process: int, by: int, most: int) -> None:
        """One more or one less. most: in each process."""
        self._wanted[0] = min(most * len(self._receiving(process)), max(1, self._wanted[0] + by))

    def receives_for(self, process: int, seconds: float) -> None:
        """0: it does not receive, so that others do in its place."""
        self._until[process % PLACES] = time.monotonic() + seconds

    def _receiving(self, process: int) -> list[int]:
        now = time.monotonic()
        return [place for place, until in enumerate(self._until) if until > now or place == process % PLACES]


@dataclass(slots=True)
class Turn:
    """A thread's leave to receive once. linger: seconds that the process waited for it, so that a batch gathers."""

    receivers: "Receivers"
    linger: float
    asked_at: float
    _is_open: bool = True

    def end(self, messages: int = 0) -> None:
        """messages: received. Whoever has another turn may ask from now on, or after a linger."""
        if self._is_open:
            self._is_open = False
            self.receivers.end(self, messages)


class Receivers:
    """Of one process. One of its threads waits for its turn at a time; the others wait behind it, and never wake up."""

    def __init__(
        self, worker: WorkerReceivers, process: int, settings: Settings, stand_by: Callable[[], None] = lambda: None
    ) -> None:
        """stand_by: called again and again while other processes receive and this one need not."""
        self._worker = worker
        self._process = process
        self._threads = settings.threads_per_process
        self._enough = min(ENOUGH, settings.batch_size)
        self._full = min(2 * ENOUGH, settings.batch_size)
        self._longest = settings.linger_milliseconds / 1000
        self._stand_by = stand_by
        self._line = threading.Lock()
        self._changed = threading.Condition()
        self._asking = 0
        self._linger = 0.0
        self._next_at = self._ended_at = -math.inf

    def take_turn(self, is_over: Callable[[], bool]) -> Turn | None:
        """Waits for it. None: it is over, and another process may receive instead."""
        with self._line:
            while not is_over():
                wanted = self._worker.wanted(self._process)
                if not wanted:
                    self._stand_by()
                with self._changed:
                    pause = LOOK_EVERY if self._asking >= wanted else self._next_at - time.monotonic()
                    if pause <= 0:
                        self._asking += 1
                        return Turn(self, self._linger, time.monotonic())
                    self._changed.wait(min(pause, LOOK_EVERY))
        self.receives_for(0)
        return None

    def receives_for(self, seconds: float) -> None:
        """From now on: the longest that the receive takes; 0 if there is none."""
        self._worker.receives_for(self._process, seconds + MARGIN if seconds else 0)

    def end(self, turn: Turn, messages: int) -> None:
        """One receiver more after a receive that came full, as there are more messages; one less if it brought few."""
        is_full = messages >= self._full
        if is_full or messages < self._enough / 2:
            self._worker.change(self._process, +1 if is_full else -1, self._threads)
        with self._changed:
            now = time.monotonic()
            gap = 0 if is_full else linger(messages, now - self._ended_at, self._enough, self._longest)
            self._linger = max(0.0, turn.asked_at + gap - now)
            self._next_at, self._ended_at = now + self._linger, now
            self._asking -= 1
            if not self._asking and not self._line.locked():  # all threads are busy: others receive in their place
                self.receives_for(0)
            self._changed.notify()


def linger(messages: int, seconds: float, enough: int, longest: float) -> float:
    """Seconds from one receive's beginning to the next's, in which enough messages are likely to come.

    messages: that came in so many seconds. longest: bounds it. An empty long poll has waited by itself.
    """
    return min(longest, enough * seconds / messages) if messages else 0.0
