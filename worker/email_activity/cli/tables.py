"""How emails look: one as tables; many as a block each at a terminal, or a line for each recipient through a pipe.

Many are written as they come, since a day may hold ten thousand emails. Loads nothing of AWS, so `parse` has it too.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.table import Table
from rich.text import Text

from email_activity.activity.describe import Totals, describe, describe_conflict, notes_on, one_of, whose
from email_activity.activity.facets import Facet, Status
from email_activity.activity.states import CONSENT, DELIVERY, ENGAGEMENT
from email_activity.activity.status import EmailStatus
from email_activity.cli import show
from email_activity.domain.facts import Document

#: Widths of columns. SES's ids have 60 characters; what is longer takes the room it needs.
RECIPIENT, STATE, WHEN, EMAIL_ID = 28, 19, 19, 60

HEADER = (
    f"{'SENT (UTC)':{WHEN}}  {'EMAIL':{EMAIL_ID}}  {'DELIVERY':{STATE}}  {'WHEN (UTC)':{WHEN}}  "
    f"{'ENGAGEMENT':12}  {'CONSENT':12}  RECIPIENT  DOCUMENT  NOTES"
)


def heading(email: EmailStatus) -> Table:
    about = {
        "Email": email.email_id,
        "Document": _document(email.document, ""),
        "Account": email.account,
        "Conflict": describe_conflict(email.conflict) if email.conflict else None,
        "Sent": f"{show.moment(email.sent_at)} UTC" if email.sent_at else None,
        "From": email.sender,
        "Subject": email.subject,
        "To": email.recipients[0].recipient if len(email.recipients) == 1 else None,
    }
    grid = Table.grid(padding=(0, 2, 0, 0))
    for name, value in about.items():
        if value:
            grid.add_row(show.text(name, "dim"), show.text(value))
    return grid


def facets(email: EmailStatus) -> Table:
    table = show.table()
    table.add_column("Recipient", overflow="fold", ratio=1, min_width=16)
    for name in ("Facet", "State", "When (UTC)"):
        table.add_column(name, no_wrap=True)
    for each in email.recipients:
        label = show.text(each.recipient)
        for note in notes_on(each):
            label.append("\n").append(show.text(note, "dim"))
        _add_facets(table, label, each)
    if email.shared:
        label = show.text(f"{one_of(email.destination_count)}: the event does not say whose", "dim")
        _add_facets(table, label, email.shared)
    return table


def _add_facets(table: Table, label: Text, status: Status) -> None:
    """A line for each state that was seen, the one that counts first. What is shared has those that were seen only."""
    rows: list[tuple[Text, Text, Text]] = []
    for name, facet, order in (
        ("delivery", status.delivery, DELIVERY),
        ("engagement", status.engagement, ENGAGEMENT),
        ("consent", status.consent, CONSENT),
    ):
        if facet.seen or status.recipient:
            rows += _facet(name, facet, order)
    if status.auto_replied_at:
        rows.append((show.text("reply"), show.text("out of office"), Text(show.moment(status.auto_replied_at))))
    for number, row in enumerate(rows):
        table.add_row("" if number else label, *row)
    table.add_section()


def _facet(name: str, facet: Facet, order: tuple[str, ...]) -> Iterator[tuple[Text, Text, Text]]:
    others = sorted(facet.seen.keys() - {facet.state}, key=order.index, reverse=True)
    for number, state in enumerate([facet.state, *others]):
        seen = facet.seen.get(state)
        when = show.moment(seen.first_at) if seen else "-"
        if seen and seen.last_at != seen.first_at:
            when += f"\n{show.moment(seen.last_at)}"
        label = show.state(state, seen.count if seen else 1)
        label.stylize("bold" if number == 0 and state != "none" else "dim")
        yield show.text("" if number else name, "dim"), label, Text(when)


def timeline(email: EmailStatus) -> Table:
    """The recipient has a column of its own where there is room for one, and where there are several."""
    several = len(email.recipients) != 1
    has_column = several and show.console().width >= show.ROOM_FOR_RECIPIENTS
    table = show.table("When (UTC)", "Event")
    if has_column:
        table.add_column("Recipient", overflow="fold", min_width=24)
    table.add_column("What", overflow="fold")
    for entry in email.timeline:
        recipient = show.text(whose(entry, email.destination_count) if several else "")
        cells = show.apart(recipient, show.text(describe(entry)), has_column=has_column)
        table.add_row(show.moment(entry.activity.occurred_at), show.text(entry.activity.kind, "bold"), *cells)
    return table


@contextmanager
def printed_rows() -> Iterator[Callable[[EmailStatus], None]]:
    """What prints an email of a list. The counts follow at the end, on standard error, since they are no row."""
    totals = Totals()
    with show.live_count("emails read") as live:

        def print_email(email: EmailStatus) -> None:
            live.advance()
            as_block = live.out.is_terminal
            if not as_block and not totals.emails:
                live.print(HEADER)
            totals.add(email)
            for line in [block(email, live.out.width)] if as_block else lines(email):
                live.print(line)

        yield print_email
    if totals.emails:
        show.print_note(str(totals))


def lines(email: EmailStatus) -> Iterator[str]:
    """Fixed columns for `grep` and `awk`; what may be long or hold blanks comes last."""
    for status in email.recipients:
        yield _line(email, status, status.recipient or "-")
    if email.shared:
        yield _line(email, email.shared, one_of(email.destination_count).replace(" ", "-"))


def _line(email: EmailStatus, status: Status, recipient: str) -> str:
    seen = status.delivery.seen.get(status.delivery.state)
    notes = [*notes_on(status), *([describe_conflict(email.conflict)] if email.conflict else [])]
    columns = (
        f"{show.moment(email.sent_at):{WHEN}}",
        f"{show.printable(email.email_id):{EMAIL_ID}}",
        f"{status.delivery.state if status.recipient or seen else '-':{STATE}}",
        f"{show.moment(seen.first_at) if seen else '-':{WHEN}}",
        f"{status.engagement.state:12}",
        f"{status.consent.state:12}",
        show.printable(recipient),
        show.printable(_document(email.document, "-")),
        *([show.printable("; ".join(notes))] if notes else []),
    )
    return "  ".join(columns)


def block(email: EmailStatus, width: int = 80) -> Text:
    """For a terminal of at least 80 columns, with the id in full: it is what the other commands want.

    By hand, for rich's tables take milliseconds each.
    """
    out = show.text(show.moment(email.sent_at)[:16]).append("  ").append(show.text(email.email_id, "bold"))
    account = f"account {email.account}" if email.account else None
    about = (_document(email.document, "no document"), account, email.subject)
    out.append("\n  ").append(show.text(" \u00b7 ".join(filter(None, about)), "dim"))
    if email.conflict:
        out.append("\n  ").append(show.text(describe_conflict(email.conflict), "red"))
    for status in email.recipients:
        out.append(_row(show.text(status.recipient), _states(status), width))
    if email.shared:
        out.append(_row(show.text(one_of(email.destination_count), "italic"), _states(email.shared), width))
    return out.append("\n")


def _row(name: Text, states: list[Text], width: int) -> Text:
    """States stand beside the name, and go on below themselves where there is no room."""
    indent = " " * (RECIPIENT + 3)
    row = Text("\n  ").append(name)
    row.append(f"\n{indent}" if name.cell_len > RECIPIENT else " " * (RECIPIENT + 1 - name.cell_len))
    used = len(indent)
    for number, state in enumerate(states):
        separator = " \u00b7 " if number else ""
        if number and used + len(separator) + state.cell_len > width:
            separator, used = f"\n{indent}", len(indent)
        row.append(separator).append(state)
        used += len(separator.lstrip("\n")) + state.cell_len
    return row


def _states(status: Status) -> list[Text]:
    """`delivered 11-23 22:27`, `clicked \u00d72`, `unsubscribed`"""
    delivery = status.delivery
    seen = delivery.seen.get(delivery.state)
    parts = [show.state(delivery.state)] if seen or status.recipient else []
    if seen:
        parts[0].append(f" {show.moment(seen.first_at)[5:16]}", "dim")
    others = (facet for facet in (status.engagement, status.consent) if facet.seen)
    parts += [show.state(facet.state, facet.seen[facet.state].count) for facet in others]
    if status.auto_replied_at:
        parts.append(show.text("out of office", "dim"))
    return [*parts, *(show.text(note, "dim") for note in notes_on(status))]


def _document(document: Document | None, otherwise: str) -> str:
    return f"{document.type} {document.id}" if document else otherwise
