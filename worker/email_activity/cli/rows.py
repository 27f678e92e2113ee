"""How many emails look: a block each at a terminal, an aligned line for each recipient through a pipe, or tabs.

Each is written as it comes, since a day may hold ten thousand emails; and by hand, since rich's tables take
milliseconds each.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import click
from rich.text import Text

from email_activity.activity.describe import Totals, describe_conflict, notes_on, who
from email_activity.activity.model import DocumentRecipient, Email, Recipient, Status
from email_activity.activity.words import WORDS
from email_activity.cli import show
from email_activity.cli.tables import document_name
from email_activity.cli.when import Zone

#: Widths of columns. SES's ids have 60 characters; what is longer takes the room it needs.
WHEN, EMAIL_ID, RECIPIENT, DOCUMENT = 19, 60, 42, 24
LABEL = 2 + max(len(each.label) for each in WORDS)

#: Columns of an address in a block.
NAME = 28

#: Columns of `--plain`. Names are added at the end, never changed or removed.
PLAIN = (
    *("sent_at", "email_id", "recipient", "code", "reason", "label", "since", "also", "next_step", "server_said"),
    *("document_type", "document", "account", "subject", "notes", "simulator"),
)

EARLIER_FAILED = "an earlier email failed"


@contextmanager
def printed_rows(zone: Zone, *, plain: bool = False) -> Iterator[Callable[[Email], None]]:
    """What prints an email of a list. The counts follow at the end, on standard error, since they are no row."""
    totals = Totals()
    with show.live_count("emails read", disable=plain) as live:
        as_blocks = live.out.is_terminal and not plain

        def print_email(email: Email) -> None:
            live.advance()
            if not totals.emails and not as_blocks:
                live.print("\t".join(PLAIN) if plain else header(zone))
            totals.add(email)
            if as_blocks:
                live.print(block(email, zone, live.out.width))
                return
            for line in plain_lines(email, zone) if plain else lines(email, zone):
                live.print(line)

        yield print_email
    if totals.emails:
        click.echo(str(totals), err=True)


def header(zone: Zone) -> str:
    """Of `lines`. The time zone stands before them all, since its name may be long."""
    sent, since = ("SENT", "SINCE")
    return (
        f"{sent:{WHEN}}  {'EMAIL':{EMAIL_ID}}  {'STATUS':{LABEL}}  {since:{WHEN}}  {'RECIPIENT':{RECIPIENT}}  "
        f"{'DOCUMENT':{DOCUMENT}}  ALSO (times in {zone.name})"
    )


def lines(email: Email, zone: Zone) -> Iterator[str]:
    """Fixed columns for `grep`; what may be long comes last."""
    head = f"{zone.moment(email.sent_at):{WHEN}}  {show.printable(email.email_id):{EMAIL_ID}}"
    document = show.printable(document_name(email.document) or "-")
    for each in _of(email):
        name = show.printable(who(each, email.destination_count))
        beside = "; ".join(show.printable(part) for part in [*map(show.said, each.also), *_notes(each, email)])
        yield (
            f"{head}  {show.printable(show.said(each.status)):{LABEL}}  {zone.moment(each.status.since):{WHEN}}  "
            f"{name:{RECIPIENT}}  {document:{DOCUMENT}}  {beside}"
        ).rstrip()


def plain_lines(email: Email, zone: Zone) -> Iterator[str]:
    """The columns of PLAIN. No recipient: SES does not say which of several it was."""
    about = email.document
    for each in _of(email):
        status = each.status
        cells = (
            *(zone.exact(email.sent_at), email.email_id, each.recipient),
            *(status.code, status.reason, status.label, zone.exact(status.since)),
            *("; ".join(also.label for also in each.also), status.next_step, status.server_said),
            *(about and about.type, about and about.name, email.account, email.subject),
            *("; ".join(_notes(each, email)), "yes" if each.simulator else ""),
        )
        yield show.plain(cells)


def block(email: Email, zone: Zone, width: int = 80) -> Text:
    """For a terminal of at least 80 columns, with the id in full: it is what the other commands want."""
    out = show.text(zone.minute(email.sent_at)).append("  ").append(show.text(email.email_id, "bold"))
    account = f"account {email.account}" if email.account else None
    about = (document_name(email.document) or "no document", account, email.subject)
    line = show.text(" \u00b7 ".join(filter(None, about)), "dim")
    # The subject is what may be long, and `status` has it in full.
    line.truncate(width - 2, overflow="ellipsis")
    out.append("\n  ").append(line)
    if email.conflict:
        out.append("\n  ").append(show.text(describe_conflict(email.conflict), "red"))
    for each in _of(email):
        out.append("\n  ").append(recipient_row(each, email.destination_count, zone, width - 2, 2))
    return out.append("\n")


def recipient_row(each: Recipient, count: int, zone: Zone, width: int, indent: int = 0) -> Text:
    """The labels stand beside the name, and below it where they are too long for that."""
    name = show.text(who(each, count), "" if each.recipient else "italic")
    parts = _parts(each, zone)
    room = width - NAME - 2
    is_beside = name.cell_len <= NAME and all(part.cell_len <= room for part in parts)
    start = indent + (NAME + 2 if is_beside else 4)
    row = Text().append(name).append(" " * (NAME + 2 - name.cell_len) if is_beside else f"\n{' ' * start}")
    used = 0
    for number, part in enumerate(parts):
        separator = " \u00b7 " if number else ""
        if number and used + len(separator) + part.cell_len > width - start + indent:
            separator, used = f"\n{' ' * start}", 0
        row.append(separator).append(part)
        used += len(separator.lstrip("\n ")) + part.cell_len
    return row


def _parts(each: Recipient, zone: Zone) -> list[Text]:
    """`✓ Delivered to mail server`, `2026-11-23 22:27`, `◐ Unsubscribed`"""
    parts = [show.pill(each.status, _count(each, each.status))]
    if each.status.since:
        parts.append(show.text(zone.minute(each.status.since), "dim"))
    parts += [show.pill(also, _count(each, also)) for also in each.also]
    return [*parts, *(show.text(note, "dim") for note in _own_notes(each))]


def _count(each: Recipient, status: Status) -> int:
    """How often it was seen; of deliveries nobody wants to know."""
    seen = each.engagement.seen.get(status.code)
    return seen.count if seen else 1


def _of(email: Email) -> Iterable[Recipient]:
    return [*email.recipients, email.shared] if email.shared else email.recipients


def _own_notes(each: Recipient) -> list[str]:
    is_after_failure = isinstance(each, DocumentRecipient) and each.earlier_failed
    return [*notes_on(each), *([EARLIER_FAILED] if is_after_failure else [])]


def _notes(each: Recipient, email: Email) -> list[str]:
    return [*_own_notes(each), *([describe_conflict(email.conflict)] if email.conflict else [])]
