"""A worker that is up, messages that arrive at a pace: how long each took, and how full its calls were."""

import statistics
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

from benchmarks.contestants import ours
from benchmarks.ground import QUEUE, BenchmarkError, Ground
from benchmarks.sender import send
from email_activity.settings import Settings
from harness import eventually

#: Seconds until a worker has begun to poll, and until what was sent is stored and deleted.
START_WITHIN = 30
END_WITHIN = 30

#: Seconds of sending that do not count: until as many threads poll as the pace asks for.
WARM_UP = 2.0


#: Of SQS, without the sender's, and the looks at the queue once a minute.
REQUESTS = ("sqs.ReceiveMessage", "sqs.DeleteMessageBatch", "sqs.ChangeMessageVisibilityBatch")

LINGER_MS = int(Settings.model_fields["linger_milliseconds"].default)


@dataclass(frozen=True, slots=True)
class Arrivals:
    """rate: messages a second, as sent. p50, p95, p99: milliseconds from the send call's start to the fact stored.

    linger_ms: LINGER_MILLISECONDS. messages_per_receive: of receives that did not come empty. calls: of SQS and
    DynamoDB for each event. requests: of SQS, empty receives included.
    """

    linger_ms: int
    rate: float
    messages: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    messages_per_receive: float
    messages_per_delete: float
    calls_per_event: float
    requests_per_event: float


@contextmanager
def worker(ground: Ground, delay_ms: float, linger_ms: int = LINGER_MS) -> Iterator[None]:
    """Of default settings, but for the linger, at an empty queue; it polls."""
    ground.clear(delay_ms)
    settings = (("LINGER_MILLISECONDS", str(linger_ms)),)
    with replace(ours(), settings=settings).running(ground) as running:
        eventually(lambda: running.tree() and ground.stub.report()["calls"].get("sqs.ReceiveMessage"), START_WITHIN)
        # Both processes.
        time.sleep(1)
        yield


def arrivals(ground: Ground, rate: float, seconds: float, delay_ms: float, linger_ms: int = LINGER_MS) -> Arrivals:
    """Raises BenchmarkError if one of them is not stored."""
    with worker(ground, delay_ms, linger_ms):
        asked = _requests(ground)
        sent = send(ground, rate, seconds)
        eventually(lambda: ground.stub.sent(QUEUE)["deleted"] == len(sent), END_WITHIN)
        asked = _requests(ground) - asked
    written = ground.stub.written()
    if missing := sent.keys() - written.keys():
        raise BenchmarkError(f"{len(missing)} of {len(sent)} messages were deleted and not stored")
    report = ground.stub.report()
    calls, entries, empty = report["calls"], report["entries"], report["empty_receives"]
    receives, deletes = calls["sqs.ReceiveMessage"] - empty, calls["sqs.DeleteMessageBatch"]
    first, last = min(sent.values()), max(sent.values())
    warm = {pk: at for pk, at in sent.items() if at >= first + min(WARM_UP, seconds / 2)}
    took = percentiles([written[pk] - at for pk, at in warm.items()])
    return Arrivals(
        linger_ms=linger_ms,
        rate=len(sent) / max(last - first, 1e-9),
        messages=len(sent),
        **{name: value * 1e3 for name, value in took.items()},
        messages_per_receive=entries["sqs.ReceiveMessage"] / receives,
        messages_per_delete=entries["sqs.DeleteMessageBatch"] / deletes,
        calls_per_event=(receives + deletes + calls["dynamodb.BatchWriteItem"]) / len(sent),
        requests_per_event=asked / len(sent),
    )


def _requests(ground: Ground) -> int:
    calls = ground.stub.report()["calls"]
    return sum(calls.get(name, 0) for name in REQUESTS)


def percentiles(values: list[float]) -> Mapping[str, float]:
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return {"p50_ms": cuts[49], "p95_ms": cuts[94], "p99_ms": cuts[98]}
