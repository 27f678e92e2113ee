"""Whether to send to an address: judged by its last emails."""

from datetime import UTC, datetime, timedelta

import pytest

from email_activity.activity.status import EmailStatus
from email_activity.activity.verdicts import verdict
from events import ANA, Email, raw, topics
from reading import EVERYTHING, status_of

START = datetime(2026, 1, 10, 9, tzinfo=UTC)
FORWARD = "private@example.com"
FULL = ("Transient", "MailboxFull")


def email(day: int) -> Email:
    return Email(to=(ANA,), sent_at=START + timedelta(days=day))


#: What was reported of each email, by its day; the verdict, its reason, and since which day.
CASES = {
    "none": ([], "unknown", "no_email", None),
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
    "one soft bounce alone": ([(1, lambda each: each.bounce(*FULL))], "risky", "soft_bounce", 1),
    "a virus alone": ([(1, Email.reject)], "unknown", "not_sent", None),
    "a virus and a sending": ([(1, Email.reject), (2, Email.send)], "unknown", "no_outcome", None),
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
    found = verdict(status_of([raw(event(email(at)))], EVERYTHING) for at, event in newest_first)
    assert (found.code, found.reason, found.emails) == (code, reason, len(reported))
    assert (found.since.date() if found.since else None) == (email(day).sent_at.date() if day else None)
    assert found.label


def test_a_late_bounce_of_an_older_email_counts_by_its_time():
    slow = email(1)
    late = status_of([raw(slow.bounce(at=slow.after(3 * 86_400)))], EVERYTHING)
    quick = status_of([raw(email(2).delivery())], EVERYTHING)
    assert verdict([quick, late]).reason == "hard_bounced"


@pytest.mark.parametrize(
    ("said", "step"),
    [
        ({"status": "5.1.1"}, "Fix the address, then resend."),
        ({"status": "5.7.1"}, "Ask their administrator to allow you; check SPF, DKIM and DMARC of the sender."),
    ],
)
def test_what_to_do_about_a_refusal_depends_on_its_reason(said, step):
    bounced = status_of([raw(email(1).bounce(said=said))], EVERYTHING)
    assert verdict([bounced]).next_step == step


def told(*events: object) -> EmailStatus:
    return status_of(map(raw, events), EVERYTHING)


def test_a_clock_that_is_behind_hides_no_refusal():
    old, new = email(1), email(9)
    early = START - timedelta(days=30)
    assert verdict([told(new.send(), new.bounce(at=early)), told(old.delivery())]).reason == "hard_bounced"


def test_the_latest_change_of_preferences_counts_whatever_its_email():
    old, new = email(1), email(2)
    joined = told(new.send(), new.subscription(topics(), topics(), at=new.after(9)))
    left = told(old.send(), old.subscription(at=new.after(600)))
    assert verdict([joined, left]).reason == "unsubscribed"
    assert verdict([joined, left]).since == new.after(600)


def test_the_first_complaint_tells_since_when():
    complaints = [told(email(day).complaint(at=email(day).after(60))) for day in (3, 1)]
    assert verdict(complaints).since == email(1).after(60)
