"""An HTTP proxy between a worker and AWS that makes faults, and watches what is deleted.

    with AwsProxy(upstream_url) as proxy, site.worker(AWS_ENDPOINT_URL=proxy.endpoint_url):
        proxy.fault("BatchWriteItem", throttle(), share=0.3)
        ...
        proxy.clear()

At its end, or at `check()`, it raises AssertionError for whatever the watch has objected to.
"""

import random
import socket
import struct
import sys
import threading
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import urllib3
from botocore.exceptions import BotoCoreError, ClientError

from chaos.faults import Fault, Line, refusal
from chaos.watch import Watch
from chaos.wire import OF_THE_CONNECTION, Answer, Call, Hangup, Outcome
from email_activity.ses.tracking_policy import TrackingPolicy

#: Seconds that the proxy waits for AWS: longer than any long poll.
UPSTREAM_TIMEOUT = 60

#: Seconds that connections get to end when the proxy does. A long poll may still be under way behind one.
END_WITHIN = 5

#: With SO_LINGER on and no time to linger, a close sends RST instead of FIN.
AT_ONCE = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Rule:
    """of: an operation's name, a service's (sqs, dynamodb), or * for all."""

    of: str
    faults: Iterator[Fault]
    share: float

    def concerns(self, call: Call) -> bool:
        return self.of in ("*", call.service, call.operation)


class AwsProxy:
    def __init__(self, upstream_url: str, policy: TrackingPolicy | None = None, seed: int = 0) -> None:
        """rules: how the worker is set up to read messages."""
        self.calls: Counter[str] = Counter()
        self.injected: Counter[str] = Counter()
        self.violations: list[str] = []
        self._watch = Watch(upstream_url, policy or TrackingPolicy())
        self._rules: list[Rule] = []
        self._chance = random.Random(seed)
        self._lock = threading.Lock()
        self._ending = threading.Event()
        upstream = urlsplit(upstream_url)
        self._upstream = urllib3.HTTPConnectionPool(
            upstream.hostname or "127.0.0.1", upstream.port, timeout=UPSTREAM_TIMEOUT, maxsize=64, retries=False
        )
        self._server = _Server(self)
        self.endpoint_url = f"http://127.0.0.1:{self._server.server_port}"

    @property
    def receives(self) -> dict[str, int]:
        """The highest ApproximateReceiveCount that AWS gave each message, by message id."""
        return dict(self._watch.receives)

    def fault(self, of: str, *faults: Fault, share: float = 1.0) -> None:
        """From now on, a share of these calls meets one of these faults, in turn. Of several rules the first to hit
        counts.
        """
        with self._lock:
            self._rules.append(Rule(of, cycle(faults), share))

    def clear(self) -> None:
        with self._lock:
            self._rules = []

    def check(self) -> None:
        assert not self.violations, "\n".join(self.violations)

    def answer(self, call: Call) -> Outcome:
        with self._lock:
            self.calls[call.operation] += 1
        try:
            objections = self._watch.objections(call)
        except (ClientError, BotoCoreError):
            return Hangup.CLOSE  # AWS itself does not answer
        if objections:
            self.violations += objections
            # Not carried out, so that what was nearly lost can be looked at.
            return refusal("RefusedByTheWatch")
        fault = self._pick(call)
        if not fault:
            return self._forward(call)
        return fault.act(call, Line(self._forward, self._ending.wait, self._chance))

    def _pick(self, call: Call) -> Fault | None:
        with self._lock:
            for rule in self._rules:
                if rule.concerns(call) and self._chance.random() < rule.share:
                    fault = next(rule.faults)
                    self.injected[fault.name] += 1
                    return fault
        return None

    def _forward(self, call: Call) -> Outcome:
        headers = {name: value for name, value in call.headers if name.lower() not in OF_THE_CONNECTION}
        try:
            came = self._upstream.urlopen(call.method, call.path, call.body, headers, decode_content=False)
        except urllib3.exceptions.HTTPError:
            return Hangup.CLOSE
        kept = [(name, value) for name, value in came.headers.items() if name.lower() not in OF_THE_CONNECTION]
        answer = Answer(came.status, kept, came.data)
        self._watch.see(call, answer)
        return answer

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), name="aws-proxy", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        self._server.shutdown()
        self._server.hang_up()
        self._server.server_close()
        self._upstream.close()
        self._watch.close()
        if error is None:
            self.check()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, proxy: AwsProxy) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.proxy = proxy
        self._open: set[socket.socket] = set()
        self._changed = threading.Condition()

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        with self._changed:
            self._open.add(connection)
        return connection, address

    def close_request(self, request: Any) -> None:
        super().close_request(request)
        with self._changed:
            self._open.discard(request)
            self._changed.notify_all()

    def hang_up(self) -> None:
        """On everybody who is still connected."""
        with self._changed:
            for connection in self._open:
                with suppress(OSError):  # it may have gone by itself
                    connection.shutdown(socket.SHUT_RDWR)
            self._changed.wait_for(lambda: not self._open, END_WITHIN)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller may go away at any time. All else is a fault of the proxy itself, which no test may pass over."""
        del request, client_address
        if not isinstance(sys.exception(), OSError):
            self.proxy.violations.append(f"the proxy failed: {traceback.format_exc()}")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        if len(body) < length:  # the caller was killed in the middle of it
            self.close_connection = True
            return
        outcome = self.server.proxy.answer(Call.read(self.command, self.path, self.headers.items(), body))
        if isinstance(outcome, Answer):
            self._send(outcome)
        else:
            self._hang_up(outcome)

    do_GET = do_PUT = do_DELETE = do_HEAD = do_POST  # noqa: N815  http.server's names

    def _send(self, answer: Answer) -> None:
        self.send_response_only(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def _hang_up(self, how: Hangup) -> None:
        self.close_connection = True
        if how is Hangup.RESET:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
            self.rfile.close()
            self.connection.close()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  http.server's name
        """Quiet."""
