"""Folding many emails: each once, in order, at its place in the index, with no more under way than needed."""

from collections.abc import Iterable

import pytest
from events import ANA, BEN, CLEO, Email, raw
from faketable import FakeDynamoDB, table_of
from reading import items_of

from config.settings import Settings
from worker.activity import many
from worker.activity.many import emails_in_order, fold_few
from worker.activity.query import Span, Table
from worker.facts import Document, MailFact


def stored(*emails: Email) -> list[dict]:
    return list(items_of(raw(event) for email in emails for event in (email.send(), email.delivery())).values())


def in_order(
    reader: Table, span: Span | None = None, limit: int | None = None, account: str = "acme"
) -> list[str | None]:
    hits = reader.by_account(account, span=span or Span())
    found = emails_in_order(Settings(), reader, hits, lambda fact: fact.account == account, limit)
    return [each and each.email.status.email_id for each in found]


def test_an_email_to_several_is_one_email():
    email = Email(to=(ANA, BEN, CLEO))
    assert in_order(table_of(stored(email))) == [email.message_id]


@pytest.mark.parametrize("limit", [None, 25])
def test_emails_come_in_the_order_of_the_index(limit):
    emails = [Email() for _ in range(25)]
    reader = table_of(stored(*emails))
    expected = [hit.email_id for hit in reader.by_account("acme")]
    assert in_order(reader, limit=limit) == expected


def with_mail_fact(items: Iterable[dict], **changes: object) -> list[dict]:
    """A further mail fact of the one email there, as a copy of an event with another time would write."""
    items = list(items)
    first = MailFact.from_item(next(item for item in items if item["sk"].startswith("RECIPIENT")))
    values = {name: getattr(first, name) for name in MailFact.__slots__}
    return [*items, MailFact(**(values | changes)).to_item()]  # type: ignore[arg-type]


def test_an_email_whose_time_was_rounded_differently_is_shown_once_where_it_is_first():
    email = Email()
    items = with_mail_fact(stored(email), sent_at=email.after(1).replace(microsecond=0))
    reader = table_of(items)
    assert len(list(reader.by_account("acme"))) == 2
    assert in_order(reader, Span(newest_first=False)) == [email.message_id, None]
    assert in_order(reader) == [None, email.message_id]


def test_an_email_that_another_account_has_first_is_not_shown_twice_or_to_the_wrong_one():
    email = Email()
    items = with_mail_fact(stored(email), account="other", sent_at=email.after(60).replace(microsecond=0))
    reader = table_of(items)
    assert in_order(reader) == [email.message_id]
    assert in_order(reader, account="other") == [None]


def test_a_limit_folds_few_more_than_wanted():
    fake = FakeDynamoDB(stored(*(Email() for _ in range(100))), page=50)
    reader = Table(fake, "facts")  # type: ignore[arg-type]
    hits = reader.by_account("acme")
    found = emails_in_order(Settings(), reader, hits, lambda _: True, limit=5)
    for _ in range(5):
        next(found)
    found.close()
    asked = {value["S"] for call in fake.calls for value in call.get("Parameters", ())}
    assert len(asked) <= 2 * many.FEW


def test_few_emails_are_folded_once_each_in_the_order_given():
    emails = [Email(document_id=str(number)) for number in range(25)]
    reader = table_of(stored(*emails))
    ids = [email.message_id for email in emails]
    folded = fold_few(reader, [*ids, *ids])
    assert [each.status.email_id for each in folded] == ids
    assert folded[3].status.document == Document("invoice", "3")


def test_many_emails_go_to_processes_and_come_back_in_order(monkeypatch):
    """The processes themselves are seen at work in the integration tests."""
    emails = [Email() for _ in range(30)]
    reader = table_of(stored(*emails))
    monkeypatch.setattr(many, "MANY", 20)
    handed: list[int] = []

    def here(_settings, groups):
        groups = list(groups)
        handed.append(len(groups))
        return many._in_threads(reader, iter(groups), many.THREADS)

    monkeypatch.setattr(many, "_in_processes", here)
    assert in_order(reader) == [hit.email_id for hit in reader.by_account("acme")]
    assert handed == [30]
