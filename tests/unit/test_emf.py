"""CloudWatch's embedded metric format: valid lines, of what moved since the last."""

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from email_activity.ingest.figures import Figures
from email_activity.metrics import count, emf
from email_activity.metrics.collect import Collector
from email_activity.metrics.memory import SharedFigures

NAME = {"type": "string", "minLength": 1, "maxLength": 1024}
#: The schema of the specification, narrowed by its prose: a target member is there, and is a number.
#: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
SCHEMA = {
    "type": "object",
    "required": ["_aws"],
    "properties": {
        "_aws": {
            "type": "object",
            "required": ["Timestamp", "CloudWatchMetrics"],
            "properties": {
                "Timestamp": {"type": "integer"},
                "CloudWatchMetrics": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["Namespace", "Dimensions", "Metrics"],
                        "properties": {
                            "Namespace": NAME,
                            "Dimensions": {
                                "type": "array",
                                "minItems": 1,
                                "items": {
                                    "type": "array",
                                    "minItems": 1,
                                    "maxItems": 30,
                                    "items": {"type": "string", "minLength": 1, "maxLength": 250},
                                },
                            },
                            "Metrics": {
                                "type": "array",
                                "minItems": 1,
                                "maxItems": 100,
                                "items": {
                                    "type": "object",
                                    "required": ["Name"],
                                    "properties": {"Name": NAME, "Unit": {"enum": ["Count", "Seconds"]}},
                                    "additionalProperties": False,
                                },
                            },
                        },
                        "additionalProperties": False,
                    },
                },
            },
            "additionalProperties": False,
        }
    },
}


def is_valid(line: dict[str, Any]) -> bool:
    Draft202012Validator(SCHEMA).validate(line)
    for directive in line["_aws"]["CloudWatchMetrics"]:
        for name in [each for dimensions in directive["Dimensions"] for each in dimensions]:
            assert isinstance(line[name], str)
            assert 1 <= len(line[name]) <= 1024
            assert line[name].isascii()
        assert all(isinstance(line[metric["Name"]], int | float) for metric in directive["Metrics"])
    return True


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> SharedFigures:
    figures = SharedFigures()
    for module in (count, emf):
        monkeypatch.setattr(module, "figures", figures)
    return figures


def log(name: str, **fields: Any) -> None:
    count.count(None, "info", {"event": name, **fields})


def a_batch(*lags: float) -> None:
    detail = Figures(lags=list(lags), receives=[1])
    detail.events["Rendering Failure", "activity"] += 2
    log("batch", messages=2, deleted=2, store_ms=7.0, figures=detail)


def found(lines: Iterator[dict[str, Any]]) -> dict[str, Any]:
    """By name of the metric and values of its labels."""
    return {
        " ".join([metric["Name"], *(line[each] for each in directive["Dimensions"][0] if each != "queue")]): line[
            metric["Name"]
        ]
        for line in lines
        if is_valid(line)
        for directive in line["_aws"]["CloudWatchMetrics"]
        for metric in directive["Metrics"]
    }


def test_a_report_is_of_what_moved_since_the_last(figures):
    report = emf.Report(Collector(figures), "acme-events")
    a_batch(0.05, 0.3, 0.3, 40.0)
    log("dependency_failing", dependency="redis")
    first = found(report.lines(1))
    assert first["email_activity_events Rendering Failure activity"] == 2
    assert first["email_activity_messages deleted"] == 2
    assert (first["email_activity_lag_seconds_p50"], first["email_activity_lag_seconds_p99"]) == (0.5, 60)
    assert first["email_activity_step_seconds_p99 store"] == 0.01
    assert first["email_activity_dependency_failing redis"] == 1
    assert "email_activity_quarantined not_json" not in first
    a_batch(5.0)
    second = found(report.lines(2))
    assert second["email_activity_lag_seconds_p50"] == 5
    assert second["email_activity_messages deleted"] == 2
    assert "email_activity_outages redis" not in second
    moved = {name for name in found(report.lines(3)) if not name.startswith(GAUGES)}
    assert moved == set()


GAUGES = ("email_activity_dependency_failing", "email_activity_poll_age", "email_activity_processes")


def test_lines_are_whole_and_go_to_standard_output(figures, monkeypatch):
    read, write = os.pipe()
    monkeypatch.setattr(emf, "STANDARD_OUTPUT", write)
    a_batch(1e9)
    emf.Writer("acme-events").write()
    os.close(write)
    with os.fdopen(read) as pipe:
        lines = [json.loads(line) for line in pipe]
    assert all(map(is_valid, lines))
    assert {line["queue"] for line in lines} == {"acme-events"}
    assert figures.processes(lambda _: True) == []


@pytest.mark.usefixtures("figures")
def test_when_nobody_reads_standard_output_nothing_fails(monkeypatch):
    read, write = os.pipe()
    monkeypatch.setattr(emf, "STANDARD_OUTPUT", write)
    os.close(read)
    a_batch(1.0)
    emf.Writer("acme-events").write()
    os.close(write)
