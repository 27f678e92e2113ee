"""Crash suspects: messages received so often that one may be what kills its process. Each is processed alone.

Those that come in one receive are processed one after another. If one kills the process, those behind it have counted
a receive for nothing. So the one in hand is noted in Redis, and the next process that receives them takes it last.
"""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from email_activity.domain.errors import TransientError
from email_activity.ingest.model import Message
from email_activity.redis_client.commands import RedisCommands

#: Seconds after which a note that nobody takes away ends: longer than any visibility timeout.
NOTED_FOR = 86_400


class CrashSuspects:
    """While Redis fails nothing is noted; the claims will meet that failure, and log it."""

    def __init__(self, redis: RedisCommands) -> None:
        self._redis = redis

    def in_order(self, suspects: Sequence[Message]) -> list[Message]:
        """Noted ones last, and otherwise those that were received least often first."""
        notes: Sequence[str | None] = [None] * len(suspects)
        with suppress(TransientError):
            notes = self._redis.run([("GET", _key(message)) for message in suspects])
        is_noted = dict(zip(suspects, map(bool, notes), strict=True))
        return sorted(suspects, key=lambda message: (is_noted[message], message.receive_count, random.random()))  # noqa: S311

    @contextmanager
    def noted(self, message: Message) -> Iterator[None]:
        with suppress(TransientError):
            self._redis.run([("SET", _key(message), "1", "EX", NOTED_FOR)])
        yield  # after an exception the note stays: the message is as suspect as after a crash
        with suppress(TransientError):
            self._redis.run([("DEL", _key(message))])


def _key(message: Message) -> str:
    return f"email-activity:alone:{message.id}"
