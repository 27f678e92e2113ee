"""The figures of all processes of a worker, in memory that they share since before the fork.

Each process counts in a slot of its own, and who reads adds them up. No file, so nothing is left by a process that is
killed, a read-only or full disk does not matter, and what a dead process counted stays counted: its successor counts on
in its slot.
"""

import mmap
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from billiard import current_process

from email_activity.ingest.health import State
from email_activity.metrics.definitions import DEPENDENCY_FAILING, METRICS, Metric

#: The main process, and the children of the pool; no worker has more. A slot that nobody uses takes no memory.
SLOTS = 1024

#: Cells before those of the metrics: what is told of the process itself. 0: never. Times are of the monotonic clock,
#: which all processes of a machine share.
PID, STARTED_AT, REPORTED_AT, POLLED_AT, STATE = range(5)
HEADER = 5

STATES = tuple(State)

Labels = tuple[str, ...]


def _lay_out() -> Iterator[tuple[tuple[str, Labels], int]]:
    cell = HEADER
    for metric in METRICS:
        for labels in metric.combinations():
            yield (metric.name, labels), cell
            cell += metric.width
    yield ("", ()), cell


#: The first cell of each combination of a metric's labels; under "" the end.
CELLS = dict(_lay_out())
WIDTH = CELLS["", ()]

#: What is true of a process, and not of its successor.
OF_A_PROCESS = tuple(CELLS[DEPENDENCY_FAILING.name, labels] for labels in DEPENDENCY_FAILING.combinations())


@dataclass(frozen=True, slots=True)
class Process:
    """Times on the monotonic clock. polled_at: its start, if it has not polled yet."""

    slot: int
    state: State
    reported_at: float
    polled_at: float


class SharedFigures:
    """Made before the fork, as hosting/shutdown.py's flag is."""

    def __init__(self) -> None:
        self._cells = memoryview(mmap.mmap(-1, SLOTS * WIDTH * 8)).cast("d")
        self._lock = threading.Lock()
        self._began = time.monotonic()
        os.register_at_fork(after_in_child=self._renew_lock)

    def _renew_lock(self) -> None:
        """Another thread of the parent may have held it."""
        self._lock = threading.Lock()

    def add(self, amounts: Iterable[tuple[int, float]]) -> None:
        """(cell, amount) of each."""
        with self._lock:
            start = self._own_slot() * WIDTH
            for cell, amount in amounts:
                self._cells[start + cell] += amount

    def put(self, cell: int, value: float) -> None:
        with self._lock:
            self._cells[self._own_slot() * WIDTH + cell] = value

    def report(self, state: State) -> float:
        """This process polls, waits, or cannot. Returns when the process did so that is silent for longest."""
        now = time.monotonic()
        with self._lock:
            start = self._own_slot() * WIDTH
            self._cells[start + REPORTED_AT], self._cells[start + STATE] = now, STATES.index(state)
            if state is State.POLLING:
                self._cells[start + POLLED_AT] = now
        return min((each.reported_at for each in self.processes(_is_alive)), default=now)

    def processes(self, is_alive: Callable[[int], bool]) -> list[Process]:
        """Those that have reported and are alive."""
        return [
            Process(slot, STATES[int(self._at(slot, STATE))], reported_at, self._at(slot, POLLED_AT))
            for slot in self._used()
            if (reported_at := self._at(slot, REPORTED_AT)) and is_alive(int(self._at(slot, PID)))
        ]

    def total(self, cell: int) -> float:
        """Over all processes, dead ones too."""
        return sum(self._at(slot, cell) for slot in self._used())

    def values(self, metric: Metric, labels: Labels) -> list[float]:
        first = CELLS[metric.name, labels]
        return [self.total(cell) for cell in range(first, first + metric.width)]

    def is_any(self, cell: int, is_alive: Callable[[int], bool]) -> bool:
        """Whether it holds for a process that is alive."""
        return any(self._at(slot, cell) and is_alive(int(self._at(slot, PID))) for slot in self._used())

    @property
    def began(self) -> float:
        return self._began

    def _used(self) -> list[int]:
        return [slot for slot in range(SLOTS) if self._at(slot, PID)]

    def _at(self, slot: int, cell: int) -> float:
        return self._cells[slot * WIDTH + cell]

    def _own_slot(self) -> int:
        """The main process has the first; the pool gives a child's number to its successor when it is dead."""
        slot = min(getattr(current_process(), "index", -1) + 1, SLOTS - 1)
        start, pid = slot * WIDTH, os.getpid()
        if self._cells[start + PID] != pid:
            for cell in (REPORTED_AT, STATE, *OF_A_PROCESS):
                self._cells[start + cell] = 0
            self._cells[start + STARTED_AT] = self._cells[start + POLLED_AT] = time.monotonic()
            self._cells[start + PID] = pid
        return slot


def _is_alive(pid: int) -> bool:
    """Of a process of the same user."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, PermissionError):  # another user's: the number has a new owner
        return False
    return True


def is_own_child(pid: int) -> bool:
    """Asked by the main process, of itself or of a child; a number that has a new owner is none."""
    if pid == os.getpid():
        return True
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
    except ChildProcessError:
        return False


figures = SharedFigures()
