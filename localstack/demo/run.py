"""The demo from start to end: stand-ins, provision, publish, a real worker, wait, reconcile."""

import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import boto3

from demo import stand_ins
from demo.reconcile import Reconciliation, reconcile
from demo.story import Published, story
from email_activity.activity.query import ActivityTable
from email_activity.activity.status import EmailStatus, status
from email_activity.provision.cloud import Cloud
from email_activity.provision.deployment import Deployment
from email_activity.provision.provisioner import Provisioned
from provision import StandInProvisioner

PREFIX = "demo"
REGION = "us-east-1"

#: Seconds until the demo gives up waiting. It takes about five.
PATIENCE = 60

#: Accepted by the stand-ins, and by nobody else: real credentials of the shell are never used.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "demo", "AWS_SECRET_ACCESS_KEY": "demo", "AWS_SESSION_TOKEN": ""}

#: Nobody wants to wait for a demo: short polls.
QUICK = {
    "POLL_SECONDS": "5",
    "RECEIVE_WAIT_SECONDS": "1",
    "THREADS_PER_PROCESS": "2",
    "LEASE_SECONDS": "5",
    "LOG_FORMAT": "json",
}

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Demo:
    """A demo that runs: the settings to look around with, and what was published."""

    cloud: Cloud
    environment: Mapping[str, str]
    made: Provisioned
    published: list[Published]
    log: Path

    def emails(self) -> list[EmailStatus]:
        """Of every email that was published, also of those that should not be there."""
        table = ActivityTable(self.cloud.dynamodb, self.made.table_name)
        ids = sorted({each.email_id for each in self.published if each.email_id})
        return [status(email_id, table.facts(email_id)) for email_id in ids]

    def reconcile(self) -> Reconciliation:
        return reconcile(self.published, self.emails(), self._dead_letters(), self._waiting())

    def wait(self, advance: Callable[[int], None]) -> Reconciliation:
        """Until all is accounted for, or PATIENCE ends. advance: is told how many are accounted for so far."""
        deadline = time.monotonic() + PATIENCE
        while True:
            result = self.reconcile()
            advance(len(self.published) - len(result.missing) - result.waiting)
            if result.ok or time.monotonic() > deadline:
                return result
            time.sleep(0.2)

    def _waiting(self) -> int:
        answer = self.cloud.sqs.get_queue_attributes(
            QueueUrl=self.made.queue_url,
            AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
        )
        return sum(map(int, answer["Attributes"].values()))

    def _dead_letters(self) -> list[tuple[str, str]]:
        """A look that hides none of them: what SNS was given, and the reason."""
        answer = self.cloud.sqs.receive_message(
            QueueUrl=self.made.dead_letter_queue_url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=0,
            MessageAttributeNames=["All"],
        )
        messages = answer.get("Messages", [])
        reasons = [each.get("MessageAttributes", {}).get("reason") for each in messages]
        return [
            (json.loads(each["Body"])["Message"], reason["StringValue"] if reason else "")
            for each, reason in zip(messages, reasons, strict=True)
        ]


@contextmanager
def running_demo(say: Say) -> Iterator[Demo]:
    """Everything ends with the block. Raises StandInError if a stand-in is missing."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="email-activity-demo-")))
        say("Starting stand-ins for AWS (ministack) and Redis (Valkey)")
        endpoint = stack.enter_context(stand_ins.aws(folder / "aws.log"))
        redis_url = stack.enter_context(stand_ins.redis())
        say("Provisioning the topic, the queues and the table from the template")
        session = boto3.Session(aws_access_key_id="demo", aws_secret_access_key="demo", region_name=REGION)  # noqa: S106
        cloud = Cloud.connect(region=REGION, endpoint_url=endpoint, session=session)
        made = StandInProvisioner(cloud, Deployment(prefix=PREFIX)).deploy()
        urls = {"REDIS_URL": redis_url, "CELERY_BROKER_URL": redis_url}
        environment = made.environment() | CREDENTIALS | urls | {"HEALTH_FILE": str(folder / "poll")}
        published = story(datetime.now(UTC))
        say(f"Publishing {len(published)} messages to the SNS topic, out of order and some of them twice")
        for each in published:
            cloud.sns.publish(TopicArn=str(made.topic_arn), Message=each.body)
        say("Starting a Celery worker with two processes")
        stack.enter_context(stand_ins.worker(environment | QUICK, folder / "worker.log"))
        yield Demo(cloud, environment, made, published, folder / "worker.log")
