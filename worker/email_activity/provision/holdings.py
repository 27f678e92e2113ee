"""What would be lost with a queue or the table, as the services count it.

Both counts are approximate. SQS's takes up to a minute to be right, DynamoDB's up to six hours on AWS.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TableDescription.html (ItemCount)
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from email_activity.provision import table
from email_activity.provision.changes import Change
from email_activity.provision.cloud import Cloud
from email_activity.provision.deployment import Deployment

if TYPE_CHECKING:
    from mypy_boto3_sqs.literals import QueueAttributeNameType

#: To be received, received and not yet deleted, and sent with a delay.
COUNTS: "tuple[QueueAttributeNameType, ...]" = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)

QUEUE_TYPE = "AWS::SQS::Queue"


@dataclass(frozen=True, slots=True)
class Holdings:
    """Numbers of messages in the two queues, and of items in the table; 0 of what is not there."""

    events: int
    dead_letters: int
    items: int


def held(cloud: Cloud, wanted: Deployment) -> Holdings:
    found = table.describe(cloud, wanted.table) or {}
    return Holdings(messages(cloud, wanted.queue), messages(cloud, wanted.dead_letter_queue), found.get("ItemCount", 0))


def messages(cloud: Cloud, queue: str) -> int:
    try:
        url = cloud.sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    except cloud.sqs.exceptions.QueueDoesNotExist:
        return 0
    said = cloud.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=COUNTS)["Attributes"]
    return sum(int(said.get(name, "0")) for name in COUNTS)


def removed_queues(cloud: Cloud, wanted: Deployment) -> list[Change]:
    """The changes that go with the removal of the whole stack."""
    queues = {"Queue": wanted.queue, "DeadLetterQueue": wanted.dead_letter_queue}
    return [Change("Remove", name, QUEUE_TYPE, messages=messages(cloud, queue)) for name, queue in queues.items()]


def counted(cloud: Cloud, wanted: Deployment, proposed: Iterable[Change]) -> tuple[Change, ...]:
    """The same changes; those that take a queue away say how many messages are in it."""
    queues = {"Queue": wanted.queue, "DeadLetterQueue": wanted.dead_letter_queue}
    return tuple(
        replace(change, messages=messages(cloud, queues[change.resource]))
        if change.takes_away and change.resource in queues
        else change
        for change in proposed
    )
