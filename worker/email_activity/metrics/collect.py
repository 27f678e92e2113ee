"""What all processes of the worker counted, as prometheus-client's families; asked by the main process."""

import time
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate
from typing import TYPE_CHECKING

from email_activity.metrics import definitions as of
from email_activity.metrics.definitions import METRICS, Metric
from email_activity.metrics.memory import CELLS, Labels, SharedFigures, is_own_child

if TYPE_CHECKING:
    from prometheus_client.core import Metric as Family


class Collector:
    """For a CollectorRegistry. The client's own way for several processes, a file for each, is not used: memory.py."""

    def __init__(self, figures: SharedFigures) -> None:
        self._figures = figures

    def collect(self) -> "Iterator[Family]":
        from prometheus_client.core import (  # noqa: PLC0415  only a worker that is asked for metrics needs it
            CounterMetricFamily,
            GaugeMetricFamily,
            HistogramMetricFamily,
        )

        for metric in METRICS:
            names = list(metric.labels)
            if metric.type == "histogram":
                histogram = HistogramMetricFamily(metric.name, metric.meaning, labels=names)
                for labels in metric.combinations():
                    buckets, total = self.buckets(metric, labels)
                    histogram.add_metric(labels, buckets, total)
                yield histogram
            else:
                make = CounterMetricFamily if metric.type == "counter" else GaugeMetricFamily
                family = make(metric.name, metric.meaning, labels=names)
                for labels, value in self.values(metric):
                    family.add_metric(labels, value)
                yield family

    def values(self, metric: Metric) -> Iterator[tuple[Labels, float]]:
        """Of a counter or a gauge."""
        states = Counter(each.state for each in self._figures.processes(is_own_child))
        for labels in metric.combinations():
            if metric is of.PROCESSES:
                yield labels, states[labels[0]]  # type: ignore[index]  # a StrEnum
            elif metric is of.POLL_AGE:
                yield labels, self.poll_age()
            elif metric is of.DEPENDENCY_FAILING:
                yield labels, self._figures.is_any(CELLS[metric.name, labels], is_own_child)
            else:
                yield labels, self._figures.total(CELLS[metric.name, labels])

    def buckets(self, metric: Metric, labels: Labels) -> tuple[list[tuple[str, float]], float]:
        """(upper bound, how many up to it) of each, and the sum."""
        *counts, total = self._figures.values(metric, labels)
        bounds = [*map(str, metric.bounds), "+Inf"]
        return list(zip(bounds, accumulate(counts), strict=True)), total

    def poll_age(self) -> float:
        """Seconds. Before any process has reported: since the worker started."""
        polled = [each.polled_at for each in self._figures.processes(is_own_child)]
        return time.monotonic() - min(polled, default=self._figures.began)
