"""Starts a stub for a benchmark, and talks to its control.

with Stub.start(delay_ms=10) as stub:
    stub.fill("email-activity-events", bodies)
    ...  # AWS_ENDPOINT_URL=stub.endpoint_url
    stub.report()
"""

import http.client
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote, urlsplit

import boto3
from botocore.config import Config

#: Where the package `benchmarks` lies.
TESTS = Path(__file__).resolve().parents[2]

#: Seconds that the stub has to end in.
END_WITHIN = 10

#: Seconds. A report works out what was written, half a minute's work after a million items.
TIMEOUT = 120


@cache
def _session() -> boto3.session.Session:
    """One, since each reads the descriptions of the services anew."""
    return boto3.session.Session(aws_access_key_id="stub", aws_secret_access_key="stub", region_name="us-east-1")


@dataclass(frozen=True, slots=True)
class Stub:
    endpoint_url: str
    pid: int

    @classmethod
    @contextmanager
    def start(cls, delay_ms: float = 10, port: int = 0) -> Iterator["Stub"]:
        """A process of its own, which ends with the block, or with this process."""
        options = ["--delay-ms", str(delay_ms), "--port", str(port), "--until-stdin-closes"]
        command = [sys.executable, "-m", "benchmarks.stub", *options]
        with subprocess.Popen(command, cwd=TESTS, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            line = process.stdout.readline()
            if not line:
                raise RuntimeError("the stub did not start; what it said is above")
            try:
                yield cls(**json.loads(line))
            finally:
                _end(process)

    @contextmanager
    def connect(self, service: Literal["sqs", "dynamodb"]) -> Iterator[Any]:
        """A client of boto3, closed afterwards. No retries, so that each call is one."""
        config = Config(retries={"total_max_attempts": 1}, max_pool_connections=32)
        client = _session().client(service, endpoint_url=self.endpoint_url, config=config)
        with closing(client):
            yield client

    def configure(self, *, delay_ms: float) -> None:
        self._call("POST", "config", {"delay_ms": delay_ms})

    def fill(self, queue: str, bodies: Sequence[str]) -> None:
        self._call("POST", f"fill?queue={quote(queue)}", bodies)

    def reset(self) -> None:
        self._call("POST", "reset")

    def report(self) -> Mapping[str, Any]:
        """Not while something is measured: it works out what the tables hold."""
        return self._call("GET", "report")

    def sent(self, queue: str) -> Mapping[str, Any]:
        """Counts of one queue; cheap enough to look until `deleted` is what it should be."""
        return self._call("GET", f"sent?queue={quote(queue)}")

    def written(self) -> Mapping[str, float]:
        """Unix seconds at which the first event of each email was stored, by `pk`."""
        return self._call("GET", "written")

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        connection = http.client.HTTPConnection(urlsplit(self.endpoint_url).netloc, timeout=TIMEOUT)
        with closing(connection):
            connection.request(method, f"/_stub/{path}", None if body is None else json.dumps(body).encode())
            response = connection.getresponse()
            answer = json.loads(response.read())
        if response.status != http.client.OK:
            raise RuntimeError(answer["message"])
        return answer


def _end(process: subprocess.Popen[str]) -> None:
    """It stops when its input is closed."""
    try:
        process.communicate(timeout=END_WITHIN)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
