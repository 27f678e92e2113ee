"""The list of what did not arrive: one row for each recipient of an email, and none for what is no failure."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from email_activity.activity import pages, reader
from email_activity.activity.query import ActivityTable
from email_activity.activity.reader import Activity
from email_activity.settings import Settings
from events import ANA, BEN, Email, as_identity_notification, raw
from faketable import FakeDynamoDB
from reading import items_of

NOW = datetime.now(UTC).replace(microsecond=0)
FORWARD = "private@example.com"


def mail(minutes: float = 60, to: Iterable[str] = (ANA,), **changes: Any) -> Email:
    return Email(to=tuple(to), sent_at=NOW - timedelta(minutes=minutes), **changes)


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Activity]:
    def made(*events: object) -> Activity:
        fake = FakeDynamoDB(items_of(map(raw, events)).values(), 100)
        monkeypatch.setattr(reader, "open_table", lambda _settings: ActivityTable(fake, "facts"))
        activity = Activity(Settings(), now=lambda: NOW)
        activity.fake = fake  # type: ignore[attr-defined]
        return activity

    return made


def rows(activity: Activity, **asked: Any) -> list[tuple[str, str, str]]:
    return [(each.email_id, each.recipient, each.status.code) for each in activity.failures("acme", **asked).data]


def test_each_failed_recipient_has_a_row_at_its_last_failure(reading):
    several, rejected = mail(50, (ANA, BEN)), mail(40, document_id="2026-118")
    spam = mail(30, document_id="2026-119")
    later = several.after(720)
    activity = reading(
        several.bounce("Transient", "MailboxFull", [ANA]),
        several.bounce(recipients=[BEN]),
        several.bounce(recipients=[BEN], at=later),
        rejected.reject(),
        spam.delivery(),
        spam.complaint(),
        mail(20, document_id="2026-120").delivery(),
    )
    assert rows(activity) == [
        (spam.message_id, ANA, "complained"),
        (several.message_id, BEN, "hard_bounced"),
        (rejected.message_id, ANA, "rejected"),
        (several.message_id, ANA, "soft_bounced"),
    ]
    first = activity.failures("acme").data[1]
    assert (first.occurred_at, first.document and first.document.name) == (later, "2026-117")


def test_what_is_no_failure_of_the_recipient_has_no_row(reading):
    away, forwarded, kept = mail(50), mail(40), mail(30)
    activity = reading(
        away.delivery(), away.out_of_office(), forwarded.bounce(recipients=[FORWARD]), kept.complaint("not-spam")
    )
    assert rows(activity) == []


def test_a_failure_is_listed_under_the_account_of_its_email_only(reading):
    email = mail()
    forged = replace(email, account="wayne", sent_at=email.after(60))
    activity = reading(email.send(), forged.bounce())
    assert activity.failures("wayne").data == ()


def test_copies_of_a_bounce_are_one_row(reading):
    email = mail()
    bounce = email.bounce(feedback_id="f-1")
    fuller = {**bounce, "bounce": {**bounce["bounce"], "reportingMTA": "dns; other.example.com"}}
    assert rows(reading(bounce, fuller)) == [(email.message_id, ANA, "hard_bounced")]


def test_copies_of_a_bounce_that_tell_its_time_differently_are_one_row(reading):
    email = mail()
    copies = [email.bounce(feedback_id="f-1", at=email.after(seconds)) for seconds in (3, 4)]
    assert rows(reading(*copies)) == [(email.message_id, ANA, "hard_bounced")]


@pytest.mark.parametrize(
    ("reason", "count"), [("no_such_address", 2), ("hard_bounced", 2), ("mailbox_full", 1), ("complained", 0)]
)
def test_failures_are_listed_by_code_and_by_reason(reading, reason, count):
    bounced = [mail(number).bounce() for number in (1, 2)]
    full = mail(3).bounce("Transient", "MailboxFull", said=None)
    assert len(rows(reading(*bounced, full), reason=reason)) == count


def test_a_document_that_was_delivered_since_is_left_out_unless_asked_for(reading):
    failed, resent, other = mail(50), mail(10), mail(40, document_id="2026-118")
    earlier = mail(60, document_id="2026-118")
    activity = reading(failed.bounce(), resent.delivery(), other.bounce(), earlier.delivery())
    assert [each[0] for each in rows(activity)] == [other.message_id]
    both = activity.failures("acme", delivered_since=True).data
    assert [(each.email_id, each.delivered_since) for each in both] == [
        (other.message_id, None),
        (failed.message_id, resent.after(2)),
    ]


def test_a_complaint_is_listed_whatever_was_delivered_since(reading):
    spam, later = mail(50), mail(10)
    assert rows(reading(spam.complaint(), later.delivery())) == [(spam.message_id, ANA, "complained")]


def test_a_later_delivery_to_somebody_else_leaves_the_failure(reading):
    failed, resent = mail(50, (ANA,)), mail(10, (BEN,))
    assert rows(reading(failed.bounce(), resent.delivery())) == [(failed.message_id, ANA, "hard_bounced")]


def test_another_customers_document_of_the_same_id_mends_nothing(reading):
    failed, theirs = mail(50), mail(10, account="globex")
    assert rows(reading(failed.bounce(), theirs.delivery())) == [(failed.message_id, ANA, "hard_bounced")]


def test_a_forward_that_got_a_later_email_mends_nothing(reading):
    failed, later = mail(50, (ANA,)), mail(10, (BEN, "cleo@example.net"))
    activity = reading(failed.bounce(), later.send(), later.delivery([ANA]))
    assert rows(activity) == [(failed.message_id, ANA, "hard_bounced")]


def test_a_failure_whose_event_tells_no_account_is_of_its_emails_account(reading):
    email, other = mail(50), mail(40, account="globex")
    activity = reading(email.send(), as_identity_notification(email.bounce()), other.send(), other.delivery())
    assert rows(activity) == [(email.message_id, ANA, "hard_bounced")]
    assert activity.failures("globex").data == ()


def test_a_complaint_beside_a_bounce_is_found_and_stays(reading):
    email, later = mail(50), mail(10)
    activity = reading(email.delivery(), email.bounce("Transient", "MailboxFull"), email.complaint(), later.delivery())
    assert rows(activity, reason="complained") == rows(activity) == [(email.message_id, ANA, "soft_bounced")]


def test_a_complaint_is_listed_with_its_own_time(reading):
    spam = mail(50)
    (row,) = reading(spam.delivery(), spam.complaint()).failures("acme").data
    assert row.occurred_at == spam.after(600)


def test_a_page_of_all_accounts_goes_on_at_its_day(reading):
    emails = [mail(24 * 60 * days) for days in (1, 2, 60)]
    activity = reading(*(each.bounce() for each in emails))
    asked = {"since": NOW - timedelta(days=80), "limit": 2}
    page = activity.failures(**asked, after=activity.failures(**asked).next_cursor)
    assert [each.email_id for each in page.data] == [emails[2].message_id]
    before = len(activity.fake.calls)
    activity.failures(**asked, after=page.data[0].cursor)
    assert len(activity.fake.calls) - before <= 4 * 22


def test_failures_of_all_accounts_are_of_seven_days_unless_told(reading):
    emails = [mail(24 * 60 * days, account=account) for days, account in ((1, "acme"), (2, "globex"), (8, "acme"))]
    activity = reading(*(each.bounce() for each in emails))
    assert [each.email_id for each in activity.failures().data] == [each.message_id for each in emails[:2]]
    since = NOW - timedelta(days=9)
    assert [each.email_id for each in activity.failures(since=since).data] == [each.message_id for each in emails]


@pytest.mark.parametrize("account", ["acme", None])
@pytest.mark.parametrize("limit", [1, 2, 5])
def test_pages_of_failures_have_each_once(reading, monkeypatch, account, limit):
    monkeypatch.setattr(pages, "MAX_FOLDED", 4)
    emails = [mail(24 * 60 * number / 3 + 1) for number in range(9)]
    activity = reading(*(each.bounce() for each in emails))
    found, after = [], None
    while True:
        page = activity.failures(account, limit=limit, after=after)
        found += [each.email_id for each in page.data]
        if not page.has_more:
            break
        after = page.next_cursor
    assert found == [email.message_id for email in emails]
