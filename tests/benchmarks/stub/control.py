"""/_stub/...: settings, filling, and what happened. Undelayed.

POST /_stub/config            {"delay_ms"}
POST /_stub/fill?queue=NAME   a JSON array of message bodies; sent now
POST /_stub/reset             empties queues and tables, and begins to count anew
GET  /_stub/report            everything; works out what the tables hold, so not while something is measured
GET  /_stub/sent?queue=NAME   counts of one queue; cheap
GET  /_stub/written           {pk: Unix seconds at which its first event was stored}
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from urllib.parse import parse_qs, urlsplit

import msgspec

from benchmarks.stub.answers import Answers, ServiceError, encode
from benchmarks.stub.delay import DelayLine
from benchmarks.stub.dynamodb import DynamoDb
from benchmarks.stub.messages import Message
from benchmarks.stub.queues import Queue
from benchmarks.stub.registry import Registry
from benchmarks.stub.sqs import Sqs

_bodies = msgspec.json.Decoder(list[msgspec.Raw]).decode
_text = msgspec.json.Decoder(str).decode


class Config(msgspec.Struct, forbid_unknown_fields=True):
    delay_ms: float


_config = msgspec.json.Decoder(Config).decode


class Control:
    def __init__(self, answers: Answers, line: DelayLine, registry: Registry, sqs: Sqs, dynamodb: DynamoDb) -> None:
        self._answers = answers
        self._line = line
        self._registry = registry
        self._sqs = sqs
        self._dynamodb = dynamodb
        self.calls: dict[bytes, int] = {}
        self._operations: Mapping[tuple[str, str], Callable[[str, bytes], object]] = {
            ("POST", "/_stub/config"): self._configure,
            ("POST", "/_stub/fill"): self._fill,
            ("POST", "/_stub/reset"): self._reset,
            ("GET", "/_stub/report"): self._report,
            ("GET", "/_stub/sent"): self._sent,
            ("GET", "/_stub/written"): self._written,
        }

    def handle(self, method: str, target: str, body: bytes) -> bytes:
        parts = urlsplit(target)
        queue = parse_qs(parts.query).get("queue", [""])[0]
        operation = self._operations.get((method, parts.path))
        if operation is None:
            return self._answers.failed(ServiceError("NotFound", f"{method} {target}", status=b"404 Not Found"))
        try:
            return self._answers.ok(encode(operation(queue, body)))
        except ValueError as error:  # msgspec's, too
            return self._answers.failed(ServiceError("BadRequest", str(error)))

    def _configure(self, queue: str, body: bytes) -> object:  # noqa: ARG002
        self._line.seconds = _config(body).delay_ms / 1000
        return {}

    def _fill(self, queue: str, body: bytes) -> object:
        if not queue:
            raise ValueError("want ?queue=NAME")
        now = time.time_ns() // 1_000_000
        # Quoted as they came: nothing is encoded anew.
        messages = [Message(_text(raw), now, quoted=bytes(raw)) for raw in _bodies(body)]
        self._registry.named(queue).add(messages, time.monotonic())
        return {"filled": len(messages)}

    def _reset(self, queue: str, body: bytes) -> object:  # noqa: ARG002
        for each in self._registry.queues.values():
            each.clear()
        self._sqs.clear()
        self._dynamodb.clear()
        for target in self.calls:
            self.calls[target] = 0
        return {}

    def _report(self, queue: str, body: bytes) -> object:  # noqa: ARG002
        queues = {name: _counts(each) for name, each in self._registry.queues.items()}
        entries = dict(self._sqs.entries)
        if self._dynamodb.entries:
            entries["dynamodb.BatchWriteItem"] = self._dynamodb.entries
        sqs_calls = [count for target, count in self.calls.items() if target.startswith(b"AmazonSQS.")]
        return {
            "queues": queues,
            "calls": {_called(target): count for target, count in self.calls.items() if count},
            "entries": entries,
            "empty_receives": self._sqs.empty_receives,
            "billed_sqs_requests": self._sqs.more_chunks + sum(sqs_calls),
            "tables": {name: table.report() for name, table in self._dynamodb.tables.items()},
        }

    def _sent(self, queue: str, body: bytes) -> object:  # noqa: ARG002
        found = self._registry.queues.get(queue)
        if found is None:
            raise ValueError(f"no queue {queue!r}")
        return _counts(found)

    def _written(self, queue: str, body: bytes) -> object:  # noqa: ARG002
        written: dict[str, float] = {}
        for table in self._dynamodb.tables.values():
            table.work_out()
            for pk, at in table.written.items():
                written[pk] = min(at, written.get(pk, at))
        return written


def _counts(queue: Queue) -> Mapping[str, object]:
    queue.expire(time.monotonic())
    return asdict(queue.totals) | {"visible": queue.visible, "in_flight": queue.in_flight}


def _called(target: bytes) -> str:
    """AmazonSQS.ReceiveMessage: sqs.ReceiveMessage."""
    service, _, operation = target.decode().partition(".")
    return f"{'sqs' if service == 'AmazonSQS' else 'dynamodb'}.{operation}"
