"""The certificates with which SNS signs, fetched once and kept.

They are fetched as botocore fetches: with its proxies, and the certificate authorities of AWS_CA_BUNDLE.
"""

import math
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import urlsplit

from botocore.awsrequest import AWSRequest
from botocore.httpsession import URLLib3Session
from botocore.session import get_session
from botocore.utils import get_environ_proxies

from email_activity.aws.clients import ca_bundle
from email_activity.domain.errors import TransientError, code_of
from email_activity.ses.signature import Certificate
from email_activity.telemetry import log

T = TypeVar("T")

#: Certificates that are kept, the newest. SNS has one at a time in each region, and a new one every few months.
MAX_KEPT = 32

#: Bytes. SNS's have some 2,000.
MAX_BYTES = 64 * 1024

#: Seconds for an answer. Messages wait meanwhile.
TIMEOUT = 3

#: Seconds after a failure in which the same certificate is not asked for: every message of a batch would wait for it.
PAUSE = 5

#: How SNS refuses a certificate that it does not have. Then no other one is asked for in this time either: in forged
#: messages each may have a name of its own.
NONE_THERE = (f"HTTP {HTTPStatus.FORBIDDEN}", f"HTTP {HTTPStatus.NOT_FOUND}")


class Certificates:
    """Shared by the threads of a process: one of them fetches, and the others wait for it.

    A failure says nothing of the message, and is over by itself: it is remembered for a moment only.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._kept: dict[str, Certificate] = {}
        self._failed_at: dict[str, float] = {}
        self._lock = threading.Lock()

    def at(self, url: str) -> Certificate:
        """url: one that `signature.py` let pass. Raises TransientError."""
        return self._kept.get(url) or self._fetched(url)

    def _fetched(self, url: str) -> Certificate:
        with self._lock:
            if url in self._kept:
                return self._kept[url]
            host = urlsplit(url).hostname or ""
            if self._now() - max(self._failed_at.get(each, -math.inf) for each in (url, host)) < PAUSE:
                raise TransientError("sns", "no certificate a moment ago")
            try:
                found = _fetch(url)
            except TransientError as error:
                _keep(self._failed_at, host if error.detail in NONE_THERE else url, self._now())
                log.warning("certificate_failed", host=host, code=error.detail)
                raise
            _keep(self._kept, url, found)
            return found


def _keep(kept: dict[str, T], url: str, value: T) -> None:
    """As the newest; the oldest makes room."""
    kept.pop(url, None)
    kept[url] = value
    while len(kept) > MAX_KEPT:
        del kept[next(iter(kept))]


def _fetch(url: str) -> Certificate:
    """What a host of SNS answers, over TLS, is SNS's certificate, or none.

    Raises TransientError for whatever is none: a redirect too, which is not followed.
    """
    try:
        status, content = _get(url)
    except Exception as error:  # whatever it is, it says nothing of the message
        raise TransientError("sns", code_of(error)) from error
    if status != HTTPStatus.OK:
        raise TransientError("sns", f"HTTP {status}")
    try:
        return Certificate(content)
    except ValueError:
        raise TransientError("sns", "no certificate with an RSA key") from None


def _get(url: str) -> tuple[int, bytes]:
    """Status, and what of the body a certificate may have."""
    authorities: Any = ca_bundle(get_session()) or True  # or a file, which its stubs do not know
    session = URLLib3Session(verify=authorities, proxies=get_environ_proxies(url), timeout=TIMEOUT)
    try:
        answer = session.send(AWSRequest("GET", url, stream_output=True).prepare())
        return answer.status_code, bytes(answer.raw.read(MAX_BYTES))
    finally:
        session.close()
