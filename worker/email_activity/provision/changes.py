"""CloudFormation's change sets: what would be done, before it is.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-changesets.html
"""

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from email_activity.provision.cloud import Cloud, ProvisionError
from email_activity.provision.deployment import Deployment, template

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.literals import ChangeSetTypeType
    from mypy_boto3_cloudformation.type_defs import DescribeChangeSetOutputTypeDef

#: What CloudFormation says of a change set that changes nothing; it is then FAILED and cannot be executed.
#: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-changesets-create.html
NO_CHANGES = ("didn't contain changes", "No updates are to be performed")


@dataclass(frozen=True, slots=True)
class Change:
    """messages: how many a queue holds that would go."""

    action: str
    resource: str
    type: str
    replacement: str = ""
    messages: int = 0

    @property
    def takes_away(self) -> bool:
        return self.action == "Remove" or self.replacement in {"True", "Conditional"}

    def as_dict(self) -> dict[str, str | int]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class ChangeSet:
    id: str
    stack_id: str
    makes_the_stack: bool
    changes: tuple[Change, ...]


def propose(cloud: Cloud, wanted: Deployment, *, create_table: bool, exists: bool) -> ChangeSet | None:
    """The change set that leads to what is wanted; None if all is so already."""
    kind: ChangeSetTypeType = "UPDATE" if exists else "CREATE"
    made = cloud.cloudformation.create_change_set(
        StackName=wanted.stack,
        ChangeSetName=f"provision-{time.time_ns()}",
        ChangeSetType=kind,
        TemplateBody=template(),
        Parameters=wanted.parameters(create_table=create_table),
        Capabilities=["CAPABILITY_IAM"],
    )
    described = _wait_for_change_set(cloud, made["Id"])
    proposal = ChangeSet(made["Id"], made["StackId"], not exists, tuple(_changes(cloud, made["Id"])))
    if described["Status"] != "FAILED":
        return proposal
    discard(cloud, proposal)
    reason = described.get("StatusReason", "no reason given")
    if any(text in reason for text in NO_CHANGES):
        return None
    raise ProvisionError(f"CloudFormation refuses the change set: {reason}")


def discard(cloud: Cloud, proposal: ChangeSet) -> None:
    """A change set that was to make the stack leaves an empty one in REVIEW_IN_PROGRESS: it goes too."""
    if proposal.makes_the_stack:
        cloud.cloudformation.delete_stack(StackName=proposal.stack_id)
    else:
        cloud.cloudformation.delete_change_set(ChangeSetName=proposal.id)


def _wait_for_change_set(cloud: Cloud, change_set: str) -> "DescribeChangeSetOutputTypeDef":
    while (described := cloud.cloudformation.describe_change_set(ChangeSetName=change_set))["Status"] in {
        "CREATE_PENDING",
        "CREATE_IN_PROGRESS",
    }:
        time.sleep(cloud.poll_seconds)
    return described


def _changes(cloud: Cloud, change_set: str) -> Iterator[Change]:
    for page in cloud.cloudformation.get_paginator("describe_change_set").paginate(ChangeSetName=change_set):
        for change in page["Changes"]:
            about = change.get("ResourceChange", {})
            yield Change(
                action=about.get("Action", ""),
                resource=about.get("LogicalResourceId", ""),
                type=about.get("ResourceType", ""),
                replacement=about.get("Replacement", ""),
            )
