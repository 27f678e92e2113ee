"""The worker on a wall clock that jumps: `celery -A shifted_clock worker`. Only tests load this.

The clock is off by the seconds that stand in the file CLOCK_FILE, for all that this process reads in Python:
`time.time`, `datetime.now`, and the time that `Path.touch` gives a file, wherever they have been imported. What the
kernel and C libraries read by themselves stays as it is (a log record's `created` and TLS among them), and so does
`time.monotonic`, which does not jump on a real machine either.
"""

import datetime as dt
import os
import sys
import time
from pathlib import Path
from typing import Any

CLOCK_FILE = Path(os.environ["CLOCK_FILE"])

true_time = time.time
TrueDatetime = dt.datetime


def offset() -> float:
    """In seconds."""
    return float(CLOCK_FILE.read_text())


def shifted_time() -> float:
    return true_time() + offset()


class AnyDatetime(type):
    """What C makes is of the true class, and counts as one of the shifted."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, TrueDatetime)


class ShiftedDatetime(TrueDatetime, metaclass=AnyDatetime):
    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> Any:
        return TrueDatetime.fromtimestamp(shifted_time(), tz)

    @classmethod
    def utcnow(cls) -> Any:
        return cls.now(dt.UTC).replace(tzinfo=None)


def touch(path: Path, *_: Any, **__: Any) -> None:
    with path.open("ab"):
        os.utime(path, (shifted_time(), shifted_time()))


SHIFTED: dict[Any, Any] = {true_time: shifted_time, TrueDatetime: ShiftedDatetime}
for module in list(sys.modules.values()):
    if module is not sys.modules[__name__]:
        for name, value in list(vars(module).items()):
            if value is true_time or value is TrueDatetime:
                setattr(module, name, SHIFTED[value])
Path.touch = touch  # type: ignore[method-assign]

from email_activity.celery import app  # noqa: E402  on the shifted clock

__all__ = ["app"]
