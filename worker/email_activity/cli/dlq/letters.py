"""How dead letters are printed: rows, one in full, JSON. Nothing here shows what a body holds unmasked."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from rich import box
from rich.table import Table

from email_activity.activity.export import Json, document_json
from email_activity.cli import show
from email_activity.cli.dlq import mask
from email_activity.dead_letters.letter import Letter, Summary
from email_activity.dead_letters.survey import Found
from email_activity.domain.times import rfc3339

#: Characters of a body that a terminal gets; --json has all.
MAX_SHOWN = 20_000

AGES = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def summary_json(summary: Summary) -> Json:
    """Texts of strangers are masked where one might be an address; ids and reasons seldom are."""
    return {
        "id": mask.plain(summary.id),
        "reason": summary.reason,
        "detail": summary.detail and mask.plain(summary.detail),
        "kinds": [mask.plain(kind) for kind in summary.kinds],
        "documents": [
            {name: mask.plain(value) for name, value in document_json(each).items()} for each in summary.documents
        ],
        "email_ids": [mask.plain(each) for each in summary.email_ids],
        "sent_at": rfc3339(summary.sent_at),
        "size_bytes": summary.size,
        "would_now_be": summary.outlook,
        "first_received": summary.first_received and mask.attribute("first_received", summary.first_received),
        "receive_count": summary.receive_count and mask.attribute("receive_count", summary.receive_count),
        "worker_version": summary.worker_version and mask.attribute("worker_version", summary.worker_version),
    }


def found_json(found: Found) -> Json:
    return summary_json(found.summary) | {"copies": found.copies}


def print_found(found: Iterable[Found], *, as_json: bool) -> None:
    """Oldest first."""
    in_order = sorted(found, key=lambda each: each.summary.sent_at)
    if as_json:
        for each in in_order:
            show.print_json(found_json(each))
    elif in_order:
        show.print_table(rows(in_order))


def rows(found: Iterable[Found]) -> Table:
    now = datetime.now(UTC)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("Id", overflow="fold", min_width=36)  # a whole id, to be copied
    table.add_column("Reason", overflow="fold")
    table.add_column("Event", overflow="fold")
    for name in ("Age", "Bytes"):
        table.add_column(name, no_wrap=True, justify="right")
    table.add_column("Document", overflow="fold")
    for each in found:
        said = summary_json(each.summary)
        documents = ", ".join(f"{document['type']} {document['id']}" for document in said["documents"])
        copies = f" ({each.copies} copies)" if each.copies > 1 else ""
        table.add_row(
            show.text(said["id"], "bold"),
            show.text(said["reason"] + copies, "red"),
            show.text(", ".join(said["kinds"]) or "-"),
            age(now - each.summary.sent_at),
            f"{each.summary.size:,}",
            show.text(documents or "-"),
        )
    return table


def age(since: timedelta) -> str:
    """`3 d`, `5 h`, `2 min`: whole, of the largest unit that it fills."""
    seconds = max(0, int(since.total_seconds()))
    for unit, name in AGES:
        if seconds >= unit:
            return f"{seconds // unit} {name}"
    return "0 s"


def totals(reasons: Mapping[str, int]) -> str:
    """`3 messages: 2 not_json, 1 no_mail`"""
    number = sum(reasons.values())
    said = ", ".join(f"{count:,} {reason}" for reason, count in Counter(reasons).most_common())
    return f"{number:,} message{'' if number == 1 else 's'}" + (f": {said}" if said else "")


def found_totals(found: Iterable[Found]) -> str:
    return totals(Counter(each.summary.reason for each in found))


def outlook(found: Iterable[Found]) -> str:
    """`would now be: 2 activity, 1 quarantine (not_json)`"""
    counts = Counter(each.summary.outlook for each in found)
    return "would now be: " + ", ".join(f"{count:,} {name}" for name, count in counts.most_common())


def letter_json(letter: Letter, found: Found, *, tags: Iterable[str], reveal: bool) -> Json:
    return found_json(found) | {
        "sqs_id": letter.sqs_id,
        "attributes": {
            name: value if reveal else mask.attribute(name, value) for name, value in _attributes(letter).items()
        },
        "body": letter.body if reveal else mask.mask(letter.body, tuple(tags)),
    }


def _attributes(letter: Letter) -> dict[str, str]:
    """Those that the sender of a message gave it; the worker's own are told already."""
    return {name: str(value.get("StringValue", "")) for name, value in letter.message_attributes.items()}


def heading(told: Json) -> Table:
    about = {
        "Id": told["id"],
        "Reason": f"{told['reason']}: {told['detail']}" if told["detail"] else told["reason"],
        "Copies": told["copies"] if told["copies"] > 1 else None,
        "Event": ", ".join(told["kinds"]) or None,
        "Email": ", ".join(told["email_ids"]) or None,
        "Document": ", ".join(f"{each['type']} {each['id']}" for each in told["documents"]) or None,
        "Sent": f"{told['sent_at']} ({age(datetime.now(UTC) - datetime.fromisoformat(told['sent_at']))} ago)",
        "First received": told["first_received"],
        "Receives": told["receive_count"],
        "Worker": told["worker_version"],
        "Bytes": f"{told['size_bytes']:,}",
        "Would now be": told["would_now_be"],
    }
    grid = Table.grid(padding=(0, 2, 0, 0))
    for name, value in about.items():
        if value is not None:
            grid.add_row(show.text(name, "dim"), show.text(value))
    return grid


def body_lines(body: str) -> Iterable[str]:
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
