"""What did not arrive, from the indexes of failures: one row for each recipient of an email, at its last failure."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

from email_activity.activity import answers, model
from email_activity.activity.answers import Context
from email_activity.activity.bulk import FEW, THREADS, FoldedEmail, Group, fold_all
from email_activity.activity.documents import reached_later
from email_activity.activity.facets import Status
from email_activity.activity.filters import FAILURE_REASONS
from email_activity.activity.pages import cursor_of
from email_activity.activity.query import ActivityTable
from email_activity.activity.status import EmailStatus
from email_activity.domain.chunks import chunks
from email_activity.domain.facts import Document
from email_activity.domain.keys import failure_account

#: Emails of a document, the newest, that are looked through for a later delivery.
MAX_LATER = 10


def rows_of(
    account: str | None, reason: str | None, context: Context
) -> Callable[[Group, FoldedEmail], Iterator[model.Failure]]:
    """For `read_page`. account None: of all. reason: a code or a reason; None: all. Raises ValueError for another one.

    A bounce at a forwarded address is no failure of the recipient, and one that a later report of the same email
    overruled is none any more. Copies of one event that tell its time differently stand apart in the index: the first
    one counts, within a page.
    """
    shown: set[tuple[str, str]] = set()
    if reason is not None and reason not in FAILURE_REASONS:
        raise ValueError(f"reason: got {reason!r}, want one of {', '.join(FAILURE_REASONS)}")

    def rows(group: Group, email: FoldedEmail) -> Iterator[model.Failure]:
        if not _is_of(account, group, email.status.account):
            return
        events = {hit.sk.split("#")[-2] for hit in group}
        for each in email.status.recipients:
            event_id = _deciding_event(each)
            if event_id in events:
                row = _failure(each, email.status, group[0].sort_key, context)
                if (row.email_id, row.recipient) in shown:
                    continue
                shown.add((row.email_id, row.recipient))
                if reason is None or any(reason in (said.code, said.reason) for said in (row.status, *row.also)):
                    yield row

    return rows


def _is_of(account: str | None, group: Group, folded: str | None) -> bool:
    """Where copies of an email's events disagree, it is of one account; without any, of that of the event."""
    if account is None or folded == account:
        return True
    return folded is None and any(hit.partition == failure_account(account) for hit in group)


def _deciding_event(found: Status) -> str | None:
    if found.has_failed:
        return found.delivery.evidence.event_id if found.delivery.evidence else None
    if found.consent.state == "complained" and found.consent.evidence:
        return found.consent.evidence.event_id
    return None


def _failure(found: Status, email: EmailStatus, sort_key: str, context: Context) -> model.Failure:
    shown = answers.recipient(found, email, context)
    facet = found.delivery if found.has_failed else found.consent
    return model.Failure(
        occurred_at=facet.evidence.occurred_at if facet.evidence else None,
        document=answers.document(email.document),
        account=email.account,
        email_id=email.email_id,
        sent_at=email.sent_at,
        subject=email.subject,
        recipient=found.recipient or "",
        status=shown.status,
        also=shown.also,
        delivered_since=None,
        simulator=shown.simulator,
        cursor=cursor_of(sort_key),
    )


def with_later_deliveries(table: ActivityTable, rows: Sequence[model.Failure]) -> list[model.Failure]:
    """Each with when a later email about the same document reached the recipient. Costs a statement for ten of the
    documents, and one for ten of their emails where there are others than those that failed.
    """
    wanted = list(dict.fromkeys(map(_document_of, filter(_may_be_mended, rows))))
    ids: dict[Document, list[str]] = {}
    with ThreadPoolExecutor(THREADS) as pool:
        parts = list(chunks(wanted, FEW))
        for documents, found in zip(
            parts, pool.map(lambda part: table.newest_about(part, MAX_LATER), parts), strict=True
        ):
            ids |= zip(documents, found, strict=True)
    several = [each for each in ids.values() if len(each) > 1]
    folded = {each.status.email_id: each.status for each in fold_all(table, list(dict.fromkeys(chain(*several))))}
    return [_with_later_delivery(each, ids, folded) for each in rows]


def _document_of(row: model.Failure) -> Document:
    assert row.document  # noqa: S101  of `_may_be_mended`
    return Document(row.document.type, row.document.id)


def _may_be_mended(row: model.Failure) -> bool:
    """A complaint is about an email that arrived; another one does not mend it."""
    return row.document is not None and all(said.code != "complained" for said in (row.status, *row.also))


def _with_later_delivery(
    row: model.Failure, ids: dict[Document, list[str]], folded: dict[str, EmailStatus]
) -> model.Failure:
    if not _may_be_mended(row):
        return row
    document = _document_of(row)
    # A person may have said since that an email is about another document.
    emails = [folded[each] for each in ids[document] if each in folded and folded[each].document == document]
    at = reached_later(row, emails)
    return row.model_copy(update={"delivered_since": at}) if at else row
