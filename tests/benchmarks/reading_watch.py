"""A command and the processes it starts: how long, how much memory, how much CPU, and how soon it said something.

Linux only: memory is the kernel's own high-water mark of each process (VmHWM in /proc).
"""

import os
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

#: Seconds between two looks; a high-water mark is missed by what is reached after the last.
EVERY = 0.05

#: Lines between two reports of how far it is.
LINES = 5_000


@dataclass(frozen=True, slots=True)
class Watched:
    """Seconds of the clock and of CPU (all processes, start and end included); peaks in MB, largest child first.

    lines: of standard output. first: seconds until the first of them that is an email's.
    """

    seconds: float
    first: float | None
    cpu: float
    lines: int
    parent_peak: float
    child_peaks: Sequence[float]


def watch(command: Sequence[str], skip: int, told: Callable[[int], None]) -> Watched:
    """skip: lines before the first email's. told: is called now and then with the lines so far."""
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    peaks: dict[int, float] = {}
    ended = threading.Event()
    looking = threading.Thread(target=_look, args=(process.pid, peaks, ended))
    looking.start()
    first, lines = None, 0
    assert process.stdout
    for _ in process.stdout:
        lines += 1
        if lines == skip + 1:
            first = time.monotonic() - start
        if lines % LINES == 0:
            told(lines)
    process.stdout.close()
    # Of the process and of all that it has waited for, as `Popen.wait` does not tell.
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    ended.set()
    looking.join()
    assert process.returncode == 0, f"{' '.join(command)} ended with {process.returncode}"
    parent = peaks.pop(process.pid, 0)
    seconds = time.monotonic() - start
    return Watched(seconds, first, used.ru_utime + used.ru_stime, lines, parent, sorted(peaks.values(), reverse=True))


def _look(process: int, peaks: dict[int, float], ended: threading.Event) -> None:
    while not ended.wait(EVERY):
        for each in [process, *_children(process)]:
            with suppress(OSError, KeyError):
                peaks[each] = _peak(each)


def _children(process: int) -> list[int]:
    """Those that fold; not the small one in which Python keeps account of semaphores."""
    found = []
    with suppress(OSError):
        for task in Path(f"/proc/{process}/task").iterdir():
            found += [int(each) for each in (task / "children").read_text().split()]
    return [each for each in found if _is_folding(each)]


def _is_folding(process: int) -> bool:
    with suppress(OSError):
        return b"spawn_main" in Path(f"/proc/{process}/cmdline").read_bytes()
    return False


def _peak(process: int) -> float:
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{process}/status").read_text().splitlines())
    return int(lines["VmHWM"].split()[0]) / 1024
