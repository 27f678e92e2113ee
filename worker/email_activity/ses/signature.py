"""Whether an SNS envelope is signed by SNS. Pure: whoever asks has the certificate (ingest/certificates.py).

A good signature proves that some SNS topic published the message; whose topic it is, TRUSTED_SNS_TOPICS says. Nothing
here looks at the clock: a message of a backlog, or one that is sent once more from the dead-letter queue, is as good as
on its first day, though its certificate may have ended since.

https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
"""

import hashlib
import re
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from email_activity.domain.errors import BadSignatureError, UnsignedError

#: What is signed of a Notification, in this order, `Subject` where there is one. Of others nothing is kept.
SIGNED = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")

#: A certificate's place: of SNS itself, with no user, no other port, no query.
URL = re.compile(
    r"https://sns\.(?P<region>[a-z]{2}(?:-[a-z]+)+-[0-9]+)\.amazonaws\.com(?:\.cn)?(?::443)?/[A-Za-z0-9_-]+\.pem",
    re.ASCII,
)

#: `arn:aws:sns:REGION:ACCOUNT:NAME`
TOPIC_ARN = re.compile(r"arn:aws[a-z-]*:sns:(?P<region>[a-z0-9-]+):[0-9]{12}:[A-Za-z0-9_-]{1,256}(?:\.fifo)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Signed:
    """What is to be checked: the text, its signature, how it was made, and where the certificate is."""

    text: bytes
    signature: bytes
    version: str
    certificate_url: str


class Certificate:
    def __init__(self, pem: bytes) -> None:
        """Raises ValueError for what is no certificate with an RSA key."""
        # Half a second, for those who check signatures only.
        from cryptography import x509  # noqa: PLC0415
        from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey  # noqa: PLC0415
        from cryptography.hazmat.primitives.hashes import SHA1, SHA256  # noqa: PLC0415

        try:
            key = x509.load_pem_x509_certificate(pem).public_key()
        except UnsupportedAlgorithm:
            raise ValueError("a key of a kind that is not known") from None
        if not isinstance(key, RSAPublicKey):
            raise ValueError("a key other than RSA's")
        self._key, self._padding, self._invalid = key, PKCS1v15(), InvalidSignature
        # Version 1 is SHA-1. Two texts with one hash can be made, but none that fits what SNS has signed.
        self._hashes = {"1": (SHA1(), hashlib.sha1), "2": (SHA256(), hashlib.sha256)}  # noqa: S303

    def check(self, signed: Signed) -> None:
        """Raises BadSignatureError."""
        kind, hashed = self._hashes[signed.version]
        try:
            # The hash that was signed. `verify` does the same in half as much time again.
            found = self._key.recover_data_from_signature(signed.signature, self._padding, kind)
        except self._invalid:
            found = b""
        if found != hashed(signed.text).digest():
            raise BadSignatureError("it does not fit the message")


def signed(envelope: Mapping[str, Any]) -> Signed:
    """Of an SNS envelope. Raises UnsignedError where it has no signature, BadSignatureError for one that is none."""
    version, signature = envelope.get("SignatureVersion"), envelope.get("Signature")
    url = envelope.get("SigningCertURL") or envelope.get("SigningCertUrl")  # the second is Lambda's
    if signature is None or url is None:
        raise UnsignedError("its envelope has no signature")
    if version not in ("1", "2"):
        raise BadSignatureError("its SignatureVersion is neither 1 nor 2")
    given = [(name, envelope.get(name)) for name in SIGNED if name != "Subject" or envelope.get(name) is not None]
    texts = [signature, url, *(value for _, value in given)]
    if not all(isinstance(value, str) for value in texts):
        raise BadSignatureError("a signed field is missing or no text")
    # What stands before and behind a line break could be moved between two fields, and the signature would still fit.
    if any("\n" in str(value) for name, value in given if name != "Message"):
        raise BadSignatureError("a signed field has a line break")
    if fault := _fault_of(url, envelope["TopicArn"]):
        raise BadSignatureError(fault)
    try:
        text = "".join([f"{name}\n{value}\n" for name, value in given]).encode()
        return Signed(text, b64decode(signature, validate=True), version, url)
    except ValueError:  # no base64; or a lone surrogate, which SNS cannot have signed
        raise BadSignatureError("it cannot be read") from None


@lru_cache(maxsize=64)
def _fault_of(url: str, topic: str) -> str:
    """Of a certificate's place; empty if it is SNS's, in the region of the topic."""
    found, arn = URL.fullmatch(url), TOPIC_ARN.fullmatch(topic)
    if found is None:
        return "its certificate is not on a host of SNS"
    return "" if arn and arn["region"] == found["region"] else "its certificate is of another region than its topic"
