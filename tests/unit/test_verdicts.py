"""Whether to send to an address: judged by its last emails."""

from datetime import UTC, datetime, timedelta

import pytest

from email_activity.activity.verdicts import verdict
from events import ANA, Email, raw
from reading import EVERYTHING, status_of

START = datetime(2026, 1, 10, 9, tzinfo=UTC)
FORWARD = "private@example.com"
FULL = ("Transient", "MailboxFull")


def email(day: int) -> Email:
    return Email(to=(ANA,), sent_at=START + timedelta(days=day))


#: What was reported of each email, by its day; the verdict, its reason, and since which day.
CASES = {
    "none": ([], "unknown", "no_outcome", None),
    "only sent": ([(1, Email.send)], "unknown", "no_outcome", None),
    "delivered": ([(1, Email.delivery)], "ok", "delivered", 1),
    "bounced": ([(1, Email.delivery), (2, Email.bounce)], "do_not_send", "hard_bounced", 2),
    "bounced, delivered later": ([(1, Email.bounce), (2, Email.delivery)], "ok", "delivered", 2),
    "bounced, opened later": ([(1, Email.bounce), (2, Email.open)], "ok", "delivered", 2),
    "bounced, sent later": ([(1, Email.bounce), (2, Email.send)], "do_not_send", "hard_bounced", 1),
    "bounced elsewhere": (
        [(1, Email.delivery), (2, lambda each: each.bounce(recipients=[FORWARD]))],
        "ok",
        "delivered",
        1,
    ),
    "one soft bounce": ([(1, Email.delivery), (2, lambda each: each.bounce(*FULL))], "ok", "delivered", 1),
    "one soft bounce alone": ([(1, lambda each: each.bounce(*FULL))], "unknown", "no_outcome", None),
    "soft bounces": (
        [(1, Email.delivery), (2, lambda each: each.bounce(*FULL)), (3, lambda each: each.bounce(*FULL))],
        *("risky", "soft_bounces", 2),
    ),
    "soft after hard": ([(1, Email.bounce), (2, lambda each: each.bounce(*FULL))], "do_not_send", "hard_bounced", 1),
    "unreadable": ([(1, lambda each: each.bounce("Undetermined", "Undetermined"))], "risky", "undetermined", 1),
    "suppressed": (
        [(1, lambda each: each.bounce("Permanent", "OnAccountSuppressionList", said=None))],
        *("do_not_send", "suppressed", 1),
    ),
    "complained": ([(1, Email.complaint), (2, Email.delivery)], "do_not_send", "complained", 1),
    "taken for no spam": ([(1, lambda each: each.complaint("not-spam")), (2, Email.delivery)], "ok", "delivered", 2),
    "unsubscribed": ([(1, Email.subscription), (2, Email.delivery)], "do_not_send", "unsubscribed", 1),
    "a virus": ([(1, Email.delivery), (2, Email.reject)], "ok", "delivered", 1),
}


@pytest.mark.parametrize("case", CASES)
def test_a_verdict_has_its_reason_and_its_time(case):
    reported, code, reason, day = CASES[case]
    newest_first = reversed(reported)
    found = verdict([status_of([raw(event(email(at)))], EVERYTHING).recipients[0] for at, event in newest_first])
    assert (found.code, found.reason, found.emails) == (code, reason, len(reported))
    assert (found.since.date() if found.since else None) == (email(day).sent_at.date() if day else None)
    assert found.label


def test_a_late_bounce_of_an_older_email_counts_by_its_time():
    slow = email(1)
    late = status_of([raw(slow.bounce(at=slow.after(3 * 86_400)))], EVERYTHING)
    quick = status_of([raw(email(2).delivery())], EVERYTHING)
    assert verdict([quick.recipients[0], late.recipients[0]]).reason == "hard_bounced"
