"""The same metrics as lines of JSON on standard output, from which CloudWatch Logs makes metrics.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json
import os
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from email_activity.metrics.collect import Collector
from email_activity.metrics.definitions import METRICS, Metric
from email_activity.metrics.memory import Labels, figures

NAMESPACE = "EmailActivity"

#: Seconds between two reports of a worker: the resolution of CloudWatch's metrics.
EVERY = 60.0

STANDARD_OUTPUT = 1

#: Of a histogram's observations since the last report, by the upper bounds of buckets.
QUANTILES = {"p50": 0.50, "p99": 0.99}

UNITS = {"seconds": "Seconds"}

Line = dict[str, Any]


class Report:
    """Counts since the last report; what did not move is left out, since each metric costs."""

    def __init__(self, collector: Collector, queue: str) -> None:
        self._collector = collector
        self._queue = queue
        self._before: defaultdict[tuple[str, Labels], list[float]] = defaultdict(list)

    def lines(self, milliseconds: int) -> Iterator[Line]:
        """milliseconds: since 1970. A line for each combination of labels that has something to say."""
        found: defaultdict[tuple[tuple[str, str], ...], dict[str, tuple[float, str]]] = defaultdict(dict)
        for metric in METRICS:
            unit = UNITS.get(metric.unit, "Count")
            for labels, values in self._moved(metric):
                dimensions = tuple(zip(metric.labels, labels, strict=True))
                found[dimensions] |= {name: (value, unit) for name, value in values.items()}
        for dimensions, measured in found.items():
            yield _line({"queue": self._queue, **dict(dimensions)}, measured, milliseconds)

    def _moved(self, metric: Metric) -> Iterator[tuple[Labels, Mapping[str, float]]]:
        if metric.type == "gauge":
            yield from ((labels, {metric.name: value}) for labels, value in self._collector.values(metric))
        elif metric.type == "counter":
            for labels, value in self._collector.values(metric):
                (moved,) = self._since(metric, labels, [value])
                if moved:
                    yield labels, {metric.name.removesuffix("_total"): moved}
        else:
            for labels in metric.combinations():
                buckets, _ = self._collector.buckets(metric, labels)
                counts = self._since(metric, labels, [count for _, count in buckets])
                if counts[-1]:
                    yield labels, {f"{metric.name}_{name}": _bound(metric, counts, q) for name, q in QUANTILES.items()}

    def _since(self, metric: Metric, labels: Labels, values: list[float]) -> list[float]:
        before = self._before[metric.name, labels] or [0.0] * len(values)
        self._before[metric.name, labels] = values
        return [now - then for now, then in zip(values, before, strict=True)]


def _bound(metric: Metric, counts: list[float], quantile: float) -> float:
    """The upper bound of the bucket that it is in; beyond the last one, that."""
    place = next(place for place, count in enumerate(counts) if count >= quantile * counts[-1])
    return metric.bounds[min(place, len(metric.bounds) - 1)]


def _line(dimensions: Mapping[str, str], values: Mapping[str, tuple[float, str]], milliseconds: int) -> Line:
    directive = {
        "Namespace": NAMESPACE,
        "Dimensions": [list(dimensions)],
        "Metrics": [{"Name": name, "Unit": unit} for name, (_, unit) in values.items()],
    }
    members = {name: value for name, (value, _) in values.items()}
    return {"_aws": {"Timestamp": milliseconds, "CloudWatchMetrics": [directive]}, **dimensions, **members}


class Writer:
    """Of the main process, for all."""

    def __init__(self, queue: str) -> None:
        self._report = Report(Collector(figures), queue)
        self._lock = threading.Lock()

    def start(self) -> None:
        threading.Thread(target=self._run, name="metrics-emf", daemon=True).start()

    def write(self) -> None:
        """By a system call for each line: a child that is forked meanwhile finds no buffer that is locked."""
        with self._lock, suppress(OSError):  # nobody reads standard output any more
            for line in self._report.lines(time.time_ns() // 1_000_000):
                os.write(STANDARD_OUTPUT, json.dumps(line).encode() + b"\n")

    def _run(self) -> None:
        while True:
            time.sleep(EVERY)
            self.write()
