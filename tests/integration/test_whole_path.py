"""SES to table, all of it real: LocalStack's SES, SNS, SQS and DynamoDB, a Valkey server, Celery workers."""

import json
import random
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import boto3
import pytest

from email_activity.ses.interpret import interpret
from email_activity.ses.tracking_policy import TrackingPolicy
from events import APPLE_PREFETCH, KINDS, Email, Event, raw, received_mail
from harness import OF_THE_COPY, Site, eventually
from scrape import metrics
from servers import free_port
from watched import named_metrics


def facts_of(*events: Event, policy: TrackingPolicy | None = None) -> dict[tuple[str, str], Event]:
    """The items that these events must come to, without what may differ between copies."""
    items = [
        fact.to_item()
        for event in events
        for reading in interpret(raw(event), policy or TrackingPolicy(), datetime.now(UTC)).events
        for fact in reading.facts
    ]
    return {
        (item["pk"], item["sk"]): {name: value for name, value in item.items() if name not in OF_THE_COPY}
        for item in items
    }


#: What stays 0 while nothing is wrong.
OF_TROUBLE = {
    "email_activity_dependency_failing",
    "email_activity_errors_total",
    "email_activity_facts_known_total",
    "email_activity_outages_total",
    "email_activity_quarantined_total",
}


def counted(port: int) -> dict[str, dict[tuple[str, ...], float]] | None:
    """The worker's metrics, once it has counted a fact of each kind."""
    found = metrics(port)
    return found if all(found["email_activity_facts_written_total"][kind,] for kind in KINDS) else None


@pytest.mark.parametrize("is_raw", [False, True], ids=["enveloped", "raw"])
def test_every_kind_published_to_the_topic_becomes_its_facts(
    localstack: str, redis_url: str, prefix: str, tmp_path: Path, is_raw: bool
) -> None:
    site = Site.make(localstack, redis_url, prefix, tmp_path, raw=is_raw)
    email = Email()
    events = [make(email) for make in KINDS.values()]
    port = free_port()
    with site.worker(METRICS_PORT=str(port), LOG_LEVEL="error") as worker:
        site.publish([raw(event) for event in events])
        eventually(lambda: site.items() == facts_of(*events))
        site.drained()
        found = eventually(lambda: counted(port))
        assert worker.log.read_text() == ""
    assert named_metrics() <= found.keys()
    assert {kind: found["email_activity_facts_written_total"][kind,] for kind in KINDS} == dict.fromkeys(KINDS, 1)
    assert {kind: found["email_activity_events_total"][kind, "activity"] for kind in KINDS} == dict.fromkeys(KINDS, 1)
    # What a worker that does well writes of those that the dashboard and the rules name.
    wanting = {name for name in named_metrics() if not any(found[name].values())}
    assert wanting <= OF_TROUBLE
    forms = {entry.activity.form for entry in site.status(email.message_id).timeline}
    assert forms == {"raw" if is_raw else "sns"}
    assert site.dead_letters() == []


def test_an_email_sent_through_ses_itself_is_sent_and_delivered(site: Site) -> None:
    """LocalStack's SES publishes real Send and Delivery events for a configuration set's destination."""
    ses = boto3.client("ses", region_name="us-east-1", endpoint_url=site.made.endpoint_url)
    ses.verify_email_identity(EmailAddress="billing@example.com")
    sent = ses.send_email(
        Source="billing@example.com",
        Destination={"ToAddresses": ["Ann <Ann@Example.COM>"]},
        Message={"Subject": {"Data": "Your invoice"}, "Body": {"Text": {"Data": "2026/117"}}},
        ConfigurationSetName=site.made.configuration_set,
        Tags=[
            {"Name": "document_type", "Value": "invoice"},
            {"Name": "document_id", "Value": "2026-117"},
            {"Name": "account_id", "Value": "acme"},
        ],
    )
    with site.worker():
        eventually(lambda: len(site.status(sent["MessageId"]).timeline) == 2)
        site.drained()  # of the text, too, that SES sends when a destination is made
    email = site.status(sent["MessageId"])
    assert [(each.recipient, each.delivery.state) for each in email.recipients] == [("ann@example.com", "delivered")]
    assert email.document is not None
    assert (email.document.type, email.document.id, email.account) == ("invoice", "2026-117", "acme")
    assert site.dead_letters() == []


def test_what_is_no_activity_is_deleted_and_the_unreadable_quarantined(site: Site) -> None:
    without_id = Email().send()
    del without_id["mail"]["messageId"]
    unreadable = {
        "{": "not_json",
        "[]": "not_ses",
        json.dumps({"eventType": "Send"}): "no_mail",
        raw(without_id): "no_message_id",
        raw(Email(message_id="x" * 257).send()): "message_id_too_long",
        # DynamoDB takes no item over 400 KB.
        raw(Email().click(link="https://pay.example/" + "x" * 420_000)): "refused_by_table",
    }
    old = Email(sent_at=datetime(2020, 1, 1, tzinfo=UTC))
    nothing = [raw(Email(document_type="contract").send()), raw(received_mail()), raw(old.send())]
    good = Email().send()
    with site.worker():
        site.send([*nothing, raw(good)])
        for body in unreadable:  # one by one: together they are too large for one call
            site.send([body])
        eventually(lambda: site.waiting() == (0, 0), within=60)
    assert dict(site.dead_letters()) == unreadable
    recorded = {key: item for key, item in site.items().items() if not key[1].startswith("RECIPIENT")}
    assert recorded == {key: item for key, item in facts_of(good).items() if not key[1].startswith("RECIPIENT")}


#: What happens to an email, and the status that its recipient must have: (delivery, engagement, consent).
FATES: dict[tuple[str, str, str], Callable[[Email], list[Event]]] = {
    ("sent", "none", "none"): lambda email: [email.send()],
    ("delivered", "none", "none"): lambda email: [email.send(), email.delivery()],
    ("delivered", "opened", "none"): lambda email: [email.send(), email.delivery(), email.open()],
    ("delivered", "clicked", "none"): lambda email: [email.send(), email.delivery(), email.open(), email.click()],
    ("delivered", "machine", "none"): lambda email: [email.send(), email.delivery(), email.open(APPLE_PREFETCH)],
    ("delivered", "none", "complained"): lambda email: [email.send(), email.delivery(), email.complaint()],
    ("delivered", "none", "unsubscribed"): lambda email: [email.send(), email.delivery(), email.subscription()],
    ("delayed", "none", "none"): lambda email: [email.send(), email.delay()],
    ("hard_bounced", "none", "none"): lambda email: [email.send(), email.delivery(), email.bounce()],
    ("soft_bounced", "none", "none"): lambda email: [email.send(), email.bounce("Transient", "MailboxFull")],
    ("suppressed", "none", "none"): lambda email: [email.send(), email.bounce("Permanent", "Suppressed")],
    ("rejected", "none", "none"): lambda email: [email.send(), email.reject()],
    ("render_failed", "none", "none"): lambda email: [email.rendering_failure()],
}


def test_two_workers_record_shuffled_messages_exactly(site: Site, rounds: int) -> None:
    """30 % duplicates, half of all enveloped, 1 % unreadable: the table, the statuses and both queues are exact.

    Of 2,000 messages, 500 in the short form.
    """
    chance, count = random.Random(2000), 500 if rounds == 1 else 2_000
    emails: list[tuple[Email, tuple[str, str, str]]] = []
    events: list[Event] = []
    while len(events) < 0.69 * count:
        wanted, happen = chance.choice(list(FATES.items()))
        email = Email(to=(f"person{len(emails)}@example.com",), document_id=f"2026-{len(emails)}")
        emails.append((email, wanted))
        events += happen(email)
    unreadable = [f"no event at all: {number}" for number in range(count // 100)]
    bodies = [raw(event) for event in events]
    bodies += chance.choices(bodies, k=count - len(bodies) - len(unreadable)) + unreadable
    chance.shuffle(bodies)

    with site.worker("--concurrency", "1") as one, site.worker("--concurrency", "1") as other:
        site.publish(bodies[: count // 2])
        site.send(bodies[count // 2 :])
        site.drained(within=120)
        eventually(lambda: one.said('"facts_written"') and other.said('"facts_written"'))

    assert site.items() == facts_of(*events)
    for email, wanted in emails:
        (recipient,) = site.status(email.message_id).recipients
        assert (recipient.delivery.state, recipient.engagement.state, recipient.consent.state) == wanted
    dead = [
        (json.loads(body)["Message"] if body.startswith("{") else body, reason) for body, reason in site.dead_letters()
    ]
    assert sorted(dead) == sorted((body, "not_json") for body in unreadable)
