"""What a part of a batch comes to in figures: kinds, states, and the time from an event to its fact."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from email_activity.domain.facts import Key
from email_activity.ingest.disposition import InterpretedMessage
from email_activity.ingest.figures import Figures
from email_activity.ingest.model import StoreResult
from email_activity.ses.interpret import interpret
from email_activity.ses.tracking_policy import TrackingPolicy
from events import ANA, KINDS, Email, Event, raw, received_mail
from fakesite import message

NOW = datetime.now(UTC)


def figures_of(*bodies: str, written: set[Key] | None = None, now: datetime = NOW, **of_message: object) -> Figures:
    """written: the keys that DynamoDB took; all if not given."""
    part = [
        InterpretedMessage(
            replace(message(body), **of_message), interpret(body, TrackingPolicy(), NOW).without_events()
        )
        for body in bodies
    ]
    keys = {key for interpreted in part for key in interpreted.items}
    figures = Figures()
    figures.add(part, StoreResult(written=keys if written is None else written), now)
    return figures


def test_each_event_counts_by_kind_and_outcome_and_each_fact_by_kind():
    email = Email()
    found = figures_of(
        *(raw(make(email)) for make in KINDS.values()),
        raw(Email(document_type="contract").send()),
        raw(received_mail()),
        raw({**email.send(), "eventType": "Ana"}),
        "{",
    )
    assert {kind: found.events[kind, "activity"] for kind in KINDS} == dict.fromkeys(KINDS, 1)
    assert {kind: found.facts[kind] for kind in KINDS} == dict.fromkeys(KINDS, 1)
    assert found.events["Send", "untracked"] == 1
    assert found.events["other", "control"] == 1
    assert found.events["other", "quarantine"] == 1
    assert found.events["other", "activity"] == 1
    assert found.facts["recipient"] >= 1
    assert found.receives == [1] * (len(KINDS) + 4)


def test_a_copy_and_a_duplicate_count_no_recipient_twice():
    send = raw(Email().send())
    assert figures_of(send, send).recipients == {"sent": 1}
    again = figures_of(send, written=set())
    assert (again.recipients, again.facts, again.lags) == ({}, {}, [])
    assert again.events == {("Send", "activity"): 1}


EMAIL = Email()


@pytest.mark.parametrize(
    ("event", "wanted"),
    [
        (EMAIL.send(), {"sent": 1}),
        (Email(to=(ANA, "bob@example.com", "cy@example.com")).send(), {"sent": 3}),
        (EMAIL.delivery(), {"delivered": 1}),
        (EMAIL.bounce(), {"hard_bounced": 1}),
        (EMAIL.bounce("Transient", "MailboxFull"), {"soft_bounced": 1}),
        (EMAIL.bounce("Permanent", "OnAccountSuppressionList"), {"suppressed": 1}),
        (EMAIL.complaint(), {"complained": 1}),
        (EMAIL.open(), {}),
        (EMAIL.reject(), {"rejected": 1}),
        (EMAIL.delay(), {"delayed": 1}),
    ],
)
def test_recipients_count_by_what_the_event_says_of_them(event: Event, wanted: dict[str, int]):
    assert figures_of(raw(event)).recipients == wanted


def test_the_lag_is_from_the_event_to_now_never_negative_and_not_of_a_replay():
    send = raw(Email(sent_at=NOW - timedelta(seconds=90)).send())
    assert figures_of(send).lags == [pytest.approx(90, abs=1)]
    assert figures_of(send, now=NOW - timedelta(hours=1)).lags == [0]
    replayed = figures_of(send, is_replay=True)
    assert (replayed.lags, replayed.recipients) == ([], {})
    assert replayed.facts["Send"] == 1
