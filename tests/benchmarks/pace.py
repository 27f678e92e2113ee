"""How fast this machine is just now: the CPU time of a fixed piece of work.

On a shared machine the clock, and what neighbours leave of the caches, change by a half within seconds, so two drains
that follow each other do not run on the same machine. Who knows the pace of each can compare them all the same.
"""

import json
import time

#: Read and written again, as a worker does; some half a millisecond in all.
DOCUMENT = json.dumps([{f"name {number}": "a value of some length", "number": number} for number in range(60)])
REPEATS = 5


def pace_us() -> float:
    """Microseconds of CPU that the work takes: more on a slower machine. Of this thread, so waiting is not in it."""
    began = time.thread_time()
    for _ in range(REPEATS):
        json.dumps(json.loads(DOCUMENT))
    return (time.thread_time() - began) * 1e6
