"""What is counted, from the events of the log: in every process, at any level, under bounded labels."""

import logging
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from email_activity.hosting.logs import configure_logging
from email_activity.ingest.figures import Figures
from email_activity.ingest.health import State
from email_activity.metrics import collect, count, memory
from email_activity.metrics.collect import Collector
from email_activity.metrics.definitions import LAG, METRICS
from email_activity.metrics.memory import SharedFigures
from email_activity.settings import load_settings
from scrape import samples

ROOT = Path(__file__).resolve().parents[2]

Log = structlog.stdlib.BoundLogger
Shown = dict[str, dict[tuple[str, ...], float]]


def shown(figures: SharedFigures) -> Shown:
    from prometheus_client import CollectorRegistry, generate_latest  # noqa: PLC0415

    registry = CollectorRegistry()
    registry.register(Collector(figures))
    return samples(generate_latest(registry).decode())


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> SharedFigures:
    """Of this test alone."""
    figures = SharedFigures()
    monkeypatch.setattr(count, "figures", figures)
    return figures


@pytest.fixture
def configured(figures: SharedFigures) -> Iterator[Callable[..., Log]]:
    """Makes a logger of the process's configuration, which is as it was afterwards."""
    del figures
    root, before = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers, root.level

    def make(**settings: Any) -> Log:
        configure_logging(load_settings(log_format="json", metrics_port=9464, **settings))
        return structlog.get_logger("email_activity")

    yield make
    structlog.configure(**before)
    root.handlers = handlers
    root.setLevel(level)


@pytest.fixture
def acting(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, int], None]:
    """This process is from now on the pool's child of that index, or with -1 its main process, under that id."""

    def act(index: int, pid: int) -> None:
        process = SimpleNamespace(index=index) if index >= 0 else SimpleNamespace()
        monkeypatch.setattr(memory, "current_process", lambda: process)
        monkeypatch.setattr(memory.os, "getpid", lambda: pid)

    return act


def living(monkeypatch: pytest.MonkeyPatch, *pids: int) -> None:
    for module in (collect, memory):
        monkeypatch.setattr(module, "is_own_child", lambda pid: pid in pids)
    monkeypatch.setattr(memory, "_is_alive", lambda pid: pid in pids)


BATCH = {
    "messages": 3,
    "facts_known": 2,
    "deleted": 2,
    "quarantined": 1,
    "interpret_ms": 0.4,
    "store_ms": 12.5,
    "figures": Figures(
        events={("Send", "activity"): 2, ("other", "quarantine"): 1},  # type: ignore[arg-type]
        facts={"Send": 2, "recipient": 1},  # type: ignore[arg-type]
        recipients={"sent": 2},  # type: ignore[arg-type]
        lags=[0.3, 7.0],
        receives=[1, 1, 4],
    ),
}


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_what_the_level_hides_counts_all_the_same(configured, figures, level):
    log = configured(log_level=level)
    log.info("batch", **BATCH)
    log.debug("received", messages=3, calls=2)
    log.debug("received", messages=0, calls=1)
    log.warning("quarantined", reason="not_json")
    log.error("batch_failed", error="KeyError")
    found = shown(figures)
    assert found["email_activity_events_total"]["Send", "activity"] == 2
    assert found["email_activity_events_total"]["other", "quarantine"] == 1
    assert found["email_activity_facts_written_total"]["recipient",] == 1
    assert found["email_activity_facts_known_total"] == {(): 2}
    assert found["email_activity_recipients_total"]["sent",] == 2
    assert found["email_activity_messages_total"]["deleted",] == 2
    assert found["email_activity_batch_messages_sum"] == {(): 3}
    assert found["email_activity_step_seconds_sum"]["store",] == 0.0125
    assert found["email_activity_step_seconds_count"]["commit",] == 0
    assert (found["email_activity_lag_seconds_count"], found["email_activity_lag_seconds_sum"]) == ({(): 2}, {(): 7.3})
    assert found["email_activity_message_receives_bucket"]["3.0",] == 2
    assert found["email_activity_receives_total"] == {("messages",): 1, ("empty",): 1}
    assert found["email_activity_receive_calls_total"] == {(): 3}
    assert found["email_activity_quarantined_total"]["not_json",] == 1
    assert found["email_activity_errors_total"]["batch_failed",] == 1


@pytest.mark.parametrize("port", [0, 9464])
def test_no_line_shows_what_is_for_metrics_only(configured, figures, capsys, port):
    configured()
    configure_logging(load_settings(log_format="json", metrics_port=port))
    structlog.get_logger("email_activity").info("batch", **BATCH)
    line = capsys.readouterr().err
    assert '"event": "batch"' in line
    assert "recipient" not in line
    assert (shown(figures)["email_activity_facts_known_total"] == {(): 2}) is bool(port)


def test_what_is_unknown_counts_as_other(configured, figures):
    configured().warning("quarantined", reason="ana@example.com")
    assert shown(figures)["email_activity_quarantined_total"]["other",] == 1
    assert "ana@example.com" not in str(shown(figures))


@pytest.mark.parametrize("event", [{"event": "batch"}, {"event": "dependency_failing", "dependency": "ana"}])
def test_an_event_that_does_not_fit_fails_no_batch_and_is_told(figures, event):
    assert count.count(None, "info", dict(event)) == event
    assert shown(figures)["email_activity_errors_total"]["metrics_failed",] == 1


def test_processes_add_up_and_what_a_dead_one_counted_stays(configured, figures, acting, monkeypatch):
    log = configured()
    for index, pid in ((-1, 10), (0, 11), (1, 12), (1, 13)):  # 13 took the place of 12, which was killed
        acting(index, pid)
        log.info("batch", **BATCH)
        figures.report(State.POLLING)
    living(monkeypatch, 10, 11, 13)
    assert shown(figures)["email_activity_facts_known_total"] == {(): 8}
    assert shown(figures)["email_activity_processes"]["polling",] == 3
    living(monkeypatch, 10)
    assert shown(figures)["email_activity_facts_known_total"] == {(): 8}
    assert shown(figures)["email_activity_processes"]["polling",] == 1


def test_a_dependency_fails_while_any_living_process_says_so(configured, figures, acting, monkeypatch):
    log = configured()

    def failing() -> list[str]:
        return [name for (name,), value in shown(figures)["email_activity_dependency_failing"].items() if value]

    acting(-1, 10)
    log.warning("dependency_failing", dependency="broker", detail="ConnectionError")
    for index in (0, 1):
        acting(index, 11 + index)
        log.warning("dependency_failing", dependency="redis", detail="ConnectionError")
    living(monkeypatch, 10, 11, 12)
    assert failing() == ["redis", "broker"]
    log.info("dependency_back", dependency="redis", seconds=1.0, failures=2)
    assert failing() == ["redis", "broker"]
    living(monkeypatch, 10, 12, 13)  # 11 died, and has a successor
    acting(0, 13)
    log.debug("received", messages=0, calls=1)
    assert failing() == ["broker"]
    assert shown(figures)["email_activity_outages_total"]["redis",] == 2


def test_the_poll_age_is_that_of_the_process_that_is_silent_for_longest(figures, acting, monkeypatch):
    now = 1_000.0
    monkeypatch.setattr(memory.time, "monotonic", lambda: now)
    living(monkeypatch, 11, 12, 13)
    for index, pid, state in ((0, 11, State.POLLING), (1, 12, State.POLLING), (2, 13, State.WAITING)):
        acting(index, pid)
        figures.report(state)
    now += 30
    acting(1, 12)
    assert figures.report(State.WAITING) == 1_000.0
    acting(0, 11)
    assert figures.report(State.POLLING) == 1_000.0
    living(monkeypatch, 11, 12)
    assert figures.report(State.POLLING) == 1_030.0  # 13 is gone
    assert shown(figures)["email_activity_poll_age_seconds"] == {(): 30}
    assert shown(figures)["email_activity_processes"] == {("polling",): 1, ("waiting",): 1, ("wrong_setting",): 0}


@given(st.lists(st.sampled_from(LAG.bounds) | st.floats(min_value=0, max_value=1e6), max_size=50))
def test_a_histogram_counts_each_value_once_where_it_belongs(values):
    figures = SharedFigures()
    figures.add(count._observed(LAG, values))
    buckets, total = Collector(figures).buckets(LAG, ())
    counts = dict(buckets)
    assert counts["+Inf"] == len(values)
    assert total == pytest.approx(sum(values))
    assert all(below <= above for below, above in pairwise(counts.values()))
    assert all(counts[str(bound)] == sum(value <= bound for value in values) for bound in LAG.bounds)


def test_docs_have_each_metric_with_its_type_labels_unit_and_meaning_and_no_other():
    page = (ROOT / "docs" / "metrics.md").read_text()
    rows = re.findall(r"^\| `(email_activity_\w+)` \| (.*) \| (.*) \| (.*) \| (.*) \|$", page, re.MULTILINE)
    wanted = [
        (each.name, each.type, ", ".join(f"`{label}`" for label in each.labels) or "-", each.unit or "-", each.meaning)
        for each in METRICS
    ]
    assert rows == wanted


def test_docs_have_each_value_of_each_label():
    page = (ROOT / "docs" / "metrics.md").read_text().partition("## Labels")[2].partition("\n## ")[0]
    for metric in METRICS:
        for label, values in metric.labels.items():
            missing = [value for value in values if f"`{value}`" not in page]
            assert not missing, (metric.name, label)
