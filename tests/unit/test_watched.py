"""The dashboard and the rules name metrics and labels that there are, and sections of the runbook that there are."""

import re

import pytest

from email_activity.metrics.definitions import METRICS
from watched import ROOT, SUFFIXES, alerts, dashboard, expressions, named_metrics, panels

METRIC = {
    f"{each.name}{suffix}": each for each in METRICS for suffix in (SUFFIXES if each.type == "histogram" else ("",))
}

#: Labels that Prometheus or a histogram adds.
ADDED = {"instance", "le"}


def test_each_metric_that_they_name_is_there_and_each_that_is_there_is_shown():
    assert named_metrics() <= METRIC.keys()
    assert {METRIC[name].name for name in named_metrics()} == {each.name for each in METRICS}


@pytest.mark.parametrize("expression", sorted(set(expressions())))
def test_each_label_and_each_value_that_they_name_is_one_of_the_metric(expression):
    for name, selectors in re.findall(r"(email_activity_\w+)\{([^}]*)\}", expression):
        for label, sign, value in re.findall(r'(\w+)(=~?)"([^"]*)"', selectors):
            metric = METRIC[name]
            if label == "le":
                assert float(value) in metric.bounds
            elif label not in ADDED:
                values = value.split("|") if sign == "=~" else [value]
                assert set(values) <= set(metric.labels[label]), (name, label)
    for by in re.findall(r"by \(([^)]*)\)", expression):
        known = ADDED.union(*(METRIC[name].labels for name in re.findall(r"email_activity_\w+", expression)))
        assert {label.strip() for label in by.split(",")} <= known


def test_each_alert_names_its_section_of_the_runbook():
    runbook = (ROOT / "docs" / "runbook.md").read_text()
    for alert in alerts():
        name = alert["alert"]
        assert alert["annotations"]["runbook"] == f"docs/runbook.md#{name.lower()}"
        section = runbook.partition(f"\n### {name}\n")[2].partition("\n#")[0]
        for part in ("**Means.**", "**Look first.**", "**Do.**"):
            assert part in section, (name, part)


def test_panels_have_a_place_of_their_own_and_a_source_that_can_be_chosen():
    taken: set[tuple[int, int]] = set()
    for panel in dashboard()["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not taken & cells, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells
    ids = [panel["id"] for panel in dashboard()["panels"]]
    assert len(set(ids)) == len(ids)
    chosen = {variable["name"] for variable in dashboard()["templating"]["list"]}
    for panel in panels():
        assert panel["description"]
        assert panel["datasource"]["uid"] in ("${prometheus}", "${cloudwatch}")
        assert all(target["datasource"] == panel["datasource"] for target in panel["targets"])
        assert set(re.findall(r"\$\{?([a-z_]+)", str(panel["targets"]))) - {"__rate_interval"} <= chosen


def test_depth_age_and_dead_letters_are_cloudwatchs():
    asked = {
        (target["metricName"], target["dimensions"]["QueueName"])
        for panel in panels()
        for target in panel["targets"]
        if target.get("namespace") == "AWS/SQS"
    }
    assert asked == {
        ("ApproximateNumberOfMessagesVisible", "$events_queue"),
        ("ApproximateNumberOfMessagesNotVisible", "$events_queue"),
        ("ApproximateAgeOfOldestMessage", "$events_queue"),
        ("ApproximateNumberOfMessagesVisible", "$dead_letter_queue"),
    }
