"""From events of the log to figures: one processor of structlog, before any that hides a line because of its level."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from typing import Any

from email_activity.metrics import definitions as of
from email_activity.metrics.definitions import Metric
from email_activity.metrics.memory import CELLS, figures
from email_activity.ses.interpret import OTHER
from email_activity.telemetry import FIGURES

Event = MutableMapping[str, Any]
Amounts = Iterator[tuple[int, float]]


def count(_: object, __: str, event: Event) -> Event:
    """Never raises: a batch must not fail for a figure."""
    name = event.get("event")
    try:
        if counted := COUNTED.get(str(name)):
            figures.add(list(counted(event)))
        if name in of.ERRORS:
            figures.add([_one(of.ERRORS_LOGGED, str(name))])
        if name in ("dependency_failing", "dependency_back"):
            cell = CELLS[of.DEPENDENCY_FAILING.name, (event["dependency"],)]
            figures.put(cell, float(name == "dependency_failing"))
    except Exception:  # noqa: BLE001  see above
        figures.add([_one(of.ERRORS_LOGGED, "metrics_failed")])
    return without_figures(_, __, event)


def without_figures(_: object, __: str, event: Event) -> Event:
    """What no line shows."""
    event.pop(FIGURES, None)
    return event


def _batch(event: Event) -> Amounts:
    yield from _observed(of.BATCH, [event["messages"]])
    for step in of.STEPS:
        if f"{step}_ms" in event:
            yield from _observed(of.STEP, [event[f"{step}_ms"] / 1000], step)
    for end in of.ENDS:
        yield _one(of.MESSAGES, end, amount=event.get(end, 0))
    yield _one(of.FACTS_KNOWN, amount=event.get("facts_known", 0))
    if detail := event.get(FIGURES):
        yield from _counted(of.EVENTS, detail.events)
        yield from _counted(of.FACTS_WRITTEN, detail.facts)
        yield from _counted(of.RECIPIENTS, detail.recipients)
        yield from _observed(of.LAG, detail.lags)
        yield from _observed(of.MESSAGE_RECEIVES, detail.receives)


def _received(event: Event) -> Amounts:
    yield _one(of.RECEIVES, "messages" if event["messages"] else "empty")
    yield _one(of.RECEIVE_CALLS, amount=event["calls"])


def _quarantined(event: Event) -> Amounts:
    reason = event["reason"]
    yield _one(of.QUARANTINED, reason if reason in of.REASONS else OTHER)


def _failing(event: Event) -> Amounts:
    yield _one(of.OUTAGES, event["dependency"])


COUNTED: Mapping[str, Callable[[Event], Amounts]] = {
    "batch": _batch,
    "received": _received,
    "quarantined": _quarantined,
    "dependency_failing": _failing,
}


def _one(metric: Metric, *labels: str, amount: float = 1) -> tuple[int, float]:
    return CELLS[metric.name, labels], amount


def _counted(metric: Metric, counts: Mapping[Any, float]) -> Amounts:
    for labels, amount in counts.items():
        yield CELLS[metric.name, labels if isinstance(labels, tuple) else (labels,)], amount


def _observed(metric: Metric, values: Iterable[float], *labels: str) -> Amounts:
    first = CELLS[metric.name, labels]
    for value in values:
        yield first + bisect_left(metric.bounds, value), 1
        yield first + len(metric.bounds) + 1, value
