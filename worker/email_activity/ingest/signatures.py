"""SNS_SIGNATURES: what becomes of a message whose signature is missing or bad."""

from collections.abc import Callable, Mapping
from typing import Any

from email_activity.domain.errors import PermanentError, TransientError, UnsignedError
from email_activity.ingest.certificates import Certificates
from email_activity.ses.signature import signed
from email_activity.telemetry import log

#: Of the SNS envelope around an event, None if there is none. Raises PermanentError, TransientError.
CheckSignature = Callable[[Mapping[str, Any] | None], None]


class Signatures:
    """mode: as SNS_SIGNATURES."""

    def __init__(self, mode: str, certificates: Certificates) -> None:
        self._mode = mode
        self._certificates = certificates

    def check_for(self, message_id: str) -> CheckSignature | None:
        """What interprets the message calls for each event in it. None where nothing is checked."""
        if self._mode == "off":
            return None
        return self.check if self._mode == "enforce" else lambda envelope: self._warn(envelope, message_id)

    def check(self, envelope: Mapping[str, Any] | None) -> None:
        """Raises UnsignedError or BadSignatureError; TransientError where the certificate is not to be had."""
        if envelope is None:
            raise UnsignedError("it came without an envelope of SNS")
        found = signed(envelope)
        self._certificates.at(found.certificate_url).check(found)

    def _warn(self, envelope: Mapping[str, Any] | None, message_id: str) -> None:
        try:
            self.check(envelope)
        except PermanentError as error:
            log.warning("signature_rejected", message_id=message_id, reason=error.reason, detail=error.detail)
        except TransientError as error:
            log.warning("signature_unchecked", message_id=message_id, detail=error.detail)
