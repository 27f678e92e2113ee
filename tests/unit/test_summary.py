"""What many emails come to: each figure, from the events that SES reports."""

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta

import pytest

from counting import LATER, counted, figures_of, sent_to
from email_activity.activity.answers import Context
from email_activity.activity.summary import NO_DOMAIN, Summary
from events import ANA, APPLE_PREFETCH, BEN, CLEO, GMAIL_PROXY, raw
from reading import EVERYTHING, status_of

SIMULATED = "bounce@simulator.amazonses.com"


def rows(found: Iterable, *names: str) -> dict[str, tuple]:
    return {each.code: tuple(getattr(each, name) for name in names) for each in found}


def test_each_outcome_of_the_delivery_is_counted_of_all_that_were_sent():
    one, other, third, fourth = sent_to(), sent_to(BEN), sent_to(CLEO), sent_to(at=LATER.now - timedelta(hours=1))
    summary = counted(
        [one.send(), one.delivery()], [other.send(), other.bounce()], [third.send()], [fourth.send(), fourth.delay()]
    )
    assert rows(figures_of(summary).delivery, "count", "of", "rate") == dict.fromkeys(
        ("delivered", "failed", "not_reported", "pending"), (1, 4, 0.25)
    )


def test_an_email_to_three_counts_three_times():
    email = sent_to(ANA, BEN, CLEO)
    summary = counted([email.send(), email.delivery([ANA, BEN]), email.bounce(recipients=[CLEO])])
    assert (summary.emails, summary.sent) == (1, 3)
    assert summary.delivery == Counter(delivered=2, failed=1)


def test_an_arrival_that_was_not_reported_counts_as_delivered():
    email = sent_to()
    assert counted([email.send(), email.open()]).delivery == Counter(delivered=1)


@pytest.mark.parametrize(
    ("event", "code"),
    [
        (lambda email: email.open(), "opened"),
        (lambda email: email.click(), "clicked"),
        (lambda email: email.open(GMAIL_PROXY), "proxy_opened"),
        (lambda email: email.open(APPLE_PREFETCH), "machine"),
        (lambda email: email.subscription(), "none"),
    ],
)
def test_opens_by_persons_proxies_and_machines_are_told_apart(event, code):
    email, unopened = sent_to(), sent_to(BEN)
    delivered = [email.send(), email.delivery(), event(email)]
    found = rows(figures_of(counted(delivered, [unopened.send(), unopened.delivery()])).engagement, "count", "of")
    assert found[code] == ((2 if code == "none" else 1), 2)
    # Whoever follows a link has opened the email.
    assert found["opened"] == ((1 if code in ("opened", "clicked") else 0), 2)


def test_an_open_that_names_nobody_counts_once_for_the_email():
    email = sent_to(ANA, BEN, CLEO)
    found = rows(
        figures_of(counted([email.send(), email.delivery(), email.open(), email.open(at=email.after(900))])).engagement,
        *("count", "of", "rate"),
    )
    assert found["opened"] == (1, 1, 1.0)
    assert found["not_told"] == (2, 3, 2 / 3)
    assert found["none"] == (0, 1, 0.0)


def test_where_opens_are_not_tracked_nothing_is_told_of_them():
    email = sent_to()
    untracked = Context(now=LATER.now, opens_tracked=lambda _: False)
    found = rows(figures_of(counted([email.send(), email.delivery()], context=untracked)).engagement, "count", "rate")
    assert (found["not_told"], found["none"]) == ((1, 1.0), (0, None))


def test_opens_of_what_was_not_delivered_are_in_no_rate():
    email = sent_to()
    summary = counted([email.send(), email.delivery(), email.open(), email.bounce(at=email.after(4000))])
    assert summary.engagement == Counter()


def test_mail_to_the_simulator_is_left_out_and_counted_apart():
    both = sent_to(ANA, SIMULATED)
    alone = sent_to(SIMULATED)
    summary = counted(
        [both.send(), both.delivery(), both.open()],
        [alone.send(), alone.bounce(), alone.complaint()],
    )
    assert (summary.simulated, summary.sent, summary.emails) == (2, 1, 1)
    assert (summary.delivery, summary.engagement) == (Counter(delivered=1), Counter(none=1))
    assert not summary.bounced_by_day.total() + summary.complained_by_day.total()
    assert list(summary.sent_by_domain) == ["example.com"]


def test_a_forward_that_bounced_is_no_failure_and_no_recipient():
    delivered, told_only_so, to_two = sent_to(), sent_to(), sent_to(ANA, BEN)
    forward = "private@example.net"
    summary = counted(
        [delivered.send(), delivered.delivery(), delivered.bounce(recipients=[forward])],
        [told_only_so.send(), told_only_so.bounce(recipients=[forward])],
        # Whose forward it is, nobody can tell.
        [to_two.send(), to_two.delivery(), to_two.bounce(recipients=[forward])],
    )
    assert summary.delivery == Counter(delivered=4)
    assert not summary.failures
    assert not summary.bounced_by_day.total()
    assert summary.sent_by_domain == Counter({"example.com": 3, "example.org": 1})


def test_an_out_of_office_reply_is_no_bounce():
    email = sent_to()
    summary = counted([email.send(), email.delivery(), email.out_of_office()])
    assert summary.delivery == Counter(delivered=1)


def test_failures_are_counted_by_what_they_are_called():
    soft = {"action": "failed", "status": "5.2.2", "diagnosticCode": "smtp; 552 5.2.2 over quota"}
    emails = [sent_to() for _ in range(4)]
    summary = counted(
        [emails[0].send(), emails[0].bounce()],
        [emails[1].send(), emails[1].bounce("Transient", "MailboxFull", said=soft)],
        # Another state, the same words.
        [emails[2].send(), emails[2].bounce("Permanent", "General", said=soft)],
        [emails[3].send(), emails[3].reject()],
    )
    found = [(each.label, each.next_step, each.count, each.of) for each in figures_of(summary).failures]
    assert found == [
        ("Not delivered: mailbox full", "Call, or resend later.", 2, 4),
        ("Not delivered: the address does not exist", "Fix the address, then resend.", 1, 4),
        ("Not sent: virus found", "Clean the attachment, then resend.", 1, 4),
    ]


def test_the_time_to_delivery_is_from_the_sending_to_the_first_delivery():
    emails = [(sent_to(), seconds) for seconds in [*range(1, 19), 700, 30_000]]
    found = figures_of(
        counted(
            *(
                [email.send(), email.delivery(at=email.after(took)), email.delivery(at=email.after(took + 50_000))]
                for email, took in emails
            )
        )
    ).time_to_delivery
    assert (found.count, found.of) == (20, 20)
    assert (found.median_seconds, found.p95_seconds) == (10, 700)
    assert [(each.up_to_seconds, each.count) for each in found.buckets] == [
        *((5, 5), (30, 13), (120, 0), (600, 0), (3_600, 1), (21_600, 0), (None, 1))
    ]
    assert found.buckets[1].rate == 13 / 20


def test_an_arrival_without_a_delivery_tells_no_time():
    email = sent_to()
    found = figures_of(counted([email.send(), email.open()])).time_to_delivery
    assert (found.count, found.of, found.median_seconds) == (0, 1, None)


def test_what_is_no_address_has_no_domain():
    email = sent_to("nobody")
    assert counted([email.send(), email.bounce()]).sent_by_domain == Counter({NO_DOMAIN: 1})


def test_an_email_without_a_time_counts_nowhere_else():
    event = sent_to().send()
    del event["mail"]["timestamp"]
    summary = Summary()
    summary.add(status_of([raw(event)], EVERYTHING), LATER)
    assert (summary.undated, summary.sent, summary.emails) == (1, 0, 0)
