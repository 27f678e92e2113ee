"""Ctrl-C and `kill` as a request to stop: what is in hand is finished, and what was received is given back."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from types import FrameType
from typing import NoReturn, ParamSpec, TypeVar

#: A shell's exit code for a program that a signal ended is this and the signal's number: 130 for Ctrl-C.
BY_SIGNAL = 128
BY_CTRL_C = BY_SIGNAL + signal.SIGINT


SIGNALS = (signal.SIGINT, signal.SIGTERM)

P = ParamSpec("P")
T = TypeVar("T")


def leave_on_signals() -> None:
    """Ctrl-C and `kill` end the program by an exit code, without a traceback, and close what is open.

    The second one leaves at once, for a library may wait long for its threads. A command may mind them otherwise.
    """
    sys.unraisablehook = _leave_though_ignored
    for each in SIGNALS:
        signal.signal(each, _leave)


def _leave(number: int, _frame: FrameType | None) -> NoReturn:
    for each in SIGNALS:
        signal.signal(each, _leave_now)
    raise SystemExit(BY_SIGNAL + number)


def _leave_now(number: int, _frame: FrameType | None) -> NoReturn:
    _exit(BY_SIGNAL + number)


def _exit(code: int) -> NoReturn:
    """Without waiting for threads; the processes that read ahead would wait for ever."""
    for child in getattr(sys.modules.get("multiprocessing"), "active_children", list)():
        child.kill()
    os._exit(code)


def _leave_though_ignored(ignored: "sys.UnraisableHookArgs") -> None:
    """While Python frees an object, or ends, nothing can be raised: the signal would be told and forgotten."""
    if isinstance(ignored.exc_value, SystemExit) and isinstance(ignored.exc_value.code, int):
        _exit(ignored.exc_value.code)
    sys.__unraisablehook__(ignored)


def ended_by_ctrl_c(command: Callable[P, T]) -> Callable[P, T]:
    """A command that only reads: Ctrl-C ends it at once, and what it started.

    A second Ctrl-C changes nothing, so that no process is left behind.
    """

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        before = signal.signal(signal.SIGINT, _end)
        try:
            return command(*args, **kwargs)
        except KeyboardInterrupt:
            raise SystemExit(BY_CTRL_C) from None
        finally:
            if signal.getsignal(signal.SIGINT) is _end:
                signal.signal(signal.SIGINT, before)

    return run


def _end(_number: int, _frame: FrameType | None) -> NoReturn:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


class Interrupt:
    """signal: the number of the one that came, else 0. Called, it tells whether one came."""

    def __init__(self) -> None:
        self.signal = 0

    def __call__(self) -> bool:
        return self.signal != 0

    @property
    def exit_code(self) -> int:
        return BY_SIGNAL + self.signal

    def on_signal(self, number: int, _frame: FrameType | None) -> None:
        """The second one stops at once."""
        if self.signal:
            raise KeyboardInterrupt
        self.signal = number


@contextmanager
def interruptible(interrupt: Interrupt) -> Iterator[None]:
    before = {each: signal.signal(each, interrupt.on_signal) for each in SIGNALS}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
