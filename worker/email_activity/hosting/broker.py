"""Celery's consumer and its broker: whatever the broker answers, polls go on, and nothing leaks at a failure.

Celery expects a broker that is there or is not. One that answers READONLY (a master after a fail-over), MISCONF,
LOADING, NOAUTH, or that is out of memory, makes the stock consumer start again and again, without a pause.
"""

import gc
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from celery.exceptions import CPendingDeprecationWarning
from celery.worker import loops
from celery.worker.consumer import Consumer
from celery.worker.state import maybe_shutdown
from kombu import Connection
from kombu.transport import redis

from email_activity.hosting.bootsteps import CHECK_EVERY, KeepPolling
from email_activity.redis_client.commands import reason_of
from email_activity.redis_url import read_redis_url
from email_activity.telemetry import log

#: Seconds between two attempts to connect: the first pause, and the longest. The stock pause grows to 30.
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 3.0

#: Seconds without a failure after which an outage is over for the log.
QUIET = 5.0


class ReleasingChannel:
    """Mixed into a Redis channel, so that closing it always closes its sockets.

    The stock close first deletes the queue for remote control. Where Redis refuses that, it ends there: one descriptor
    after another was lost, 11 a second.
    """

    connection: Any

    def close(self) -> None:
        transport = self.connection
        try:
            super().close()  # type: ignore[misc]  # the channel's
        except redis.Transport.connection_errors + redis.Transport.channel_errors:
            # What the stock close does next.
            channel: Any = self
            channel.closed = True
            channel._disconnect_pools()  # noqa: SLF001
            channel._close_clients()  # noqa: SLF001
            if transport is not None:
                transport.cycle.discard(channel)
                transport.close_channel(channel)


@cache
def _with_releasing_channels(transport_cls: Any) -> Any:
    channel = type(transport_cls.Channel.__name__, (ReleasingChannel, transport_cls.Channel), {})
    return type(transport_cls.__name__, (transport_cls,), {"Channel": channel})


class BrokerConnection(Connection):
    """Reads a Redis URL as the client for duplicates does: kombu checks no certificate unless the URL tells it to."""

    def __init__(self, hostname: Any = "localhost", *arguments: Any, **options: Any) -> None:
        if isinstance(hostname, str) and hostname.startswith(("redis://", "rediss://")):
            super().__init__(**options | read_redis_url(hostname).broker_options())
        else:
            super().__init__(hostname, *arguments, **options)

    def info(self) -> Any:
        """What `celery inspect stats` prints. Celery takes out the password, and leaves that of a key in."""
        told = super().info()
        tls = told["ssl"].items() if isinstance(told["ssl"], dict) else ()
        return told | ({"ssl": {name: value for name, value in tls if name != "ssl_password"}} if tls else {})

    def get_transport_cls(self) -> Any:
        found: Any = super().get_transport_cls()
        return _with_releasing_channels(found) if issubclass(found, redis.Transport) else found

    def ensure(self, *args: Any, max_retries: int | None = None, **options: Any) -> Any:
        """No retries unless a number is given; the stock ones never end, and log nothing.

        Celery's event heartbeat held the main process in them for as long as the broker was away. The dispatcher keeps
        what is not sent for later.
        """
        return super().ensure(*args, max_retries=max_retries or 0, **options)  # type: ignore[misc]  # given by name


class PatientConsumer(Consumer):
    """Tries to connect every one to three seconds. Meanwhile the pool lives: children are replaced and get polls.

    An outage is one line in the log.
    """

    # Celery's own, for which no types are published.
    hub: Any
    amqheartbeat: Any
    controller: Any
    strategies: Any
    steps: Any

    _failing_since: float | None = None
    _pause = FIRST_PAUSE
    _quiet_timer: Any = None

    def ensure_connected(self, conn: Any) -> Any:
        """Once; `start` tries again, after the pause."""
        return conn.ensure_connection(max_retries=0, reraise_as_library_errors=False)

    def connect(self) -> Any:
        if self._failing_since is not None:
            self._wait()
        conn = self.connection_for_read(heartbeat=self.amqheartbeat)
        try:
            if self.hub:
                conn.transport.register_with_event_loop(conn.connection, self.hub)
        except Exception:
            conn.close()  # which the stock method does not
            raise
        return conn

    def on_ready(self) -> None:
        super().on_ready()
        if self._failing_since is not None and self._quiet_timer is None:
            self._quiet_timer = self.timer.call_after(QUIET, self._end_outage)

    def on_connection_error_before_connected(self, exc: Exception) -> None:
        self._record_failure(exc)

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        self._record_failure(exc)
        with warnings.catch_warnings():
            # At each failure Celery warns of a setting that is set on purpose.
            warnings.simplefilter("ignore", CPendingDeprecationWarning)
            super().on_connection_error_after_connected(exc)

    def _record_failure(self, error: Exception) -> None:
        if self._quiet_timer is not None:
            self._quiet_timer.cancel()
            self._quiet_timer = None
        if self._failing_since is None:
            self._failing_since = time.monotonic()
            log.warning("dependency_failing", dependency="broker", detail=reason_of(error))
        if self.hub:  # kombu leaves a callback of each connection in the loop, and so the whole connection in memory
            self.hub.on_tick = {each for each in self.hub.on_tick if getattr(each, "__module__", "") != redis.__name__}

    def _end_outage(self) -> None:
        if self._failing_since is not None:
            seconds = round(time.monotonic() - self._failing_since - QUIET, 1)
            log.info("dependency_back", dependency="broker", seconds=seconds)
        self._failing_since, self._pause, self._quiet_timer = None, FIRST_PAUSE, None

    def _wait(self) -> None:
        until = time.monotonic() + self._pause
        self._pause = min(LONGEST_PAUSE, self._pause + 1)
        gc.collect()  # a connection refers to itself, so its poller and its memory wait for this
        if self.hub is None:
            while time.monotonic() < until:
                maybe_shutdown()
                time.sleep(CHECK_EVERY)
            return
        with self._pool_in_event_loop():
            loop = self.hub.create_loop()
            while time.monotonic() < until:
                maybe_shutdown()
                try:
                    next(loop)
                except StopIteration:
                    loop = self.hub.create_loop()

    @contextmanager
    def _pool_in_event_loop(self) -> Iterator[None]:
        """The pool's part of Celery's event loop, which otherwise runs with a broker only."""
        if not self.strategies:
            self.update_strategies()
        internal: Any = loops
        before = internal._timer_entries(self.hub.timer)  # noqa: SLF001
        self.controller.register_with_event_loop(self.hub)
        entries = internal._timer_entries(self.hub.timer) - before  # noqa: SLF001
        keep_polling = next(step for step in self.steps if isinstance(step, KeepPolling))
        keep_polling.start(self)
        try:
            yield
        finally:
            keep_polling.stop(self)
            internal._cancel_timer_entries(self.hub.timer, entries)  # noqa: SLF001
        self.hub.reset()
