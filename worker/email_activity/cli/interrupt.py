"""Ctrl-C and `kill` as a request to stop: what is in hand is finished, and what was received is given back."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

#: A shell's exit code for a program that a signal ended is this and the signal's number: 130 for Ctrl-C.
BY_SIGNAL = 128
BY_CTRL_C = BY_SIGNAL + signal.SIGINT


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
