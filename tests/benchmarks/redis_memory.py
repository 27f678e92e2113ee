"""Redis: bytes for each identity that is remembered as stored, as the worker writes it.

    make bench-redis
    make bench-redis ARGS="--identities 200000"

On a real Valkey without a limit of memory, a new one for each figure: `used_memory` after, less before. Servers as
they are deployed are built with jemalloc, the one here is not: where libjemalloc is found, it is put before it.
"""

import argparse
import os
import time
from ctypes.util import find_library
from datetime import UTC, datetime

import redis

from email_activity.domain.chunks import chunks
from email_activity.ingest.claims import Claims, namespace
from email_activity.redis_client.commands import RedisCommands
from email_activity.redis_url import read_redis_url
from servers import valkey

IDENTITIES = (200_000, 1_000_000)

#: An activity or a recipient fact each, of an email of the mix; rates for which the window is told.
OF_AN_EMAIL = 3.85
EMAILS_A_MONTH = (1_000_000, 100_000_000, 1_000_000_000)
HOURS_A_MONTH = 30 * 24
GB = 10**9

#: Facts in one round trip: of a batch of a hundred messages, and then some.
BATCH = 1_000

#: Bytes by which the memory of a server at rest may differ from one look to the next.
AT_REST = 1024

REHASHING = "mem_overhead_db_hashtable_rehashing"


def measure(count: int) -> tuple[float, float]:
    """Bytes for each of so many: of used_memory, and of what the process holds."""
    with valkey(maxmemory="0") as server, server.client() as client:
        before = _memory(client)
        commands = RedisCommands(read_redis_url(server.connection_url))
        space = namespace("arn:aws:dynamodb:us-east-1:123456789012:table/email-activity", datetime.now(UTC).isoformat())
        claims = Claims(commands, space, lease_seconds=60, window_seconds=86_400)
        for batch in chunks(range(count), BATCH):
            keys = [(f"EMAIL#{number}", "EVENT") for number in batch]
            claims.claim(keys)
            claims.commit(keys)
        commands.close()
        after = _memory(client)
        assert client.dbsize() == count  # none was refused, and none taken for another
    return (after["used_memory"] - before["used_memory"]) / count, (
        after["used_memory_rss"] - before["used_memory_rss"]
    ) / count


def _memory(client: redis.Redis) -> dict[str, int]:
    """Once no table is being moved to another size. A server at rest still grows by some bytes now and then."""
    last = -GB
    while abs((now := client.info("memory"))["used_memory"] - last) > AT_REST or now[REHASHING]:
        last = now["used_memory"]
        time.sleep(0.3)
    return now


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="redis_memory", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--identities", type=int, nargs="+", default=IDENTITIES, metavar="N")
    parser.add_argument("--jemalloc", metavar="LIBRARY", default=find_library("jemalloc"), help="default: as installed")
    arguments = parser.parse_args()
    if arguments.jemalloc:
        os.environ["LD_PRELOAD"] = arguments.jemalloc  # of the servers that this process starts
    print(f"Bytes for each identity, allocator: {'jemalloc' if arguments.jemalloc else 'libc'}")
    for count in arguments.identities:
        used, resident = measure(count)
        hours = [GB / used / (emails * OF_AN_EMAIL / HOURS_A_MONTH) for emails in EMAILS_A_MONTH]
        print(
            f"{count:>10,}: {used:.1f}, of the process {resident:.1f}; hours of window in a GB at 1, 100 and 1,000 "
            f"million emails a month: {', '.join(f'{each:,.1f}' for each in hours)}"
        )


if __name__ == "__main__":
    main()
