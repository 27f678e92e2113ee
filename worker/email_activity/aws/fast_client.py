"""AWS's JSON protocol without botocore's layers, for the few calls that are nearly all of the work.

A call of boto3 takes about a millisecond of CPU: it checks and converts what it is given, emits a dozen events, and
walks through the answer by its model. What goes over the wire in AWS's JSON protocol is just the parameters as JSON,
and what comes back is just the answer, so for these calls that is all that is done here.

Endpoint, certificates, time-outs, connections and the signature are botocore's. What is done here is the first attempt
of a call. If it does not go well, botocore takes what came of it for its own first attempt: it raises its own errors,
tries again by its own rules, and makes no more attempts in all than it is configured for.

After a 200 that cannot be read here botocore makes all calls: what a receive brought in it stays hidden, and counts as
received.

https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html
"""

import re
import socket
import ssl
import threading
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import msgspec
from botocore import exceptions
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest, AWSResponse
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from email_activity.domain.errors import ActivityError
from email_activity.telemetry import log

#: With the parameters that are plain JSON in them. Others of their parameters (binary message attributes) are not.
CALLS: Mapping[str, frozenset[str]] = {
    "ReceiveMessage": frozenset(
        {
            "QueueUrl",
            "MaxNumberOfMessages",
            "WaitTimeSeconds",
            "VisibilityTimeout",
            "MessageSystemAttributeNames",
            # Binary attributes come as base64, not as bytes; only textual ones are asked for.
            "MessageAttributeNames",
        }
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

#: A status line and header lines. No line is folded, and no blank or stray line end hides another header.
#: https://www.rfc-editor.org/rfc/rfc9112#section-5
HEAD = re.compile(rb"HTTP/1\.1 [0-9]{3}[^\r\n\0]*(?:\r\n[!-9;-~]+:[^\r\n\0]*)*")

#: What botocore raises for what a connection raises; ConnectionClosedError for all else.
FAILURES = (
    (ssl.SSLError, exceptions.SSLError),
    (NewConnectionError, exceptions.EndpointConnectionError),
    (ConnectTimeoutError, exceptions.ConnectTimeoutError),
    (TimeoutError, exceptions.ReadTimeoutError),
)

_decode = msgspec.json.Decoder(dict[str, Any]).decode


class UnreadableError(ActivityError):
    """A 200 that is not read here: the call was carried out, and what it brought is lost."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Names of headers in lower case."""

    status: int
    headers: Any
    content: bytes

    def said(self) -> Any:
        """As boto3 gives it, without its ResponseMetadata. None if it is not a good answer."""
        checksum = self.headers.get("x-amz-crc32")  # of the content, by DynamoDB
        if self.status == HTTPStatus.OK and checksum in (None, str(zlib.crc32(self.content))):
            with suppress(msgspec.DecodeError):
                return _decode(self.content)
        return None

    def for_botocore(self, url: str) -> Any:
        response: Any = AWSResponse(url, self.status, self.headers, None)
        response._content = self.content  # noqa: SLF001  it is read already
        return response


#: What botocore is told of an answer that went well.
WELL = Answer(HTTPStatus.OK, {}, b"").for_botocore("")


@dataclass(frozen=True, slots=True)
class Route:
    """Where botocore sends a call. pool: urllib3's. event: what botocore emits after it."""

    model: Any
    url: str
    pool: Any
    event: str


class ConnectionPool:
    """Shared by the threads of a process. A connection is one thread's from its request to the answer."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._by_botocore = client._make_api_call  # noqa: SLF001
        self._model = client.meta.service_model
        self._routes: dict[tuple[str, ...], Route] = {}
        #: What came of a thread's first attempt, until botocore takes it.
        self._first = threading.local()
        self._is_given_up = False
        client.meta.events.register("before-send", self._first_attempt)

    def call(self, operation: str, parameters: Mapping[str, Any]) -> Any:
        """Returns and raises what boto3 does, but for the ResponseMetadata."""
        if self._is_given_up or not parameters.keys() <= CALLS.get(operation, frozenset()):
            return self._by_botocore(operation, parameters)
        try:
            route = self._route(operation, parameters)
            request = self._request(route, msgspec.json.encode(parameters))
            connection = route.pool._get_conn()  # noqa: SLF001
        except Exception:  # noqa: BLE001  no credentials, for instance: nothing was sent, and botocore says it best
            return self._by_botocore(operation, parameters)
        try:
            answer = _exchange(route.pool, connection, request)
        except Exception as error:  # noqa: BLE001  whatever came of it, botocore knows whether to try again
            return self._go_on(operation, parameters, self._failure(error))
        if (said := answer.said()) is None:
            return self._go_on(operation, parameters, answer.for_botocore(route.url))
        # A success gives back one of the retries that botocore allows itself.
        self._client.meta.events.emit(route.event, http_response=WELL, parsed=said, model=route.model, context={})
        return said

    def _go_on(self, operation: str, parameters: Mapping[str, Any], first: AWSResponse | Exception) -> Any:
        self._first.outcome = first
        try:
            return self._by_botocore(operation, parameters)
        finally:
            vars(self._first).clear()

    def _first_attempt(self, **_: Any) -> Any:
        """Called by botocore before it sends anything; what is returned or raised it takes for the answer."""
        first = vars(self._first).pop("outcome", None)
        if isinstance(first, Exception):
            raise first
        return first

    def _failure(self, error: Exception) -> Exception:
        if isinstance(error, UnreadableError):
            self._is_given_up = True
            log.warning("direct_calls_off", service=self._model.signing_name, reason="an answer cannot be read")
        kind = next((theirs for kind, theirs in FAILURES if isinstance(error, kind)), exceptions.ConnectionClosedError)
        return kind(endpoint_url=self._client.meta.endpoint_url, error=error)

    def _route(self, operation: str, parameters: Mapping[str, Any]) -> Route:
        """As botocore resolves it; for DynamoDB it depends on the account, or on that of a table named by its ARN.

        https://docs.aws.amazon.com/sdkref/latest/guide/feature-account-endpoints.html
        """
        key = (operation, *parameters.get("RequestItems", ()))
        if key not in self._routes:
            model, http = self._model.operation_model(operation), self._client._endpoint.http_session  # noqa: SLF001
            url = self._client._resolve_endpoint_ruleset(model, parameters, {})[0].rstrip("/") + "/"  # noqa: SLF001
            pool = http._manager.connection_from_url(url)  # noqa: SLF001
            http._setup_ssl_cert(pool, url, http._verify)  # noqa: SLF001
            event = f"after-call.{self._model.service_id.hyphenize()}.{operation}"
            self._routes[key] = Route(model, url, pool, event)
        return self._routes[key]

    def _request(self, route: Route, body: bytes) -> bytes:
        metadata, url = self._model.metadata, urlsplit(route.url)
        headers = {
            "Host": url.netloc,
            "Content-Type": f"application/x-amz-json-{metadata['jsonVersion']}",
            "User-Agent": self._client.meta.config.user_agent,
            "X-Amz-Target": f"{metadata['targetPrefix']}.{route.model.name}",
        }
        request = AWSRequest("POST", route.url, data=body, headers=headers)
        credentials = self._client._get_credentials().get_frozen_credentials()  # noqa: SLF001
        SigV4Auth(credentials, self._model.signing_name, self._client.meta.region_name).add_auth(request)
        lines = [f"{name}: {value}\r\n" for name, value in request.headers.items()]
        head = f"POST {url.path} HTTP/1.1\r\n{''.join(lines)}Content-Length: {len(body)}\r\n\r\n"
        return head.encode("latin-1") + body


def _exchange(pool: Any, connection: Any, request: bytes) -> Answer:
    """The pool gave no connection that was closed or holds unread bytes. One that anything went wrong on is closed."""
    stays = False
    try:
        if not connection.sock:
            connection.timeout = pool.timeout.connect_timeout
            connection.connect()
            connection.sock.settimeout(pool.timeout.read_timeout)
        connection.sock.sendall(request)
        answer = _answer(connection.sock)
        stays = "close" not in answer.headers.get("connection", "").lower()
    finally:
        if not stays:
            connection.close()
        pool._put_conn(connection)  # noqa: SLF001
    return answer


def _answer(connection: socket.socket) -> Answer:
    """One of HTTP/1.1 that tells its length once. Raises UnreadableError for another 200, OSError for the rest."""
    received = b""
    while (end := received.find(b"\r\n\r\n")) < 0:
        if len(received) > MAX_HEAD or not (chunk := connection.recv(CHUNK)):
            raise ConnectionError
        received += chunk
    first, *lines = received[:end].decode("latin-1").split("\r\n")
    fields = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    headers, status = dict(fields), first[9:12]
    lengths = [value for name, value in fields if name == "content-length"]
    unreadable = UnreadableError if status == "200" else ConnectionError
    is_framed = HEAD.fullmatch(received[:end]) and len(lengths) == 1 and lengths[0].isdecimal()
    if not is_framed or "transfer-encoding" in headers:
        raise unreadable
    parts, missing = [received[end + 4 :]], int(lengths[0]) - len(received) + end + 4
    while missing > 0:
        if not (chunk := connection.recv(CHUNK)):
            raise ConnectionError
        parts.append(chunk)
        missing -= len(chunk)
    if missing < 0:
        raise unreadable
    return Answer(int(status), headers, b"".join(parts))


def why_not(client: Any) -> str:
    """Why botocore must make all calls of this client; empty if it need not."""
    try:
        proxy = client._endpoint.http_session._proxy_config.proxy_url_for(client.meta.endpoint_url)  # noqa: SLF001
    except AttributeError:
        return "this version of botocore is not known"
    return "a proxy leads to AWS" if proxy else ""


def install_fast_path(client: Any) -> None:
    """From now on the client makes CALLS by itself."""
    client._make_api_call = ConnectionPool(client).call  # noqa: SLF001  what tests of boto3's users patch, too
