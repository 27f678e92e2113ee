"""uvicorn around the application: where it listens, how it ends, what it logs."""

import logging
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import structlog
import uvicorn
from starlette.types import ASGIApp

from email_activity.telemetry import log
from email_activity.web.settings import WebSettings

#: Seconds for what is being answered when a stop is asked for. Nothing is lost by an end: it only reads.
STOP_SECONDS = 3

#: A shell's exit code for a program that Ctrl-C ended.
BY_CTRL_C = 128 + signal.SIGINT


class Server(uvicorn.Server):
    """Ends by SIGTERM with exit code 0 and by Ctrl-C with 130, where uvicorn raises the signal once more."""

    exit_code = 0

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, self.handle_exit)
        yield

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002  uvicorn's signature
        """A second one ends at once."""
        self.exit_code = BY_CTRL_C if sig == signal.SIGINT else 0
        self.force_exit = self.should_exit
        self.should_exit = True


def listen(host: str, port: int) -> socket.socket:
    """Raises OSError."""
    family = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
    listener = socket.create_server((host, port), family=family, backlog=128)
    # Connections inherit it. Without, each answer waits 40 ms for an acknowledgement: asyncio sets it on sockets of its
    # own only.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def serve(app: ASGIApp, listener: socket.socket) -> None:
    """Until a signal. Ends the process, since a thread that waits for DynamoDB would hold it up."""
    config = uvicorn.Config(
        app,
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,  # it has the path
        proxy_headers=False,  # or a client could name its own address
        server_header=False,
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    server = Server(config)
    server.run(sockets=[listener])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(server.exit_code)


def configure_logging(settings: WebSettings) -> None:
    """JSON lines on standard error, or colours where that is a terminal. Times are UTC.

    Libraries log nothing: uvicorn would log exceptions whole, which may quote an address.
    """
    is_console = settings.log_format == "console" or (settings.log_format == "auto" and sys.stderr.isatty())
    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.dev.ConsoleRenderer() if is_console else structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.disable(logging.CRITICAL)


def say_ready(listener: socket.socket) -> None:
    host, port = listener.getsockname()[:2]
    log.info("listening", url=f"http://{f'[{host}]' if ':' in host else host}:{port}")
