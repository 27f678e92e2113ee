"""One queue: visibility, receive counts, long polls, the dead-letter queue.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html

Each message has one time at which it is visible again (`due`). The heap may hold older times of it, too, which
nobody takes out: they no longer agree with the message's own.
"""

import heapq
import itertools
import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from benchmarks.stub.messages import GONE, VISIBLE, Message


class Timer(Protocol):
    def cancel(self) -> None: ...


#: asyncio's loop.call_later.
CallLater = Callable[..., Timer]


@dataclass(frozen=True, slots=True, eq=False)
class Waiter:
    """A long poll. visibility: seconds. wake is called once, with at least one message, or with none at its end."""

    most: int
    visibility: float
    wake: Callable[[Sequence[Message], float], None]
    is_open: Callable[[], bool]


@dataclass(slots=True)
class Totals:
    """Of messages, since the last reset."""

    sent: int = 0
    deleted: int = 0
    received: int = 0
    dead_lettered: int = 0


@dataclass(slots=True, eq=False)
class Queue:
    """visibility_timeout, wait: seconds. now, in all calls: seconds on the monotonic clock."""

    name: str
    call_later: CallLater
    clock: Callable[[], float]
    visibility_timeout: float = 120
    wait: float = 0
    dead_letters: "Queue | None" = None
    max_receive_count: int = 12
    totals: Totals = field(default_factory=Totals)
    in_flight: int = 0
    _messages: dict[int, Message] = field(default_factory=dict)
    _visible: deque[Message] = field(default_factory=deque)
    _hidden: list[tuple[float, int, Sequence[Message]]] = field(default_factory=list)
    _order: Any = field(default_factory=itertools.count)
    _waiters: dict[Waiter, Timer] = field(default_factory=dict)
    _alarm: Timer | None = None

    @property
    def visible(self) -> int:
        return len(self._messages) - self.in_flight

    def add(self, messages: Sequence[Message], now: float) -> None:
        self.totals.sent += len(messages)
        self._accept(messages, now)

    def _accept(self, messages: Sequence[Message], now: float) -> None:
        self._messages.update((each.number, each) for each in messages)
        self._visible.extend(messages)
        self._serve(now)

    def take(self, most: int, visibility: float, now: float, wall: int) -> list[Message]:
        """wall: Unix milliseconds."""
        if self._hidden and self._hidden[0][0] <= now:
            self.expire(now)
        taken: list[Message] = []
        visible, limit = self._visible, self.max_receive_count if self.dead_letters else math.inf
        due = now + visibility if visibility else VISIBLE
        while visible and len(taken) < most:
            message = visible.popleft()
            if message.due:  # deleted by an older handle
                continue
            if message.receives >= limit:
                self._bury(message, now)
                continue
            message.receives += 1
            if message.receives == 1:
                message.first = wall
            message.due = due
            taken.append(message)
        if taken:
            self.totals.received += len(taken)
            if visibility:
                self.in_flight += len(taken)
                heapq.heappush(self._hidden, (due, next(self._order), taken))
            else:
                visible.extend(taken)
        return taken

    def _bury(self, message: Message, now: float) -> None:
        """It keeps its id and the time when it was sent."""
        assert self.dead_letters
        del self._messages[message.number]
        self.totals.dead_lettered += 1
        self.dead_letters._accept([message], now)

    def delete(self, number: int) -> None:
        """Of what is not there: nothing, as with SQS."""
        message = self._messages.pop(number, None)
        if message is None:
            return
        self.in_flight -= bool(message.due)
        message.due = GONE
        self.totals.deleted += 1

    def find(self, number: int) -> Message | None:
        return self._messages.get(number)

    def change_visibility(self, message: Message, seconds: float, now: float) -> bool:
        """False: it is not in flight."""
        self.expire(now)
        if not message.due:
            return False
        if seconds:
            message.due = now + seconds
            heapq.heappush(self._hidden, (message.due, next(self._order), [message]))
        else:
            self.in_flight -= 1
            message.due = VISIBLE
            self._visible.append(message)
        self._serve(now)
        return True

    def expire(self, now: float) -> None:
        """Makes visible what is due."""
        hidden = self._hidden
        while hidden and hidden[0][0] <= now:
            due, _, messages = heapq.heappop(hidden)
            for message in messages:
                if message.due == due:
                    self.in_flight -= 1
                    message.due = VISIBLE
                    self._visible.append(message)

    def poll(self, waiter: Waiter, seconds: float) -> None:
        """Waits in line; woken without messages after so many seconds."""
        self._waiters[waiter] = self.call_later(seconds, self._give_up, waiter)
        self._set_alarm()

    def _give_up(self, waiter: Waiter) -> None:
        del self._waiters[waiter]
        waiter.wake((), self.clock())

    def _serve(self, now: float) -> None:
        """Those who wait, first come first served. What one of them is given, the others wait for to return."""
        while self._waiters and self._visible:
            waiter = next(iter(self._waiters))
            taken: Sequence[Message] = ()
            if waiter.is_open():
                taken = self.take(waiter.most, waiter.visibility, now, time.time_ns() // 1_000_000)
                if not taken:
                    break
            self._waiters.pop(waiter).cancel()
            if taken:
                waiter.wake(taken, now)
        self._set_alarm()

    def _set_alarm(self) -> None:
        """Only for those who wait; a receive looks for itself."""
        if self._alarm:
            self._alarm.cancel()
            self._alarm = None
        if self._waiters and self._hidden:
            left = self._hidden[0][0] - self.clock()
            # uvloop's timers count whole milliseconds, and one that is early would turn in circles.
            self._alarm = self.call_later(max(1, math.ceil(left * 1000)) / 1000, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        now = self.clock()
        self.expire(now)
        self._serve(now)

    def clear(self) -> None:
        """It is as if nothing had been sent. Long polls stay open."""
        self._messages.clear()
        self._visible.clear()
        self._hidden.clear()
        self.in_flight = 0
        self.totals = Totals()
