"""SNS_SIGNATURES: where certificates come from, and what becomes of a message without a good signature."""

import json
import ssl

import pytest
import trustme
from structlog.testing import capture_logs

from certificateserver import HOST, TOPIC, URL, CertificateServer, Signer
from email_activity.domain.errors import TransientError
from email_activity.ingest import certificates
from email_activity.ingest.certificates import Certificates
from email_activity.ingest.disposition import InterpretedMessage, unverified_delays
from email_activity.ses.interpret import Interpretation, InterpretedEvent, Outcome
from email_activity.settings import load_settings
from events import Email, eventbridge, lambda_sqs, raw, sns, sns_envelope
from fakesite import FakeSite, message

OTHER_REGION = "arn:aws:sns:eu-west-1:111122223333:email-activity-events"


@pytest.fixture(scope="module")
def signer() -> Signer:
    return Signer()


@pytest.fixture
def server(signer, tmp_path, monkeypatch):
    with CertificateServer(tmp_path, lambda _: (200, signer.certificate)) as made:
        for name, value in made.environment.items():
            monkeypatch.setenv(name, value)
        yield made


def envelope() -> dict:
    return sns_envelope(Email().send(), TopicArn=TOPIC)


# --- Where the certificate comes from ---


def test_a_certificate_is_fetched_once_for_all_messages(server):
    found = Certificates()
    assert found.at(URL) is found.at(URL)
    assert server.asked == ["/SimpleNotificationService-0123456789abcdef.pem"]


def test_the_certificates_kept_are_bounded(server, monkeypatch):
    monkeypatch.setattr(certificates, "MAX_KEPT", 2)
    found = Certificates()
    urls = [f"https://{HOST}/{number}.pem" for number in range(3)]
    for url in (*urls, urls[2], urls[0]):
        found.at(url)
    assert server.asked == ["/0.pem", "/1.pem", "/2.pem", "/0.pem"]


def ends() -> tuple[int, bytes]:
    raise ConnectionResetError


EC = trustme.CA(key_type=trustme.KeyType.ECDSA).cert_pem.bytes()
FAILURES = {
    "refused": lambda: (403, b""),
    "not found": lambda: (404, b"<Error/>"),
    "failing": lambda: (500, b""),
    "elsewhere": lambda: (302, b""),
    "empty": lambda: (200, b""),
    "another text": lambda: (200, b"<html></html>"),
    "endless": lambda: (200, b"x" * 1_000_000),
    "another kind of key": lambda: (200, EC),
    "connection ends": ends,
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failed_fetch_passes_and_is_kept_for_a_moment_only(server, signer, failure):
    clock = [100.0]
    found = Certificates(lambda: clock[0])
    server.answer = lambda _: FAILURES[failure]()
    with capture_logs() as logs:
        for _ in range(3):  # a batch full of messages
            with pytest.raises(TransientError):
                found.at(URL)
    assert [(each["event"], each["host"]) for each in logs] == [("certificate_failed", HOST)]
    assert len(server.asked) == 1
    server.answer = lambda _: (200, signer.certificate)
    clock[0] += certificates.PAUSE
    found.at(URL)
    assert len(server.asked) == 2


@pytest.mark.parametrize(("status", "fetches"), [(403, 1), (404, 1), (500, 3)])
def test_of_names_that_sns_does_not_have_one_is_asked_for_at_a_time(server, signer, status, fetches):
    clock = [100.0]
    found = Certificates(lambda: clock[0])
    found.at(URL)
    server.answer = lambda _: (status, b"")
    for number in range(3):
        with pytest.raises(TransientError):
            found.at(f"https://{HOST}/{number}.pem")
    assert len(server.asked) == 1 + fetches
    found.at(URL)  # what is kept is not asked for
    server.answer = lambda _: (200, signer.certificate)
    clock[0] += certificates.PAUSE
    found.at(f"https://{HOST}/new.pem")


def test_a_host_that_only_says_it_is_sns_is_not_asked(server, monkeypatch, tmp_path):
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    for name in (str(other), str(tmp_path / "none.pem")):
        monkeypatch.setenv("AWS_CA_BUNDLE", name)
        with pytest.raises(TransientError):
            Certificates().at(URL)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(server.authority))
    server.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with pytest.raises(TransientError):
        Certificates().at(URL)
    assert server.asked == []


# --- What becomes of a message ---


def processed(*bodies: str, **settings: str | None) -> FakeSite:
    site = FakeSite()
    for body in bodies:
        site.sqs.put(body)
    made = {"sns_signatures": "enforce", "trusted_sns_topics": TOPIC, "activity_table": site.table} | settings
    pipeline = site.components(load_settings(**made)).pipeline()
    site.pipeline_made = pipeline  # type: ignore[attr-defined]
    pipeline.process(pipeline.receive())
    return site


def test_enforced_what_is_signed_is_stored(server, signer):
    bodies = [json.dumps(signer.signed(envelope(), version)) for version in ("1", "2")]
    site = processed(*bodies, lambda_sqs(bodies[0]))
    assert (len(site.sqs.deleted), site.sqs.dead, len(site.dynamodb.facts)) == (3, [], 4)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (raw(Email().send()), "untrusted_sns_topic"),
        (eventbridge(Email().send()), "untrusted_sns_topic"),
        (sns(Email().send(), TopicArn=OTHER_REGION), "untrusted_sns_topic"),
        (sns(Email().send(), TopicArn=TOPIC, Signature=None), "unsigned"),
        (sns(Email().send(), TopicArn=TOPIC), "bad_signature"),
        (sns(Email().send(), TopicArn=TOPIC, SigningCertURL=URL), "bad_signature"),
        (eventbridge(sns_envelope(Email().send(), TopicArn=TOPIC, SigningCertURL=URL)), "bad_signature"),
    ],
)
@pytest.mark.usefixtures("server")
def test_enforced_what_is_not_is_quarantined_with_its_reason(body, reason):
    with capture_logs() as logs:
        site = processed(body)
    assert (site.sqs.dead, site.dynamodb.facts) == ([body], set())
    assert [each["reason"] for each in logs if each["event"] == "quarantined"] == [reason]


def test_a_signature_inside_a_forged_event_signs_nothing_of_it(server, signer):
    good = signer.signed(envelope())
    forged = json.dumps({**Email().send(), "SignatureVersion": "2", "TopicArn": TOPIC, **good, "Type": "Other"})
    assert processed(forged).dynamodb.facts == set()
    assert server.asked == []


def test_enforced_a_message_waits_for_its_certificate_and_is_then_stored(server, signer, monkeypatch):
    monkeypatch.setattr(certificates, "PAUSE", 0)
    body = json.dumps(signer.signed(envelope()))
    server.answer = lambda _: (503, b"")
    with capture_logs() as logs:
        site = processed(body)
    assert (site.sqs.deleted, site.sqs.dead, site.dynamodb.facts) == ([], [], set())
    assert len(site.sqs.returned) == 1
    (line,) = [each for each in logs if each["event"] == "batch"]
    assert (line["unverified"], line["returned"]) == (1, 1)
    server.answer = lambda _: (200, signer.certificate)
    site.sqs.put(body, receives=2)
    site.pipeline_made.process(site.pipeline_made.receive())
    assert (len(site.sqs.deleted), site.sqs.dead, len(site.dynamodb.facts)) == (1, [], 2)


def test_twelve_receives_take_hours_while_no_certificate_is_to_be_had():
    found = Interpretation.of((InterpretedEvent(Outcome.UNVERIFIED, "sns"),), {})
    held = [InterpretedMessage(message("", receives), found) for receives in range(1, 13)]
    delays = list(unverified_delays(held).values())
    assert delays[:5] == [5, 20, 80, 320, 900]
    assert sum(delays) > 2 * 3600


def test_warned_of_everything_is_stored_all_the_same(server, signer):
    bodies = [raw(Email().send()), sns(Email().send(), SigningCertURL=URL, TopicArn=TOPIC)]
    bodies.append(json.dumps(signer.signed(envelope(), url=f"https://{HOST}/away.pem")))
    server.answer = lambda path: (404, b"") if "away" in path else (200, signer.certificate)
    with capture_logs() as logs:
        site = processed(*bodies, json.dumps(signer.signed(envelope())), sns_signatures="warn", trusted_sns_topics=None)
    assert (len(site.sqs.deleted), site.sqs.dead, len(site.dynamodb.facts)) == (4, [], 8)
    said = [(each["event"], each.get("reason")) for each in logs if each["event"].startswith("signature")]
    assert said == [
        ("signature_rejected", "unsigned"),
        ("signature_rejected", "bad_signature"),
        ("signature_unchecked", None),
    ]


def test_off_nothing_is_checked_and_nobody_asked(server):
    site = processed(raw(Email().send()), sns(Email().send()), sns_signatures="off", trusted_sns_topics=None)
    assert (len(site.dynamodb.facts), server.asked) == (4, [])
