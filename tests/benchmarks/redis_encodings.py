"""Ways to keep identities in Redis: how each is written, how a claim of it would work, and what it could mistake.

Each stands for a fact that is stored (`done`). A claim under way is one short-lived key more, in all of them.

A filter (Bloom's, cuckoo's, rotated) is none of them. What it takes by mistake for stored is an event that nobody ever
sees. Short hashes do the same, at odds that can be named; a filter with the odds of 8 bytes is as large as they are.
"""

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

#: Seconds: of the window, as by default.
WINDOW = b"86400"

#: Members of a bucket on average. Up to 128 of them (sets and sorted sets of text) or 512 (hashes, sets of whole
#: numbers) stay one piece of memory; with twice the average at hand, one bucket of a billion would have more.
SMALL, LARGE = 64, 256

#: Identities for which odds are told.
BILLION = 10**9

Command = tuple[bytes, ...]

#: How a claim would work, in single-key commands.
ONE = "SET NX GET PX"
NO_ANSWER = "HSETEX FNX, tells not whose"
LOOK = "lease key, then look in bucket"


@dataclass(frozen=True, slots=True)
class Encoding:
    """write: the commands for identity number `i` of so many. bits: of the identity in its key or member.

    bucket: members of one on average; the bits that choose the bucket are further ones. key: as written, `i` in it.
    """

    name: str
    bits: int
    claim: str
    write: Callable[[int, int], Sequence[Command]]
    bucket: int | None = None

    def any_two(self, identities: int = BILLION) -> float:
        """How likely any two of so many are taken for one."""
        bits = self.bits + (math.log2(identities / self.bucket) if self.bucket else 0)
        return identities**2 / 2 ** (bits + 1)


def digest(number: int) -> bytes:
    return hashlib.sha256(b"%d" % number).digest()


def text(number: int) -> bytes:
    """As long as a key of `Claims` without its namespace: 16 characters."""
    return digest(number).hex()[:16].encode()


def plain(name: str, bits: int, key: Callable[[int], bytes], value: bytes) -> Encoding:
    return Encoding(name, bits, ONE, lambda number, _: [(b"SET", key(number), value, b"EX", WINDOW)])


def buckets(name: str, bits: int, size: int, add: Callable[[bytes, int], Command]) -> Encoding:
    """A bucket would be named by the hour of the fact's own time, so that it stops to grow and can expire as a whole,
    and by bits that the member does not hold.
    """

    def write(number: int, count: int) -> Sequence[Command]:
        bucket = b"b:%d" % (int.from_bytes(digest(number)[16:24]) % max(1, count // size))
        command = add(bucket, number)
        return [command] if command[0] == b"HSETEX" else [command, (b"EXPIRE", bucket, WINDOW)]

    return Encoding(name, bits, NO_ANSWER if "each expires" in name else LOOK, write, size)


def _with_expiry(bucket: bytes, number: int) -> Command:
    return b"HSETEX", bucket, b"FNX", b"EX", WINDOW, b"FIELDS", b"1", digest(number)[:12], b""


def _scored(bucket: bytes, number: int) -> Command:
    """By the minute since 1970, so that old members can be cut off without a time in the bucket's name."""
    return b"ZADD", bucket, b"%d" % (29_000_000 + number % 1440), digest(number)[:12]


def _whole(bucket: bytes, number: int) -> Command:
    """64 bits as a whole number, of which a set keeps nothing but its eight bytes."""
    return b"SADD", bucket, b"%d" % int.from_bytes(digest(number)[:8], signed=True)


ALTERNATIVES = (
    plain("16 characters = done (space hashed in)", 96, text, b"done"),
    plain("12 bytes = done", 96, lambda i: digest(i)[:12], b"done"),
    plain("12 bytes = 1", 96, lambda i: digest(i)[:12], b"1"),
    plain("12 bytes = empty", 96, lambda i: digest(i)[:12], b""),
    plain("8 bytes = done", 64, lambda i: digest(i)[:8], b"done"),
    plain("8 bytes = 1", 64, lambda i: digest(i)[:8], b"1"),
    buckets("hash of 12 bytes, each expires", 96, LARGE, _with_expiry),
    buckets("hash of 12 bytes", 96, LARGE, lambda bucket, i: (b"HSET", bucket, digest(i)[:12], b"")),
    buckets("sorted set of 12 bytes", 96, SMALL, _scored),
    buckets("set of 12 bytes", 96, SMALL, lambda bucket, i: (b"SADD", bucket, digest(i)[:12])),
    buckets("set of 8 bytes", 64, SMALL, lambda bucket, i: (b"SADD", bucket, digest(i)[:8])),
    buckets("set of whole numbers, 8 bytes", 64, LARGE, _whole),
)
