"""Reading the table: all pages, no expired fact, the right part of an index, patience with throttling."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from types import SimpleNamespace

import pytest

from email_activity.activity import query
from email_activity.activity.attribution import attribute
from email_activity.activity.query import MAX_TOGETHER, ActivityTable, Hit
from email_activity.activity.ranges import Range, days_of
from email_activity.activity.status import status
from email_activity.domain.facts import Activity, Assignment, Document, RecipientFact
from email_activity.domain.worker_process import WorkerProcess
from events import ANA, BEN, Email, minutes_ago, raw
from faketable import FakeDynamoDB, error, table_of
from reading import items_of, read_one

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
INVOICE = Document("invoice", "2026-117")


def days_ago(days: float) -> datetime:
    return (datetime.now(UTC) - timedelta(days=days)).replace(microsecond=0)


def items(*emails: Email) -> list[dict]:
    bodies = [raw(event) for email in emails for event in (email.send(), email.delivery(), email.open(), email.click())]
    return list(items_of(bodies).values())


def table(fake: FakeDynamoDB) -> ActivityTable:
    return ActivityTable(fake, "facts")


def ids(hits: Iterable[Hit]) -> list[str]:
    return [hit.email_id for hit in hits]


def one_by_one(read: Callable[[Range], Iterator[Hit]], within: Range) -> list[str]:
    """What pages of a single hit show, each of which goes on after the one before."""
    found = []
    while hit := next(read(within), None):
        found.append(hit.email_id)
        within = replace(within, after=hit.sort_key)
    return found


@pytest.fixture(autouse=True)
def pauses(monkeypatch) -> list[float]:
    slept: list[float] = []
    monkeypatch.setattr(query, "time", SimpleNamespace(sleep=slept.append))
    return slept


# --- The facts of an email ---


@pytest.mark.parametrize("page", [1, 2, 100])
def test_all_facts_of_an_email_over_all_pages_and_no_expired_ones(page):
    email, expired = Email(to=(ANA, BEN)), Email()
    stored = items(email, expired)
    of_email = [item for item in stored if item["pk"].endswith(email.message_id)]
    for item in stored:
        if item not in of_email:
            item["expires_at"] = int(datetime.now(UTC).timestamp()) - 1
    found = table_of(stored, page).facts(email.message_id)
    assert sorted(fact.to_item()["sk"] for fact in found) == sorted(item["sk"] for item in of_email)
    assert {type(fact) for fact in found} == {Activity, RecipientFact}
    assert table_of(stored, page).facts(expired.message_id) == []


def test_whole_numbers_are_int_at_any_depth():
    email = Email()
    facts = table_of(items(email)).facts(email.message_id)
    (delivery,) = (fact for fact in facts if isinstance(fact, Activity) and fact.kind == "Delivery")
    assert type(delivery.detail["processing_time_millis"]) is int
    assert type(delivery.expires_at) is int


def test_facts_of_a_newer_version_are_passed_over_and_assignments_are_read():
    stored = [{"pk": "EMAIL#x", "sk": "LATER#1"}, {"pk": "EMAIL#x", "sk": "ASSIGN#2026-11-23T10:00:00Z#invoice#7"}]
    (fact,) = table_of(stored).facts("x")
    assert isinstance(fact, Assignment)


@pytest.mark.parametrize("has_partiql", [True, False])
def test_facts_of_many_are_those_of_each(has_partiql):
    emails = [Email() for _ in range(7)]
    reader = table_of(items(*emails), has_partiql=has_partiql)
    wanted = [email.message_id for email in emails] + ["never-sent"]
    together = reader.facts_of(wanted)
    assert [sorted(fact.to_item()["sk"] for fact in facts) for facts in together] == [
        sorted(fact.to_item()["sk"] for fact in reader.facts(email_id)) for email_id in wanted
    ]
    assert together[-1] == []


def test_many_fit_into_one_statement_which_is_tried_once_if_refused():
    many = [f"email-{number}" for number in range(MAX_TOGETHER)]
    fake = FakeDynamoDB()
    assert table(fake).facts_of(many) == [[]] * MAX_TOGETHER
    assert len(fake.calls) == 1
    fake = FakeDynamoDB(items(Email()), has_partiql=False)
    reader = table(fake)
    reader.facts_of(["a", "b"])
    reader.facts_of(["a", "b"])
    assert sum("Statement" in call for call in fake.calls) == 1


def test_an_error_that_passes_gives_no_statement_up_for_ever():
    fake = FakeDynamoDB(items(Email()))
    reader = table(fake)
    fake.failures = [error("InternalServerError")]
    reader.facts_of(["a", "b"])
    reader.facts_of(["a", "b"])
    assert sum("Statement" in call for call in fake.calls) == 2


@pytest.mark.parametrize("has_partiql", [True, False])
@pytest.mark.parametrize("emails", [3, 30])
def test_the_newest_emails_of_many_documents_are_those_of_each(has_partiql, emails):
    """Few in one statement; of a document with very many, no more than a Query's page is read."""
    sent = [
        Email(to=(ANA, BEN), document_id=f"2026-{each}", sent_at=days_ago(number))
        for each in (117, 118)
        for number in range(emails)
    ]
    fake = FakeDynamoDB(items(*sent), page=10, has_partiql=has_partiql)
    wanted = [INVOICE, Document("invoice", "2026-118"), Document("invoice", "never")]
    found = table(fake).newest_about(wanted, 4)
    newest = [[email.message_id for email in sent[start : start + min(emails, 4)]] for start in (0, emails)]
    assert found == [*newest, []]
    assert len(fake.calls) <= (2 if has_partiql and emails == 3 else 7)


def test_a_role_that_may_send_no_statement_to_the_index_may_to_the_table():
    fake = FakeDynamoDB(items(Email()))
    reader = table(fake)
    fake.failures = [error("AccessDeniedException")]
    for _ in range(2):
        reader.newest_about([INVOICE, Document("invoice", "never")], 4)
    reader.facts_of(["a", "b"])
    assert [".by_document" in call["Statement"].replace('"', "") for call in fake.calls if "Statement" in call] == [
        True,
        False,
    ]


# --- Indexes ---


def test_hits_lead_to_an_email_and_its_recipient_fact():
    email = Email(to=("a#b%c@example.com",))
    (hit,) = table_of(items(email)).by_document(INVOICE)
    sent = email.sent_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert hit == Hit(email.message_id, f"{sent}#{email.message_id}", hit.sk, "invoice#2026-117")
    assert hit.sk.startswith("RECIPIENT#a%23b%25c@example.com#")


def test_a_recipient_is_found_in_any_spelling():
    email = Email(to=(ANA,))
    stored = items(email, Email(to=(BEN,)))
    assert ids(table_of(stored).by_recipient(f" Ana <{ANA.upper()}>")) == [email.message_id]


@pytest.mark.parametrize("newest_first", [True, False])
def test_hits_come_in_order_over_pages_and_go_on_after_the_cursor(newest_first):
    emails = [Email(sent_at=days_ago(day)) for day in range(5)]
    reader = table_of(items(*emails), page=2)
    in_order = [email.message_id for email in (emails if newest_first else reversed(emails))]
    assert ids(reader.by_account("acme", Range(newest_first=newest_first))) == in_order
    for within in (Range(), Range(days_ago(9), days_ago(-1))):
        read = partial(reader.by_account, "acme")
        assert one_by_one(read, replace(within, newest_first=newest_first)) == in_order


def test_pages_are_asked_for_only_when_they_are_used():
    fake = FakeDynamoDB(items(*(Email(sent_at=days_ago(day)) for day in range(9))), page=2)
    next(table(fake).by_account("acme"))
    assert len(fake.calls) == 1


def test_a_day_begins_with_its_first_second_and_ends_before_the_next():
    day = days_ago(3).replace(hour=0, minute=0, second=0)
    before, first, last, after = (Email(sent_at=day + timedelta(seconds=at)) for at in (-1, 0, 86_399, 86_400))
    hits = table_of(items(before, first, last, after)).by_account("acme", Range(day, day + timedelta(days=1)))
    assert ids(hits) == [last.message_id, first.message_id]


def test_failures_are_found_by_account_or_where_none_is_told():
    at = minutes_ago(20)
    told, untold, dash = Email(), Email(account=None), Email(account="-")
    bodies = [raw(told.bounce(at=at)), raw(untold.complaint(at=at)), raw(dash.bounce(at=at)), raw(told.delivery())]
    reader = table_of(items_of(bodies).values())
    second = at.replace(microsecond=0)
    within = Range(second, second + timedelta(seconds=1))
    for account, emails in (("acme", [told, untold]), (None, [untold]), ("-", [dash, untold])):
        assert sorted(ids(reader.by_failure(account, within))) == sorted(email.message_id for email in emails)
    assert ids(reader.by_failure("acme", Range(since=within.until))) == []
    assert ids(reader.by_failure("acme", Range(until=within.since))) == []


def test_a_bounce_of_a_forwarded_address_alone_is_found_by_each_index():
    """And belongs to whom `email-activity parse` says that it does."""
    email = Email()
    body = raw(email.bounce(recipients=["elsewhere@example.com"]))
    reader = table_of(items_of([body]).values())
    for hits in (reader.by_document(INVOICE), reader.by_recipient(ANA), reader.by_account("acme")):
        assert ids(hits) == [email.message_id]
    reading = read_one(body)
    (parsed,) = attribute(reading.activities, reading.event.mail.destinations())
    (shown,) = status(email.message_id, reader.facts(email.message_id)).timeline
    assert (shown.recipient, shown.attribution) == (parsed.recipient, parsed.attribution) == (ANA, "single_destination")


# --- Failures of all accounts, by day ---

DAY = datetime(2026, 1, 6, tzinfo=UTC)


def failures(*hours: float) -> list[dict]:
    """Bounces of as many emails, each of another account, so many hours after DAY began."""
    bodies = []
    for number, hour in enumerate(hours):
        at = DAY + timedelta(hours=hour)
        email = Email(message_id=f"email-{number}", sent_at=at - timedelta(seconds=9), account=f"account-{number}")
        bodies += [raw(email.bounce(at=at)), raw(email.delivery(at=at))]
    return [item | {"expires_at": 4_000_000_000} for item in items_of(bodies).values()]


#: More than one day's, of which the first and the last are not; by day and shards.
OF_A_DAY = [-0.001, 0, 1, 2, 5, 5.5, 7, 11, 13, 17, 19, 22, 23.999, 24]
OF_A_SPAN = [-30, -2, 1, 3, 9, 15, 20, 23, 25, 30, 40, 47, 49]


@pytest.mark.parametrize("page", [1, 2, 100])
@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize(
    ("hours", "within"),
    [(OF_A_DAY, Range(DAY)), (OF_A_SPAN, Range(DAY - timedelta(hours=3), DAY + timedelta(hours=48)))],
)
def test_failures_come_in_order_over_days_shards_and_pages(hours, within, newest_first, page):
    stored = failures(*hours)
    assert len({item["failure_day"][-1] for item in stored if "failure_day" in item}) > 1
    found = ids(table_of(stored, page).by_failure_day(replace(within, newest_first=newest_first)))
    in_time = [f"email-{number}" for number in range(1, len(hours) - 1)]
    assert found == (in_time if not newest_first else in_time[::-1])


@pytest.mark.parametrize("newest_first", [True, False])
def test_the_cursor_goes_on_between_two_failures_of_one_millisecond(newest_first):
    reader, within = table_of(failures(3, 5, 5, 5, 5, 5, 7)), Range(DAY, newest_first=newest_first)
    everything = ids(reader.by_failure_day(within))
    assert len(everything) == 7
    assert one_by_one(reader.by_failure_day, within) == everything


def test_a_day_of_failures_is_asked_for_only_when_it_is_used():
    fake = FakeDynamoDB(failures(1, 25), page=100)
    next(table(fake).by_failure_day(Range(DAY, DAY + timedelta(days=2))))
    asked = [call["ExpressionAttributeValues"][":partition"]["S"] for call in fake.calls]
    assert sorted(asked) == [f"2026-01-07#{shard}" for shard in range(4)]


def test_a_range_of_no_time_at_all_asks_nothing():
    fake = FakeDynamoDB(failures(1))
    reader = table(fake)
    for until in (NOON, NOON - timedelta(hours=1)):
        with pytest.raises(ValueError, match="want a time before until"):
            reader.by_account("acme", Range(NOON, until))
    assert fake.calls == []


# --- Patience ---


def test_a_throttled_read_waits_and_goes_on(pauses):
    email = Email()
    fake = FakeDynamoDB(items(email))
    fake.failures = [error("ThrottlingException"), error("ProvisionedThroughputExceededException")]
    assert table(fake).facts(email.message_id)
    assert len(pauses) == 2
    assert all(0 <= pause <= query.MAX_PAUSE for pause in pauses)


def test_throttling_without_end_is_told_at_last(pauses):
    fake = FakeDynamoDB()
    fake.failures = [error("ThrottlingException") for _ in range(99)]
    with pytest.raises(Exception, match="ThrottlingException"):
        table(fake).facts("x")
    assert len(fake.calls) == query.MAX_ATTEMPTS
    assert len(pauses) == query.MAX_ATTEMPTS - 1


def test_another_failure_is_told_at_once():
    fake = FakeDynamoDB()
    fake.failures = [error("AccessDeniedException")]
    with pytest.raises(Exception, match="AccessDenied"):
        table(fake).facts("x")
    assert len(fake.calls) == 1


def test_the_workers_are_those_that_told_of_themselves_within_the_hour():
    now, newest = datetime.now(UTC), days_ago(1)
    here = WorkerProcess("host#1", "7-ab", "1.0.0", now, now - timedelta(seconds=1), newest)
    there = WorkerProcess("host", "8-cd", "1.0.0", now - timedelta(minutes=59), now - timedelta(hours=1))
    gone = WorkerProcess("host", "9-ef", "1.0.0", now - timedelta(minutes=61), now - timedelta(minutes=61))
    stored = [each.to_item() for each in (gone, there, here)]
    found = table(FakeDynamoDB([*stored, *items(Email())], page=1)).workers()
    assert [(each.host, each.process) for each in found] == [("host#1", "7-ab"), ("host", "8-cd")]
    assert found[0].newest_event_at == newest
    assert found[1].newest_event_at is None
    assert found[0].written_at == now


@pytest.mark.parametrize("newest_first", [True, False])
def test_a_cursor_leaves_out_the_days_behind_it(newest_first):
    day = datetime(2026, 1, 10, tzinfo=UTC)
    within = Range(day, day + timedelta(days=10), "2026-01-14T09:00:00.000Z#0a1b2c3d", newest_first=newest_first)
    days = list(days_of(within))
    assert days == sorted(days, reverse=newest_first)
    assert {each.day for each in days} == (set(range(10, 15)) if newest_first else set(range(14, 20)))
