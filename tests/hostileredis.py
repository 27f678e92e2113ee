"""A Redis server under an attacker's control: it answers whatever it is told to, and keeps every byte that it hears.

with HostileRedis(lambda words: b"$4\r\ndone\r\n") as server:
    RedisCommands(read_redis_url(server.url))
"""

import socket
import socketserver
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

import hiredis

from email_activity.redis_client.commands import PROBE
from threadedserver import ThreadedServer

OK = b"+OK\r\n"
NONE = b"$-1\r\n"
DONE = b"$4\r\ndone\r\n"
HELD = b"$7\r\nanother\r\n"
ESCAPE = "\x1b[2Jtold"
HELLO = b"*4\r\n+server\r\n+redis\r\n+mode\r\n+standalone\r\n"

#: To one command, in one piece or in several.
Answer = Callable[[list[str]], bytes | Iterable[bytes]]


def honest(words: list[str]) -> bytes:
    """What a client needs to go on, and no claims."""
    return {"HELLO": HELLO, "CLIENT": OK, "AUTH": OK, "SELECT": OK, "PING": b"+PONG\r\n"}.get(words[0], NONE)


def endless(piece: bytes, head: bytes = b"") -> Answer:
    def answer(_: list[str]) -> Iterator[bytes]:
        yield head
        while True:
            yield piece

    return answer


def drip(_: list[str]) -> Iterator[bytes]:
    yield b"$900\r\n"
    while True:
        time.sleep(0.02)
        yield b"x"


#: None of which calls an event done.
ANSWERS: dict[str, bytes | Answer] = {
    "nothing at all": lambda _: [],
    "no UTF-8": b"$2\r\n\xff\xfe\r\n",
    "no Redis": b"HTTP/1.1 200 OK\r\n\r\n",
    "a number": b":7\r\n",
    "a list": b"*2\r\n$4\r\ndone\r\n$4\r\ndone\r\n",
    "a map that cannot be one": b"%1\r\n*0\r\n+a\r\n",
    "infinity": b",inf\r\n",
    "an error": f"-ERR {ESCAPE}\r\n".encode(),
    "an error that is no UTF-8": b"-ERR \xff\r\n",
    "no script": b"-NOSCRIPT No matching script.\r\n",
    "moved": b"-MOVED 1 127.0.0.1:1\r\n",
    "moved to nowhere": b"-MOVED x\r\n",
    "ask": b"-ASK 1 :\r\n",
    "two answers": HELD + HELD,
    "half an answer": lambda _: [b"$9\r\ndo"],
    "an endless text": endless(b"x" * 65536, b"$536870912\r\n"),
    "an endless list": endless(b"*0\r\n" * 16384, b"*99999\r\n"),
    "an endless line": endless(b"x" * 65536, b"+"),
    "a deep list": endless(b"*1\r\n" * 16384),
    "endless pushes": endless(b">2\r\n+message\r\n+x\r\n" * 4096),
    "endless large pushes": endless(b">2\r\n+message\r\n$900000\r\n" + b"x" * 900_000 + b"\r\n"),
    "a list of many million": b"*99999999\r\n",
    "a head in two pieces": lambda _: [b"*9999", b"9999\r\n"],
    "many lists of many million": b"*99999999\r\n" * 8,
    "a byte at a time": drip,
}


def as_answer(given: bytes | Answer) -> Answer:
    return given if callable(given) else lambda _: given


class HostileRedis(ThreadedServer):
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


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    block_on_close = False
    hostile: HostileRedis


class _Handler(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        self.server.hostile.serve(self.request)
