"""docs/reading.md is true: its example runs, and it has every field and every code."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from email_activity.activity import model, reader, summary_model
from email_activity.activity.query import ActivityTable
from email_activity.activity.words import ICONS, VERDICTS, WORDS
from events import Email, minutes_ago, raw
from faketable import FakeDynamoDB
from reading import items_of

ROOT = Path(__file__).resolve().parents[2]
DOC = (ROOT / "docs/reading.md").read_text()

SHAPES = [
    each
    for each in (*vars(model).values(), *vars(summary_model).values())
    if isinstance(each, type) and issubclass(each, model.Model)
]


def examples(name: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / name).read_text(), re.DOTALL)


@pytest.mark.parametrize("name", ["docs/reading.md", "README.md"])
def test_the_examples_run_and_answer(name, monkeypatch, capsys):
    emails = [Email(document_id="2026_2F117", account="4711", sent_at=minutes_ago(number + 1)) for number in range(60)]
    fake = FakeDynamoDB(items_of(raw(event) for each in emails for event in (each.send(), each.bounce())).values(), 100)
    monkeypatch.setattr(reader, "open_table", lambda _settings: ActivityTable(fake, "facts"))
    (code,) = [each for each in examples(name) if "Activity()" in each]
    exec(compile(code, name, "exec"), {})  # noqa: S102  our own text
    said = capsys.readouterr().out
    assert "Not delivered: the address does not exist" in said
    assert "Fix the address, then resend." in said
    if "page" in code:
        assert said.count("2026/117") == len(emails)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda each: each.__name__)
def test_every_field_of_every_shape_is_told(shape):
    missing = [name for name, each in shape.model_fields.items() if f"`{each.serialization_alias or name}`" not in DOC]
    assert not missing


def test_every_code_and_label_is_told():
    for row in WORDS:
        codes = ", ".join(f"`{code}`" for code in row.codes)
        reason = f"`{row.reason}`" if row.reason else ""
        assert f"| {codes} | {reason} | {ICONS[row.tone]} {row.label} | {row.next_step or ''} |" in DOC
    for reason, verdict in VERDICTS.items():
        assert f"| `{verdict.code}` | `{reason}` | {ICONS[verdict.tone]} {verdict.label} |" in DOC


def test_times_in_json_are_as_the_document_says():
    at = datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)
    said = model.Freshness(newest_recorded_at=at, last_poll_at=at.replace(microsecond=0), reading=True)
    assert said.model_dump(mode="json") == {
        "newest_recorded_at": "2026-01-01T12:00:00.123456Z",
        "last_poll_at": "2026-01-01T12:00:00.000Z",
        "reading": True,
    }
