"""`email_activity.Activity`, what products import: everything is found by what people have in hand, page by page."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import email_activity
from email_activity.activity import bounded, pages, reader
from email_activity.activity.query import ActivityTable
from email_activity.activity.reader import Activity
from email_activity.domain.worker_process import WorkerProcess
from email_activity.settings import Settings
from events import ANA, BEN, CLEO, Email, raw
from faketable import FakeDynamoDB
from reading import items_of

NOW = datetime.now(UTC).replace(microsecond=0)


def mail(minutes: float = 60, to: Iterable[str] = (ANA,), **changes: Any) -> Email:
    return Email(to=tuple(to), sent_at=NOW - timedelta(minutes=minutes), **changes)


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Activity]:
    """A reader of a table with these events in it, and with these items."""

    def made(*events: object, items: Iterable[dict[str, Any]] = (), page: int = 100) -> Activity:
        fake = FakeDynamoDB([*items_of(map(raw, events)).values(), *items], page)
        monkeypatch.setattr(reader, "open_table", lambda _settings: ActivityTable(fake, "facts"))
        activity = Activity(Settings(), now=lambda: NOW)
        activity.fake = fake  # type: ignore[attr-defined]
        return activity

    return made


def worker(seconds: float, newest: datetime | None = None) -> dict[str, Any]:
    polled = NOW - timedelta(seconds=seconds)
    return WorkerProcess(
        "host", f"1-{seconds}", "1", written_at=polled, last_poll_at=polled, newest_event_at=newest
    ).to_item()


def test_the_package_gives_the_reader_and_the_encoding_of_tags():
    assert email_activity.Activity is Activity
    assert email_activity.tag("2026/117") == "2026_2F117"
    with pytest.raises(AttributeError, match="no attribute 'Reader'"):
        _ = email_activity.Reader  # type: ignore[attr-defined]


def test_a_list_and_a_timeline_say_by_which_signals_they_judged(reading):
    """One computer at four recipients' mail: a list sees it, a timeline does not."""
    emails = [mail(to=[f"reader{number}@example.com"]) for number in range(4)]
    events = [event for each in emails for event in (each.send(), each.delivery(), each.open(at=each.after(20)))]
    activity = reading(*events, mail(minutes=90).send())
    found = activity.account("acme").data
    assert [(each.signals, each.status.code) for each in found] == [
        *[("many_emails", "delivered")] * 4,
        (None, "sent"),
    ]
    alone = activity.email(emails[0].message_id)
    assert (alone.signals, {each.judgement.signals for each in alone.timeline if each.judgement}) == (
        "one_email",
        {"one_email"},
    )


@pytest.mark.parametrize(
    "form", ["{}", " {}\n", "<{}@email.amazonses.com>", "Message-ID: <{}@eu-west-1.amazonses.com>"]
)
def test_an_email_is_found_by_its_id_and_by_the_header(reading, form):
    email = mail()
    found = reading(email.send()).email(form.format(email.message_id))
    assert found
    assert found.email_id == email.message_id
    assert [each.kind for each in found.timeline] == ["Send"]


@pytest.mark.parametrize(
    "email_id", ["", "unknown", "<unknown@example.com>", "{}@simulator.amazonses.com", "{}@notamazonses.com"]
)
def test_nothing_is_told_of_an_email_that_is_not_known(reading, email_id):
    email = mail()
    assert reading(email.send()).email(email_id.format(email.message_id)) is None


@pytest.mark.parametrize("typed", ["2026/117", "2026_2F117", " 2026/117 "])
def test_a_document_is_found_as_typed_and_as_encoded(reading, typed):
    about = reading(mail(document_id="2026_2F117").send()).document("Invoice", typed)
    assert about
    assert (about.document.id, about.document.name, about.account) == ("2026_2F117", "2026/117", "acme")


def test_a_document_that_was_stored_as_typed_is_found_too(reading):
    about = reading(mail(document_id="2026/117").send()).document("invoice", "2026/117")
    assert about
    assert about.document.id == "2026/117"
    assert reading(mail().send()).document("invoice", "2026-118") is None


def test_more_than_500_emails_of_a_document_are_said_to_be_there(reading, monkeypatch):
    monkeypatch.setattr(reader, "MAX_FOLDED", 3)
    activity = reading(*(mail(number).send() for number in range(1, 6)))
    about = activity.document("invoice", "2026-117")
    assert about
    assert (len(about.emails), about.has_more) == (3, True)
    assert about.emails[0].sent_at == NOW - timedelta(minutes=1)


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
def test_pages_have_each_email_once_newest_first(reading, limit):
    emails = [mail(number, to=(ANA, BEN)) for number in range(1, 8)]
    activity = reading(*(event for email in emails for event in (email.send(), email.delivery())))
    found, after = [], None
    while True:
        page = activity.account("acme", limit=limit, after=after)
        found += [each.email_id for each in page.data]
        assert page.has_more == (len(found) < len(emails))
        if not page.has_more:
            break
        assert page.looked_until == page.data[-1].sent_at
        after = page.next_cursor
    assert found == [email.message_id for email in emails]
    assert page.next_cursor is page.looked_until is None


def test_a_page_reads_little_more_than_it_shows(reading):
    activity = reading(*(mail(number).send() for number in range(1, 90)))
    activity.account("acme", limit=10)
    asked = [call["Parameters"] for call in activity.fake.calls if "Parameters" in call]
    assert sum(map(len, asked)) <= 11


def test_an_account_is_asked_for_a_span(reading):
    emails = [mail(number) for number in (10, 20, 30)]
    activity = reading(*(each.send() for each in emails))
    found = activity.account("acme", NOW - timedelta(minutes=20), NOW - timedelta(minutes=10))
    assert [each.email_id for each in found.data] == [emails[1].message_id]


def test_a_filter_looks_on_until_it_has_a_page(reading):
    emails = [mail(number) for number in range(1, 41)]
    events = [each.bounce() if number % 10 == 0 else each.delivery() for number, each in enumerate(emails)]
    page = reading(*events).account("acme", status="not_delivered", limit=3)
    assert [each.email_id for each in page.data] == [emails[number].message_id for number in (0, 10, 20)]
    assert page.has_more


def test_a_filter_that_finds_little_says_how_far_it_looked(reading, monkeypatch):
    monkeypatch.setattr(pages, "MAX_FOLDED", 5)
    emails = [mail(number) for number in range(1, 13)]
    activity = reading(*(each.delivery() for each in emails[:-1]), emails[-1].bounce())
    after, looked, found = None, [], []
    while True:
        page = activity.account("acme", status="not_delivered", after=after)
        found += page.data
        if not page.has_more:
            break
        looked.append(page.looked_until)
        after = page.next_cursor
    assert looked == [NOW - timedelta(minutes=5), NOW - timedelta(minutes=10)]
    assert [each.email_id for each in found] == [emails[-1].message_id]


@pytest.mark.parametrize(
    ("status", "wanted"),
    [
        ("still_trying", ["sent"]),
        ("delivered", ["read", "delivered"]),
        ("opened", ["read", "clicked"]),
        ("clicked", ["clicked"]),
        ("not_delivered", ["bounced"]),
    ],
)
def test_emails_are_listed_by_state(reading, status, wanted):
    names = ("sent", "read", "delivered", "bounced", "clicked")
    emails = {name: mail(number) for number, name in enumerate(names, start=1)}
    events = [
        emails["clicked"].open(),
        emails["clicked"].click(),
        emails["sent"].send(),
        emails["read"].delivery(),
        emails["read"].open(),
        emails["delivered"].delivery(),
    ]
    found = reading(*events, emails["bounced"].bounce()).account("acme", status=status)
    assert [each.email_id for each in found.data] == [emails[name].message_id for name in wanted]


def test_a_state_of_any_recipient_counts(reading):
    email = mail(to=(ANA, BEN))
    activity = reading(email.delivery([ANA]), email.bounce(recipients=[BEN]), email.open())
    for status in ("not_delivered", "delivered", "hard_bounced", "opened"):
        assert activity.account("acme", status=status).data
    assert not activity.account("acme", status="clicked").data


def test_who_clicked_has_opened_also_where_nobody_is_named(reading):
    email = mail(to=(ANA, BEN))
    activity = reading(email.delivery([ANA, BEN]), email.click())
    for status in ("opened", "clicked"):
        assert activity.account("acme", status=status).data


@pytest.mark.parametrize(
    "ask",
    [
        lambda activity: activity.account("acme", status="lost"),
        lambda activity: activity.account("acme", limit=0),
        lambda activity: activity.account("acme", limit=101),
        lambda activity: activity.account("acme", after="2026-01-01T00:00:00Z#1"),
        lambda activity: activity.recipient(" "),
        lambda activity: activity.failures(after="!"),
        lambda activity: activity.stream_account("acme", after="*"),
    ],
)
def test_an_argument_that_is_none_is_refused_before_anything_is_read(reading, ask):
    activity = reading()
    with pytest.raises(ValueError, match="want"):
        ask(activity)
    assert not [call for call in activity.fake.calls if "IndexName" in call]


@pytest.mark.parametrize("since", [NOW, NOW + timedelta(days=1), "2026-01-01", NOW.replace(tzinfo=None)])
def test_a_range_that_is_none_is_refused(reading, since):
    for ask in (reading().account, reading().failures):
        with pytest.raises(ValueError, match=r"since: got .*want"):
            ask("acme", since, NOW)


def test_failures_of_all_accounts_are_read_from_any_time(reading):
    activity = reading(mail().bounce())
    assert activity.failures(since=NOW + timedelta(days=40)).data == ()
    assert activity.failures(until=NOW - timedelta(days=40)).data == ()
    assert len(activity.failures(until=NOW).data) == 1


def test_a_recipient_is_found_in_any_spelling_and_has_its_own_status_only(reading):
    email = mail(to=(ANA, BEN))
    found = reading(email.delivery([ANA]), email.bounce(recipients=[BEN])).recipient(f"Ben <{BEN.upper()}>")
    assert found.recipient == BEN
    assert [[own.status.code for own in each.recipients] for each in found.emails] == [["hard_bounced"]]
    assert found.emails[0].status.code == "hard_bounced"
    assert found.verdict.reason == "hard_bounced"


def test_the_verdict_is_of_the_last_emails_whatever_the_page(reading):
    emails = [mail(number, to=(CLEO,)) for number in (1, 2, 3)]
    activity = reading(emails[0].bounce(), emails[1].delivery(), emails[2].delivery())
    last = activity.recipient(CLEO, limit=2).next_cursor
    page = activity.recipient(CLEO, limit=2, after=last)
    assert [each.email_id for each in page.emails] == [emails[2].message_id]
    assert (page.verdict.code, page.verdict.emails) == ("do_not_send", 3)


def test_opens_are_said_not_to_be_tracked_where_none_was_ever_reported(reading):
    email = mail()
    reported = {"pk": "REPORTED#tracked", "sk": "Open#2026-01-01"}
    others = [{"pk": "REPORTED#tracked", "sk": "Send#2026-01-01"}, {"pk": "REPORTED#other", "sk": "Open#2026-01-01"}]
    for items, tracked in ((others, False), ([*others, reported], True)):
        found = reading(email.delivery(), items=items).email(email.message_id)
        assert found
        assert found.recipients[0].engagement.tracked is tracked


def test_whether_opens_are_tracked_is_asked_once_for_a_list(reading):
    activity = reading(*(mail(number).send() for number in range(1, 20)))
    activity.account("acme")
    asked = [call for call in activity.fake.calls if ":prefix" in call.get("ExpressionAttributeValues", ())]
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("seconds", "reading_now"), [((10, 1000), True), ((119,), True), ((121, 600), False), ((), False)]
)
def test_freshness_is_that_of_the_worker_that_polled_last(reading, monkeypatch, seconds, reading_now):
    monkeypatch.setattr(bounded, "unexpired", lambda items: items)
    found = reading(items=[worker(each, NOW - timedelta(hours=each)) for each in seconds]).freshness()
    assert found.reading is reading_now
    assert found.newest_recorded_at == (NOW - timedelta(hours=min(seconds)) if seconds else None)
    assert found.last_poll_at == (NOW - timedelta(seconds=min(seconds)) if seconds else None)


def test_an_email_that_a_person_gave_to_another_document_has_left(reading, monkeypatch):
    monkeypatch.setattr(bounded, "unexpired", lambda items: items)
    email = mail()
    assigned = {"pk": f"EMAIL#{email.message_id}", "sk": f"ASSIGN#{NOW.isoformat()}#contract#77"}
    assigned |= {"document": "contract#77", "sent_key": f"{NOW:%Y-%m-%dT%H:%M:%SZ}#{email.message_id}"}
    activity = reading(email.send(), items=[assigned])
    assert activity.document("invoice", "2026-117") is None
    about = activity.document("contract", "77")
    assert about
    assert [each.email_id for each in about.emails] == [email.message_id]
