"""Prometheus's own program judges what we give it: rules, queries, and what a worker answers."""

import json
import subprocess
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from email_activity.metrics.collect import Collector
from email_activity.metrics.memory import SharedFigures
from watched import RULES, alerts, expressions

HERE = Path(__file__).parent


def promtool(*arguments: str | Path, given: bytes = b"") -> str:
    """What it says. Fails the test if it finds anything."""
    ended = subprocess.run(["promtool", *arguments], input=given, capture_output=True, check=False)
    said = (ended.stdout + ended.stderr).decode()
    assert ended.returncode == 0, said
    return said


def test_each_alert_fires_for_what_it_is_about_and_for_nothing_else():
    assert "SUCCESS" in promtool("test", "rules", HERE / "prometheus-rules.test.yaml")


def test_each_alert_has_a_case_in_which_it_fires_and_one_in_which_it_is_silent():
    cases = (HERE / "prometheus-rules.test.yaml").read_text()
    for alert in alerts():
        assert f"alertname: {alert['alert']}\n        exp_alerts:\n" in cases
        assert f"alertname: {alert['alert']}, exp_alerts: []" in cases


def test_the_rules_are_rules():
    assert f"{len(alerts())} rules found" in promtool("check", "rules", RULES)


def test_what_a_worker_answers_has_nothing_to_object_to():
    registry = CollectorRegistry()
    registry.register(Collector(SharedFigures()))
    assert promtool("check", "metrics", given=generate_latest(registry)) == ""


def test_each_query_of_the_dashboard_is_one(tmp_path: Path):
    rules = [{"record": f"query_{number}", "expr": each} for number, each in enumerate(expressions())]
    file = tmp_path / "queries.json"  # which YAML can read
    file.write_text(json.dumps({"groups": [{"name": "queries", "rules": rules}]}))
    assert "SUCCESS" in promtool("check", "rules", file)


def test_promtool_finds_a_rule_that_is_none(tmp_path: Path):
    file = tmp_path / "rules.json"
    file.write_text(json.dumps({"groups": [{"name": "wrong", "rules": [{"record": "a", "expr": "sum("}]}]}))
    with pytest.raises(AssertionError, match="parse"):
        promtool("check", "rules", file)
