"""A site to test on: topic, queues and table from the template, real Celery workers, and looks at the outcome."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from boto3.dynamodb.types import TypeDeserializer

from email_activity.activity.query import ActivityTable
from email_activity.activity.status import EmailStatus, status
from email_activity.domain.chunks import chunks
from email_activity.provision.cloud import Cloud
from email_activity.provision.deployment import Deployment
from email_activity.provision.provisioner import Provisioned
from email_activity.settings import Settings, load_settings
from provision import StandInProvisioner

#: For a worker that tests change: the folder of the modules that do.
FOLDERS = [str(Path(__file__).parent / "chaos"), os.environ.get("PYTHONPATH")]
CHAOS = {"PYTHONPATH": os.pathsep.join(filter(None, FOLDERS))}

#: What tells when and how a copy came, and so may differ between two tables of the same events.
OF_THE_COPY = ("recorded_at", "form", "transport_id")


def eventually(look: Callable[[], Any], within: float = 60, every: float = 0.1) -> Any:
    """What `look` finds as soon as that is truthy; fails with the last it found."""
    deadline = time.monotonic() + within
    while not (found := look()):
        assert time.monotonic() < deadline, f"not within {within} s: {found!r}"
        time.sleep(every)
    return found


@cache
def cloud_at(endpoint_url: str) -> Cloud:
    """One for all sites of a process: clients take long to make."""
    return Cloud.connect(region="us-east-1", endpoint_url=endpoint_url)


@dataclass(frozen=True)
class Site:
    """Its names begin with a prefix of its own. `environment` holds the worker's settings."""

    cloud: Cloud
    made: Provisioned
    environment: Mapping[str, str]
    folder: Path

    @classmethod
    def make(cls, endpoint: str, redis_url: str, prefix: str, folder: Path, **wanted: Any) -> "Site":
        cloud = cloud_at(endpoint)
        made = StandInProvisioner(cloud, Deployment(prefix=prefix, **wanted)).deploy()
        settings = {
            "REDIS_URL": redis_url,
            "CELERY_BROKER_URL": redis_url,
            "RECEIVE_WAIT_SECONDS": "1",
            "POLL_SECONDS": "3",
            "LEASE_SECONDS": "5",
            # Each thread asks once a second, and a stand-in's answers cost more than SQS's.
            "THREADS_PER_PROCESS": "3",
            "HEALTH_FILE": str(folder / "poll"),
            "LOG_FORMAT": "json",
        }
        return cls(cloud, made, made.environment() | settings, folder)

    def behind(self, endpoint_url: str) -> "Site":
        """The same, but its programs reach AWS there."""
        return replace(self, environment={**self.environment, "AWS_ENDPOINT_URL": endpoint_url})

    @property
    def settings(self) -> Settings:
        return load_settings(**{name.lower(): value for name, value in self.environment.items()})

    def as_role(self, role: str) -> dict[str, str]:
        """The settings, and a key by which `guard` knows whose policy counts: one of provision's ROLES."""
        return {**self.environment, "AWS_ACCESS_KEY_ID": role}

    def publish(self, bodies: Sequence[str]) -> None:
        """To the topic, as SES does."""
        for batch in chunks(bodies, 10):
            entries = [{"Id": str(number), "Message": body} for number, body in enumerate(batch)]
            assert not self.cloud.sns.publish_batch(
                TopicArn=self.made.topic_arn, PublishBatchRequestEntries=entries
            ).get("Failed")

    def send(self, bodies: Sequence[str]) -> None:
        """To the queue itself, as raw message delivery does."""
        for batch in chunks(bodies, 10):
            entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(batch)]
            assert not self.cloud.sqs.send_message_batch(QueueUrl=self.made.queue_url, Entries=entries).get("Failed")

    def waiting(self) -> tuple[int, int]:
        """Messages visible, and messages in flight."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        said = self.cloud.sqs.get_queue_attributes(QueueUrl=self.made.queue_url, AttributeNames=names)["Attributes"]
        return int(said[names[0]]), int(said[names[1]])

    def drained(self, within: float = 60) -> None:
        eventually(lambda: self.waiting() == (0, 0), within)

    def items(self) -> dict[tuple[str, str], dict[str, Any]]:
        """All facts of emails, by key, without what may differ between copies."""
        read = TypeDeserializer().deserialize
        found = {}
        for page in self.cloud.dynamodb.get_paginator("scan").paginate(TableName=self.made.table_name):
            for wire in page["Items"]:
                item = {name: read(value) for name, value in wire.items() if name not in OF_THE_COPY}
                if item["pk"].startswith("EMAIL#"):
                    found[item["pk"], item["sk"]] = item
        return found

    def status(self, email_id: str) -> EmailStatus:
        return status(email_id, ActivityTable(self.cloud.dynamodb, self.made.table_name).facts(email_id))

    def dead_letters(self) -> list[tuple[str, str]]:
        """(body, reason) of every one; they are taken out of the queue."""
        found = []
        while messages := self.cloud.sqs.receive_message(
            QueueUrl=self.made.dead_letter_queue_url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        ).get("Messages"):
            for each in messages:
                reason = each.get("MessageAttributes", {}).get("reason", {}).get("StringValue", "")
                found.append((each["Body"], reason))
                self.cloud.sqs.delete_message(
                    QueueUrl=self.made.dead_letter_queue_url, ReceiptHandle=each["ReceiptHandle"]
                )
        return found

    @contextmanager
    def worker(self, *arguments: str, app: str = "email_activity", **environment: str) -> Iterator["Worker"]:
        """A real Celery worker, in a session of its own; what it leaves running is killed.

        app: the worker's own, or a module of tests/chaos that changes it.
        """
        log = self.folder / f"worker-{time.monotonic_ns()}.log"
        command = [sys.executable, "-m", "celery", "-A", app, "worker", "--without-gossip", "--without-mingle"]
        arguments = arguments or ("--concurrency", "2")
        # A worker that is killed leaves a folder behind.
        own = {"TMPDIR": str(self.folder), **(CHAOS if app != "email_activity" else {})}
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*command, "-n", f"{log.stem}@test", *arguments],
                env={**os.environ, **own, **self.as_role("worker"), **environment},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            yield Worker(process, log)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def celery(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """As an operator runs it beside the workers."""
        return self._run("celery", "-A", "email_activity", *arguments, **environment)

    def active_tasks(self, **environment: str) -> list[str]:
        """Their names, by remote control; none while no worker answers."""
        answer = self.celery("inspect", "active", "--json", "--timeout", "2", **environment)
        if answer.returncode:
            return []
        return [task["name"] for tasks in json.loads(answer.stdout).values() for task in tasks]

    def health(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        """The exit code of `email-activity health`, and what it tells."""
        ended = self._run("email_activity.cli", "health", "--json", *arguments)
        return ended.returncode, json.loads(ended.stdout)

    def _run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        variables = {**os.environ, **self.environment, **environment}
        command = (sys.executable, "-m", *command)
        return subprocess.run(command, env=variables, capture_output=True, text=True, check=False)


@dataclass(frozen=True)
class Worker:
    process: subprocess.Popen[bytes]
    log: Path

    def said(self, text: str) -> bool:
        return text in self.log.read_text(errors="replace")

    def children(self) -> list[int]:
        """Of the pool, in the order of their start. Without an event loop it is another thread that starts new ones."""
        found: list[int] = []
        for thread in Path(f"/proc/{self.process.pid}/task").iterdir():
            with suppress(FileNotFoundError, ProcessLookupError):  # it may end meanwhile
                found += [int(child) for child in (thread / "children").read_text().split()]
        return sorted(found)

    def stop(self, within: float = 30) -> float:
        """Seconds that a warm shutdown took."""
        start = time.monotonic()
        self.process.terminate()
        self.process.wait(within)
        return time.monotonic() - start
