"""What a message costs to be read, in CPU time: for the fuzzer, and for the test that replays what it found.

python tests/fuzz/cost.py < MESSAGE     seconds
"""

import sys
import time
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
if __name__ == "__main__":
    sys.path.insert(0, str(TESTS))

from email_activity.domain.addresses import _normalized  # noqa: E402
from reading import EVERYTHING, items_of  # noqa: E402  the path is set above

#: What is a find; and seconds below which nothing is, since a small message has its fixed costs.
MICROSECONDS_A_BYTE = 10
FLOOR = 0.005

TIMES = 3


def limit(body: str) -> float:
    """Seconds."""
    return max(FLOOR, MICROSECONDS_A_BYTE * 1e-6 * len(body.encode("utf-8", "surrogatepass")))


def read(body: str) -> None:
    """With nothing remembered."""
    _normalized.cache_clear()
    items_of([body], EVERYTHING)


def seconds(body: str, times: int = TIMES) -> float:
    """Of this thread, so that a busy machine changes little; the least of so many."""
    took = []
    for _ in range(times):
        start = time.thread_time()
        read(body)
        took.append(time.thread_time() - start)
    return min(took)


if __name__ == "__main__":
    sys.stdout.write(f"{seconds(sys.stdin.buffer.read().decode('utf-8', 'replace'))}\n")
