"""Whoever is woken up finds each line of the log, and each field of a batch's line, in the runbook."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from email_activity.ses.interpret import Outcome

ROOT = Path(__file__).resolve().parents[2]
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()

#: Bound to all lines of a batch, and what its line has from its figures.
BOUND = {"batch", "queue", "lag_ms"}


def calls(*paths: Path) -> Iterator[ast.Call]:
    for path in paths:
        yield from (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))


def called(call: ast.Call) -> str:
    return ast.unparse(call.func)


def first(call: ast.Call) -> str:
    return ast.literal_eval(call.args[0])


def named(section: str) -> set[str]:
    """What stands in code in the first column of the section's table."""
    rows = re.findall(r"^\| (`[^|]*) \|", section, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`(\w+)`", row)}


def test_each_line_of_the_log_is_explained():
    modules = (ROOT / "worker" / "email_activity").rglob("*.py")
    logged = {
        first(call) for call in calls(*modules) if re.fullmatch(r"log\.(info|warning|error|critical)", called(call))
    }
    assert {"batch", "quarantined", "direct_calls_off"} <= logged
    assert logged - named(RUNBOOK.partition("### The fields")[0]) == set()


def test_each_field_of_a_batch_is_explained_and_no_other():
    pipeline = ROOT / "worker" / "email_activity" / "ingest" / "pipeline.py"
    batch = pipeline.with_name("batch.py")
    counts = [call for call in calls(pipeline, batch) if called(call).endswith(".counts.update")]
    counted = {keyword.arg for call in counts for keyword in call.keywords}
    alone = re.findall(r'(?:batch|self)\.counts\["(\w+)"\]', pipeline.read_text() + batch.read_text())
    timed = {f"{first(call)}_ms" for call in calls(pipeline) if called(call) == "batch.timed"}
    timed |= {f"{name}_ms" for name in re.findall(r'batch\.seconds\["(\w+)"\]', pipeline.read_text())}
    written = {name for name in counted if name} | {*alone} | timed | {*Outcome} | BOUND
    section = RUNBOOK.partition("### The fields of `batch`")[2].partition("## What you may see")[0]
    assert named(section) == written
