"""Claims in Redis: who writes a fact, and what is written already.

Redis only saves work. A fact's key is made from its content, so writing it twice changes nothing; correctness rests on
that, so a Redis that forgets, fails over or evicts does no harm.

    absent           nobody writes it
    <token>          somebody is writing it, until the lease ends
    done             it is stored; forgotten after the window
"""

import base64
import hashlib
import secrets
from collections.abc import Sequence
from typing import Any

from email_activity.domain.facts import Key
from email_activity.ingest.model import Claim
from email_activity.redis_client.commands import RedisCommands

DONE = "done"

#: Both change a claim only if it is still ours: after a pause longer than the lease it may be another worker's.
RELEASE = """if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"""
EXTEND = """if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0"""


def namespace(table_arn: str, created_at: str) -> str:
    """What the claims for one table stand under. A table that is made anew or restored from a backup has another time
    of creation, so claims for the old one do not count for it. Two environments on one Redis do not meet either.
    """
    return _short(f"{table_arn}\n{created_at}")


class Claims:
    """The claims of one batch, under a token of its own. Each call is one round trip.

    Single-key commands only, so a cluster serves. Every method raises TransientError if Redis does not answer.
    """

    def __init__(self, redis: RedisCommands, namespace: str, lease_seconds: int, window_seconds: int) -> None:
        self._redis = redis
        self._namespace = namespace
        self.lease_seconds = lease_seconds
        self._lease = lease_seconds * 1000
        self._window = window_seconds
        self._token = secrets.token_hex(8)

    def claim(self, keys: Sequence[Key]) -> dict[Key, Claim]:
        """One command for each key: it sets our token if there is none, and answers what was there.

        https://valkey.io/commands/set/ (NX and GET together: Redis 7, Valkey)
        """
        words = (self._token, "NX", "GET", "PX", self._lease)
        answers = self._redis.run([("SET", self._name(key), *words) for key in keys])
        return {key: self._claim(answer) for key, answer in zip(keys, answers, strict=True)}

    def _claim(self, before: str | None) -> Claim:
        # Our own token comes back if a first attempt was carried out and its answer lost.
        if before is None or before == self._token:
            return Claim.OURS
        return Claim.DONE if before == DONE else Claim.HELD

    def commit(self, keys: Sequence[Key]) -> None:
        """These are stored. Never called before DynamoDB said so."""
        self._redis.run([("SET", self._name(key), DONE, "EX", self._window) for key in keys])

    def release(self, keys: Sequence[Key]) -> None:
        """These were not stored: let the next copy try at once."""
        self._redis.run([("EVAL", RELEASE, 1, self._name(key), self._token) for key in keys])

    def extend(self, keys: Sequence[Key]) -> None:
        """These are still being written: a whole lease more, from now."""
        self._redis.run([("EVAL", EXTEND, 1, self._name(key), self._token, self._lease) for key in keys])

    def leases(self, keys: Sequence[Key]) -> dict[Key, float]:
        """Of facts that others held: the seconds until each lease ends, 0 if it has. Those done by now are left out."""
        answers = self._redis.run([(word, self._name(key)) for key in keys for word in ("GET", "PTTL")])
        pairs = zip(keys, answers[::2], answers[1::2], strict=True)
        return {key: self._seconds(milliseconds) for key, value, milliseconds in pairs if value != DONE}

    def _seconds(self, milliseconds: Any) -> float:
        """No longer than a lease of ours: whoever holds a message back for longer is no worker."""
        return min(max(0, milliseconds), self._lease) / 1000 if isinstance(milliseconds, int) else self.lease_seconds

    def _name(self, key: Key) -> str:
        """Without a prefix: 16 bytes more would be a sixth of what Redis needs for a claim."""
        return _short("\n".join((self._namespace, *key)))


def _short(text: str) -> str:
    """96 bits in 16 characters: two of a billion facts collide with a chance of one in 10^11."""
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:12]).decode()
