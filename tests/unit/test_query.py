"""Reading the table: all pages, no expired fact, the right part of an index, patience with throttling."""

from datetime import UTC, datetime, timedelta

import pytest

from email_activity.activity import query
from email_activity.activity.attribution import attribute
from email_activity.activity.query import MAX_TOGETHER, ActivityTable, Hit, Range
from email_activity.activity.status import status
from email_activity.domain.facts import Activity, Assignment, Document, RecipientFact
from email_activity.domain.worker_process import WorkerProcess
from events import ANA, BEN, Email, minutes_ago, raw
from faketable import FakeDynamoDB, error
from reading import items_of, read_one

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def days_ago(days: float) -> datetime:
    return (datetime.now(UTC) - timedelta(days=days)).replace(microsecond=0)


def items(*emails: Email) -> list[dict]:
    bodies = [raw(event) for email in emails for event in (email.send(), email.delivery(), email.open(), email.click())]
    return list(items_of(bodies).values())


def table(fake: FakeDynamoDB) -> ActivityTable:
    return ActivityTable(fake, "facts")


@pytest.fixture(autouse=True)
def pauses(monkeypatch) -> list[float]:
    slept: list[float] = []
    monkeypatch.setattr(query.time, "sleep", slept.append)
    return slept


@pytest.mark.parametrize("page", [1, 2, 100])
def test_all_facts_of_an_email_over_all_pages(page):
    email = Email(to=(ANA, BEN))
    stored = items(email, Email())
    found = table(FakeDynamoDB(stored, page)).facts(email.message_id)
    of_email = [item for item in stored if item["pk"].endswith(email.message_id)]
    written = [fact.to_item() for fact in found]
    assert sorted(item["sk"] for item in written) == sorted(item["sk"] for item in of_email)
    assert {type(fact) for fact in found} == {Activity, RecipientFact}


def test_whole_numbers_are_int_at_any_depth():
    email = Email()
    (delivery,) = (
        fact
        for fact in table(FakeDynamoDB(items(email))).facts(email.message_id)
        if isinstance(fact, Activity) and fact.kind == "Delivery"
    )
    assert type(delivery.detail["processing_time_millis"]) is int
    assert type(delivery.expires_at) is int


def test_expired_facts_are_not_seen_although_the_table_has_them_still():
    email = Email()
    stored = items(email)
    for item in stored:
        item["expires_at"] = int(datetime.now(UTC).timestamp()) - 1
    assert table(FakeDynamoDB(stored)).facts(email.message_id) == []


def test_facts_of_a_newer_version_are_passed_over_and_assignments_are_read():
    email = Email()
    pk = f"EMAIL#{email.message_id}"
    stored = [{"pk": pk, "sk": "LATER#1"}, {"pk": pk, "sk": "ASSIGN#2026-11-23T10:00:00Z#invoice#7"}]
    (fact,) = table(FakeDynamoDB(stored)).facts(email.message_id)
    assert isinstance(fact, Assignment)


@pytest.mark.parametrize("has_partiql", [True, False])
def test_facts_of_many_are_those_of_each(has_partiql):
    emails = [Email() for _ in range(7)]
    fake = FakeDynamoDB(items(*emails), has_partiql=has_partiql)
    ids = [email.message_id for email in emails] + ["never-sent"]
    together = table(fake).facts_of(ids)
    assert [sorted(fact.to_item()["sk"] for fact in facts) for facts in together] == [
        sorted(fact.to_item()["sk"] for fact in table(fake).facts(email_id)) for email_id in ids
    ]
    assert together[-1] == []


def test_where_partiql_is_not_allowed_it_is_asked_once_only():
    fake = FakeDynamoDB(items(Email()), has_partiql=False)
    reader = table(fake)
    reader.facts_of(["a", "b"])
    reader.facts_of(["a", "b"])
    assert sum("Statement" in call for call in fake.calls) == 1


def test_many_fit_into_one_statement():
    ids = [f"email-{number}" for number in range(MAX_TOGETHER)]
    fake = FakeDynamoDB()
    assert table(fake).facts_of(ids) == [[]] * MAX_TOGETHER
    assert len(fake.calls) == 1


def test_hits_lead_to_an_email_and_its_recipient_fact():
    email = Email(to=("a#b%c@example.com",))
    (hit,) = table(FakeDynamoDB(items(email))).by_document(Document("invoice", "2026-117"))
    sent = email.sent_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert hit == Hit(email.message_id, f"{sent}#{email.message_id}", hit.sk)
    assert hit.sk.startswith("RECIPIENT#a%23b%25c@example.com#")


def test_a_recipient_is_found_in_any_spelling():
    stored = items(Email(to=(ANA,)), Email(to=(BEN,)))
    (hit,) = table(FakeDynamoDB(stored)).by_recipient(f" Ana <{ANA.upper()}>")
    assert hit.sk.startswith(f"RECIPIENT#{ANA}#")


def test_hits_come_newest_first_over_all_pages_or_oldest_first():
    emails = [Email(sent_at=days_ago(day)) for day in range(5)]
    reader = table(FakeDynamoDB(items(*emails), page=2))
    ids = [email.message_id for email in emails]
    assert [hit.email_id for hit in reader.by_account("acme")] == ids
    assert [hit.email_id for hit in reader.by_account("acme", Range(newest_first=False))] == ids[::-1]


def test_pages_are_asked_for_only_when_they_are_used():
    fake = FakeDynamoDB(items(*(Email(sent_at=days_ago(day)) for day in range(9))), page=2)
    next(table(fake).by_account("acme"))
    assert len(fake.calls) == 1


@pytest.mark.parametrize("newest_first", [True, False])
def test_the_cursor_goes_on_after_what_was_shown(newest_first):
    reader = table(FakeDynamoDB(items(*(Email(sent_at=days_ago(day)) for day in range(5)))))
    everything = [hit.email_id for hit in reader.by_account("acme", Range(newest_first=newest_first))]
    seen, after = [], None
    for _ in range(5):
        hit = next(reader.by_account("acme", Range(days_ago(9), days_ago(-1), after, newest_first)))
        seen.append(hit.email_id)
        after = hit.sort_key
    assert seen == everything
    assert list(reader.by_account("acme", Range(after=after, newest_first=newest_first))) == []


def test_a_day_begins_with_its_first_second_and_ends_before_the_next():
    day = days_ago(3).replace(hour=0, minute=0, second=0)
    at = {"before": -1, "first": 0, "last": 86_399, "after": 86_400}
    emails = {name: Email(sent_at=day + timedelta(seconds=seconds)) for name, seconds in at.items()}
    reader = table(FakeDynamoDB(items(*emails.values())))
    found = {hit.email_id for hit in reader.by_account("acme", Range(day, day + timedelta(days=1)))}
    assert found == {emails["first"].message_id, emails["last"].message_id}


def test_a_span_of_nothing_asks_nothing():
    fake = FakeDynamoDB()
    assert list(table(fake).by_account("acme", Range(NOON, NOON - timedelta(hours=1)))) == []
    assert fake.calls == []


def test_failures_are_found_by_account_or_where_none_is_told():
    at = minutes_ago(20)
    told, untold, dash = Email(), Email(account=None), Email(account="-")
    bodies = [raw(told.bounce(at=at)), raw(untold.complaint(at=at)), raw(dash.bounce(at=at)), raw(told.delivery())]
    stored = items_of(bodies).values()
    reader = table(FakeDynamoDB(stored))
    second = at.replace(microsecond=0)
    window = Range(second, second + timedelta(seconds=1))
    (of_account,) = reader.by_failure("acme", window)
    assert of_account.email_id == told.message_id
    (of_nobody,) = reader.by_failure(None, window)
    assert of_nobody.email_id == untold.message_id
    (of_the_dash,) = reader.by_failure("-")
    assert of_the_dash.email_id == dash.message_id
    assert list(reader.by_failure("acme", Range(since=window.until))) == []
    assert list(reader.by_failure("acme", Range(until=window.since))) == []


def test_a_bounce_of_a_forwarded_address_alone_is_found_by_document_recipient_and_account():
    """And belongs to whom `email-activity parse` says that it does."""
    email = Email()
    body = raw(email.bounce(recipients=["elsewhere@example.com"]))
    reader = table(FakeDynamoDB(items_of([body]).values()))
    for hits in (
        reader.by_document(Document("invoice", "2026-117")),
        reader.by_recipient(ANA),
        reader.by_account("acme"),
    ):
        assert [hit.email_id for hit in hits] == [email.message_id]
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
    items = list(items_of(bodies).values())
    for item in items:
        item["expires_at"] = 4_000_000_000
    return items


HOURS = [0, 1, 2, 5, 5.5, 7, 11, 13, 17, 19, 22, 23.999]


@pytest.mark.parametrize("page", [1, 2, 100])
@pytest.mark.parametrize("newest_first", [True, False])
def test_the_failures_of_a_day_come_in_order_over_shards_and_pages(page, newest_first):
    stored = failures(-0.001, *HOURS, 24)
    assert len({item["failure_day"] for item in stored if item.get("failure_day", "").startswith("2026-01-06")}) > 2
    found = [
        hit.email_id for hit in table(FakeDynamoDB(stored, page)).by_failure_day(Range(DAY, newest_first=newest_first))
    ]
    in_time = [f"email-{number}" for number in range(1, len(HOURS) + 1)]
    assert found == (in_time[::-1] if newest_first else in_time)


@pytest.mark.parametrize("newest_first", [True, False])
def test_the_failures_of_a_span_come_over_its_days(newest_first):
    stored = failures(-30, -2, 1, 23, 25, 47, 49, 80)
    within = Range(DAY - timedelta(hours=3), DAY + timedelta(hours=48), newest_first=newest_first)
    found = [hit.email_id for hit in table(FakeDynamoDB(stored)).by_failure_day(within)]
    in_time = ["email-1", "email-2", "email-3", "email-4", "email-5"]
    assert found == (in_time[::-1] if newest_first else in_time)


@pytest.mark.parametrize("newest_first", [True, False])
def test_the_cursor_goes_on_between_two_failures_of_one_millisecond(newest_first):
    reader = table(FakeDynamoDB(failures(3, 5, 5, 5, 5, 5, 7)))
    everything = [hit.email_id for hit in reader.by_failure_day(Range(DAY, newest_first=newest_first))]
    assert len(everything) == 7
    seen, after = [], None
    for _ in everything:
        hit = next(reader.by_failure_day(Range(DAY, after=after, newest_first=newest_first)))
        seen.append(hit.email_id)
        after = hit.sort_key
    assert seen == everything
    assert list(reader.by_failure_day(Range(DAY, after=after, newest_first=newest_first))) == []


def test_a_day_of_failures_is_asked_for_only_when_it_is_used():
    fake = FakeDynamoDB(failures(1, 25), page=100)
    next(table(fake).by_failure_day(Range(DAY, DAY + timedelta(days=2))))
    asked = [call["ExpressionAttributeValues"][":partition"]["S"] for call in fake.calls]
    assert sorted(asked) == [f"2026-01-07#{shard}" for shard in range(4)]


def test_the_failures_of_no_time_at_all_are_none():
    fake = FakeDynamoDB(failures(1))
    assert list(table(fake).by_failure_day(Range(DAY, DAY))) == []
    assert list(table(fake).by_failure_day(Range(DAY, DAY - timedelta(days=1)))) == []
    assert fake.calls == []


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
    now = datetime.now(UTC)
    here = WorkerProcess("host#1", "7-ab", "1.0.0", now, now - timedelta(seconds=1), days_ago(1))
    there = WorkerProcess("host", "8-cd", "1.0.0", now - timedelta(minutes=59), now - timedelta(hours=1))
    gone = WorkerProcess("host", "9-ef", "1.0.0", now - timedelta(minutes=61), now - timedelta(minutes=61))
    stored = [each.to_item() for each in (gone, there, here)]
    found = table(FakeDynamoDB([*stored, *items(Email())], page=1)).workers()
    assert [(each.host, each.process) for each in found] == [("host#1", "7-ab"), ("host", "8-cd")]
    assert found[0].newest_event_at == days_ago(1)
    assert found[1].newest_event_at is None
    assert found[0].written_at == now
