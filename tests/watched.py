"""What `config/` has for those who watch: the dashboard and the rules, and the metrics that these name."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
RULES = ROOT / "config" / "prometheus-rules.yaml"
DASHBOARD = ROOT / "config" / "grafana-dashboard.json"

#: What Prometheus adds to a histogram's name.
SUFFIXES = ("_bucket", "_sum", "_count")


def alerts() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def dashboard() -> dict[str, Any]:
    return json.loads(DASHBOARD.read_text())


def panels() -> list[dict[str, Any]]:
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def expressions() -> Iterator[str]:
    """PromQL of both, with numbers and patterns in the place of Grafana's variables."""
    yield from (alert["expr"] for alert in alerts())
    for panel in panels():
        for target in panel["targets"]:
            if "expr" in target:
                yield target["expr"].replace("$__rate_interval", "5m").replace("$instance", ".*")


def named_metrics() -> set[str]:
    """With what Prometheus adds to a histogram's name."""
    return {name for expression in expressions() for name in re.findall(r"email_activity_\w+", expression)}
