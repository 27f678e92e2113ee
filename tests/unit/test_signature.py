"""What of an SNS envelope is signed, and each reason for which a signature is none."""

import json
from base64 import b64encode
from pathlib import Path

import pytest

from certificateserver import TOPIC, Signer
from email_activity.domain.errors import BadSignatureError, UnsignedError
from email_activity.ses.signature import Certificate, signed
from events import Email, sns_envelope

RECORDED = Path(__file__).parent.parent / "sns"
OTHER_REGION = "arn:aws:sns:eu-west-1:111122223333:email-activity-events"


@pytest.fixture(scope="module")
def signer() -> Signer:
    return Signer()


def envelope(**changes: object) -> dict:
    return sns_envelope(Email().send(), **({"TopicArn": TOPIC} | changes))


@pytest.mark.parametrize("number", [0, 1], ids=["version 1", "version 2"])
def test_what_sns_signed_on_aws_is_good_and_anything_else_is_not(number):
    """Recorded in 2022 for aws-sdk-ruby (gems/aws-sdk-sns/spec/message_verifier_spec.rb), with its certificate."""
    recorded = json.loads((RECORDED / "recorded.json").read_text())[number]
    certificate = Certificate((RECORDED / "recorded.pem").read_bytes())
    certificate.check(signed(recorded))
    of_lambda = recorded | {"SigningCertUrl": recorded["SigningCertURL"], "Subject": None}
    del of_lambda["SigningCertURL"]
    certificate.check(signed(of_lambda))
    for name in ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"):
        forged = recorded | {name: recorded.get(name, "") + "x"}
        with pytest.raises(BadSignatureError, match="does not fit"):
            certificate.check(signed(forged))


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("subject", [None, "Amazon SES Email Event Notification", ""])
def test_a_signature_is_good_whenever_it_was_made_and_its_certificate_ended(signer, version, subject):
    old = envelope(Subject=subject, Timestamp="2020-01-01T00:00:00.000Z")
    Certificate(signer.certificate).check(signed(signer.signed(old, version)))


REJECTED = {
    "no signature": ({"Signature": None}, UnsignedError, "has no signature"),
    "no certificate": ({"SigningCertURL": None}, UnsignedError, "has no signature"),
    "another version": ({"SignatureVersion": "3"}, BadSignatureError, "SignatureVersion"),
    "a version that is a number": ({"SignatureVersion": 2}, BadSignatureError, "SignatureVersion"),
    "a message that is no text": ({"Message": {"eventType": "Send"}}, BadSignatureError, "no text"),
    "no timestamp": ({"Timestamp": None}, BadSignatureError, "no text"),
    "a signature that is no text": ({"Signature": ["x"]}, BadSignatureError, "no text"),
    "no base64": ({"Signature": "é!"}, BadSignatureError, "cannot be read"),
    "a lone surrogate": ({"Message": "\ud800"}, BadSignatureError, "cannot be read"),
    "another text": ({"Message": "{}"}, BadSignatureError, "does not fit"),
    "another topic": ({"TopicArn": TOPIC + "2"}, BadSignatureError, "does not fit"),
    "the other version": ({"SignatureVersion": "1"}, BadSignatureError, "does not fit"),
    "a signature cut off": ({"Signature": "c2lnbmF0dXJl"}, BadSignatureError, "does not fit"),
    "an empty signature": ({"Signature": ""}, BadSignatureError, "does not fit"),
    "a signature of a number": ({"Signature": b64encode(b"\xff" * 256).decode()}, BadSignatureError, "does not fit"),
    "a topic of another region": ({"TopicArn": OTHER_REGION}, BadSignatureError, "another region"),
    "a topic that is none": ({"TopicArn": "arn:aws:sqs:us-east-1:1:x"}, BadSignatureError, "another region"),
}


@pytest.mark.parametrize("case", REJECTED)
def test_an_envelope_that_sns_did_not_sign_so_is_rejected(signer, case):
    changes, kind, why = REJECTED[case]
    forged = {name: value for name, value in (signer.signed(envelope()) | changes).items() if value is not None}
    with pytest.raises(kind, match=why):
        Certificate(signer.certificate).check(signed(forged))


@pytest.mark.parametrize("name", ["MessageId", "Subject", "Timestamp", "TopicArn", "Type"])
def test_no_signed_field_but_the_message_may_have_a_line_break(signer, name):
    """So no field can be moved into the one before it, with the same text to be signed."""
    given = envelope(Subject="x", Message="{\n}")
    Certificate(signer.certificate).check(signed(signer.signed(given)))
    with pytest.raises(BadSignatureError, match="line break"):
        signed(signer.signed(given | {name: f"{given[name]}\nSubject\nx"}))


def test_a_signature_by_another_key_is_rejected(signer):
    with pytest.raises(BadSignatureError, match="does not fit"):
        Certificate(Signer().certificate).check(signed(signer.signed(envelope())))


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.us-east-1.amazonaws.com/x.pem",
        "https://sns.us-east-1.amazonaws.com.evil.example/x.pem",
        "https://evil.example/sns.us-east-1.amazonaws.com/x.pem",
        "https://sns.us-east-1.amazonaws.com@evil.example/x.pem",
        "https://user@sns.us-east-1.amazonaws.com/x.pem",
        "https://sns.us-east-1.amazonaws.com:8443/x.pem",
        "https://sns.us-east-1.amazonaws.com/x.pem?y",
        "https://sns.us-east-1.amazonaws.com/x.pem#y",
        "https://sns.us-east-1.amazonaws.com/?Action=x.pem",
        "https://sns.us-east-1.amazonaws.com/a/../x.pem",
        "https://sns.us-east-1.amazonaws.com/x.key",
        "https://sns.us-east-1.amazonaws.com/x.pem\n",
        "https://xsns.us-east-1.amazonaws.com/x.pem",
        "https://sns.us-east-1.s3.amazonaws.com/x.pem",
        "https://s3.us-east-1.amazonaws.com/x.pem",
        "https://sns.amazonaws.com/x.pem",
        "https://SNS.us-east-1.amazonaws.com/x.pem",
        "https://sns.us-ea\u017ft-1.amazonaws.com/x.pem",
        "",
    ],
)
def test_no_certificate_is_taken_from_anybody_else(signer, url):
    with pytest.raises((BadSignatureError, UnsignedError)):
        signed(signer.signed(envelope(), url=url))


@pytest.mark.parametrize(
    ("region", "partition", "suffix"),
    [("us-gov-west-1", "aws-us-gov", ""), ("cn-north-1", "aws-cn", ".cn"), ("eu-west-1", "aws", ":443")],
)
def test_every_region_of_sns_has_its_own(signer, region, partition, suffix):
    url = f"https://sns.{region}.amazonaws.com{suffix}/SimpleNotificationService-0.pem"
    given = envelope(TopicArn=f"arn:{partition}:sns:{region}:111122223333:topic")
    Certificate(signer.certificate).check(signed(signer.signed(given, url=url)))
