"""Sends messages into the stub's queue at a pace, and says when it sent each.

    python -m benchmarks.sender ENDPOINT_URL RATE SECONDS    # messages a second

Each message is the Send of an email of its own, as long as real ones, so the table tells when it was stored. It speaks
HTTP by itself: it shares two cores with what is measured. One JSON object: {pk: Unix seconds when its call began}.
"""

import http.client
import json
import math
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from urllib.parse import urlsplit

from benchmarks.ground import QUEUE, Ground
from benchmarks.mix import HEADERS, TAGS
from email_activity.domain.chunks import chunks
from email_activity.domain.keys import email_key
from events import Email, raw, sns

#: Calls that are open at once: each waits for the stub's delay.
SENDERS = 8

#: Calls a second up to which each message is sent by itself, as SNS sends them; more go in batches of up to ten.
CALLS = 100
MAX_ENTRIES = 10

#: Seconds beyond its own that a sender may take: to begin, and for the last answers.
END_WITHIN = 30


@dataclass(frozen=True, slots=True)
class Outgoing:
    """due: seconds after the start. keys: of the table, one for each message."""

    due: float
    keys: Sequence[str]
    body: bytes


def send(ground: Ground, rate: float, seconds: float) -> Mapping[str, float]:
    """In a process of its own, to the end: when each was sent, by `pk`."""
    command = [sys.executable, "-m", "benchmarks.sender", ground.stub.endpoint_url, str(rate), str(seconds)]
    done = subprocess.run(
        command,
        env=ground.environment(),
        stdout=subprocess.PIPE,
        check=True,
        timeout=seconds + END_WITHIN,
    )
    return json.loads(done.stdout)


def outgoing(rate: float, seconds: float) -> list[Outgoing]:
    entries = max(1, min(MAX_ENTRIES, round(rate / CALLS)))
    emails = [Email(tags=TAGS, headers=HEADERS) for _ in range(math.ceil(rate * seconds))]
    return [
        Outgoing(number * entries / rate, [email_key(each.message_id) for each in part], _request(part))
        for number, part in enumerate(chunks(emails, entries))
    ]


def _request(emails: Sequence[Email]) -> bytes:
    """Every other in an SNS envelope."""
    bodies = [(sns if number % 2 else raw)(each.send()) for number, each in enumerate(emails)]
    entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies)]
    return json.dumps({"QueueUrl": QUEUE, "Entries": entries}).encode()


class Sender:
    def __init__(self, endpoint_url: str, calls: Sequence[Outgoing]) -> None:
        self.sent: dict[str, float] = {}
        self._netloc = urlsplit(endpoint_url).netloc
        self._calls = iter(calls)
        self._next = threading.Lock()
        self._began = 0.0

    def run(self) -> None:
        self._began = time.monotonic()
        threads = [threading.Thread(target=self._work) for _ in range(SENDERS)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()

    def _work(self) -> None:
        headers = {"X-Amz-Target": "AmazonSQS.SendMessageBatch", "Content-Type": "application/x-amz-json-1.0"}
        with closing(http.client.HTTPConnection(self._netloc)) as connection:
            while True:
                with self._next:
                    call = next(self._calls, None)
                if call is None:
                    return
                time.sleep(max(0, self._began + call.due - time.monotonic()))
                self.sent.update(dict.fromkeys(call.keys, time.time()))
                connection.request("POST", "/", call.body, headers)
                answer = connection.getresponse()
                content = answer.read()
                if answer.status != http.client.OK:
                    raise RuntimeError(content.decode())


def main() -> None:
    endpoint_url, rate, seconds = sys.argv[1:]
    sender = Sender(endpoint_url, outgoing(float(rate), float(seconds)))
    sender.run()
    sys.stdout.write(json.dumps(sender.sent))


if __name__ == "__main__":
    main()
