"""Asks a worker's METRICS_PORT, and reads what it answers."""

import http.client
import json
from typing import Any


def get(port: int, path: str) -> tuple[int, str]:
    """Status and text. Raises OSError while nobody listens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def live(port: int, query: str = "") -> tuple[int, dict[str, Any]]:
    status, text = get(port, f"/live{query}")
    return status, json.loads(text)


def samples(text: str) -> dict[str, dict[tuple[str, ...], float]]:
    """By name, then by the values of the labels."""
    from prometheus_client.parser import text_string_to_metric_families  # noqa: PLC0415

    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sample.labels.values())] = sample.value
    return found


def metrics(port: int) -> dict[str, dict[tuple[str, ...], float]]:
    status, text = get(port, "/metrics")
    assert status == 200
    return samples(text)
