"""As much HTTP/1.1 as botocore, curl and http.client speak, for as little time as Python can do it in.

The stub shares two cores with what is measured, so no framework, no header that is not needed, and no task for each
request: a request that has come whole is answered from within the callback that brought it.
"""

import asyncio
import time
import traceback
from collections.abc import Callable, Mapping
from typing import cast

from benchmarks.stub.answers import Answers, ServiceError
from benchmarks.stub.delay import DelayLine

#: Called with body, connection and the time of reading (monotonic seconds). None: it will answer later by itself.
Handler = Callable[[bytes, "Connection", float], bytes | None]

#: Called with the request line's method and target and the body; undelayed.
ControlHandler = Callable[[str, str, bytes], bytes]

INTERNAL_FAILURE = ServiceError(
    "com.amazon.coral.service#InternalFailure", "a bug of the stub; stderr tells", status=b"500 Internal Server Error"
)

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Service:
    """What all connections share. handlers: by the header X-Amz-Target. calls: counted by it, too."""

    def __init__(
        self, handlers: Mapping[bytes, Handler], control: ControlHandler, answers: Answers, line: DelayLine
    ) -> None:
        self.handlers = handlers
        self.control = control
        self.answers = answers
        self.line = line
        self.calls: dict[bytes, int] = dict.fromkeys(handlers, 0)
        self.connections: set[Connection] = set()

    def handle(self, target: bytes, body: bytes, connection: "Connection") -> None:
        now = time.monotonic()
        try:
            handler = self.handlers.get(target, _unknown)
            self.calls[target] = self.calls.get(target, 0) + 1
            answer = handler(body, connection, now)
        except ServiceError as error:
            answer = self.answers.failed(error)
        except ValueError as error:  # msgspec's, too: the request is not of the operation's shape
            answer = self.answers.failed(ServiceError("com.amazon.coral.service#SerializationException", str(error)))
        except Exception as error:  # noqa: BLE001  a bug here must not look like an outage
            traceback.print_exception(error)
            answer = self.answers.failed(INTERNAL_FAILURE)
        if answer is not None:
            self.line.put(connection, answer, now)


def _unknown(body: bytes, connection: "Connection", now: float) -> bytes | None:  # noqa: ARG001
    raise ServiceError("com.amazon.coral.service#UnknownOperationException", "not in the stub")


class Connection(asyncio.Protocol):
    """One request at a time: what comes before its answer has gone waits."""

    __slots__ = ("_chunks", "_is_busy", "_missing", "_service", "_transport", "is_lost")

    def __init__(self, service: Service) -> None:
        self._service = service
        self._transport: asyncio.Transport
        self._chunks: list[bytes] = []
        #: Bytes that must still come before it is worth looking at the chunks again.
        self._missing = 0
        self._is_busy = False
        self.is_lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none of asyncio's classes
        self._service.connections.add(self)

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002
        self.is_lost = True
        self._service.connections.discard(self)

    def data_received(self, data: bytes) -> None:
        if self._is_busy or self._chunks:
            self._chunks.append(data)
            self._missing -= len(data)
            if self._is_busy or self._missing > 0:
                return
            data = b"".join(self._chunks)
            self._chunks.clear()
        self._take(data)

    def _take(self, data: bytes) -> None:
        """data: from the beginning of a request on."""
        head = data.find(b"\r\n\r\n")
        if head < 0:
            self._keep(data, 1)
            return
        length = int(_header(data, head, b"Content-Length: ") or 0)
        begin = head + 4
        left = begin + length - len(data)
        if left > 0:
            if left == length and _header(data, head, b"Expect: "):  # curl asks before it sends much
                self._transport.write(CONTINUE)
            self._keep(data, left)
            return
        if left < 0:
            self._keep(data[left:], 1)
        self._is_busy = True
        body = data[begin : begin + length]
        target = _header(data, head, b"X-Amz-Target: ")
        if target:
            self._service.handle(target, body, self)
        else:
            method, path, *_ = data[:head].split(b"\r\n", 1)[0].decode("latin-1").split(" ")
            self.send(self._service.control(method, path, body))

    def _keep(self, data: bytes, missing: int) -> None:
        self._chunks = [data]
        self._missing = missing

    def send(self, answer: bytes) -> None:
        self._is_busy = False
        if self.is_lost:
            return
        self._transport.write(answer)
        if self._chunks:
            data = b"".join(self._chunks)
            self._chunks.clear()
            self._take(data)

    def close(self) -> None:
        self._transport.close()


def _header(data: bytes, head: int, name: bytes) -> bytes:
    """name: as botocore and curl write it; other spellings are looked for only where that is not found."""
    begin = data.find(name, 0, head)
    if begin < 0:
        begin = data[:head].lower().find(b"\r\n" + name.lower().rstrip())
        if begin < 0:
            return b""
        begin = data.find(b":", begin) + 1
        return data[begin : data.find(b"\r\n", begin)].strip()
    begin += len(name)
    return data[begin : data.find(b"\r\n", begin)]
