"""Whoever may publish to the topic, or send to the queue: what they make the worker fetch, keep and write at most.

That signatures and names of topics hold is shown in test_signature.py and test_signatures.py, and that no size or
nesting stops a worker in chaos/test_poison.py.
"""

import json
import socket
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from certificateserver import TOPIC
from email_activity.ingest.model import REPLAY_ATTRIBUTES
from email_activity.ingest.receive import message_from_sqs
from email_activity.settings import load_settings
from events import Email, raw, sns_envelope
from fakesite import FakeSite, Item, message

URLS = (
    "http://169.254.169.254/latest/meta-data/iam/security-credentials/",
    "https://127.0.0.1:6379/SimpleNotificationService-0.pem",
    "https://sns.us-east-1.amazonaws.com@attacker.example/SimpleNotificationService-0.pem",
    "https://sns.us-east-1.amazonaws.com.attacker.example/SimpleNotificationService-0.pem",
    "https://sns.us-east-1.amazonaws.com\\@attacker.example/SimpleNotificationService-0.pem",
    "https://attacker.example/https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0.pem",
    "https://sns.us-east-1.amazonaws.com/../x.pem#.pem",
    "file:///etc/passwd",
    "//attacker.example/SimpleNotificationService-0.pem",
)
TYPES = ("Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation", "Other", 7, None)
NAMES = ("SigningCertURL", "SigningCertUrl", "SubscribeURL", "UnsubscribeURL", "UnsubscribeUrl")


def sent(*bodies: str, is_replay: bool = False, **settings: Any) -> FakeSite:
    """Each in a batch of its own."""
    site = FakeSite()
    pipeline = site.components(load_settings(activity_table=site.table, **settings)).pipeline()
    attributes = REPLAY_ATTRIBUTES if is_replay else {}
    for number, body in enumerate(bodies):
        received = {"MessageId": str(number), "ReceiptHandle": str(number), "Body": body}
        pipeline.process([message_from_sqs({**received, "MessageAttributes": attributes})])
    return site


def stored(site: FakeSite) -> list[Item]:
    return [item for (pk, _), item in site.dynamodb.items.items() if pk.startswith("EMAIL#")]


@pytest.mark.parametrize("mode", ["off", "warn", "enforce"])
def test_no_address_in_a_message_is_asked_for_anything(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither to confirm a subscription nor for a certificate, unless it is SNS's own place for those."""
    asked: list[Any] = []
    for name in ("getaddrinfo", "create_connection"):
        monkeypatch.setattr(socket, name, lambda *place, **_: asked.append(place))
    event, places = Email().click(link=URLS[0]), [dict.fromkeys(NAMES, url) for url in URLS]
    envelopes = [sns_envelope(event, TopicArn=TOPIC, Type=kind, **place) for kind in TYPES for place in places]
    of_lambda = [{"Records": [{"EventSource": "aws:sns", "Sns": each}]} for each in envelopes]
    site = sent(*map(json.dumps, envelopes + of_lambda), sns_signatures=mode, trusted_sns_topics=TOPIC)
    assert asked == []
    assert len(site.sqs.deleted) == 2 * len(envelopes)
    assert mode != "enforce" or stored(site) == []


def test_who_marks_a_message_as_a_replay_has_its_facts_written_again_and_no_more() -> None:
    """So each costs what a new event would. It is read, judged and trusted as any other."""
    body = raw(Email().delivery())
    once, again = sent(body), sent(*[body] * 5, is_replay=True)
    facts = once.dynamodb.facts
    assert again.dynamodb.facts == facts != set()
    assert again.dynamodb.calls.count("BatchWriteItem") <= 5 * len(facts)
    old = Email(sent_at=datetime.now(UTC) - timedelta(days=4000))
    assert stored(sent(raw(old.send()), raw(Email(document_type="other").send()), is_replay=True)) == []
    forged = json.dumps(sns_envelope(Email().send(), TopicArn=TOPIC))
    site = sent(forged, body, is_replay=True, sns_signatures="enforce", trusted_sns_topics=TOPIC)
    assert (stored(site), site.sqs.dead) == ([], [forged, body])


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00Z", "2999-12-31T23:59:59Z", "9999-12-31T23:59:59.999Z", "soon", ""])
def test_no_time_in_an_event_keeps_it_for_longer_or_makes_the_table_look_fresher(at: str) -> None:
    """It may sort first or last among those of its own email, as a forged fact."""
    event, now = Email().delivery(), datetime.now(UTC)
    event["delivery"]["timestamp"] = at
    of_mail = {**event, "mail": {**event["mail"], "timestamp": at, "messageId": "another"}}
    site = FakeSite()
    pipeline = site.pipeline()
    pipeline.process([message(raw(event), handle="1"), message(raw(of_mail), handle="2")])
    assert sorted(site.sqs.deleted) == ["1", "2"]
    assert len({item["pk"]["S"] for item in stored(site)}) == (1 if at.startswith("0001") else 2)
    latest = (now + load_settings().retention + timedelta(minutes=1)).timestamp()
    assert all(now.timestamp() < int(item["expires_at"]["N"]) <= latest for item in stored(site))
    newest = pipeline.this_process.now().newest_event_at
    assert newest is None or newest < now + timedelta(minutes=1)
