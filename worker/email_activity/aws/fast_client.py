"""AWS's JSON protocol without botocore's layers, for the few calls that are nearly all of the work.

A call of boto3 takes about a millisecond of CPU. In AWS's JSON protocol the request's body is just the parameters as
JSON, and the response's body just the result, so nothing else is made or read here.

Endpoint, certificates, time-outs, connections and the signature are botocore's. Only the first attempt of a call is
made here. If it does not succeed, botocore takes its outcome for that of its own first attempt: errors, retries and the
number of attempts are botocore's. After a 200 that cannot be read here botocore makes all calls: messages received in
it stay hidden, and count as received.

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

#: Of a message only textual attributes are asked for: binary ones are base64 on the wire.
ATTRIBUTES = {"MessageSystemAttributeNames", "MessageAttributeNames"}
RECEIVE = {"QueueUrl", "MaxNumberOfMessages", "WaitTimeSeconds", "VisibilityTimeout"} | ATTRIBUTES
EXPRESSION = {"KeyConditionExpression", "ExpressionAttributeNames", "ExpressionAttributeValues"}

#: Each with its parameters that are plain JSON. Items must hold no binary values; the facts hold none.
CALLS: Mapping[str, set[str]] = {
    "ReceiveMessage": RECEIVE,
    "DeleteMessageBatch": {"QueueUrl", "Entries"},
    "ChangeMessageVisibilityBatch": {"QueueUrl", "Entries"},
    "BatchWriteItem": {"RequestItems", "ReturnConsumedCapacity"},
    "Query": EXPRESSION | {"TableName", "IndexName", "ScanIndexForward", "Limit", "ExclusiveStartKey"},
    "ExecuteStatement": {"Statement", "Parameters", "NextToken"},
}

#: Bytes read from a socket at once; ten messages of SES's come to some 40,000.
CHUNK = 256 * 1024
#: Bytes that the head of a response may have; AWS's have some 300.
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
    """A 200 that cannot be read here: the call was carried out, and its result is lost."""


@dataclass(frozen=True, slots=True)
class Response:
    """Names of headers in lower case."""

    status: int
    headers: Any
    content: bytes

    def result(self) -> Any:
        """As boto3 returns it, without its ResponseMetadata. None if the call did not succeed."""
        checksum = self.headers.get("x-amz-crc32")  # of the content, by DynamoDB
        if self.status == HTTPStatus.OK and checksum in (None, str(zlib.crc32(self.content))):
            with suppress(msgspec.DecodeError):
                return _decode(self.content)
        return None

    def to_botocore(self, url: str) -> Any:
        response: Any = AWSResponse(url, self.status, self.headers, None)
        response._content = self.content  # noqa: SLF001  it is read already
        return response


#: What botocore is told of a call that succeeded.
SUCCESS = Response(HTTPStatus.OK, {}, b"").to_botocore("")


@dataclass(frozen=True, slots=True)
class Route:
    """Where botocore sends a call. pool: urllib3's. event: what botocore emits after it."""

    model: Any
    url: str
    pool: Any
    event: str


class FastClient:
    """Shared by the threads of a process. A connection is one thread's from its request to the response."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._call_botocore = client._make_api_call  # noqa: SLF001
        self._model = client.meta.service_model
        self._routes: dict[tuple[str | None, ...], Route] = {}
        #: The outcome of a thread's first attempt, until botocore takes it.
        self._first_attempt = threading.local()
        self._is_given_up = False
        client.meta.events.register("before-send", self._take_first_attempt)

    def call(self, operation: str, parameters: Mapping[str, Any]) -> Any:
        """Returns and raises what boto3 does, but for the ResponseMetadata."""
        if self._is_given_up or not parameters.keys() <= CALLS.get(operation, set()):
            return self._call_botocore(operation, parameters)
        try:
            route = self._route(operation, parameters)
            request = self._request(route, msgspec.json.encode(parameters))
            connection = route.pool._get_conn()  # noqa: SLF001
        except Exception:  # noqa: BLE001  no credentials, for instance: nothing was sent, and botocore raises its error
            return self._call_botocore(operation, parameters)
        try:
            response = _send(route.pool, connection, request)
        except Exception as error:  # noqa: BLE001  whatever it is, botocore decides whether to retry
            return self._fall_back(operation, parameters, self._error(error))
        if (result := response.result()) is None:
            return self._fall_back(operation, parameters, response.to_botocore(route.url))
        # A success gives back one of the retries that botocore allows itself.
        self._client.meta.events.emit(route.event, http_response=SUCCESS, parsed=result, model=route.model, context={})
        return result

    def _fall_back(self, operation: str, parameters: Mapping[str, Any], outcome: AWSResponse | Exception) -> Any:
        self._first_attempt.outcome = outcome
        try:
            return self._call_botocore(operation, parameters)
        finally:
            vars(self._first_attempt).clear()

    def _take_first_attempt(self, **_: Any) -> Any:
        """Called by botocore before it sends; what this returns or raises it takes for the response."""
        outcome = vars(self._first_attempt).pop("outcome", None)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def _error(self, error: Exception) -> Exception:
        if isinstance(error, UnreadableError):
            self._is_given_up = True
            log.warning("direct_calls_off", service=self._model.signing_name, reason="an answer cannot be read")
        kind = next((theirs for kind, theirs in FAILURES if isinstance(error, kind)), exceptions.ConnectionClosedError)
        return kind(endpoint_url=self._client.meta.endpoint_url, error=error)

    def _route(self, operation: str, parameters: Mapping[str, Any]) -> Route:
        """As botocore resolves it; for DynamoDB it depends on the account, or on that of a table named by its ARN.

        https://docs.aws.amazon.com/sdkref/latest/guide/feature-account-endpoints.html
        """
        key = (operation, parameters.get("TableName"), *parameters.get("RequestItems", ()))
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


def _send(pool: Any, connection: Any, request: bytes) -> Response:
    """The pool gave no connection that was closed or holds unread bytes. One that anything went wrong on is closed."""
    is_reusable = False
    try:
        if not connection.sock:
            connection.timeout = pool.timeout.connect_timeout
            connection.connect()
            connection.sock.settimeout(pool.timeout.read_timeout)
        connection.sock.sendall(request)
        response = _read(connection.sock)
        is_reusable = "close" not in response.headers.get("connection", "").lower()
    finally:
        if not is_reusable:
            connection.close()
        pool._put_conn(connection)  # noqa: SLF001
    return response


def _read(connection: socket.socket) -> Response:
    """One of HTTP/1.1 with one length. Raises UnreadableError for any other 200, OSError for the rest."""
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
    return Response(int(status), headers, b"".join(parts))


def reason_against(client: Any) -> str:
    """Why botocore must make all calls of this client; empty if it need not."""
    try:
        proxy = client._endpoint.http_session._proxy_config.proxy_url_for(client.meta.endpoint_url)  # noqa: SLF001
    except AttributeError:
        return "this version of botocore is not known"
    return "a proxy leads to AWS" if proxy else ""


def install_fast_path(client: Any) -> None:
    """From now on CALLS of this client are made here."""
    client._make_api_call = FastClient(client).call  # noqa: SLF001  the method that moto patches, too
