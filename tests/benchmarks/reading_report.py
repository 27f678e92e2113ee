"""What the benchmark of reading found, as tables for people and as JSON."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

#: How often a small read is made.
TIMES = 20

#: Emails of a day of which the read units are counted one by one; the others are of the same shapes.
SAMPLE = 1_000


@dataclass(frozen=True, slots=True)
class Small:
    """Seconds, median of TIMES. cpu: seconds of this process. units: read units. calls: to DynamoDB."""

    what: str
    emails: int
    seconds: float
    cpu: float
    units: float
    calls: int


@dataclass(frozen=True, slots=True)
class Whole:
    """A day, listed. cpu: seconds of all processes of the command. units: read units, for index and emails."""

    emails: int
    seconds: float
    first: float
    cpu: float
    parent_peak: float
    child_peaks: Sequence[float]
    index_units: float
    units: float


def as_text(small: Sequence[Small], whole: Sequence[Whole], is_behind_localstack: bool) -> str:
    lines = [
        f"In this process, median of {TIMES}:",
        f"{'':<36}{'emails':>8}{'ms':>8}{'CPU ms':>8}{'calls':>8}{'read units':>12}",
    ]
    lines += [
        f"{each.what:<36}{each.emails:>8,}{each.seconds * 1e3:>8.1f}{each.cpu * 1e3:>8.1f}{each.calls:>8}"
        f"{each.units:>12,.1f}"
        for each in small
    ]
    lines += [
        "",
        "A whole day: `email-activity account ID --day DAY` through a pipe, its start included; ms/email: of CPU:",
        f"{'emails':>8}{'s':>8}{'first s':>9}{'CPU s':>8}{'ms/email':>10}{'read units':>12}{'parent MB':>11}  children",
    ]
    lines += [
        f"{each.emails:>8,}{each.seconds:>8.1f}{each.first:>9.2f}{each.cpu:>8.1f}"
        f"{each.cpu / each.emails * 1e3:>10.2f}{each.units:>12,.0f}{each.parent_peak:>11.0f}  "
        + (" ".join(f"{peak:.0f}" for peak in each.child_peaks) or "none")
        for each in whole
    ]
    stand_in = "LocalStack and its DynamoDB Local" if is_behind_localstack else "DynamoDB Local"
    return "\n".join(
        [
            *lines,
            "",
            f"Times hold the speed of {stand_in}, on the same {os.cpu_count()} cores; CPU is the reader's own. On AWS",
            "each call takes a few milliseconds, and a statement about several emails answers in pages of ten items.",
            "Read units: eventually consistent; of a day, its index as counted and its emails from a sample of",
            f"about {SAMPLE:,}, by one Query each. MB: the most that a process held (VmHWM).",
        ]
    )


def as_json(small: Sequence[Small], whole: Sequence[Whole], is_behind_localstack: bool) -> Mapping[str, Any]:
    return {
        "small": list(map(asdict, small)),
        "whole_days": list(map(asdict, whole)),
        "behind_localstack": is_behind_localstack,
        "cores": os.cpu_count(),
    }
