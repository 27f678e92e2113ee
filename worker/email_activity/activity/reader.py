"""What became of an email, and the emails of a document, a recipient or an account: what products import.

    from email_activity import Activity

    invoice = Activity().document("invoice", "2026/117")
    if invoice:
        print(invoice.status.label, invoice.status.next_step)

The command line and the API read by it too.
"""

import heapq
from collections.abc import Callable, Generator, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import islice
from operator import attrgetter
from typing import TypeVar

from email_activity.activity import answers, bulk, documents, failures, model
from email_activity.activity.count import belongs_to, count_few
from email_activity.activity.filters import matches
from email_activity.activity.pages import (
    MAX_FOLDED,
    PAGE,
    FoundPage,
    check_limit,
    cursor_of,
    page_of,
    read_page,
    sort_key_of,
)
from email_activity.activity.query import open_table
from email_activity.activity.ranges import Range
from email_activity.activity.reported import Reported
from email_activity.activity.status import EmailStatus, status
from email_activity.activity.summary import Summary
from email_activity.activity.verdicts import VERDICT_EMAILS, verdict
from email_activity.domain.addresses import normalize_address
from email_activity.domain.chunks import distinct
from email_activity.domain.email_ids import email_id_in
from email_activity.settings import ReaderSettings, load_reader_settings

#: Hits to ask for beyond the wanted rows: an email of several recipients has several.
SPARE_HITS = 10

#: How far `failures` of all accounts look back unless told: they are listed by the day.
FAILURES_SINCE = timedelta(days=7)

#: Emails that `summary` counts at most, in two or three seconds; `email-activity report` counts any number.
MAX_COUNTED = 2_000

Row = TypeVar("Row")


class Activity:
    """Reads only. Its methods may be called from several threads, and raise what botocore raises; ValueError for an
    argument that is none: a cursor that nobody gave, an empty address, a status or a limit that is not known.

    settings: from the environment if not given (ACTIVITY_TABLE, AWS_REGION). now: the clock, in UTC.

    Lists are newest first, a page at a time: give `next_cursor` of one as `after` of the next. A page folds at most 500
    emails, so one with a filter may have fewer rows than `limit` (at most 100) and yet more to come (`has_more`).
    """

    def __init__(
        self, settings: ReaderSettings | None = None, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._settings = settings or load_reader_settings()
        self._table = open_table(self._settings)
        self._reported = Reported(self._table)
        self._now = now

    def email(self, email_id: str) -> model.EmailWithTimeline | None:
        """None if nothing is known of it. email_id: SES's, or the Message-ID header, the whole line too."""
        email_id = email_id_in(email_id)
        facts = self._table.facts(email_id) if email_id else []
        return answers.email_with_timeline(status(email_id, facts), self.context()) if facts else None

    def document(self, document_type: str, document_id: str) -> model.DocumentActivity | None:
        """None if no email about it is known.

        document_type: in any case. document_id: as typed, or as `tag()` encodes it: the emails of both are one's.
        """
        wanted = documents.spellings(document_type, document_id)
        hits = heapq.merge(*map(self._table.by_document, wanted), key=attrgetter("sort_key"), reverse=True)
        ids = list(islice(distinct(hit.email_id for hit in hits), MAX_FOLDED + 1))
        folded = bulk.fold_all(self._table, ids[:MAX_FOLDED])
        # A hit does not count if a person has said since that the email is about another document.
        emails = [each.status for each in folded if each.status.document in wanted]
        if not emails:
            return None
        found = emails[0].document or wanted[0]
        return documents.document_activity(found, emails, self.context(), has_more=len(ids) > MAX_FOLDED)

    def recipient(self, address: str, *, limit: int = PAGE, after: str | None = None) -> model.RecipientActivity:
        """address: in any spelling. The verdict is read from the last 50 emails, whatever the page."""
        wanted = _address(address)
        emails = self._to_recipient(wanted)
        page = self._page(emails, Range(after=_sort_key(after)), limit)
        last = self._found(emails, Range(), VERDICT_EMAILS, lambda email, _: [email]).rows
        return model.RecipientActivity(
            recipient=wanted,
            verdict=verdict(last),
            emails=page.data,
            has_more=page.has_more,
            next_cursor=page.next_cursor,
            freshness=page.freshness,
        )

    def account(  # noqa: PLR0913  each may be left out
        self,
        account_id: str,
        since: datetime | None = None,
        until: datetime | None = None,
        *,
        status: str | None = None,
        limit: int = PAGE,
        after: str | None = None,
    ) -> model.Page[model.ListedEmail]:
        """Emails sent from `since` on and before `until`. status: of any recipient, see `filters.py`."""
        return self._page(self._of_account(account_id), Range(since, until, _sort_key(after)), limit, status)

    def failures(  # noqa: PLR0913  each may be left out
        self,
        account: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        *,
        reason: str | None = None,
        delivered_since: bool = False,
        limit: int = PAGE,
        after: str | None = None,
    ) -> model.Page[model.Failure]:
        """Emails that did not reach a recipient, or were marked as spam, by when that was reported.

        account None: of all; then `since` is seven days before the end unless given. reason: a code or reason of
        `Status`. delivered_since: those too whose document reached the recipient by a later email.
        """
        context = self.context()
        if account is None:
            since = since or min(until or context.now, context.now) - FAILURES_SINCE
            until = until or max(since, context.now) + timedelta(days=1)
        within = Range(since, until, _sort_key(after), page_size=check_limit(limit) + SPARE_HITS)
        hits = self._table.by_failure_day(within) if account is None else self._table.by_failure(account, within)
        found = read_page(
            self._table, hits, failures.rows_of(account, reason, context), limit, is_filtered=reason is not None
        )
        rows = failures.with_later_deliveries(self._table, found.rows)
        return page_of(found, [each for each in rows if delivered_since or not each.delivered_since], context)

    def summary(
        self, account_id: str, since: datetime, until: datetime, *, zone: tzinfo = UTC, limit: int = MAX_COUNTED
    ) -> Summary | None:
        """Emails sent from `since` on and before `until`, counted; days are of `zone`. None: more than `limit`."""
        return count_few(self._table, self.context(), account_id, (since, until), zone, limit=limit)

    def freshness(self) -> model.Freshness:
        """How far the table has come."""
        return self._reported.freshness(self._now())

    def stream_account(  # noqa: PLR0913  each may be left out
        self,
        account_id: str,
        since: datetime | None = None,
        until: datetime | None = None,
        *,
        limit: int | None = None,
        after: str | None = None,
        newest_first: bool = True,
    ) -> Generator[model.ListedEmail]:
        """As `account`, but all of them as they are read, many in processes of their own: not for a web server.

        Close it if it is not read to its end, which ends the processes that read ahead.
        """
        within = Range(since, until, _sort_key(after), newest_first, _page_size(limit))
        return self._stream(self._of_account(account_id), within, limit)

    def stream_recipient(
        self, address: str, *, limit: int | None = None, after: str | None = None, newest_first: bool = True
    ) -> Generator[model.ListedEmail]:
        """As `recipient`, but all of them, as `stream_account` does."""
        within = Range(after=_sort_key(after), newest_first=newest_first, page_size=_page_size(limit))
        return self._stream(self._to_recipient(_address(address)), within, limit)

    def context(self) -> answers.Context:
        now = self._now()
        return answers.Context(now, self._reported.opens_tracked, self._reported.freshness(now))

    def _of_account(self, account_id: str) -> bulk.EmailList:
        return bulk.EmailList(lambda within: self._table.by_account(account_id, within), belongs_to(account_id))

    def _to_recipient(self, wanted: str) -> bulk.EmailList:
        def shown(email: EmailStatus) -> EmailStatus:
            return replace(email, recipients=tuple(each for each in email.recipients if each.recipient == wanted))

        return bulk.EmailList(
            lambda within: self._table.by_recipient(wanted, within), lambda _, fact: fact.recipient == wanted, shown
        )

    def _page(
        self, emails: bulk.EmailList, within: Range, limit: int, status: str | None = None
    ) -> model.Page[model.ListedEmail]:
        context, is_wanted = self.context(), matches(status)

        def rows_of(email: EmailStatus, sort_key: str) -> list[model.ListedEmail]:
            return [answers.listed_email(email, cursor_of(sort_key), context)] if is_wanted(email) else []

        found = self._found(emails, within, limit, rows_of, is_filtered=status is not None)
        return page_of(found, found.rows, context)

    def _found(
        self,
        emails: bulk.EmailList,
        within: Range,
        limit: int,
        rows_of: Callable[[EmailStatus, str], Iterable[Row]],
        *,
        is_filtered: bool = False,
    ) -> FoundPage[Row]:
        def own_rows(group: bulk.Group, email: bulk.FoldedEmail) -> Iterable[Row]:
            is_here = bulk.is_place(group, email, emails.belongs)
            return rows_of(emails.shown(email.status), group[0].sort_key) if is_here else ()

        hits = emails.hits(replace(within, page_size=check_limit(limit) + SPARE_HITS))
        return read_page(self._table, hits, own_rows, limit, is_filtered=is_filtered)

    def _stream(self, emails: bulk.EmailList, within: Range, limit: int | None) -> Generator[model.ListedEmail]:
        context = self.context()
        listed = bulk.list_emails(self._settings, self._table, emails.hits(within), emails.belongs, limit)
        for each in listed:
            yield answers.listed_email(emails.shown(each.status), cursor_of(each.cursor), context)


def _sort_key(cursor: str | None) -> str | None:
    return sort_key_of(cursor) if cursor else None


def _page_size(limit: int | None) -> int | None:
    return limit + SPARE_HITS if limit else None


def _address(text: str) -> str:
    """Raises ValueError."""
    if not text.strip():
        raise ValueError("want an email address, got an empty text")
    return normalize_address(text)
