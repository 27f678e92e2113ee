"""Whether a call takes no more CPU time than it may, on a machine that may be slow or stand still in between."""

import time
from collections.abc import Callable

#: Seconds for which a call that took too long is made again. A shared machine may run thirty times slower for some
#: seconds, so one slow call proves nothing; what is slow by itself is slow each time.
PATIENCE = 60

#: Seconds of CPU that `_fixed_work` takes on the machines that the tests' limits were set on.
ORDINARY = 0.01


def takes_at_most(seconds: float, call: Callable[[], object]) -> bool:
    """seconds: of CPU, of this thread alone. A machine that is slow at a fixed work right before or after the call is
    allowed as much longer for the call."""
    until = time.monotonic() + PATIENCE
    while True:
        before, took, after = _cpu_time(_fixed_work), _cpu_time(call), _cpu_time(_fixed_work)
        if took <= seconds * max(1, before / ORDINARY, after / ORDINARY):
            return True
        if time.monotonic() > until:
            return False
        time.sleep(0.1)


def _cpu_time(call: Callable[[], object]) -> float:
    start = time.thread_time()
    call()
    return time.thread_time() - start


def _fixed_work() -> None:
    sum(range(300_000))
