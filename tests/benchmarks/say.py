"""How a benchmark goes, on standard error; and a look at who else uses the machine."""

import os
import sys

import structlog

#: Processes that run or wait for a core, beside this one, from which on figures are not to be trusted.
BUSY = 0.5


def say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def hush() -> None:
    """What of the worker runs in this process logs no lines of its own."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))


def load_average() -> float:
    """Of the last minute, with a warning if the machine is not free."""
    load = os.getloadavg()[0]
    if load > BUSY:
        say(f"warning: others use this machine (load {load:.1f}); the figures will be too low, and uneven")
    return load
