"""The reading commands, on a table in memory."""

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner, Result

from email_activity.activity import reader
from email_activity.cli.main import main
from email_activity.domain.worker_process import WorkerProcess
from events import raw
from faketable import table_of
from reading import items_of


def read_from(monkeypatch: pytest.MonkeyPatch, events: Iterable[dict[str, Any]], *further: dict[str, Any]) -> None:
    """Makes a table of what these events come to, and of further items, the one that the commands read."""
    stored = table_of([*items_of(map(raw, events)).values(), *further], page=4)
    monkeypatch.setattr(reader, "open_table", lambda _settings: stored)


def worker_that_polled(at: datetime, newest_event_seconds_ago: float = 3 * 3600 + 60) -> dict[str, Any]:
    """The item of a worker, by which a reader sees how far the table has come."""
    newest = at - timedelta(seconds=newest_event_seconds_ago)
    return WorkerProcess("host", "1", "0.1.0", at, last_poll_at=at, newest_event_at=newest).to_item()


def run(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    assert all(each.isprintable() for each in result.output.replace("\n", "").replace("\t", ""))
    return result


def as_json(*arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(*arguments, "--json").stdout)
    return found


def as_json_lines(*arguments: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run(*arguments, "--json").stdout.splitlines()]
