"""Whoever opens an email without end hides nothing else of it, and costs its readers a bounded time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands import read_from, run
from email_activity.activity import bounded, query
from email_activity.activity.answers import Context, email_with_timeline
from email_activity.activity.bulk import fold_together
from email_activity.activity.describe import describe_truncated
from email_activity.activity.query import ActivityTable
from email_activity.activity.status import EmailStatus, status
from email_activity.domain.facts import Item
from events import ANA, BEN, Email, minutes_ago, raw
from faketable import FakeDynamoDB, table_of
from pageclient import browser
from reading import NOW, items_of

MOST = 20

EMAIL = Email(to=(ANA, BEN), sent_at=minutes_ago(300))
OTHERS = [EMAIL.send(), EMAIL.delivery([BEN]), EMAIL.bounce([ANA]), EMAIL.complaint([BEN], at=minutes_ago(1))]


@pytest.fixture(autouse=True)
def most(monkeypatch):
    monkeypatch.setattr(bounded, "MAX_FACTS", MOST)
    monkeypatch.setattr(query, "FACTS_TOGETHER", MOST // 2)


def flooded(opens: int) -> list[Item]:
    """Opens from before the other events until after the last of them."""
    flood = [EMAIL.open(at=minutes_ago(280 - 280 * number / opens)) for number in range(opens)]
    return list(items_of(map(raw, [*OTHERS, *flood])).values())


def reported(email: EmailStatus) -> dict[str | None, tuple[str, str]]:
    return {each.recipient: (each.delivery.state, each.consent.state) for each in email.recipients}


@pytest.mark.parametrize("opens", [0, 5, MOST - 1, MOST, 10 * MOST])
def test_no_number_of_opens_hides_a_bounce_a_complaint_or_a_recipient(opens):
    items = flooded(opens)
    alone = status(EMAIL.message_id, table_of(flooded(0)).facts(EMAIL.message_id))
    reader = table_of(items, page=7)
    (scanned,) = reader.emails(0, 1)
    for facts in (reader.facts(EMAIL.message_id), *reader.facts_of([EMAIL.message_id, "other"])[:1], scanned):
        email = status(EMAIL.message_id, facts)
        assert reported(email) == reported(alone)
        assert (email.document, email.account, email.destination_count) == (alone.document, alone.account, 2)
        assert email.has_more_facts == (len(items) - 2 > MOST)
        assert len(facts) <= MOST + 2


def test_reading_stops_after_the_stated_number():
    fake = FakeDynamoDB(flooded(500), page=10)
    ActivityTable(fake, "facts").facts(EMAIL.message_id)  # type: ignore[arg-type]
    assert len(fake.calls) <= MOST / 10 + 2
    fake.calls.clear()
    (found, _) = fold_together(ActivityTable(fake, "facts"), [EMAIL.message_id, "other"])  # type: ignore[arg-type]
    assert found.status.has_more_facts
    assert len(fake.calls) <= 2 * (MOST / 10 + 2) + 1


@given(st.lists(st.sampled_from(["open", "click", "delivery", "delay"]), max_size=60))
def test_what_is_left_out_are_the_latest_opens_and_clicks(kinds):
    email = Email(sent_at=minutes_ago(300))
    made = {"open": email.open, "click": email.click, "delivery": email.delivery, "delay": email.delay}
    events = [raw(made[kind](at=minutes_ago(200 - number))) for number, kind in enumerate(kinds)]
    items = items_of([raw(email.send()), *events]).values()
    kept = table_of(items).facts(email.message_id)
    left_out = {item["sk"] for item in items} - {fact.to_item()["sk"] for fact in kept}
    visits = sorted(item["sk"] for item in items if item.get("kind") in {"Open", "Click"})
    if len(kinds) - len(visits) < MOST:
        assert left_out == set(visits[len(visits) - len(left_out) :])
    assert kept.has_more == bool(left_out)


def test_what_was_not_read_is_said_in_words_and_to_programs():
    reader = table_of(flooded(50))
    answer = email_with_timeline(status(EMAIL.message_id, reader.facts(EMAIL.message_id)), Context(NOW))
    assert answer.truncated_at == 1_000
    assert describe_truncated(answer).startswith("Only the first 1,000 records of this email were read")
    whole = status(EMAIL.message_id, table_of(flooded(3)).facts(EMAIL.message_id))
    assert email_with_timeline(whole, Context(NOW)).truncated_at is None


def test_page_and_terminal_say_that_not_all_was_read(monkeypatch):
    said = "Only the first 1,000 records of this email were read"
    page = browser(FakeDynamoDB(flooded(50))).get(f"/emails/{EMAIL.message_id}").text
    assert said in page
    read_from(monkeypatch, [*OTHERS, *(EMAIL.open(at=minutes_ago(200 - number)) for number in range(50))])
    assert said in " ".join(run("timeline", EMAIL.message_id).output.split())
