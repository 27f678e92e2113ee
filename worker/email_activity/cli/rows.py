"""Lists of emails: a block for each at a terminal, a line for each recipient through a pipe.

Both are written as they come, since a day may hold ten thousand emails.
"""

from collections import Counter
from collections.abc import Iterator

from rich.text import Text

from email_activity.activity.facets import DELIVERY, FAILED, Status
from email_activity.activity.status import EmailStatus
from email_activity.cli import show
from email_activity.cli.words import conflict, marks

#: Widths of columns. SES's ids have 60 characters; what is longer takes the room it needs.
RECIPIENT, STATE, WHEN, EMAIL_ID = 28, 19, 19, 60

HEADER = (
    f"{'SENT (UTC)':{WHEN}}  {'EMAIL':{EMAIL_ID}}  {'DELIVERY':{STATE}}  {'WHEN (UTC)':{WHEN}}  "
    f"{'ENGAGEMENT':12}  {'CONSENT':12}  RECIPIENT  DOCUMENT  NOTES"
)


def lines(email: EmailStatus) -> Iterator[str]:
    """Fixed columns for `grep` and `awk`; what may be long or hold blanks comes last."""
    for status in email.recipients:
        yield _line(email, status, status.recipient or "-")
    if email.shared:
        yield _line(email, email.shared, _one_of(email).replace(" ", "-"))


def _line(email: EmailStatus, status: Status, recipient: str) -> str:
    seen = status.delivery.seen.get(status.delivery.state)
    notes = [*marks(status), *([conflict(email.conflict)] if email.conflict else [])]
    columns = (
        f"{show.moment(email.sent_at):{WHEN}}",
        f"{show.printable(email.email_id):{EMAIL_ID}}",
        f"{status.delivery.state if status.recipient or seen else '-':{STATE}}",
        f"{show.moment(seen.first_at) if seen else '-':{WHEN}}",
        f"{status.engagement.state:12}",
        f"{status.consent.state:12}",
        show.printable(recipient),
        show.printable(f"{email.document.type} {email.document.id}" if email.document else "-"),
        *([show.printable("; ".join(notes))] if notes else []),
    )
    return "  ".join(columns)


def block(email: EmailStatus, width: int = 80) -> Text:
    """For a terminal of at least 80 columns, with the id in full: it is what the other commands want.

    By hand, for rich's tables take milliseconds each.
    """
    out = show.text(show.moment(email.sent_at)[:16]).append("  ").append(show.text(email.email_id, "bold"))
    about = (
        f"{email.document.type} {email.document.id}" if email.document else "no document",
        f"account {email.account}" if email.account else None,
        email.subject,
    )
    out.append("\n  ").append(show.text(" \u00b7 ".join(filter(None, about)), "dim"))
    if email.conflict:
        out.append("\n  ").append(show.text(conflict(email.conflict), "red"))
    for status in email.recipients:
        out.append(_row(show.text(status.recipient), _states(status), width))
    if email.shared:
        out.append(_row(show.text(_one_of(email), "italic"), _states(email.shared), width))
    return out.append("\n")


def _row(name: Text, states: list[Text], width: int) -> Text:
    """States stand beside the name, and go on below themselves where there is no room."""
    indent = " " * (RECIPIENT + 3)
    row = Text("\n  ").append(name)
    if name.cell_len > RECIPIENT:
        row.append(f"\n{indent}")
    else:
        row.append(" " * (RECIPIENT + 1 - name.cell_len))
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
    for facet in (status.engagement, status.consent):
        if facet.seen:
            count = facet.seen[facet.state].count if facet.state in facet.seen else 1
            parts.append(show.state(facet.state, count))
    if status.auto_replied_at:
        parts.append(show.text("out of office", "dim"))
    return [*parts, *(show.text(mark, "dim") for mark in marks(status))]


def _one_of(email: EmailStatus) -> str:
    """Whose the events are that name nobody."""
    return f"one of {email.destination_count}" if email.destination_count > 1 else "not known"


class Totals:
    """How many recipients are in which state."""

    def __init__(self) -> None:
        self.emails = 0
        self._delivery: Counter[str] = Counter()
        self._others: Counter[str] = Counter()

    def add(self, email: EmailStatus) -> None:
        self.emails += 1
        for status in email.recipients:
            state = status.delivery.state
            # That address failed, not the recipient's own.
            self._delivery[f"{state} elsewhere" if status.bounced_at and state in FAILED else state] += 1
            self._others[status.engagement.state] += 1
            self._others[status.consent.state] += 1
        if email.shared:
            self._others[f"{email.shared.engagement.state} by one of several"] += 1

    def line(self) -> str:
        """`3 emails, 4 recipients: 3 delivered, 1 hard bounced; 2 opened`"""
        states = [name for state in DELIVERY for name in (state, f"{state} elsewhere")]
        delivery = [f"{self._delivery[state]:,} {_words(state)}" for state in states if self._delivery[state]]
        others = [f"{count:,} {_words(state)}" for state, count in self._others.items() if not state.startswith("none")]
        recipients = self._delivery.total()
        head = f"{_number(self.emails, 'email')}, {_number(recipients, 'recipient')}"
        return head + (f": {', '.join(delivery)}" if delivery else "") + (f"; {', '.join(others)}" if others else "")


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _words(state: str) -> str:
    return state.replace("_", " ")
