"""Answers on their way: each is sent a fixed time after its request was read."""

import asyncio
import math
import time
from collections import deque
from typing import Protocol

#: Seconds. What is due within this is sent now: uvloop's timers count whole milliseconds, and one wake of the loop for
#: several answers costs less than one for each.
SLACK = 0.0005


class Recipient(Protocol):
    def send(self, answer: bytes) -> None: ...


class DelayLine:
    """All answers wait equally long, so they leave in the order in which they came, and one timer is enough."""

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        self.seconds = seconds
        self._loop = loop
        self._waiting: deque[tuple[float, Recipient, bytes]] = deque()

    def put(self, recipient: Recipient, answer: bytes, read_at: float) -> None:
        """read_at: on the monotonic clock."""
        if not self.seconds and not self._waiting:
            recipient.send(answer)
            return
        self._waiting.append((read_at + self.seconds, recipient, answer))
        if len(self._waiting) == 1:
            self._wake_for_next()

    def _wake_for_next(self) -> None:
        # Rounded up: what uvloop rounds down to nothing would turn in circles until it is due.
        left = self._waiting[0][0] - SLACK - time.monotonic()
        self._loop.call_later(max(1, math.ceil(left * 1000)) / 1000, self._release)

    def _release(self) -> None:
        waiting = self._waiting
        now = time.monotonic() + SLACK
        while waiting and waiting[0][0] <= now:
            _, recipient, answer = waiting.popleft()
            recipient.send(answer)
        if waiting:
            self._wake_for_next()
