"""What products import: what became of an email, and the emails of a document, a recipient or an account.

    from email_activity.activity.reader import Reader
    from email_activity.settings import load_settings

    reader = Reader(load_settings())
    for email in reader.document("invoice", "2026-117"):
        print(email.email_id, [(each.recipient, each.delivery.state) for each in email.recipients])

The command line reads by it too. `export.py` has the same as JSON, `words.py` in words.
"""

import re
from collections.abc import Generator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from email_activity.activity.bulk import ListedEmail, fold_all, list_emails
from email_activity.activity.query import Range, open_table
from email_activity.activity.status import EmailStatus, status
from email_activity.domain.addresses import normalize_address
from email_activity.domain.facts import Document
from email_activity.settings import Settings

#: What SES puts into the Message-ID header around its id: `<0100...@email.amazonses.com>`.
_AS_HEADER = re.compile(r"^<?([^<>@]+)@[a-z0-9.-]*amazonses\.com>?$")

#: Hits to ask for beyond the wanted emails: an email of several recipients has several.
SPARE_HITS = 10


class Reader:
    """Raises what botocore raises. Its methods may be called from several threads.

    Lists are newest first unless said otherwise, and their emails have no timeline. The long ones are generators that
    read as they go: close one that is not read to its end, which ends the processes that read ahead.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._table = open_table(settings)

    def email(self, email_id: str) -> EmailStatus | None:
        """With its timeline; None if nothing is known of it. email_id: SES's, or the whole Message-ID header."""
        as_header = _AS_HEADER.match(email_id)
        email_id = as_header[1] if as_header else email_id
        facts = self._table.facts(email_id)
        return status(email_id, facts) if facts else None

    def document(self, document_type: str, document_id: str) -> list[EmailStatus]:
        """document_type: in any case."""
        wanted = Document(document_type.lower(), document_id)
        ids = dict.fromkeys(hit.email_id for hit in self._table.by_document(wanted))
        emails = [folded.status for folded in fold_all(self._table, list(ids))]
        # A hit does not count if a person has said since that the email is about another document.
        return [email for email in emails if email.document == wanted]

    def recipient(
        self, address: str, *, after: str | None = None, limit: int | None = None, newest_first: bool = True
    ) -> Generator[ListedEmail]:
        """Each with the status for this recipient alone. address: in any spelling. after: the cursor of an email."""
        wanted = normalize_address(address)
        within = Range(after=after, newest_first=newest_first, page_size=_page_size(limit))
        hits = self._table.by_recipient(wanted, within)
        listed = list_emails(self._settings, self._table, hits, lambda _, fact: fact.recipient == wanted, limit)
        for each in listed:
            own = tuple(status for status in each.status.recipients if status.recipient == wanted)
            yield replace(each, status=replace(each.status, recipients=own))

    def account(  # noqa: PLR0913  each may be left out
        self,
        account_id: str,
        since: datetime | None = None,
        until: datetime | None = None,
        *,
        after: str | None = None,
        limit: int | None = None,
        newest_first: bool = True,
    ) -> Generator[ListedEmail]:
        """Those sent from `since` on and before `until`. after: the cursor of an email."""
        hits = self._table.by_account(account_id, Range(since, until, after, newest_first, _page_size(limit)))
        # Where copies of an email's events disagree, it is of one account only.
        return list_emails(
            self._settings,
            self._table,
            hits,
            lambda email, fact: email.account == fact.account == account_id,
            limit,
        )


def utc_day(day: date) -> tuple[datetime, datetime]:
    """Its first moment, and the next day's."""
    start = datetime.combine(day, time(), UTC)
    return start, start + timedelta(days=1)


def _page_size(limit: int | None) -> int | None:
    return limit + SPARE_HITS if limit else None
