"""An email and its recipients' facets as tables. Loads nothing of AWS, so `parse` has it too."""

from collections.abc import Iterator

from rich import box
from rich.table import Table
from rich.text import Text

from email_activity.activity.facets import CONSENT, DELIVERY, ENGAGEMENT, Facet, Status
from email_activity.activity.status import EmailStatus
from email_activity.cli import show
from email_activity.cli.words import conflict, marks


def heading(email: EmailStatus) -> Table:
    about = {
        "Email": email.email_id,
        "Document": f"{email.document.type} {email.document.id}" if email.document else None,
        "Account": email.account,
        "Conflict": conflict(email.conflict) if email.conflict else None,
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
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("Recipient", overflow="fold", ratio=1, min_width=16)
    for name in ("Facet", "State", "When (UTC)"):
        table.add_column(name, no_wrap=True)
    for each in email.recipients:
        label = show.text(each.recipient)
        for mark in marks(each):
            label.append("\n").append(show.text(mark, "dim"))
        _add(table, label, _rows(each))
    if email.shared:
        whose_it_is = f"one of {email.destination_count}" if email.destination_count > 1 else "not known"
        _add(
            table, show.text(f"{whose_it_is}: the event does not say whose", "dim"), _rows(email.shared, only_seen=True)
        )
    return table


Row = tuple[Text, Text, Text]


def _add(table: Table, label: Text, rows: Iterator[Row]) -> None:
    for number, row in enumerate(rows):
        table.add_row(label if number == 0 else "", *row)
    table.add_section()


def _rows(status: Status, *, only_seen: bool = False) -> Iterator[Row]:
    """A line for each state that was seen, the one that counts first."""
    facets = (("delivery", status.delivery, DELIVERY), ("engagement", status.engagement, ENGAGEMENT))
    for name, facet, order in (*facets, ("consent", status.consent, CONSENT)):
        if facet.seen or not only_seen:
            yield from _facet(name, facet, order)
    if status.auto_replied_at:
        yield show.text("reply"), show.text("out of office"), show.text(show.moment(status.auto_replied_at))


def _facet(name: str, facet: Facet, order: tuple[str, ...]) -> Iterator[Row]:
    others = sorted(facet.seen.keys() - {facet.state}, key=order.index, reverse=True)
    for number, each in enumerate([facet.state, *others]):
        seen = facet.seen.get(each)
        when = show.moment(seen.first_at) if seen else "-"
        if seen and seen.last_at != seen.first_at:
            when += f"\n{show.moment(seen.last_at)}"
        label = show.state(each, seen.count if seen else 1)
        label.stylize("bold" if number == 0 and each != "none" else "dim")
        yield show.text(name if number == 0 else "", "dim"), label, Text(when)
