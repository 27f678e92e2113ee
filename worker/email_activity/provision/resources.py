"""What the table and the queues hold: whether a table can be taken over, and what would be lost with either.

Counts are approximate. SQS's takes up to a minute to be right, DynamoDB's up to six hours on AWS.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TableDescription.html (ItemCount)
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from email_activity.domain.indexes import INDEXES
from email_activity.provision.cloud import Cloud, ProvisionError
from email_activity.provision.deployment import Deployment
from email_activity.provision.stack import Change

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TableDescriptionTypeDef
    from mypy_boto3_sqs.literals import QueueAttributeNameType

KEYS = "pk, sk"

#: To be received, received and not yet deleted, and sent with a delay.
COUNTS: "tuple[QueueAttributeNameType, ...]" = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


def contents(cloud: Cloud, wanted: Deployment) -> dict[str, int]:
    """Numbers of messages in the two queues, and of items in the table; 0 of what is not there."""
    return {
        "events": messages(cloud, wanted.queue),
        "dead_letters": messages(cloud, wanted.dead_letter_queue),
        "items": (describe_table(cloud, wanted.prefix) or {}).get("ItemCount", 0),
    }


def messages(cloud: Cloud, queue: str) -> int:
    try:
        url = cloud.sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    except cloud.sqs.exceptions.QueueDoesNotExist:
        return 0
    counts = cloud.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=COUNTS)["Attributes"]
    return sum(int(counts.get(name, "0")) for name in COUNTS)


def with_messages(cloud: Cloud, wanted: Deployment, changes: Iterable[Change]) -> tuple[Change, ...]:
    """The same changes; those that take a queue away say how many messages are in it."""
    queues = {"Queue": wanted.queue, "DeadLetterQueue": wanted.dead_letter_queue}
    return tuple(
        replace(change, messages=messages(cloud, queues[change.resource]))
        if change.takes_away and change.resource in queues
        else change
        for change in changes
    )


def describe_table(cloud: Cloud, name: str) -> "TableDescriptionTypeDef | None":
    try:
        return cloud.dynamodb.describe_table(TableName=name)["Table"]
    except cloud.dynamodb.exceptions.ResourceNotFoundException:
        return None


def refuse_other_shape(found: "TableDescriptionTypeDef") -> None:
    """A table of another shape is somebody else's, or an older release's: neither may be written to."""
    keys, have = key_names(found["KeySchema"]), index_shapes(found)
    faults = [f"its keys are {keys}, not {KEYS}"] if keys != KEYS else []
    for name, wanted in INDEX_SHAPES.items():
        if name not in have:
            faults.append(f"the index {name}({wanted.removesuffix(', KEYS_ONLY')}) is missing")
        elif have[name] != wanted:
            faults.append(f"the index {name} is ({have[name]}), not ({wanted})")
    if faults:
        raise ProvisionError(
            f"the table {found['TableName']} exists and cannot be adopted: {'; '.join(faults)}. "
            "Choose another prefix, or mend the table"
        )


def key_names(schema: Sequence[Any]) -> str:
    """`pk, sk` of a KeySchema."""
    return ", ".join(part["AttributeName"] for part in sorted(schema, key=lambda part: part["KeyType"]))


def index_shapes(table: Mapping[str, Any]) -> dict[str, str]:
    """Of a description or a template: `{"by_document": "document, sent_key, KEYS_ONLY"}`."""
    return {
        index["IndexName"]: f"{key_names(index['KeySchema'])}, {index['Projection']['ProjectionType']}"
        for index in table.get("GlobalSecondaryIndexes", ())
    }


#: What the readers and the writer of facts rely on.
INDEX_SHAPES: Mapping[str, str] = {name: f"{', '.join(keys)}, KEYS_ONLY" for name, keys in INDEXES.items()}


def delete_table(cloud: Cloud, name: str) -> bool:
    """Whether there was one to delete."""
    found = describe_table(cloud, name)
    if not found:
        return False
    if found.get("DeletionProtectionEnabled"):
        cloud.dynamodb.update_table(TableName=name, DeletionProtectionEnabled=False)
        cloud.dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 2})
    cloud.dynamodb.delete_table(TableName=name)
    cloud.dynamodb.get_waiter("table_not_exists").wait(TableName=name, WaiterConfig={"Delay": 2})
    return True
