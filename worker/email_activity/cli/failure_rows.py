"""How what did not arrive looks: a block each at a terminal, an aligned line through a pipe, tabs, CSV or JSON lines.

Each is written as it comes, since a month may hold thousands; and by hand, since rich's tables take milliseconds each.
"""

import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from rich.text import Text

from email_activity.activity.describe import counted
from email_activity.activity.failure_cells import BOM, CSV, PLAIN, Row, cells, csv_line, formula_safe
from email_activity.activity.words import WORDS
from email_activity.cli import show
from email_activity.cli.rows import DOCUMENT, EMAIL_ID, LABEL, RECIPIENT, WHEN
from email_activity.cli.tables import document_name
from email_activity.cli.when import Zone

Form = Literal["people", "plain", "csv", "json"]

ACCOUNT = 16
NEXT_STEP = max(len(each.next_step or "") for each in WORDS)


@dataclass(slots=True)
class Counts:
    """What the line at the end tells."""

    rows: int = 0
    simulated: int = 0
    by_label: Counter[str] = field(default_factory=Counter)

    def add(self, row: Row) -> None:
        self.rows += 1
        self.simulated += row.simulator
        self.by_label[row.status.label] += 1

    def __str__(self) -> str:
        """`3 rows: 2 marked as spam; 1 not sent: virus found`"""
        told = [f"{count:,} {label[0].lower()}{label[1:]}" for label, count in self.by_label.most_common()]
        simulated = f" ({self.simulated:,} of SES's mailbox simulator)" if self.simulated else ""
        return f"{counted(self.rows, 'row')}{simulated}: {'; '.join(told)}"


def printer(form: Form, zone: Zone, live: show.LiveCount) -> Callable[[Row], None]:
    """What prints a row; before the first, the header."""
    as_blocks = form == "people" and live.out.is_terminal
    head = {"people": header(zone), "plain": "\t".join(PLAIN), "csv": BOM + csv_line(CSV), "json": None}[form]
    is_first = True

    def print_row(row: Row) -> None:
        nonlocal is_first
        live.advance()
        if is_first and head and not as_blocks:
            _write(head) if form == "csv" else live.print(head)
        is_first = False
        if as_blocks:
            live.print(block(row, zone, live.out.width))
        elif form == "csv":
            _write(csv_line(map(formula_safe, cells(row, zone))))
        elif form == "plain":
            live.print(show.plain(cells(row, zone)))
        elif form == "people":
            live.print(line(row, zone))
        elif row.shown:
            show.print_model(row.shown)

    return print_row


def _write(text: str) -> None:
    """In UTF-8 whatever the terminal's encoding, as the BOM says."""
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode())
    sys.stdout.buffer.flush()


def header(zone: Zone) -> str:
    return (
        f"{'WHEN':{WHEN}}  {'DOCUMENT':{DOCUMENT}}  {'ACCOUNT':{ACCOUNT}}  {'RECIPIENT':{RECIPIENT}}  "
        f"{'STATUS':{LABEL}}  {'WHAT TO DO':{NEXT_STEP}}  {'EMAIL':{EMAIL_ID}}  "
        f"WHAT THEIR SERVER OR SES SAID (times in {zone.name})"
    )


def line(row: Row, zone: Zone) -> str:
    """Fixed columns for `grep`; what may be long comes last."""
    told = "; ".join(filter(None, [*notes(row, zone), row.status.server_said or row.status.ses_said]))
    columns = (
        f"{zone.moment(row.at):{WHEN}}",
        f"{show.printable(document_name(row.document) or '-'):{DOCUMENT}}",
        f"{show.printable(row.account or '-'):{ACCOUNT}}",
        f"{show.printable(row.recipient):{RECIPIENT}}",
        f"{show.printable(show.said(row.status)):{LABEL}}",
        f"{row.status.next_step or '-':{NEXT_STEP}}",
        f"{show.printable(row.email_id):{EMAIL_ID}}",
        show.printable(told),
    )
    return "  ".join(columns).rstrip()


def block(row: Row, zone: Zone, width: int = 80) -> Text:
    """For a terminal of at least 80 columns, with the id in full: it is what the other commands want."""
    account = f"account {row.account}" if row.account else None
    about = " \u00b7 ".join(filter(None, (document_name(row.document) or "no document", account)))
    out = show.text(zone.minute(row.at)).append("  ").append(_cut(about, width - 18, "bold"))
    out.append("\n  ").append(_cut(row.recipient, width - 2))
    out.append("\n  ").append(show.pill(row.status))
    for note in notes(row, zone):
        out.append(" \u00b7 ", "").append(show.text(note, "dim"))
    if row.status.next_step:
        out.append("\n  ").append(show.text(f"\u2192 {row.status.next_step}"))
    if told := row.status.server_said or row.status.ses_said:
        out.append("\n  ").append(_cut(told, width - 2, "dim"))
    return out.append("\n  ").append(show.text(row.email_id, "dim")).append("\n")


def notes(row: Row, zone: Zone) -> list[str]:
    delivered = [f"delivered later, {zone.minute(row.delivered_since)}"] if row.delivered_since else []
    reached = [f"{row.reached.label[:1].lower()}{row.reached.label[1:]}"] if row.reached else []
    return [*reached, *delivered, *(["simulator"] if row.simulator else [])]


def _cut(text: str, width: int, style: str = "") -> Text:
    """To one line; `--plain` and the others have it in full."""
    made = show.text(text, style)
    made.truncate(width, overflow="ellipsis")
    return made
