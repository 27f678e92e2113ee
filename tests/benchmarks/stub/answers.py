"""Answers of HTTP/1.1 in the form of AWS JSON 1.0, and the errors that botocore turns into its exceptions.

https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html
https://smithy.io/2.0/aws/protocols/aws-query-protocol.html#aws-query-compatible-trait
"""

from collections.abc import Sequence
from email.utils import formatdate
from typing import Any

import msgspec

#: As many headers as AWS sends, since the client's time to read them is measured. `x-amz-crc32` is left out: botocore
#: passes over it where it is absent.
HEAD = (
    b"HTTP/1.1 %b\r\nx-amzn-RequestId: 6f7e2c1a-1b1e-5f6c-9a55-70b5d6f4a001\r\nDate: %b\r\n"
    b"Content-Type: application/x-amz-json-1.0\r\nConnection: keep-alive\r\n%bContent-Length: "
)


class ServiceError(Exception):
    """type: the shape's name with its namespace. query_code: what SQS called it in its former protocol."""

    def __init__(self, type: str, message: str, query_code: str = "", status: bytes = b"400 Bad Request") -> None:  # noqa: A002
        super().__init__(message)
        self.type = type
        self.message = message
        self.query_code = query_code
        self.status = status


class Answers:
    """Makes answers; the part before the length is made once a second, for the date."""

    def __init__(self) -> None:
        self.tick()

    def tick(self) -> None:
        self._date = formatdate(usegmt=True).encode()
        self._ok = HEAD % (b"200 OK", self._date, b"")

    def ok(self, body: bytes) -> bytes:
        return b"%b%d\r\n\r\n%b" % (self._ok, len(body), body)

    def joined(self, parts: Sequence[bytes]) -> bytes:
        return b"".join([self._ok, b"%d\r\n\r\n" % sum(map(len, parts)), *parts])

    def failed(self, error: ServiceError) -> bytes:
        body = encode({"__type": error.type, "message": error.message})
        query = b"x-amzn-query-error: %b;Sender\r\n" % error.query_code.encode() if error.query_code else b""
        return b"%b%d\r\n\r\n%b" % (HEAD % (error.status, self._date, query), len(body), body)


def encode(value: Any) -> bytes:
    return msgspec.json.encode(value)
