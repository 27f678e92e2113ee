"""How one email, one document and one recipient's verdict look: a line in plain words first, then the details.

Loads nothing of AWS, so `parse` has it too.
"""

from collections.abc import Iterable, Iterator

from rich.table import Table
from rich.text import Text

from email_activity.activity.describe import (
    describe,
    describe_conflict,
    describe_truncated,
    facet_words,
    notes_on,
    ses_words_of,
    who,
    whose,
)
from email_activity.activity.model import (
    Document,
    DocumentActivity,
    Email,
    EmailWithTimeline,
    Event,
    Facet,
    Recipient,
    Status,
    Verdict,
)
from email_activity.activity.states import CONSENT, DELIVERY, ENGAGEMENT
from email_activity.cli import show
from email_activity.cli.when import Zone


def headline(status: Status, zone: Zone) -> Text:
    """What became of it and when; below, what to do and what the server said."""
    line = Text().append(show.pill(status, style="bold"))
    if status.since:
        line.append(f" ({zone.named(status.since)})", "dim")
    for name, value in (
        ("What to do", status.next_step),
        ("Their server said", status.server_said),
        ("SES said", status.ses_said),
    ):
        if value:
            line.append("\n  ").append(f"{name}: ", "dim").append(show.text(value))
    return line


def verdict(of: Verdict, zone: Zone) -> Text:
    line = Text().append(show.pill(of, style="bold"))
    if of.since:
        line.append(f" (since {zone.named(of.since)})", "dim")
    if of.next_step:
        line.append("\n  ").append("What to do: ", "dim").append(show.text(of.next_step))
    return line


def about_email(email: Email, zone: Zone) -> Table:
    """Of an email to several, the recipients stand below."""
    only = email.recipients[0] if len(email.recipients) == 1 else None
    return _about(
        {
            "Email": email.email_id,
            "Document": document_name(email.document, stored=True),
            "Account": email.account,
            "Conflict": describe_conflict(email.conflict) if email.conflict else None,
            "Not all": describe_truncated(email) if email.truncated_at else None,
            "Sent": zone.named(email.sent_at) if email.sent_at else None,
            "From": email.sender,
            "Subject": email.subject,
            "To": who(only, email.destination_count) if only else f"{email.destination_count} recipients",
        }
    )


def about_document(found: DocumentActivity) -> Table:
    conflicts = {describe_conflict(each.conflict) for each in found.emails if each.conflict}
    return _about(
        {
            "Document": document_name(found.document, stored=True),
            "Account": found.account,
            "Conflict": "; ".join(sorted(conflicts)),
            "Emails": f"{len(found.emails)}{' and more' if found.has_more else ''}",
        }
    )


def document_name(document: Document | None, *, stored: bool = False) -> str | None:
    """stored: with the id as it is stored, where that is another text."""
    if document is None:
        return None
    beside = f" (stored as {document.id})" if stored and document.id != document.name else ""
    return f"{document.type} {document.name}{beside}"


def _about(values: dict[str, str | None]) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    for name, value in values.items():
        if value:
            grid.add_row(show.text(name, "dim"), show.text(value))
    return grid


def facets(email: Email, zone: Zone) -> Table:
    """All that was seen of each recipient: the state that counts first, and SES's own words below it."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column()
    grid.add_column(overflow="fold")
    grid.add_column(no_wrap=True)
    shared = [email.shared] if email.shared else []
    for number, each in enumerate([*email.recipients, *shared]):
        if number:
            grid.add_row()
        name = show.text(who(each, email.destination_count), "bold")
        if each.recipient is None:
            name.append(" (SES does not say which)", "dim")
        grid.add_row("", name, "" if number else show.text(f"Times in {zone.name}", "dim"))
        for note in notes_on(each):
            grid.add_row("", show.text(note, "dim"))
        for row in _facets(each, email.destination_count, zone):
            grid.add_row(*row)
    return grid


Row = tuple[Text, Text, Text]


def _facets(of: Recipient, destination_count: int, zone: Zone) -> Iterator[Row]:
    named: tuple[tuple[str, Facet, tuple[str, ...]], ...] = (
        ("Delivery", of.delivery, DELIVERY),
        ("Engagement", of.engagement, ENGAGEMENT),
        ("Consent", of.consent, CONSENT),
    )
    said_of = {each.code: each for each in (of.status, *of.also)}
    for name, facet, order in named:
        # What nobody got, nobody opened.
        if not facet.seen and (not of.recipient or not facet.label or of.has_failed):
            continue
        others = sorted(facet.seen.keys() - {facet.state}, key=order.index, reverse=True)
        for number, state in enumerate([facet.state, *others]):
            label = show.text(name if number == 0 else "", "dim")
            row = _seen(state, facet, destination_count, zone, is_shared=of.recipient is None)
            own = said_of.get("forward_bounced" if of.bounced_at and facet is of.delivery else state)
            if own and number == 0:
                for each in (own.ses_words, (own.server_said or own.ses_said) if own is not of.status else None):
                    if each:
                        row[0].append("\n  ").append(show.text(each, "dim"))
            yield label, *row
    if of.auto_replied_at:
        pill = next(each for each in (of.status, *of.also) if each.code == "auto_replied")
        yield show.text("Reply", "dim"), show.pill(pill), Text(zone.moment(of.auto_replied_at))


def _seen(code: str, facet: Facet, count: int, zone: Zone, *, is_shared: bool) -> tuple[Text, Text]:
    """A state and when it was seen: the first and the last time."""
    seen = facet.seen.get(code)
    pill = show.pill(facet_words(code, facet, count, is_shared=is_shared), seen.count if seen else 1)
    if code != facet.state or code == "none":
        pill.stylize("dim")
    when = zone.moment(seen.first_at) if seen else ""
    if seen and seen.last_at != seen.first_at:
        when += f"\n{zone.moment(seen.last_at)}"
    return Text().append(pill), Text(when)


def timeline(email: EmailWithTimeline, zone: Zone) -> Table:
    """What was reported, in SES's own words too; and whose it is, where there are several."""
    several = len(email.recipients) != 1
    console = show.console()
    has_columns = console.width >= show.ROOM_FOR_RECIPIENTS
    table = show.table(f"Times in {zone.name}")
    for column in ("What", *(("SES's words", *(("Recipient",) if several else ()), "Details") if has_columns else ())):
        table.add_column(column, overflow="fold")
    for event in email.timeline:
        recipient = whose(event, email.destination_count) if several else ""
        cells = [show.text(ses_words_of(event), "dim"), show.text(recipient), show.text(describe(event, zone.told))]
        when = show.text(zone.moment(event.occurred_at))
        if has_columns:
            table.add_row(when, show.pill(event), cells[0], *cells[1 if several else 2 :])
            continue
        table.add_row(when, _below(show.pill(event), cells))
    return table


def event_in_words(event: Event, zone: Zone, *, beside_kind: bool = False) -> Text:
    """Label, SES's own words, and what the server said. beside_kind: the kind alone need not be said again."""
    line = Text().append(show.pill(event))
    ses_words = ses_words_of(event)
    for each in (None if beside_kind and ses_words == event.kind else ses_words, describe(event, zone.told)):
        line.append(f" \u00b7 {show.printable(each)}" if each else "", "dim")
    return line


def _below(head: Text, cells: Iterable[Text]) -> Text:
    cell = Text().append(head)
    for each in cells:
        if each:
            cell.append("\n  ").append(each)
    return cell


#: Columns of `timeline --plain`. Names are added at the end, never changed or removed.
PLAIN_EVENT = (
    *("occurred_at", "email_id", "kind", "code", "reason", "label", "recipient", "attribution", "ses_words"),
    *("details", "event_id"),
)


def plain_events(email: EmailWithTimeline, zone: Zone) -> Iterator[str]:
    for each in email.timeline:
        cells = (
            *(zone.exact(each.occurred_at), email.email_id, each.kind, each.code, each.reason, each.label),
            *(each.recipient, each.attribution, ses_words_of(each), describe(each, zone.told), each.event_id),
        )
        yield show.plain(cells)
