"""How dead letters are printed: a table, one in full, JSON. Nothing here shows what a body holds unmasked."""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import click
from rich.table import Table

from email_activity.activity.describe import counted
from email_activity.cli import mask, show
from email_activity.dead_letters.actions import Listed
from email_activity.dead_letters.dead_letter import DeadLetter, DeadLetterSummary
from email_activity.domain.times import rfc3339

#: Characters of a body, and of any other text, that a terminal gets; --json has all.
MAX_SHOWN = 20_000
MAX_TEXT = 200

AGES = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def summary_json(summary: DeadLetterSummary) -> dict[str, Any]:
    """Texts of strangers are masked where one might be an address; ids and reasons seldom are."""
    by_worker = {name: getattr(summary, name) for name in ("first_received", "receive_count", "worker_version")}
    return {
        "id": mask.plain(summary.id),
        "reason": summary.reason,
        "detail": summary.detail and mask.plain(summary.detail),
        "kinds": [mask.plain(kind) for kind in summary.kinds],
        "documents": [{name: mask.plain(value) for name, value in asdict(each).items()} for each in summary.documents],
        "email_ids": [mask.plain(each) for each in summary.email_ids],
        "sent_at": rfc3339(summary.sent_at),
        "size_bytes": summary.size,
        "would_now_be": summary.current_outcome,
        **{name: value and mask.attribute(name, value) for name, value in by_worker.items()},
    }


def shortened(text: object) -> str:
    """For a terminal: a stranger's text may be as long as a message."""
    whole = str(text)
    return whole if len(whole) <= MAX_TEXT else f"{whole[:MAX_TEXT]}..."


def _listed_json(listed: Listed) -> dict[str, Any]:
    return summary_json(listed.summary) | {"copies": listed.copies}


def print_list(listed: Iterable[Listed], *, as_json: bool) -> None:
    """Oldest first."""
    in_order = sorted(listed, key=lambda each: each.summary.sent_at)
    if as_json:
        for each in in_order:
            show.print_json(_listed_json(each))
    elif in_order:
        show.print_table(_table(in_order))


def _table(listed: Iterable[Listed]) -> Table:
    now = datetime.now(UTC)
    table = show.table()
    table.add_column("Id", overflow="fold", min_width=36)  # a whole id, to be copied
    table.add_column("Reason", overflow="fold")
    table.add_column("Event", overflow="fold")
    for name in ("Age", "Bytes"):
        table.add_column(name, no_wrap=True, justify="right")
    table.add_column("Document", overflow="fold")
    for each in listed:
        values = summary_json(each.summary)
        copies = f" ({each.copies} copies)" if each.copies > 1 else ""
        table.add_row(
            show.text(shortened(values["id"]), "bold"),
            show.text(values["reason"] + copies, "red"),
            show.text(shortened(", ".join(values["kinds"]) or "-")),
            _age(now - each.summary.sent_at),
            f"{each.summary.size:,}",
            show.text(shortened(_documents(values) or "-")),
        )
    return table


def _documents(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{each['type']} {each['id']}" for each in values["documents"])


def _age(since: timedelta) -> str:
    """`3 d`, `5 h`, `2 min`: whole, of the largest unit that it fills."""
    seconds = max(0, int(since.total_seconds()))
    return next((f"{seconds // unit} {name}" for unit, name in AGES if seconds >= unit), "0 s")


def totals(reasons: Mapping[str, int]) -> str:
    """`3 messages: 2 not_json, 1 no_mail`"""
    number = sum(reasons.values())
    return counted(number, "message") + (f": {_counts(reasons)}" if number else "")


def listed_totals(listed: Iterable[Listed]) -> str:
    return totals(Counter(each.summary.reason for each in listed))


def current_outcomes(listed: Iterable[Listed]) -> str:
    """`would now be: 2 activity, 1 quarantine (not_json)`"""
    return f"would now be: {_counts(Counter(each.summary.current_outcome for each in listed))}"


def _counts(numbers: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in Counter(numbers).most_common())


def print_message(
    dead_letter: DeadLetter, listed: Listed, *, tags: Collection[str], reveal: bool, as_json: bool
) -> None:
    """tags: names of the tags and headers that tell documents and accounts, whose values may be shown."""
    attributes = {name: str(value.get("StringValue", "")) for name, value in dead_letter.message_attributes.items()}
    values = _listed_json(listed) | {
        "sqs_id": dead_letter.sqs_id,
        "attributes": {name: value if reveal else mask.attribute(name, value) for name, value in attributes.items()},
        "body": dead_letter.body if reveal else mask.mask(dead_letter.body, tags),
    }
    if listed.namesakes:
        show.print_note("other messages give themselves the same id: `email-activity dlq list` shows all of them")
    if as_json:
        show.print_json(values)
        return
    fields = {
        "Id": values["id"],
        "Reason": f"{values['reason']}: {values['detail']}" if values["detail"] else values["reason"],
        "Copies": values["copies"] if values["copies"] > 1 else None,
        "Event": ", ".join(values["kinds"]) or None,
        "Email": ", ".join(values["email_ids"]) or None,
        "Document": _documents(values) or None,
        "Sent": f"{values['sent_at']} ({_age(datetime.now(UTC) - datetime.fromisoformat(values['sent_at']))} ago)",
        "First received": values["first_received"],
        "Receives": values["receive_count"],
        "Worker": values["worker_version"],
        "Bytes": f"{values['size_bytes']:,}",
        "Would now be": values["would_now_be"],
    }
    grid = Table.grid(padding=(0, 2, 0, 0))
    for name, value in fields.items():
        if value is not None:
            grid.add_row(show.text(name, "dim"), show.text(shortened(value)))
    show.print_table(grid)
    for line in _body_lines(values["body"]):
        click.echo(line)


def _body_lines(body: str) -> Iterator[str]:
    """JSON over several lines, and JSON inside of it too: nobody reads quoted quotes."""
    try:
        text = json.dumps(_unfolded(json.loads(body)), indent=2)
    except (ValueError, RecursionError):
        text = body
    for line in text[:MAX_SHOWN].split("\n"):
        inner = line.lstrip(" ")
        yield " " * (len(line) - len(inner)) + show.printable(inner)
    if len(text) > MAX_SHOWN:
        yield f"... and {len(text) - MAX_SHOWN:,} characters more, which --json has"


def _unfolded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _unfolded(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_unfolded(each) for each in value]
    if isinstance(value, str) and value.lstrip().startswith(("{", "[")):
        try:
            return _unfolded(json.loads(value))
        except ValueError:
            return value
    return value
