"""TLS in front of a Redis server, which writes down what it was told: the Valkey of the tests is built without TLS."""

import socket
import socketserver
import ssl
import threading
from contextlib import suppress
from pathlib import Path

import trustme

from threadedserver import ThreadedServer

#: Bytes.
CHUNK = 65536


class TlsFront(ThreadedServer):
    """Its certificate is for `name`; that of the authority that signed it is in the file `authority`."""

    def __init__(self, target: int, folder: Path, name: str = "localhost") -> None:
        """target: a port of this machine."""
        signer = trustme.CA()
        self.authority = folder / f"{name}.pem"
        signer.cert_pem.write_to_path(str(self.authority))
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        signer.issue_cert(name).configure_cert(self._context)
        self._target = target
        #: Attempts to connect, and what came through, deciphered.
        self.attempts = 0
        self.heard = b""
        self._server = _Server(self)
        self.port = self._server.server_address[1]

    def serve(self, near: socket.socket) -> None:
        self.attempts += 1
        with suppress(OSError):  # ssl's are among them: the client did not like the certificate
            near.settimeout(10)
            with (
                self._context.wrap_socket(near, server_side=True) as inside,
                socket.create_connection(("127.0.0.1", self._target)) as far,
            ):
                inside.settimeout(None)
                threading.Thread(target=self._carry_back, args=(far, inside), daemon=True).start()
                while said := inside.recv(CHUNK):
                    self.heard += said
                    far.sendall(said)

    def _carry_back(self, far: socket.socket, inside: ssl.SSLSocket) -> None:
        with suppress(OSError):
            while said := far.recv(CHUNK):
                inside.sendall(said)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, front: TlsFront) -> None:
        super().__init__(("127.0.0.1", 0), _Line)
        self.front = front


class _Line(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        self.server.front.serve(self.request)
