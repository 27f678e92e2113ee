"""SNS's certificate and its signatures: an authority, a key and a server of our own.

The server is the proxy that leads to any host, and that host at once: it answers CONNECT, and then HTTPS with a
certificate for the host, which only those trust who are given the file of the authority.
"""

import socket
import socketserver
import ssl
from base64 import b64encode
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from email_activity.ses.signature import SIGNED
from threadedserver import ThreadedServer

TOPIC = "arn:aws:sns:us-east-1:111122223333:email-activity-events"
HOST = "sns.us-east-1.amazonaws.com"
URL = f"https://{HOST}/SimpleNotificationService-0123456789abcdef.pem"


class Signer:
    """A key, and the certificate of it, which ended long ago."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
        begin = datetime(2020, 1, 1, tzinfo=UTC)
        made = x509.CertificateBuilder().issuer_name(name).subject_name(name).public_key(self._key.public_key())
        made = made.serial_number(1).not_valid_before(begin).not_valid_after(begin + timedelta(days=30))
        self.certificate = made.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def signed(self, envelope: Mapping[str, Any], version: str = "2", url: str = URL) -> dict[str, Any]:
        """As SNS would, over what is to be signed of it."""
        text = "".join(f"{name}\n{envelope[name]}\n" for name in SIGNED if envelope.get(name) is not None)
        kind = hashes.SHA1() if version == "1" else hashes.SHA256()  # noqa: S303
        signature = b64encode(self._key.sign(text.encode(), padding.PKCS1v15(), kind)).decode()
        return {**envelope, "SignatureVersion": version, "Signature": signature, "SigningCertURL": url}


class CertificateServer(ThreadedServer):
    """answer: of a request's path, status and body; it may raise OSError, which ends the connection."""

    def __init__(self, folder: Path, answer: Callable[[str], tuple[int, bytes]]) -> None:
        authority = trustme.CA()
        self.authority = folder / "authority.pem"
        authority.cert_pem.write_to_path(str(self.authority))
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(HOST).configure_cert(self.context)
        self.answer = answer
        #: Paths that were asked for.
        self.asked: list[str] = []
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.of = self

    @property
    def environment(self) -> dict[str, str]:
        """For whoever is to reach it."""
        port = self._server.server_address[1]
        return {
            "https_proxy": f"http://127.0.0.1:{port}",
            "no_proxy": "127.0.0.1,localhost",
            "AWS_CA_BUNDLE": str(self.authority),
        }


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    of: CertificateServer


class _Handler(socketserver.BaseRequestHandler):
    server: _Server
    request: socket.socket

    def handle(self) -> None:
        with suppress(OSError):
            self.request.settimeout(10)
            _head(self.request)
            self.request.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            with self.server.of.context.wrap_socket(self.request, server_side=True) as inside:
                path = _head(inside).split(" ")[1]
                self.server.of.asked.append(path)
                status, body = self.server.of.answer(path)
                head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
                inside.sendall(f"{head}Location: /elsewhere.pem\r\n\r\n".encode() + body)


def _head(of: socket.socket) -> str:
    read = b""
    while b"\r\n\r\n" not in read:
        more = of.recv(4096)
        if not more:
            raise ConnectionResetError
        read += more
    return read.decode()
