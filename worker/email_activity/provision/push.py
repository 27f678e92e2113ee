"""Push: new failures to a topic or a bus, by the table's stream and a pipe. docs/push.md says what is pushed."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from email_activity.provision.cloud import Cloud, ProvisionError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TableDescriptionTypeDef

#: The template's own rules. FIFO topics are no target of a pipe.
TARGET = re.compile(
    r"arn:[a-z-]+:(sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]+|events:[a-z0-9-]+:\d{12}:event-bus/[A-Za-z0-9._/-]+)"
)
KEY = re.compile(r"arn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+")

#: What a stream has to hold of an item.
VIEW = "NEW_IMAGE"


def is_bus(target: str) -> bool:
    return ":event-bus/" in target


def stream_label(table: "TableDescriptionTypeDef") -> str:
    """Of a table that the stack uses but does not own, and whose stream it therefore cannot turn on."""
    if view(table) not in {VIEW, "NEW_AND_OLD_IMAGES"}:
        raise ProvisionError(
            f"the table {table['TableName']} was there before the stack, which cannot turn on its stream. Do it first: "
            f"aws dynamodb update-table --table-name {table['TableName']} "
            f"--stream-specification StreamEnabled=true,StreamViewType={VIEW}"
        )
    return table.get("LatestStreamLabel", "")


def view(table: "TableDescriptionTypeDef | None") -> str:
    return (table or {}).get("StreamSpecification", {}).get("StreamViewType", "off")


def inspect(cloud: Cloud, name: str, target: str) -> Iterator[tuple[str, str, str | None]]:
    """Findings as those of `checks.py`."""
    got = cloud.pipes.describe_pipe(Name=name)
    # AWS stops a pipe that is refused for long, and says why.
    yield "state", "RUNNING", ": ".join(filter(None, (got.get("CurrentState"), got.get("StateReason"))))
    yield "goes to", target, got.get("Target")
