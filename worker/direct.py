"""AWS's JSON protocol without botocore's layers, for the few calls that are nearly all of the work.

A call of boto3 takes about a millisecond of CPU: it checks and converts what it is given, emits a dozen events, and
walks through the answer by its model. What goes over the wire in AWS's JSON protocol is just the parameters as JSON,
and what comes back is just the answer, so for these calls that is all that is done here.

Only what goes well is done here: one request, one answer of status 200 with its length, on a connection that stays.
Anything else, and the same call is made again by botocore, which knows what to make of it, and raises its own errors.
(Not after a time-out: it is asked once more, as botocore would.) After a 200 that cannot be read, botocore makes all
calls from then on: what a receive brought in it stays hidden, and counts as received. Signing is botocore's.

https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html
"""

import socket
import ssl
import time
import weakref
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

import msgspec
from boto3 import Session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.client import BaseClient
from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError
from botocore.httpsession import get_cert_path
from botocore.utils import get_environ_proxies

from worker.errors import ActivityError
from worker.telemetry import log

#: With the parameters that are plain JSON in them. Others of their parameters (binary message attributes) are not.
CALLS: Mapping[str, frozenset[str]] = {
    "ReceiveMessage": frozenset(
        {"QueueUrl", "MaxNumberOfMessages", "WaitTimeSeconds", "VisibilityTimeout", "MessageSystemAttributeNames"}
    ),
    "DeleteMessageBatch": frozenset({"QueueUrl", "Entries"}),
    "ChangeMessageVisibilityBatch": frozenset({"QueueUrl", "Entries"}),
    # What it stores must hold no binary values; the facts hold none.
    "BatchWriteItem": frozenset({"RequestItems", "ReturnConsumedCapacity"}),
}

#: Bytes asked of a socket at once; ten messages of SES's come to some 40,000.
CHUNK = 256 * 1024

#: Bytes that the head of an answer may have; AWS's have some 300.
MAX_HEAD = 16 * 1024

#: Seconds after which an idle connection is not used again, for the other side may have closed it unseen.
MAX_IDLE = 10.0

#: What the head of a good answer begins with.
OK = b"HTTP/1.1 200 "

TIME_OUTS = (ConnectTimeoutError, ReadTimeoutError)


class NotDoneError(ActivityError):
    """It did not go well; botocore shall try."""


class UnreadableError(NotDoneError):
    """It was done, and what it brought cannot be read here."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Where a service is. Time-outs in seconds."""

    host: str
    port: int
    tls: ssl.SSLContext | None
    connect_timeout: float
    read_timeout: float

    @classmethod
    def of(cls, client: BaseClient, ca_bundle: str | None) -> Self:
        config: Any = client.meta.config
        url = urlsplit(client.meta.endpoint_url)
        tls = ssl.create_default_context(cafile=ca_bundle or get_cert_path(True)) if url.scheme == "https" else None
        port = url.port or (443 if tls else 80)
        return cls(str(url.hostname), port, tls, config.connect_timeout, config.read_timeout)

    def connect(self) -> socket.socket:
        connection = socket.create_connection((self.host, self.port), timeout=self.connect_timeout)
        # What is asked must not wait until what was asked before is acknowledged.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            secured = self.tls.wrap_socket(connection, server_hostname=self.host) if self.tls else connection
        except OSError:
            connection.close()
            raise
        secured.settimeout(self.read_timeout)
        return secured


_decode = msgspec.json.Decoder(dict[str, Any]).decode

Idle = deque[tuple[socket.socket, float]]


def _close(idle: Idle) -> None:
    with suppress(IndexError):
        while True:
            idle.pop()[0].close()


class Wire:
    """Shared by the threads of a process. A connection is one thread's from its request to the answer."""

    def __init__(self, session: Session, client: BaseClient) -> None:
        config: Any = client.meta.config
        model = client.meta.service_model
        self._url = client.meta.endpoint_url.rstrip("/") + "/"
        self._peer = Peer.of(client, session._session.get_config_variable("ca_bundle"))  # noqa: SLF001
        self._service, self._region = model.signing_name, client.meta.region_name
        #: None if there are none: botocore says it best.
        self._credentials: Any = session.get_credentials()
        self._target = model.metadata["targetPrefix"]
        self._headers = {
            "Host": urlsplit(self._url).netloc,
            "Content-Type": f"application/x-amz-json-{model.metadata['jsonVersion']}",
            "User-Agent": config.user_agent,
        }
        self.is_given_up = False
        #: With the time of its last use, the latest at the end.
        self._idle: Idle = deque()
        weakref.finalize(self, _close, self._idle)

    def close(self) -> None:
        """All that is idle."""
        _close(self._idle)

    def give_up(self) -> None:
        self.is_given_up = True
        log.warning("direct_calls_off", service=self._service)

    def call(self, operation: str, parameters: Mapping[str, Any]) -> Any:
        """The answer as boto3 gives it, without its ResponseMetadata.

        Raises NotDoneError; botocore's ConnectTimeoutError or ReadTimeoutError.
        """
        try:
            body = msgspec.json.encode(parameters)
            try:
                content = self._exchange(self._request(operation, body))
            except TIME_OUTS:
                content = self._exchange(self._request(operation, body))
        except (*TIME_OUTS, NotDoneError):
            raise
        except Exception as error:  # whatever it is, botocore does without it, or tells it better
            raise NotDoneError from error
        try:
            return _decode(content)
        except msgspec.DecodeError as error:
            raise UnreadableError from error

    def _request(self, operation: str, body: bytes) -> bytes:
        headers = {**self._headers, "X-Amz-Target": f"{self._target}.{operation}"}
        request = AWSRequest("POST", self._url, data=body, headers=headers)
        SigV4Auth(self._credentials.get_frozen_credentials(), self._service, self._region).add_auth(request)
        lines = [f"{name}: {value}\r\n" for name, value in request.headers.items()]
        head = f"POST {urlsplit(self._url).path} HTTP/1.1\r\n{''.join(lines)}Content-Length: {len(body)}\r\n\r\n"
        return head.encode("latin-1") + body

    def _exchange(self, request: bytes) -> bytes:
        """A connection on which anything went wrong is not used again."""
        connection = self._take() or self._connect()
        try:
            connection.sendall(request)
            content, stays = _answer(connection)
        except BaseException as error:
            connection.close()
            if isinstance(error, TimeoutError):
                raise ReadTimeoutError(endpoint_url=self._url, error=error) from error
            raise
        if stays:
            self._idle.append((connection, time.monotonic()))
        else:
            connection.close()
        return content

    def _take(self) -> socket.socket | None:
        """The one used last, unless it is so old that the other side may be gone."""
        with suppress(IndexError):
            connection, used = self._idle.pop()
            if time.monotonic() - used < MAX_IDLE:
                return connection
            connection.close()
            self.close()
        return None

    def _connect(self) -> socket.socket:
        try:
            return self._peer.connect()
        except TimeoutError as error:
            raise ConnectTimeoutError(endpoint_url=self._url, error=error) from error


def _answer(connection: socket.socket) -> tuple[bytes, bool]:
    """The content, and whether the connection stays.

    Raises NotDoneError for all but a 200, UnreadableError for one that does not tell its length.
    """
    received = b""
    while (end := received.find(b"\r\n\r\n")) < 0:
        if len(received) > MAX_HEAD or not (chunk := connection.recv(CHUNK)):
            raise NotDoneError
        received += chunk
    status, *lines = received[:end].split(b"\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)}
    if not status.startswith(OK):
        raise NotDoneError
    length = headers.get(b"content-length", b"")
    if not length.isdigit() or b"transfer-encoding" in headers:
        raise UnreadableError
    parts, missing = [received[end + 4 :]], int(length) - len(received) + end + 4
    while missing > 0:
        if not (chunk := connection.recv(CHUNK)):
            raise NotDoneError
        parts.append(chunk)
        missing -= len(chunk)
    if missing < 0:
        raise UnreadableError
    return b"".join(parts), headers.get(b"connection", b"").lower() != b"close"


def make_direct(session: Session, client: BaseClient) -> None:
    """From now on the client makes CALLS by itself. Not where a proxy leads to AWS: botocore knows those."""
    config: Any = client.meta.config
    if config.proxies or get_environ_proxies(client.meta.endpoint_url):
        return
    wire, by_botocore, close = Wire(session, client), client._make_api_call, client.close  # type: ignore[attr-defined]  # noqa: SLF001

    def close_all() -> None:
        wire.close()
        close()

    def make_api_call(operation: str, parameters: Mapping[str, Any]) -> Any:
        if not wire.is_given_up and operation in CALLS and parameters.keys() <= CALLS[operation]:
            try:
                return wire.call(operation, parameters)
            except UnreadableError:
                wire.give_up()
            except NotDoneError:
                pass
        return by_botocore(operation, parameters)

    client.close = close_all  # type: ignore[method-assign]
    client._make_api_call = make_api_call  # type: ignore[attr-defined]  # noqa: SLF001  what tests of boto3's users patch, too
