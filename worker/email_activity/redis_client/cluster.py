"""A cluster of Redis servers: single-key commands to all nodes at once, and to where slots have moved meanwhile.

redis-py keeps the map of slots and the connections. Its pipeline is not used: what a node did not take it sends again
one by one, each with time-outs of its own. https://valkey.io/topics/cluster-spec/
"""

import itertools
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import redis
from hiredis import pack_command
from redis.cluster import PRIMARY, ClusterNode
from redis.exceptions import AskError, MovedError

from email_activity.redis_client.server import CONNECTION, Command, connection_of
from email_activity.redis_url import RedisUrl

#: For each node the commands to send it, by number, and whether to say ASKING before.
Todo = dict[ClusterNode, list[tuple[int, bool]]]

#: Before a command about a slot that is being moved to the node.
ASKING = pack_command(("ASKING",))

#: Rounds in which commands are sent on to other nodes. A slot that moves twice meanwhile is rare.
MAX_ROUNDS = 5


def open_cluster(url: RedisUrl) -> redis.RedisCluster:
    return redis.RedisCluster(**url.client_options(), **CONNECTION)


def exchange_on_all(cluster: redis.RedisCluster, commands: Sequence[Command]) -> list[Any]:
    """The answer to each. All is sent before anything is read: one round trip for each node, side by side."""
    answers: list[Any] = [None] * len(commands)
    todo: Todo = {}
    for number, command in enumerate(commands):
        todo.setdefault(_owner(cluster, _key(command)), []).append((number, False))
    for _ in range(MAX_ROUNDS):
        redirected = _round(cluster, commands, todo, answers)
        if not redirected:
            return answers
        todo = {}
        for number, error in redirected:
            if isinstance(error, MovedError):
                todo.setdefault(_new_owner(cluster, error), []).append((number, False))
            else:
                todo.setdefault(_taker(cluster, error), []).append((number, True))
    raise redis.RedisError("sent from node to node")


def _round(
    cluster: redis.RedisCluster, commands: Sequence[Command], todo: Todo, answers: list[Any]
) -> list[tuple[int, AskError]]:
    """Fills in answers; returns the commands that are another node's."""
    redirected = []
    with ExitStack() as stack:
        opened = {node: stack.enter_context(connection_of(cluster.get_redis_connection(node))) for node in todo}
        for node, parts in todo.items():
            packed = [(ASKING if is_asked else b"") + pack_command(commands[number]) for number, is_asked in parts]
            opened[node].send_packed_command([b"".join(packed)])
        for node, parts in todo.items():
            for number, is_asked in parts:
                if is_asked:
                    opened[node].read_response()
                try:
                    answers[number] = opened[node].read_response()
                except AskError as error:
                    redirected.append((number, error))
    return redirected


def names_on_all(cluster: redis.RedisCluster, name: str) -> list[str]:
    """For each node that takes writes one key that is its own: `name:17`."""
    without = {nodes[0] for nodes in cluster.nodes_manager.slots_cache.values()}
    names: list[str] = []
    numbers = itertools.count()
    while without:
        candidate = f"{name}:{next(numbers)}"
        owner = _owner(cluster, candidate)
        if owner in without:
            without.discard(owner)
            names.append(candidate)
    return names


def _key(command: Command) -> str:
    return str(command[3] if command[0] == "EVAL" else command[1])


def _owner(cluster: redis.RedisCluster, key: str) -> ClusterNode:
    owner: ClusterNode = cluster.get_node_from_key(key)  # type: ignore[no-untyped-call]
    return owner


def _new_owner(cluster: redis.RedisCluster, error: MovedError) -> ClusterNode:
    cluster.nodes_manager.move_slot(error)
    return cluster.nodes_manager.get_node_from_slot(error.slot_id)


def _taker(cluster: redis.RedisCluster, error: AskError) -> ClusterNode:
    """Of a slot that is being moved. It may have no slot yet, and so stand in no map."""
    new = ClusterNode(error.host, error.port, PRIMARY)  # type: ignore[no-untyped-call]
    return cluster.nodes_manager.nodes_cache.setdefault(new.name, new)
