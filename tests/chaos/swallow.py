"""Takes each poison through the pure core, in a process of its own with bounded time and memory.

One JSON line for each: its end, the time it took and the memory it had at most. Run by test_poison.py.
"""

import json
import os
import resource
import sys
from datetime import UTC, datetime

from boto3.dynamodb.types import TypeSerializer
from poison import POISON
from stuffing import FULL

from email_activity.domain.facts import Item
from email_activity.domain.keys import canonical_json
from email_activity.ses.interpret import Outcome, interpret
from email_activity.ses.tracking_policy import TrackingPolicy
from reading import fold

#: Seconds of CPU, and bytes of memory, at which the process is killed. Far above what any message may take.
MOST_SECONDS = 20
MOST_BYTES = 2**30

#: Bytes; DynamoDB's limit of an item, counted in JSON, which is longer by its signs.
LARGE = 400 * 1024


def end_of(body: str) -> str:
    """All that a worker does with it but for asking Redis and the table; and what a reader would do."""
    now = datetime.now(UTC)
    readings = interpret(body, TrackingPolicy(), now, now, "message-1").events
    facts = [fact.to_item() for reading in readings for fact in reading.facts]
    sizes = [written_size(item) for item in facts]
    by_email: dict[str, list[Item]] = {}
    for item in facts:
        by_email.setdefault(item["pk"], []).append(item)
    for items in by_email.values():
        fold(items)
    reasons = [reading.error.reason for reading in readings if reading.error]
    if reasons:
        return reasons[0]  # as the pipeline does
    if max(sizes, default=0) > LARGE:
        return "refused_by_table"
    return next(each for each in Outcome if each in {reading.outcome for reading in readings})


def written_size(item: Item) -> int:
    TypeSerializer().serialize(item)
    return len(canonical_json(item).encode())


def swallow(name: str) -> None:
    body = POISON[name].make()
    assert len(body.encode()) <= FULL
    before = resource.getrusage(resource.RUSAGE_SELF)
    end = end_of(body)
    after = resource.getrusage(resource.RUSAGE_SELF)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    peak = after.ru_maxrss // (1024 if sys.platform == "linux" else 1024**2)
    sys.stdout.write(json.dumps({"name": name, "end": end, "seconds": round(seconds, 3), "megabytes": peak}) + "\n")
    sys.stdout.flush()


def main() -> None:
    for name in POISON:
        if os.fork():
            os.wait()
            continue
        resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS))
        resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
        swallow(name)
        os._exit(0)


if __name__ == "__main__":
    main()
