"""`/metrics` and `/live` on METRICS_PORT: a thread of the worker's main process answers.

So it answers while the main process waits for Celery's broker, and children have no part in it.
"""

import io
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from socketserver import ThreadingMixIn
from typing import Any
from urllib.parse import parse_qs
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from email_activity.ingest.health import MAX_AGE, Health, State, problem_of
from email_activity.metrics.collect import Collector
from email_activity.metrics.memory import SharedFigures, figures, is_own_child
from email_activity.settings import Settings, SettingsError

#: Seconds for which one who connects may say nothing, and for a whole request with its answer.
PATIENCE = 5.0

#: Connections at once. Each has a thread and a file descriptor of the main process.
MOST = 8

#: Seconds after a connection that could not be accepted, as with no file descriptor left: it is there again at once.
PAUSE = 0.1

Environment = dict[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], object]
App = Callable[[Environment, StartResponse], Iterable[bytes]]


class _Server(ThreadingMixIn, WSGIServer):
    """One connection too many ends the oldest, and not the newest: who holds them all must not keep a probe out."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, *given: Any) -> None:
        self._deadlines: dict[Any, float] = {}
        super().__init__(*given)

    def get_request(self) -> Any:
        try:
            return super().get_request()
        except OSError:
            time.sleep(PAUSE)
            raise

    def process_request(self, request: Any, client_address: Any) -> None:
        for oldest in list(self._deadlines)[: 1 - MOST]:
            _cut(oldest)
        self._deadlines[request] = time.monotonic() + PATIENCE
        super().process_request(request, client_address)

    def service_actions(self) -> None:
        """Twice a second."""
        for request, deadline in list(self._deadlines.items()):
            if deadline < time.monotonic():
                _cut(request)

    def shutdown_request(self, request: Any) -> None:
        self._deadlines.pop(request, None)
        super().shutdown_request(request)

    def server_bind(self) -> None:
        super(WSGIServer, self).server_bind()
        self.setup_environ()

    def handle_error(self, *_: object) -> None:
        """Who asked has gone. Nothing is logged here: a child may be forked at any moment."""


def _cut(request: Any) -> None:
    """Its thread reads and writes no more, and closes it."""
    with suppress(OSError):  # it has gone
        request.shutdown(socket.SHUT_RDWR)


class _Handler(WSGIRequestHandler):
    timeout = PATIENCE

    def log_message(self, *_: object) -> None:
        pass

    def get_stderr(self) -> Any:
        return io.StringIO()


def serve(settings: Settings) -> None:
    """Until the process ends. Raises SettingsError if the address cannot be had."""
    host, port = settings.metrics_host, settings.metrics_port
    try:
        server = make_server(host, port, application(figures), _Server, _Handler)
    except OSError as error:
        raise SettingsError(
            f"METRICS_PORT: got {port}, want one that is free on METRICS_HOST {host!r}: {error.strerror}"
        ) from None
    # A child that outlives the main process must not keep its successor from listening.
    os.register_at_fork(after_in_child=server.socket.close)
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()


def application(of: SharedFigures) -> App:
    from prometheus_client import CollectorRegistry, make_wsgi_app  # noqa: PLC0415  60 ms, for who asks for it

    registry = CollectorRegistry()
    registry.register(Collector(of))
    metrics: Any = make_wsgi_app(registry)

    def answer(environ: Environment, start: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/metrics":
            return metrics(environ, start)  # type: ignore[no-any-return]
        if path == "/live":
            return _live(of, environ, start)
        start("404 Not Found", [("Content-Type", "text/plain")])
        return [b"/metrics or /live\n"]

    return answer


def _live(of: SharedFigures, environ: Environment, start: StartResponse) -> Iterable[bytes]:
    told = liveness(of, _max_age(environ))
    start("200 OK" if told["healthy"] else "503 Service Unavailable", [("Content-Type", "application/json")])
    return [json.dumps(told).encode() + b"\n"]


def _max_age(environ: Environment) -> float:
    try:
        return float(parse_qs(environ.get("QUERY_STRING", ""))["max_age"][0])
    except (KeyError, ValueError):
        return MAX_AGE


def liveness(of: SharedFigures, max_age: float = MAX_AGE) -> dict[str, Any]:
    """As `email-activity health --json`, but from memory: it needs no file.

    healthy, state (of the worst process), detail, age_seconds (of the one that is silent for longest), processes.
    """
    processes = of.processes(is_own_child)
    if not processes:
        detail = "no process has reported since the start"
        return {"healthy": False, "state": None, "detail": detail, "age_seconds": None, "processes": 0}
    age = time.monotonic() - min(each.reported_at for each in processes)
    worst = max((each.state for each in processes), key=list(State).index)
    problem = problem_of(Health(worst, "the log's line cannot_poll says which"), age, max_age)
    return {
        "healthy": not problem,
        "state": worst,
        "detail": problem,
        "age_seconds": age,
        "processes": len(processes),
    }
