"""Which message was processed alone when its process died: told to the next process through Redis.

Messages that come in one receive are processed one after another. If one kills the process, those behind it have
counted a receive for nothing. So the next process that receives them takes the marked one last.
"""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from email_activity.domain.errors import TransientError
from email_activity.ingest.model import Message
from email_activity.redis_client.commands import RedisCommands

#: Seconds after which a mark that nobody takes away ends: longer than any visibility timeout.
MARKED_FOR = 86_400


class CrashSuspects:
    """While Redis fails nothing is marked; the claims will meet that failure, and log it."""

    def __init__(self, redis: RedisCommands) -> None:
        self._redis = redis

    def in_order(self, messages: Sequence[Message]) -> list[Message]:
        """Marked ones last, and otherwise those that were received least often first."""
        marks: Sequence[str | None] = [None] * len(messages)
        with suppress(TransientError):
            marks = self._redis.run([("GET", _key(message)) for message in messages])
        is_marked = dict(zip(messages, map(bool, marks), strict=True))
        return sorted(messages, key=lambda each: (is_marked[each], each.receive_count, random.random()))  # noqa: S311

    @contextmanager
    def marked(self, message: Message) -> Iterator[None]:
        with suppress(TransientError):
            self._redis.run([("SET", _key(message), "1", "EX", MARKED_FOR)])
        yield  # after an exception the mark stays: the message is as suspect as after a crash
        with suppress(TransientError):
            self._redis.run([("DEL", _key(message))])


def _key(message: Message) -> str:
    return f"email-activity:alone:{message.id}"
