"""Which message was handled alone when its process died: told to the next process through Redis.

Messages that come in one receive are handled one after another, so if the process dies, those behind count one receive
more. The next process that has them takes last what was in hand then, so that all others are settled before.
"""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from email_activity.domain.errors import TransientError
from email_activity.ingest.receive import Message
from email_activity.redis_client.commands import RedisCommands

#: Seconds that a note stands if nobody takes it away: longer than any visibility timeout.
KEPT = 86_400


class Suspects:
    """While Redis fails nothing is noted; the claims will meet that, and say so."""

    def __init__(self, redis: RedisCommands) -> None:
        self._redis = redis

    def in_order(self, messages: Sequence[Message]) -> list[Message]:
        """Those noted last, and before them those that were received least often first."""
        noted: Sequence[str | None] = [None] * len(messages)
        with suppress(TransientError):
            noted = self._redis.run([("GET", _name(message)) for message in messages])
        is_noted = dict(zip(messages, map(bool, noted), strict=True))
        return sorted(messages, key=lambda each: (is_noted[each], each.receive_count, random.random()))  # noqa: S311

    @contextmanager
    def noted(self, message: Message) -> Iterator[None]:
        with suppress(TransientError):
            self._redis.run([("SET", _name(message), "1", "EX", KEPT)])
        yield
        with suppress(TransientError):
            self._redis.run([("DEL", _name(message))])


def _name(message: Message) -> str:
    return f"email-activity:alone:{message.id}"
