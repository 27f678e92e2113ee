"""What readers are told of an email: the headline of each recipient, what stands beside it, and of all together."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from email_activity.activity.answers import Context, email, email_with_timeline
from email_activity.activity.documents import document_activity
from email_activity.activity.model import Email as Answer
from email_activity.activity.model import Freshness, Recipient
from email_activity.activity.status import status
from email_activity.domain.facts import Document
from events import ANA, APPLE_PREFETCH, BEN, CLEO, GMAIL_PROXY, Email, raw, topics
from reading import EVERYTHING, status_of

SENT_AT = datetime(2026, 1, 10, 9, tzinfo=UTC)
FORWARD = "private@example.com"
LIVE = Freshness(newest_recorded_at=None, last_poll_at=None, reading=True)
DEAD = Freshness(newest_recorded_at=None, last_poll_at=None, reading=False)


def at(hours: float = 1, *, tracked: bool | None = True, freshness: Freshness | None = LIVE) -> Context:
    """So many hours after the sending."""
    return Context(SENT_AT + timedelta(hours=hours), lambda _: tracked, freshness)


def mail(to: Iterable[str] = (ANA,), **changes: object) -> Email:
    return Email(to=tuple(to), sent_at=SENT_AT, **changes)  # type: ignore[arg-type]


def told(events: Iterable[object], context: Context | None = None) -> Answer:
    return email(status_of(map(raw, events), EVERYTHING), context or at())


def only(events: Iterable[object], context: Context | None = None) -> Recipient:
    (recipient,) = told(events, context).recipients
    return recipient


ONE = mail()

#: Events after a Send and a Delivery (or, first, what there is instead), the headline and what stands beside it.
HEADLINES = {
    "sent": ([ONE.send()], "sent", []),
    "delivered": ([ONE.send(), ONE.delivery()], "delivered", []),
    "opened": ([ONE.delivery(), ONE.open()], "opened", ["delivered"]),
    "clicked": ([ONE.delivery(), ONE.open(), ONE.click()], "clicked", ["delivered"]),
    "proxy": ([ONE.delivery(), ONE.open(GMAIL_PROXY)], "proxy_opened", ["delivered"]),
    "machine": ([ONE.delivery(), ONE.open(APPLE_PREFETCH)], "delivered", ["machine"]),
    "out of office": ([ONE.delivery(), ONE.out_of_office()], "delivered", ["auto_replied"]),
    "unsubscribed": ([ONE.delivery(), ONE.subscription()], "delivered", ["unsubscribed"]),
    "complained": ([ONE.delivery(), ONE.click(), ONE.complaint()], "complained", ["delivered", "clicked"]),
    "bounced": ([ONE.delivery(), ONE.open(), ONE.bounce()], "hard_bounced", ["opened"]),
    "bounced and complained": ([ONE.complaint(), ONE.bounce()], "hard_bounced", ["complained"]),
    "arrived": ([ONE.send(), ONE.open()], "opened", ["arrived"]),
    "elsewhere": ([ONE.send(), ONE.bounce(recipients=[FORWARD])], "forward_bounced", []),
    "elsewhere but read": ([ONE.bounce(recipients=[FORWARD]), ONE.open()], "opened", ["forward_bounced"]),
}


@pytest.mark.parametrize("case", HEADLINES)
def test_a_recipient_has_one_headline_and_the_rest_beside_it(case):
    events, headline, beside = HEADLINES[case]
    recipient = only(events)
    assert (recipient.status.code, [each.code for each in recipient.also]) == (headline, beside)


def test_a_failure_tells_reason_code_and_the_servers_words():
    failed = only([ONE.send(), ONE.bounce()]).status
    assert (failed.code, failed.reason, failed.tone) == ("hard_bounced", "no_such_address", "bad")
    assert failed.label == "Not delivered: the address does not exist"
    assert failed.next_step == "Fix the address, then resend."
    assert (failed.status_code, failed.server_said) == ("5.1.1", "smtp; 550 5.1.1 no such user here")
    assert failed.ses_words == "Bounce, Permanent, General"
    assert failed.since == ONE.after(3)


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (ONE.rendering_failure(), "Attribute 'amount' is not present in the rendering data."),
        (ONE.reject(), "Bad content"),
        (
            ONE.bounce("Permanent", "OnAccountSuppressionList", said={"diagnosticCode": "SES did not send"}),
            "SES did not send",
        ),
    ],
)
def test_where_no_server_was_asked_it_is_ses_that_said_it(event, said):
    failed = only([event]).status
    assert (failed.server_said, failed.ses_said) == (None, said)


def test_a_forward_that_bounced_is_named_and_is_no_failure():
    recipient = only([ONE.send(), ONE.bounce(recipients=[FORWARD])])
    assert recipient.status.label == f"A forwarded copy bounced at {FORWARD}"
    assert recipient.status.tone == "note"
    assert recipient.delivery.state == "hard_bounced"


#: SES was told to try for two hours only.
QUICKLY_OVER = {**ONE.delay()["deliveryDelay"], "expirationTime": "2026-01-10T11:00:00.000Z"}


@pytest.mark.parametrize(
    ("events", "context", "code", "reason"),
    [
        ([ONE.send()], at(13.9), "sent", None),
        ([ONE.send()], at(14.1), "sent", "not_reported"),
        ([ONE.send()], at(14.1, freshness=DEAD), "sent", "nothing_arrives"),
        ([ONE.send()], at(1, freshness=DEAD), "sent", None),
        ([ONE.delay()], at(13.9), "delayed", "mailbox_full"),
        ([ONE.delay()], at(14.1), "delayed", "not_reported"),
        ([{**ONE.delay(), "deliveryDelay": QUICKLY_OVER}], at(3), "delayed", "not_reported"),
        ([ONE.delivery()], at(1000), "delivered", None),
    ],
)
def test_after_the_time_that_ses_tries_a_missing_outcome_is_said(events, context, code, reason):
    found = only(events, context).status
    assert (found.code, found.reason) == (code, reason)


@pytest.mark.parametrize(
    ("context", "reason"),
    [
        (at(tracked=True), None),
        (at(tracked=None), None),
        (at(tracked=False), "not_tracked"),
        (at(24 * 61), "too_old"),
        (at(24 * 61, tracked=False), "not_tracked"),
        (at(tracked=False, freshness=DEAD), "nothing_arrives"),
    ],
)
def test_no_open_not_tracked_too_late_and_nothing_arriving_are_told_apart(context, reason):
    engagement = only([ONE.send(), ONE.delivery()], context).engagement
    assert (engagement.state, engagement.reason) == ("none", reason)


THREE = mail((ANA, BEN, CLEO))


def test_an_open_of_one_of_three_is_stamped_on_none():
    answer = told([THREE.delivery(), THREE.open(), THREE.open()])
    assert [each.status.code for each in answer.recipients] == ["delivered"] * 3
    assert answer.shared
    assert answer.shared.status.label == "Opened by at least one of 3"
    assert {each.engagement.label for each in answer.recipients} == {"Cannot be told: one of several opened it"}
    assert answer.shared.delivery.label is None


def test_an_open_by_a_machine_of_one_of_three_tells_nothing_of_each():
    answer = told([THREE.delivery(), THREE.open(APPLE_PREFETCH)])
    assert {each.engagement.label for each in answer.recipients} == {"No open seen"}


def test_an_open_of_one_of_three_is_so_called_in_the_timeline():
    answer = email_with_timeline(status_of([raw(THREE.open()), raw(THREE.open(APPLE_PREFETCH))], EVERYTHING), at())
    labels = {each.label for each in answer.timeline}
    assert labels == {"Opened by at least one of 3", "Opened automatically, perhaps not by a person"}


@pytest.mark.parametrize(
    ("events", "label", "next_step"),
    [
        ([THREE.delivery()], "Delivered to 3 of 3", None),
        ([THREE.send(), THREE.delivery([ANA])], "Delivered to 1 of 3; 2 without an outcome", "Wait."),
        (
            [THREE.delivery([ANA]), THREE.bounce(recipients=[BEN]), THREE.send()],
            "Not delivered to 1 of 3; 1 without an outcome",
            f"{BEN}: Fix the address, then resend.",
        ),
        (
            [THREE.reject()],
            "Not delivered to 3 of 3",
            f"{ANA}: Clean the attachment, then resend. See the 2 others, too.",
        ),
        ([THREE.delivery(), THREE.bounce(recipients=[FORWARD])], "Delivered to 3 of 3", None),
        ([THREE.send(), THREE.open()], "Delivered to 0 of 3; 3 without an outcome", None),
        (
            [THREE.delivery(), THREE.complaint(recipients=[BEN])],
            "Delivered to 3 of 3; 1 marked it as spam",
            f"{BEN}: Stop sending to this address.",
        ),
    ],
)
def test_several_recipients_are_said_in_one_sentence(events, label, next_step):
    found = told(events).status
    assert found.label == label
    assert next_step is None or found.next_step == next_step


def test_an_email_of_which_no_recipient_is_known_says_so():
    assert email(status("none", ()), at()).status.code == "unknown"


def test_mail_to_the_simulator_is_marked():
    simulated = mail(("bounce@simulator.amazonses.com",))
    assert only([simulated.send()]).simulator
    assert not only([ONE.send()]).simulator


def test_each_event_of_the_timeline_is_in_words():
    events = (
        ONE.send(),
        ONE.delay(),
        ONE.delivery(),
        ONE.out_of_office(),
        ONE.open(APPLE_PREFETCH, bot="Likely"),
        ONE.click(bot="Likely"),
        ONE.complaint("not-spam"),
        ONE.subscription(topics(news="OptIn")),
        ONE.event("Recall", {"timestamp": "2026-01-12T00:00:00Z"}),
    )
    answer = email_with_timeline(status_of(map(raw, events), EVERYTHING), at())
    found = {(each.kind, each.code, each.reason, each.verdict, each.ses_verdict) for each in answer.timeline}
    assert found == {
        ("Send", "sent", "accepted", None, None),
        ("DeliveryDelay", "delayed", "mailbox_full", None, None),
        ("Delivery", "delivered", None, None, None),
        ("Bounce", "auto_replied", None, None, None),
        ("Open", "machine", None, "machine", "Likely"),
        ("Click", "machine", "click", "machine", "Likely"),
        ("Complaint", "not_spam", None, None, None),
        ("Subscription", "subscribed", None, None, None),
        ("Recall", "unknown", None, None, None),
    }
    assert all(each.label and each.means for each in answer.timeline)


def test_answers_as_json_come_back_as_they_were():
    answer = email_with_timeline(status_of([raw(THREE.bounce()), raw(THREE.open())], EVERYTHING), at())
    assert type(answer).model_validate_json(answer.model_dump_json()) == answer


def test_what_came_of_a_forward_takes_no_recipients_place():
    old, new = mail((BEN,)), Email(to=(ANA, CLEO), sent_at=SENT_AT + timedelta(days=1))
    failed = status_of([raw(old.bounce())], EVERYTHING)
    forwarded = status_of(
        map(raw, [new.delivery(), new.bounce("Transient", "MailboxFull", recipients=[BEN])]), EVERYTHING
    )
    about = document_activity(Document("invoice", "1"), [forwarded, failed], at(), has_more=False)
    assert {each.recipient: each.status.code for each in about.recipients}[BEN] == "hard_bounced"
    assert about.status.label == "Not delivered to 1 of 3"


def test_a_time_at_the_end_of_the_calendar_is_told_like_any_other():
    late = replace(ONE, sent_at=datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))
    assert told([late.event("Send")]).status.code == "sent"


def test_customers_who_share_a_documents_id_are_told():
    emails = [status_of([raw(mail(account=each).send())], EVERYTHING) for each in ("acme", "globex")]
    about = document_activity(Document("invoice", "1"), emails, at(), has_more=False)
    assert (about.account, about.accounts) == ("acme", ("acme", "globex"))


FIRST, SECOND = mail((ANA, BEN)), Email(to=(ANA,), sent_at=SENT_AT + timedelta(days=1))


def test_of_a_document_the_newest_email_of_each_counts_and_failures_come_first():
    first = status_of(map(raw, [FIRST.bounce(recipients=[BEN]), FIRST.bounce(recipients=[ANA])]), EVERYTHING)
    second = status_of(map(raw, [SECOND.delivery()]), EVERYTHING)
    about = document_activity(Document("invoice", "2026_2F117"), [second, first], at(), has_more=False)
    assert about.document.name == "2026/117"
    found = [(each.recipient, each.email_id, each.status.code, each.earlier_failed) for each in about.recipients]
    assert found == [
        (BEN, FIRST.message_id, "hard_bounced", False),
        (ANA, SECOND.message_id, "delivered", True),
    ]
    assert about.status.label == "Not delivered to 1 of 2"
