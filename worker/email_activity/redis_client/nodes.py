"""Connections to one Redis server, or to a cluster of them, and many single-key commands in one round trip to each.

On a cluster redis-py keeps the map of slots and the connections. Its pipeline is not used: what a node did not take it
sends again one by one, each with time-outs of its own. https://valkey.io/topics/cluster-spec/
"""

import itertools
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import redis
from hiredis import pack_command
from redis.cluster import PRIMARY, ClusterNode
from redis.exceptions import AskError, MovedError

from email_activity.redis_client.parser import BoundedParser
from email_activity.redis_url import RedisUrl

#: The words of one command.
Command = tuple[Any, ...]

#: In seconds: a silent server must not hold a thread longer than a stop may take. No retries of its own: the receive
#: loop waits, and logs it once. The protocol's third version is not needed, and with it redis-py would
#: follow a server's push to another host.
CONNECTION: dict[str, Any] = {
    "protocol": 2,
    "decode_responses": True,
    "socket_timeout": 5,
    "socket_connect_timeout": 3,
    "socket_keepalive": True,
    "health_check_interval": 30,
}

#: Seconds after which no further answer is asked for, of those to all that was sent at once.
ANSWERS_WITHIN = 10.0

#: For each node the commands to send it, by number, and whether to send ASKING before.
Routes = dict[ClusterNode, list[tuple[int, bool]]]

#: Before a command about a slot that is being moved to the node.
ASKING = pack_command(("ASKING",))

#: Rounds in which commands are redirected to other nodes. A slot that moves twice meanwhile is rare.
MAX_ROUNDS = 5


def one_server(url: RedisUrl) -> redis.Redis:
    options = url.client_options()
    kind = redis.SSLConnection if options.pop("ssl", False) else redis.Connection
    options |= {"connection_class": kind, "parser_class": BoundedParser, "db": url.database}
    pool = redis.ConnectionPool(**options, **CONNECTION)
    return redis.Redis.from_pool(pool)


def mode(server: redis.Redis) -> str:
    """standalone, cluster or sentinel. By HELLO, which no user is refused. https://valkey.io/commands/hello/"""
    answer: Any = server.execute_command("HELLO")  # type: ignore[no-untyped-call]
    return str(dict(zip(answer[::2], answer[1::2], strict=True)).get("mode"))


def run_on_server(server: redis.Redis, commands: Sequence[Command]) -> list[Any]:
    """By redis-py's connection, without its pipeline, which takes three times as long."""
    with connection_of(server) as connection:
        connection.send_packed_command([b"".join([pack_command(each) for each in commands])])
        until = time.monotonic() + ANSWERS_WITHIN
        return [_answer(connection, until) for _ in commands]


def _answer(connection: Any, until: float) -> Any:
    if time.monotonic() > until:
        raise redis.TimeoutError("answers that come too slowly")
    return connection.read_response()


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


class BoundedCluster(redis.RedisCluster):
    def on_connect(self, connection: Any) -> None:
        connection.set_parser(BoundedParser)
        super().on_connect(connection)  # type: ignore[no-untyped-call]


def open_cluster(url: RedisUrl) -> redis.RedisCluster:
    return BoundedCluster(**url.client_options(), **CONNECTION)


def run_on_cluster(cluster: redis.RedisCluster, commands: Sequence[Command]) -> list[Any]:
    """The answer to each. All is sent before anything is read: one round trip for each node, side by side."""
    answers: list[Any] = [None] * len(commands)
    routes: Routes = {}
    for number, command in enumerate(commands):
        key = str(command[3] if command[0] == "EVAL" else command[1])
        routes.setdefault(_owner(cluster, key), []).append((number, False))
    for _ in range(MAX_ROUNDS):
        redirected = _round(cluster, commands, routes, answers)
        if not redirected:
            return answers
        routes = {}
        for number, error in redirected:
            is_moved = isinstance(error, MovedError)
            routes.setdefault(_redirected(cluster, error), []).append((number, not is_moved))
    raise redis.RedisError("redirected too often")


def _round(
    cluster: redis.RedisCluster, commands: Sequence[Command], routes: Routes, answers: list[Any]
) -> list[tuple[int, AskError]]:
    """Fills in answers; returns the commands that are another node's."""
    redirected = []
    with ExitStack() as stack:
        opened = {node: stack.enter_context(connection_of(cluster.get_redis_connection(node))) for node in routes}
        for node, parts in routes.items():
            packed = [(ASKING if asks else b"") + pack_command(commands[number]) for number, asks in parts]
            opened[node].send_packed_command([b"".join(packed)])
        until = time.monotonic() + ANSWERS_WITHIN
        for node, parts in routes.items():
            for number, asks in parts:
                if asks:
                    _answer(opened[node], until)
                try:
                    answers[number] = _answer(opened[node], until)
                except AskError as error:
                    redirected.append((number, error))
    return redirected


def keys_on_all(cluster: redis.RedisCluster, name: str) -> list[str]:
    """For each node that takes writes one key that is its own: `name:17`."""
    without = {nodes[0] for nodes in cluster.nodes_manager.slots_cache.values()}
    keys: list[str] = []
    numbers = itertools.count()
    while without:
        candidate = f"{name}:{next(numbers)}"
        owner = _owner(cluster, candidate)
        if owner in without:
            without.discard(owner)
            keys.append(candidate)
    return keys


def _owner(cluster: redis.RedisCluster, key: str) -> ClusterNode:
    owner: ClusterNode = cluster.get_node_from_key(key)  # type: ignore[no-untyped-call]
    return owner


def _redirected(cluster: redis.RedisCluster, error: AskError) -> ClusterNode:
    """A node to which a slot is being moved may have no slot yet, and so stand in no map."""
    nodes = cluster.nodes_manager
    if isinstance(error, MovedError):
        nodes.move_slot(error)
        return nodes.get_node_from_slot(error.slot_id)
    new = ClusterNode(error.host, error.port, PRIMARY)  # type: ignore[no-untyped-call]
    return nodes.nodes_cache.setdefault(new.name, new)
