"""A TCP forwarder whose target can change, as the name of a Redis that fails over does.

with Switch(old.port) as switch:
    switch.target = new.port  # for new connections; the others stay
    switch.reset()  # they go, too
"""

import socket
import socketserver
import struct
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

#: Bytes.
CHUNK = 65536

#: With SO_LINGER on and no time to linger, a close sends RST instead of FIN.
AT_ONCE = struct.pack("ii", 1, 0)


class Switch:
    def __init__(self, target: int) -> None:
        """target: a port of this machine."""
        self.target = target
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._lock = threading.Lock()
        self._server = _Server(self)
        self.port = self._server.server_address[1]

    @property
    def connections(self) -> int:
        with self._lock:
            return len(self._pairs)

    def reset(self) -> None:
        """Breaks all connections; who is at the other end reads "Connection reset by peer"."""
        with self._lock:
            for near, far in self._pairs:
                with suppress(OSError):
                    near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
                for end in (near, far):
                    with suppress(OSError):
                        # Wakes those who wait on it, and leaves the close, which sends the RST, to them.
                        end.shutdown(socket.SHUT_RD)

    def join(self, near: socket.socket) -> None:
        """Carries what both sides say until one of them has no more to say."""
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.target)) as far:
            for end in (near, far):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._pairs.add((near, far))
            back = threading.Thread(target=_carry, args=(far, near), daemon=True)
            back.start()
            _carry(near, far)
            back.join()
            with self._lock:
                self._pairs.discard((near, far))

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), name="switch", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self.reset()
        self._server.server_close()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, switch: Switch) -> None:
        super().__init__(("127.0.0.1", 0), _Line)
        self.switch = switch

    def shutdown_request(self, request: socket.socket) -> None:  # type: ignore[override]
        """Without the FIN of the inherited one, which would come before an RST."""
        request.close()


class _Line(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        self.server.switch.join(self.request)


def _carry(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while said := source.recv(CHUNK):
            sink.sendall(said)
    for end, way in ((source, socket.SHUT_RD), (sink, socket.SHUT_RD)):
        with suppress(OSError):
            end.shutdown(way)
