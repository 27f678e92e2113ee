"""Folding many emails: each once, in order, at its place in the index, with no more under way than needed."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from email_activity.activity import bulk, reader
from email_activity.activity.bulk import ListedEmail, fold_all, list_emails
from email_activity.activity.query import ActivityTable
from email_activity.activity.ranges import Range
from email_activity.activity.reader import SPARE_HITS, Activity
from email_activity.domain.facts import Document, RecipientFact
from email_activity.settings import Settings
from events import ANA, BEN, CLEO, Email, minutes_ago, raw
from faketable import FakeDynamoDB, table_of
from reading import items_of

NEWEST_FIRST, OLDEST_FIRST = Range(), Range(newest_first=False)


def stored(*emails: Email) -> list[dict]:
    return list(items_of(raw(event) for email in emails for event in (email.send(), email.delivery())).values())


def listed(
    table: ActivityTable, within: Range = NEWEST_FIRST, limit: int | None = None, account: str = "acme"
) -> list[ListedEmail]:
    hits = table.by_account(account, within)
    return list(
        list_emails(Settings(), table, hits, lambda email, fact: email.account == fact.account == account, limit)
    )


def ids(found: Iterable[ListedEmail]) -> list[str]:
    return [each.status.email_id for each in found]


def test_an_email_to_several_is_one_email():
    email = Email(to=(ANA, BEN, CLEO))
    assert ids(listed(table_of(stored(email)))) == [email.message_id]


@pytest.mark.parametrize(("limit", "has_more"), [(None, False), (24, True), (25, False), (26, False)])
def test_emails_come_in_the_order_of_the_index_and_the_last_tells_of_more(limit, has_more):
    table = table_of(stored(*(Email() for _ in range(25))))
    found = listed(table, limit=limit)
    hits = list(table.by_account("acme"))[:limit]
    assert [(each.status.email_id, each.cursor) for each in found] == [(hit.email_id, hit.sort_key) for hit in hits]
    assert [each.has_more for each in found] == [False] * (len(found) - 1) + [has_more]


def with_recipient_fact(items: Iterable[dict], **changes: object) -> list[dict]:
    """A further recipient fact of the one email there, as a copy of an event with another time would write."""
    items = list(items)
    first = RecipientFact.from_item(next(item for item in items if item["sk"].startswith("RECIPIENT")))
    return [*items, replace(first, **changes).to_item()]  # type: ignore[arg-type]


def test_an_email_whose_time_was_rounded_differently_is_shown_once():
    email = Email()
    table = table_of(with_recipient_fact(stored(email), sent_at=email.after(1).replace(microsecond=0)))
    first, second = (hit.sort_key for hit in table.by_account("acme", OLDEST_FIRST))
    assert first < second
    assert [each.cursor for each in (*listed(table, OLDEST_FIRST), *listed(table))] == [first, first]


def test_an_email_of_two_accounts_is_shown_to_the_first_only():
    email = Email()
    late = email.after(60).replace(microsecond=0)
    table = table_of(with_recipient_fact(stored(email), account="other", sent_at=late))
    assert ids(listed(table)) == [email.message_id]
    assert list(table.by_account("other"))
    assert listed(table, account="other") == []


@pytest.mark.parametrize("limit", [5, 20, 50])
def test_a_limit_folds_no_more_than_the_one_that_tells_that_there_are_more(limit):
    fake = FakeDynamoDB(stored(*(Email() for _ in range(120))), page=limit + 10)
    assert len(listed(ActivityTable(fake, "facts"), limit=limit)) == limit  # type: ignore[arg-type]
    together = {value["S"] for call in fake.calls for value in call.get("Parameters", ())}
    queries = [call for call in fake.calls if "KeyConditionExpression" in call and "IndexName" not in call]
    alone = {call["ExpressionAttributeValues"][":pk"]["S"] for call in queries}
    assert len(together | alone) == limit + 1
    assert sum("IndexName" in call for call in fake.calls) == 1


def test_a_limit_goes_on_where_emails_do_not_belong():
    shown = [Email(sent_at=minutes_ago(40)) for _ in range(10)]
    others = [
        item
        for email in (Email() for _ in range(30))
        for item in with_recipient_fact(stored(email), account="other", sent_at=email.after(-60).replace(microsecond=0))
    ]
    found = ids(listed(table_of([*stored(*shown), *others]), limit=5))
    assert len(found) == 5
    assert set(found) <= {email.message_id for email in shown}


def test_all_are_folded_in_the_order_given_however_often():
    emails = [Email(document_id=str(number)) for number in range(25)]
    wanted = [email.message_id for email in (*emails, *emails)]
    folded = fold_all(table_of(stored(*emails)), wanted)
    assert [each.status.email_id for each in folded] == wanted
    assert folded[3].status.document == Document("invoice", "3")


@pytest.mark.parametrize(("emails", "signals", "state"), [(1, "one_email", "unknown"), (4, "many_emails", "machine")])
def test_emails_of_one_statement_are_judged_together(emails, signals, state):
    """One computer at the mail of four recipients within seconds; an email read by itself cannot tell."""
    mail = [Email(to=(f"reader{number}@example.com",), sent_at=minutes_ago(60)) for number in range(emails)]
    events = [event for each in mail for event in (each.send(), each.delivery(), each.open(at=each.after(20)))]
    found = listed(table_of(items_of(map(raw, events)).values()))
    assert {each.status.signals for each in found} == {signals}
    assert {each.status.recipients[0].engagement.state for each in found} == {state}


@pytest.fixture
def table_of_thirty() -> ActivityTable:
    return table_of(stored(*(Email() for _ in range(30))))


@pytest.fixture
def handed(monkeypatch, table_of_thirty: ActivityTable) -> list[int]:
    """How many emails each call to a process was handed; 0 for the one that only starts them.

    The processes themselves are seen at work in the integration tests.
    """
    counts: list[int] = []

    class Here(ThreadPoolExecutor):
        def __init__(self, processes: int, **_: object) -> None:
            super().__init__(processes)

        def submit(self, call, *arguments):
            counts.append(len(arguments[0]) if arguments else 0)
            return super().submit(call, *arguments)

    monkeypatch.setattr(bulk, "MANY", 20)
    monkeypatch.setattr(bulk, "ProcessPoolExecutor", Here)
    monkeypatch.setattr(bulk, "_fold_chunk", lambda ids, _: bulk.fold_together(table_of_thirty, ids))
    return counts


def test_many_emails_go_to_processes_and_come_back_in_order(table_of_thirty, handed):
    assert ids(listed(table_of_thirty)) == [hit.email_id for hit in table_of_thirty.by_account("acme")]
    assert handed == [0, 10]


def test_the_first_emails_come_while_the_processes_start(table_of_thirty, handed):
    found = list_emails(Settings(), table_of_thirty, table_of_thirty.by_account("acme"), lambda *_: True)
    assert all(next(found) for _ in range(20))
    assert handed == [0]
    found.close()


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize(("read", "of"), [(Activity.stream_account, "acme"), (Activity.stream_recipient, ANA)])
def test_a_reader_reads_its_lists_from_either_end_and_few_more_than_it_lists(monkeypatch, read, of, newest_first):
    emails = [Email(to=(ANA,), sent_at=minutes_ago(number + 1)) for number in range(30)]
    fake = FakeDynamoDB(stored(*emails), page=100)
    monkeypatch.setattr(reader, "open_table", lambda _settings: ActivityTable(fake, "facts"))
    found = [each.email_id for each in read(Activity(Settings()), of, limit=3, newest_first=newest_first)]
    assert found == [email.message_id for email in (emails if newest_first else emails[::-1])][:3]
    assert [call["Limit"] for call in fake.calls if "IndexName" in call] == [3 + SPARE_HITS]
