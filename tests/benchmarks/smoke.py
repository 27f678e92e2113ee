"""Reads what `make bench-quick` prints, and says whether its last line is what it should be; never how fast it was.

make bench-quick | python -m benchmarks.smoke
"""

import json
import sys

KEYS = (
    "events_per_second",
    "bare_events_per_second",
    "ratio_to_bare",
    "ratio_to_bare_at_equal_pace",
    "ratio_to_bare_at_equal_threads",
    "copy_events_per_second",
    "ratio_to_copy",
    "ratio_to_copy_at_equal_pace",
    "stock_celery_events_per_second",
    "ratio_to_stock",
    "calls_per_event",
    "write_units_per_event",
    "usd_per_million_events",
    "cpu_us_per_event",
    "peak_rss_mb",
)


def complaint(printed: str) -> str | None:
    """What is wrong with it."""
    lines = printed.splitlines() or [""]
    try:
        told = json.loads(lines[-1])
    except ValueError:
        return f"the last line is no JSON: {lines[-1][:200]!r}"
    missing = [name for name in KEYS if not isinstance(told.get(name), int | float)]
    return f"no number for: {', '.join(missing)}" if missing else None


if __name__ == "__main__":
    said = sys.stdin.read()
    sys.stdout.write(said)
    sys.exit(complaint(said))
