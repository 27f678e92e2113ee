"""What travels between a worker and AWS: a call, and what comes of it."""

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

#: The first part of `X-Amz-Target`, which names the service in AWS's JSON protocols.
SERVICES = {"AmazonSQS": "sqs", "DynamoDB_20120810": "dynamodb"}

#: Headers that concern one connection and are made anew for the next.
OF_THE_CONNECTION = frozenset({"host", "connection", "keep-alive", "transfer-encoding", "content-length"})

Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Call:
    """service: sqs, dynamodb; both names are empty for what is neither."""

    method: str
    path: str
    headers: Headers
    body: bytes
    service: str = ""
    operation: str = ""

    @classmethod
    def read(cls, method: str, path: str, headers: Headers, body: bytes) -> "Call":
        target = next((value for name, value in headers if name.lower() == "x-amz-target"), "")
        prefix, _, operation = target.partition(".")
        return cls(method, path, headers, body, SERVICES.get(prefix, ""), operation)

    def json(self) -> Any:
        return json.loads(self.body or b"{}")

    def with_json(self, content: Mapping[str, Any], operation: str | None = None) -> "Call":
        """The same caller says something else; neither stand-in checks signatures."""
        operation = operation or self.operation
        headers = [
            (name, value.replace(self.operation, operation) if name.lower() == "x-amz-target" else value)
            for name, value in self.headers
        ]
        return replace(self, headers=headers, body=json.dumps(content).encode(), operation=operation)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Headers
    body: bytes

    @property
    def is_ok(self) -> bool:
        return self.status == 200

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")

    def json(self) -> Any:
        return json.loads(self.body or b"{}")

    def with_json(self, content: Mapping[str, Any]) -> "Answer":
        """boto3 checks DynamoDB's checksum of the body, and drops an answer that does not meet it."""
        body = json.dumps(content).encode()
        headers = [
            (name, str(zlib.crc32(body)) if name.lower() == "x-amz-crc32" else value) for name, value in self.headers
        ]
        return Answer(self.status, headers, body)


class Hangup(Enum):
    """The connection ends without an answer."""

    CLOSE = "closed in order"
    RESET = "reset"


Outcome = Answer | Hangup


def made_up(content: Mapping[str, Any], status: int = 200) -> Answer:
    """An answer that AWS never gave."""
    return Answer(status, [("Content-Type", "application/x-amz-json-1.0")], json.dumps(content).encode())
