"""Ctrl-C and `kill` as a request to stop: what is in hand is finished, and what was received is given back."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from types import FrameType
from typing import NoReturn, ParamSpec, TypeVar

#: A shell's exit code for a program that a signal ended is this and the signal's number: 130 for Ctrl-C.
BY_SIGNAL = 128
BY_CTRL_C = BY_SIGNAL + signal.SIGINT


P = ParamSpec("P")
T = TypeVar("T")


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
    before = {each: signal.signal(each, interrupt.on_signal) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
