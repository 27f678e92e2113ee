"""A list of emails, printed as it is read: for people, or as JSON."""

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace

from email_activity.activity.bulk import Found
from email_activity.activity.export import Json, email_json
from email_activity.activity.status import EmailStatus
from email_activity.cli import show
from email_activity.cli.rows import HEADER, Totals, block, lines


@dataclass(slots=True)
class Listing:
    """Up to `limit` emails; only what became of them for the `wanted` recipient, if there is one."""

    limit: int | None = None
    wanted: str | None = None
    #: The cursor to go on from, when the limit left some.
    rest: str | None = None

    def print(self, found: "Generator[Found | None]", *, as_json: bool) -> int:
        """How many emails there were."""
        # Leaving early must end the processes that read ahead.
        with closing(found):
            count = self._print_json(self._limited(found)) if as_json else self._print(found)
        if self.rest:
            show.print_note(f"there are more: --after '{self.rest}'")
        return count

    def _print(self, found: Iterator[Found | None]) -> int:
        with show.progress("emails read") as live:
            listed = self._limited(live.count(found))
            totals = _print_rows((self._only(each.email.status) for each in listed), live)
        return _print_totals(totals)

    def _print_json(self, listed: Iterator[Found]) -> int:
        """JSON lines, as they come; for one recipient a single object."""
        if self.wanted is not None:
            emails = [self._json(each) for each in listed]
            show.print_json({"recipient": self.wanted, "emails": emails})
            return len(emails)
        count = 0
        for each in listed:
            show.print_json(self._json(each))
            count += 1
        return count

    def _json(self, found: Found) -> Json:
        return email_json(self._only(found.email.status), timeline=False) | {"cursor": found.cursor}

    def _limited(self, found: Iterator[Found | None]) -> Iterator[Found]:
        last, count = "", 0
        for each in found:
            if each is None:
                continue
            if count == self.limit:
                self.rest = last
                return
            yield each
            last, count = each.cursor, count + 1

    def _only(self, email: EmailStatus) -> EmailStatus:
        if self.wanted is None:
            return email
        return replace(email, recipients=tuple(each for each in email.recipients if each.recipient == self.wanted))


def print_emails(emails: Iterable[EmailStatus]) -> int:
    with show.progress("emails read") as live:
        totals = _print_rows(live.count(emails), live)
    return _print_totals(totals)


def _print_rows(emails: Iterable[EmailStatus], live: show.Live) -> Totals:
    """Blocks at a terminal, lines through a pipe."""
    totals = Totals()
    as_blocks = live.out.is_terminal
    for email in emails:
        if not as_blocks and totals.emails == 0:
            live.print(HEADER)
        totals.add(email)
        for line in [block(email, live.out.width)] if as_blocks else lines(email):
            live.print(line)
    return totals


def _print_totals(totals: Totals) -> int:
    """On standard error, since it is no row."""
    if totals.emails:
        show.print_note(totals.line())
    return totals.emails
