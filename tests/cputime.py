"""Whether a call takes no more CPU time than it may, on a machine that may stand still in between."""

import time
from collections.abc import Callable

#: Seconds for which a call that took too long is made again. A shared machine may run thirty times slower for some
#: seconds, so one slow call proves nothing; what is slow by itself is slow each time.
PATIENCE = 60


def takes_at_most(seconds: float, call: Callable[[], object]) -> bool:
    """seconds: of CPU, of this thread alone."""
    until = time.monotonic() + PATIENCE
    while True:
        start = time.thread_time()
        call()
        if time.thread_time() - start <= seconds:
            return True
        if time.monotonic() > until:
            return False
        time.sleep(0.1)
