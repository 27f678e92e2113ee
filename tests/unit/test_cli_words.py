"""What a support person reads first: one line in plain words, what to do, and how sure all of it is."""

from datetime import UTC, datetime, timedelta

import pytest

from commands import read_from, run, worker_that_polled
from email_activity.activity.words import ICONS, WORDS
from events import ANA, BEN, CLEO, Email

SENT = (datetime.now(UTC) - timedelta(days=2)).replace(hour=12, minute=0, second=0, microsecond=0)

FIRST = Email(to=(ANA, BEN), document_id="2026_2F117", sent_at=SENT)
AGAIN = Email(to=(BEN,), document_id="2026_2F117", sent_at=SENT + timedelta(hours=1))
RETURNED = Email(to=(ANA,), document_id="2026-118", sent_at=SENT)


@pytest.fixture
def store(monkeypatch):
    """With a worker that has just asked the queue."""
    return lambda *events: read_from(monkeypatch, events, worker_that_polled(datetime.now(UTC)))


def first_lines(count: int, *arguments: str) -> list[str]:
    return [line.strip() for line in run(*arguments).stdout.splitlines()[:count]]


def test_no_sentence_on_an_open_ends_before_a_comma(store):
    store(RETURNED.send(), RETURNED.delivery(), RETURNED.open())
    said = run("timeline", RETURNED.message_id).stdout
    assert "Mozilla/5.0" in said
    assert ".," not in said


def test_status_begins_with_what_became_of_it_and_what_to_do(store):
    store(RETURNED.send(), RETURNED.bounce())
    assert first_lines(3, "status", RETURNED.message_id) == [
        f"✕ Not delivered: the address does not exist ({RETURNED.after(3):%Y-%m-%d %H:%M:%S} UTC)",
        "What to do: Fix the address, then resend.",
        "Their server said: smtp; 550 5.1.1 no such user here",
    ]
    assert "Bounce, Permanent, General" in run("status", RETURNED.message_id).stdout
    assert "Engagement" not in run("status", RETURNED.message_id).stdout  # nobody got it, so nobody opened it


def test_of_several_recipients_status_says_to_how_many_it_was_not_delivered(store):
    store(FIRST.send(), FIRST.delivery([ANA]), FIRST.bounce(recipients=[BEN]))
    line, step = first_lines(2, "status", FIRST.message_id)
    assert line.startswith("✕ Not delivered to 1 of 2 (")
    assert step == f"What to do: {BEN}: Fix the address, then resend."


def test_every_time_is_in_the_named_zone(store, monkeypatch):
    store(RETURNED.send(), RETURNED.bounce())
    monkeypatch.setenv("DISPLAY_TIMEZONE", "Asia/Tokyo")
    for zone, hours in ((), 9), (("--tz", "Asia/Kolkata"), 5.5), (("--tz", "UTC"), 0):
        local = RETURNED.sent_at + timedelta(hours=hours)
        for command in (["status"], ["timeline"]):
            shown = run(*command, RETURNED.message_id, *zone).stdout
            assert f"{local:%Y-%m-%d %H:%M:%S} {zone[1] if zone else 'Asia/Tokyo'}" in shown
            assert f"{local:%H:%M}" in shown.partition("Times in")[2]


def test_a_document_is_found_as_typed_and_shows_each_recipient_once(store):
    store(FIRST.send(), FIRST.delivery([ANA]), FIRST.bounce(recipients=[BEN]), AGAIN.send(), AGAIN.delivery())
    for typed in ("2026/117", "2026_2F117"):
        shown = run("document", "Invoice", typed).stdout
        head, _, rest = shown.partition("Recipients, by the newest email to each; times in UTC\n")
        assert head.startswith("✓ Delivered to 2 of 2 (")
        assert "invoice 2026/117 (stored as 2026_2F117)" in head
        recipients, _, listed = rest.partition("Emails, newest first\n")
        ana, ben = recipients.strip().splitlines()
        assert ana.split()[0] == ANA
        assert "an earlier email failed" not in ana
        assert ben.split()[0] == BEN
        assert ben.endswith("an earlier email failed")
        assert listed.index(AGAIN.message_id) < listed.index(FIRST.message_id)


def test_a_document_shows_failures_first(store):
    store(FIRST.send(), FIRST.delivery([ANA]), FIRST.bounce(recipients=[BEN]))
    shown = run("document", "invoice", "2026/117").stdout.partition("Recipients")[2]
    assert shown.index(BEN) < shown.index(ANA)


def test_a_recipient_begins_with_whether_to_send_to_it(store):
    store(RETURNED.send(), RETURNED.bounce())
    assert first_lines(3, "recipient", ANA) == [
        f"✕ Do not send: the last email was refused (since {RETURNED.after(3):%Y-%m-%d %H:%M:%S} UTC)",
        "What to do: Fix the address, then resend.",
        f"{ANA}, judged by the last 1 email; times in UTC",
    ]


def test_the_freshness_is_neutral_while_a_worker_reads_the_queue(store):
    store(RETURNED.send(), RETURNED.delivery())
    for command in (["status", RETURNED.message_id], ["document", "invoice", "2026-118"], ["recipient", ANA]):
        last = run(*command).stderr.splitlines()[-1]
        assert last == "The newest event recorded is 3 hours old; the queue is being read."
        assert "newest" not in run(*command, "--json").stderr


@pytest.mark.parametrize(
    ("minutes", "wanted"),
    [
        (10, "Warning: no worker has asked the queue for 10 minutes, so the latest events may be missing. The"),
        (None, "Warning: no worker is known, so the latest events may be missing.\n"),
    ],
)
def test_without_a_worker_that_reads_there_is_a_warning(monkeypatch, minutes, wanted):
    worker = [worker_that_polled(datetime.now(UTC) - timedelta(minutes=minutes))] if minutes else []
    read_from(monkeypatch, [RETURNED.send()], *worker)
    assert run("timeline", RETURNED.message_id).stderr.startswith(wanted)


def test_an_open_of_several_is_nobodys_in_particular(store):
    email = Email(to=(ANA, BEN, CLEO), sent_at=SENT)
    store(email.send(), email.delivery(), email.open())
    shown = run("status", email.message_id).stdout
    assert shown.count("Opened by at least one of 3") == 1
    assert shown.count("Cannot be told: one of several opened it") == 3
    assert shown.count("… Sent") == 3
    assert "Email opened" not in shown
    store(email.send(), email.delivery(), email.open(), email.click())
    assert "Opened by at least one of 3" in run("status", email.message_id).stdout
    assert "Link clicked by at least one of 3" in run("status", email.message_id).stdout
    told = run("timeline", email.message_id).stdout
    (line,) = (line for line in told.splitlines() if "Opened by at least one of 3" in line)
    assert "one of 3" in line.partition("Opened by at least one of 3")[2]


def test_a_timeline_has_labels_sess_own_words_and_the_servers(store):
    store(RETURNED.send(), RETURNED.delay(), RETURNED.bounce())
    told = run("timeline", RETURNED.message_id).stdout
    for label, ses in (
        ("Delayed, still trying (mailbox full)", "DeliveryDelay, MailboxFull"),
        ("exist", "Bounce, Perm"),
    ):
        (line,) = (line for line in told.splitlines() if ses in line)
        assert label in line
    assert "SES tries until" in told
    assert "550 5.1.1" in told


def test_a_forward_that_bounced_is_no_failure_of_the_recipient(store):
    store(RETURNED.send(), RETURNED.bounce(recipients=["private@example.com"]))
    (line,) = first_lines(1, "status", RETURNED.message_id)
    assert line.startswith("◐ A forwarded copy bounced at private@example.com (")
    assert "Bounce, Permanent, General" in run("status", RETURNED.message_id).stdout


def test_lists_and_details_use_the_labels_of_the_one_table(store):
    """Nothing of the old names of states reaches a person."""
    store(FIRST.send(), FIRST.delivery([ANA]), FIRST.bounce(recipients=[BEN]), FIRST.open(), FIRST.complaint([ANA]))
    said = [f"{ICONS[each.tone]} {each.label.format(address='', count=2)}" for each in WORDS]
    for command in (["status", FIRST.message_id], ["document", "invoice", "2026/117"], ["recipient", ANA]):
        shown = run(*command).stdout
        assert any(label in shown for label in said)
        for name in ("hard_bounced", "hard bounced", "soft_bounced", "proxy_opened", "complained"):
            assert name not in shown
