"""One Redis server: a connection, its mode, and many commands in one round trip."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import redis
from hiredis import pack_command

from email_activity.redis_url import RedisUrl

#: The words of one command.
Command = tuple[Any, ...]

#: In seconds: a silent server must not hold a thread longer than a stop may take. No retries of its own: the receive
#: loop waits, and logs it once.
CONNECTION: dict[str, Any] = {
    "decode_responses": True,
    "socket_timeout": 5,
    "socket_connect_timeout": 3,
    "socket_keepalive": True,
    "health_check_interval": 30,
}


def one_server(url: RedisUrl) -> redis.Redis:
    options = url.client_options()
    kind = redis.SSLConnection if options.pop("ssl", False) else redis.Connection
    pool = redis.ConnectionPool(connection_class=kind, db=url.database, **options, **CONNECTION)
    return redis.Redis.from_pool(pool)


def mode(server: redis.Redis) -> str:
    """standalone, cluster or sentinel. By HELLO, which no user is refused. https://valkey.io/commands/hello/"""
    answer: Any = server.execute_command("HELLO")  # type: ignore[no-untyped-call]
    properties = answer if isinstance(answer, dict) else dict(zip(answer[::2], answer[1::2], strict=True))
    return str(properties.get("mode"))


def run_on_server(server: redis.Redis, commands: Sequence[Command]) -> list[Any]:
    """By redis-py's connection, without its pipeline, which takes three times as long."""
    with connection_of(server) as connection:
        connection.send_packed_command([b"".join([pack_command(each) for each in commands])])
        return [connection.read_response() for _ in commands]


@contextmanager
def connection_of(server: redis.Redis) -> Iterator[Any]:
    """From its pool. After an error it is closed, or the next caller would take the answers left for its own."""
    pool = server.connection_pool
    connection: Any = pool.get_connection()
    try:
        yield connection
    except BaseException:
        connection.disconnect()
        raise
    finally:
        pool.release(connection)
