"""A Redis that answers every command with one error, as one does while it loads its data.

with Refusing("LOADING Redis is loading the dataset in memory") as server:
    switch.target = server.port
"""

import socketserver
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self


class Refusing:
    def __init__(self, error: str) -> None:
        self.answer = f"-{error}\r\n".encode()
        self._server = _Server(self)
        self.port = self._server.server_address[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), name="refusing", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, refusing: Refusing) -> None:
        super().__init__(("127.0.0.1", 0), _Client)
        self.refusing = refusing


class _Client(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        """A command is `*<parts>`, then for each part `$<bytes>` and its text.

        https://redis.io/docs/latest/develop/reference/protocol-spec/
        """
        with suppress(OSError):
            while line := self.rfile.readline():
                for _ in range(int(line[1:])):
                    size = int(self.rfile.readline()[1:])
                    self.rfile.read(size + 2)
                self.wfile.write(self.server.refusing.answer)
