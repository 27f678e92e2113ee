"""A batch of single-key commands in one round trip, on whatever REDIS_URL names: one server, or a cluster.

It is asked which of the two it is when it is first used, so there is no setting for it.
"""

import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import redis
from redis.exceptions import MovedError

from email_activity.domain.errors import TransientError
from email_activity.redis_client import nodes
from email_activity.redis_client.nodes import Command
from email_activity.redis_url import RedisUrl

#: Whatever redis-py raises. Its own errors have two roots, and what no Redis answers ends in a TypeError, a
#: UnicodeDecodeError, a MemoryError.
FAILURES = (Exception,)

#: The key that a probe sets.
PROBE = "email-activity:probe"


class RedisCommands:
    """Shared by the threads of a process. Every method but `close` raises TransientError while Redis fails."""

    def __init__(self, url: RedisUrl) -> None:
        self._url = url
        self._server = nodes.one_server(url)
        self._cluster: redis.RedisCluster | None = None
        self._is_mode_known = False
        self._lock = threading.Lock()

    def run(self, commands: Sequence[Command]) -> list[Any]:
        """The answer to each. Each has one key: its second word, or EVAL's fourth."""
        if not commands:
            return []
        with _transient():
            cluster = self._current_cluster()
            try:
                if cluster:
                    return nodes.run_on_cluster(cluster, commands)
                return nodes.run_on_server(self._server, commands)
            except FAILURES as error:
                self._is_mode_known = False
                if not cluster and isinstance(error, MovedError):  # only a cluster answers so, whatever mode it gives
                    self._cluster, self._is_mode_known = nodes.open_cluster(self._url), True
                raise

    def probe(self) -> None:
        """Whether each node takes writes: a Redis out of memory answers pings. NX with GET a Redis before 7 refuses.

        After a failure connections are made anew: the old ones may lead to a replica, which takes no writes.
        """
        try:
            with _transient():
                cluster = self._current_cluster()
                keys = nodes.keys_on_all(cluster, PROBE) if cluster else [PROBE]
            self.run([("SET", key, "1", "NX", "GET", "PX", 1000) for key in keys])
        except TransientError:
            self._server.connection_pool.disconnect()
            raise

    def close(self) -> None:
        self._server.close()
        if self._cluster:
            self._cluster.close()

    def _current_cluster(self) -> redis.RedisCluster | None:
        if not self._is_mode_known:
            with self._lock:
                if not self._is_mode_known:
                    self._cluster = self._find_cluster()
                    self._is_mode_known = True
        return self._cluster

    def _find_cluster(self) -> redis.RedisCluster | None:
        """Also after each failure: slots may have moved, or another Redis may stand there now."""
        known = self._cluster
        try:
            is_cluster = nodes.mode(self._server) == "cluster"
        except (redis.ConnectionError, redis.TimeoutError):
            if not known:
                raise
            is_cluster = True  # the node of the URL is away; the others are known
        if is_cluster and known:
            known.nodes_manager.initialize(additional_startup_nodes_info=[(self._url.host, self._url.port)])
            return known
        return nodes.open_cluster(self._url) if is_cluster else None


@contextmanager
def _transient() -> Iterator[None]:
    try:
        yield
    except FAILURES as error:
        raise TransientError("redis", reason_of(error)) from error


def reason_of(error: BaseException) -> str:
    """`TimeoutError`; where a certificate is refused also why, since a setting may mend it."""
    cause: BaseException | None = error
    while cause:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"certificate refused: {cause.verify_message}"
        cause = cause.__cause__ or cause.__context__
    return type(error.__cause__ or error).__name__
