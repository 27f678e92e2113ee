"""A Redis server under an attacker's control: it answers whatever it is told to, and keeps every byte that it hears.

with HostileRedis(lambda words: b"$4\r\ndone\r\n") as server:
    RedisCommands(read_redis_url(server.url))
"""

import socket
import socketserver
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Self

import hiredis

from email_activity.redis_client.commands import PROBE

OK = b"+OK\r\n"
NONE = b"$-1\r\n"
HELLO = b"*4\r\n+server\r\n+redis\r\n+mode\r\n+standalone\r\n"

#: To one command, in one piece or in several.
Answer = Callable[[list[str]], bytes | Iterable[bytes]]


def honest(words: list[str]) -> bytes:
    """What a client needs to go on, and no claims."""
    return {"HELLO": HELLO, "CLIENT": OK, "AUTH": OK, "SELECT": OK, "PING": b"+PONG\r\n"}.get(words[0], NONE)


class HostileRedis:
    """answer: to whatever is asked once a client is connected; `honest` answers the rest and the probes.

    sent: bytes that a client took, or the system for it.
    """

    def __init__(self, answer: Answer, place: tuple[str, int] = ("127.0.0.1", 0), *, to_all: bool = False) -> None:
        self._answer = answer
        self._to_all = to_all
        self.heard = b""
        self.sent = 0
        self._server = _Server(place, _Handler)
        self._server.hostile = self
        self.port = self._server.server_address[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def serve(self, client: socket.socket) -> None:
        reader = hiredis.Reader(encoding="latin-1")
        with suppress(OSError):
            while heard := client.recv(65536):
                self.heard += heard
                reader.feed(heard)
                while words := reader.gets():
                    self._send(client, words)

    def _send(self, client: socket.socket, words: list[str]) -> None:
        is_open = words[0] in {"SET", "GET", "PTTL", "EVAL", "DEL"} and PROBE not in words
        answer = (self._answer if is_open or self._to_all else honest)(words)
        for piece in [answer] if isinstance(answer, bytes) else answer:
            client.sendall(piece)
            self.sent += len(piece)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    block_on_close = False
    hostile: HostileRedis


class _Handler(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        self.server.hostile.serve(self.request)
