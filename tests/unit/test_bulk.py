"""Folding many emails: each once, in order, at its place in the index, with no more under way than needed."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import pytest

from email_activity.activity import bulk as many
from email_activity.activity.bulk import emails_in_order, fold_few
from email_activity.activity.query import Span, Table
from email_activity.domain.facts import Document, RecipientFact
from email_activity.settings import Settings
from events import ANA, BEN, CLEO, Email, minutes_ago, raw
from faketable import FakeDynamoDB, table_of
from reading import items_of


def stored(*emails: Email) -> list[dict]:
    return list(items_of(raw(event) for email in emails for event in (email.send(), email.delivery())).values())


def in_order(
    reader: Table, span: Span | None = None, limit: int | None = None, account: str = "acme"
) -> list[str | None]:
    hits = reader.by_account(account, span=span or Span())
    found = emails_in_order(
        Settings(), reader, hits, lambda email, fact: email.account == fact.account == account, limit
    )
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
    """A further recipient fact of the one email there, as a copy of an event with another time would write."""
    items = list(items)
    first = RecipientFact.from_item(next(item for item in items if item["sk"].startswith("RECIPIENT")))
    values = {name: getattr(first, name) for name in RecipientFact.__slots__}
    return [*items, RecipientFact(**(values | changes)).to_item()]  # type: ignore[arg-type]


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


@pytest.mark.parametrize("limit", [5, 20, 50])
def test_a_limit_folds_no_more_than_the_one_that_tells_that_there_are_more(limit):
    fake = FakeDynamoDB(stored(*(Email() for _ in range(120))), page=limit + 10)
    reader = Table(fake, "facts")  # type: ignore[arg-type]
    found = emails_in_order(Settings(), reader, reader.by_account("acme"), lambda *_: True, limit)
    assert all(next(found) for _ in range(limit + 1))
    found.close()
    together = {value["S"] for call in fake.calls for value in call.get("Parameters", ())}
    alone = {
        call["ExpressionAttributeValues"][":pk"]["S"]
        for call in fake.calls
        if "KeyConditionExpression" in call and "IndexName" not in call
    }
    assert len(together | alone) == limit + 1
    assert sum("IndexName" in call for call in fake.calls) == 1


def test_a_limit_goes_on_where_emails_are_passed_by():
    shown = [Email(sent_at=minutes_ago(40)) for _ in range(10)]
    passed = [
        item
        for email in (Email() for _ in range(30))
        for item in with_mail_fact(stored(email), account="other", sent_at=email.after(-60).replace(microsecond=0))
    ]
    found = in_order(table_of([*stored(*shown), *passed]), limit=5)
    assert found[:30] == [None] * 30
    assert {each for each in found if each} == {email.message_id for email in shown}


def test_few_emails_are_folded_once_each_in_the_order_given():
    emails = [Email(document_id=str(number)) for number in range(25)]
    reader = table_of(stored(*emails))
    ids = [email.message_id for email in emails]
    folded = fold_few(reader, [*ids, *ids])
    assert [each.status.email_id for each in folded] == ids
    assert folded[3].status.document == Document("invoice", "3")


def stand_in_for_processes(monkeypatch, reader: Table) -> list[int]:
    """How many emails each call was handed, from now on; 0 for the one that only starts them.

    The processes themselves are seen at work in the integration tests.
    """
    handed: list[int] = []

    class Here(ThreadPoolExecutor):
        def __init__(self, processes: int, **_: object) -> None:
            super().__init__(processes)

        def submit(self, call, *arguments):
            handed.append(len(arguments[0]) if arguments else 0)
            return super().submit(call, *arguments)

    monkeypatch.setattr(many, "MANY", 20)
    monkeypatch.setattr(many, "ProcessPoolExecutor", Here)
    monkeypatch.setattr(many, "_fold_chunk", lambda ids: many.fold_together(reader, ids))
    return handed


def test_many_emails_go_to_processes_and_come_back_in_order(monkeypatch):
    reader = table_of(stored(*(Email() for _ in range(30))))
    handed = stand_in_for_processes(monkeypatch, reader)
    assert in_order(reader) == [hit.email_id for hit in reader.by_account("acme")]
    assert handed == [0, 10]


def test_the_first_emails_come_while_the_processes_start(monkeypatch):
    reader = table_of(stored(*(Email() for _ in range(30))))
    handed = stand_in_for_processes(monkeypatch, reader)
    found = emails_in_order(Settings(), reader, reader.by_account("acme"), lambda *_: True)
    assert all(next(found) for _ in range(20))
    assert handed == [0]
    found.close()
