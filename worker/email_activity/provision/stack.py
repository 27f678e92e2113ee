"""CloudFormation: find a stack, propose its changes, execute them, delete it; and follow what happens until it is done.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-changesets.html
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from email_activity.domain.errors import code_of
from email_activity.provision.cloud import Cloud, ProvisionError
from email_activity.provision.deployment import Deployment, template

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import DescribeChangeSetOutputTypeDef, StackEventTypeDef

Report = Callable[[str], None]

#: What CloudFormation says of a change set that changes nothing; it is then FAILED and cannot be executed.
#: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-changesets-create.html
NO_CHANGES = ("didn't contain changes", "No updates are to be performed")

#: What a creation that failed or was never begun leaves.
FAILED_CREATION = frozenset(
    {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED", "REVIEW_IN_PROGRESS"}
)

#: A stack that can be updated.
STABLE = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE"})

#: Seconds. Making a table with its indexes takes a minute or two; an update that adds one can take much longer.
FOLLOW_FOR = 3600

#: Follows from another failure, and so explains nothing.
CANCELLED = "cancelled"


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


@dataclass(frozen=True, slots=True)
class ChangeSet:
    id: str
    stack_id: str
    makes_the_stack: bool
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Stack:
    id: str
    name: str
    status: str
    parameters: dict[str, str]
    outputs: dict[str, str]
    tags: dict[str, str]
    owns_table: bool


def find(cloud: Cloud, name: str) -> Stack | None:
    try:
        found = cloud.cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        resources = cloud.cloudformation.describe_stack_resources(StackName=name)["StackResources"]
    except ClientError as error:
        # CloudFormation has no error of its own for a stack that is not there.
        if code_of(error) == "ValidationError" and "does not exist" in str(error):
            return None
        raise
    return Stack(
        id=found.get("StackId", name),
        name=name,
        status=found["StackStatus"],
        parameters={each["ParameterKey"]: each.get("ParameterValue", "") for each in found.get("Parameters", [])},
        outputs={each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])},
        tags={each["Key"]: each["Value"] for each in found.get("Tags", [])},
        owns_table=any(r["LogicalResourceId"] == "Table" and "DELETE" not in r["ResourceStatus"] for r in resources),
    )


def propose(cloud: Cloud, wanted: Deployment, *, create_table: bool, exists: bool) -> ChangeSet | None:
    """The change set that leads to what is wanted; None if all is so already. Raises ProvisionError."""
    made = cloud.cloudformation.create_change_set(
        StackName=wanted.prefix,
        ChangeSetName=f"provision-{time.time_ns()}",
        ChangeSetType="UPDATE" if exists else "CREATE",
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


def execute(cloud: Cloud, proposal: ChangeSet, report: Report) -> None:
    seen = {event["EventId"] for event in _events(cloud, proposal.stack_id)}
    cloud.cloudformation.execute_change_set(ChangeSetName=proposal.id)
    follow(cloud, proposal.stack_id, seen, report)


def delete(cloud: Cloud, found: Stack, report: Report) -> None:
    seen = {event["EventId"] for event in _events(cloud, found.id)}
    cloud.cloudformation.delete_stack(StackName=found.id)
    follow(cloud, found.id, seen, report)


def follow(cloud: Cloud, stack_id: str, seen: set[str], report: Report, *, has_begun: bool = False) -> None:
    """Reports each event until the stack is at rest. Raises ProvisionError if it does not rest where it should.

    seen: ids of earlier events. has_begun: False if AWS, asked too soon, may still tell how the stack rested before.
    """
    failures: list[str] = []
    began = time.monotonic()
    while time.monotonic() - began < FOLLOW_FOR:
        status = _status(cloud, stack_id)
        for event in reversed(list(_unseen(cloud, stack_id, seen))):
            has_begun = True
            event_status, resource = event.get("ResourceStatus", ""), event.get("LogicalResourceId", "")
            reason = event.get("ResourceStatusReason", "")
            report(f"{event_status} {resource}: {reason}" if reason else f"{event_status} {resource}")
            if event_status.endswith("_FAILED") and CANCELLED not in reason:
                failures.append(f"{resource}: {reason or 'no reason given'}")
        if (has_begun or status == "DELETE_COMPLETE") and not status.endswith("_IN_PROGRESS"):
            if status in {"CREATE_COMPLETE", "UPDATE_COMPLETE", "DELETE_COMPLETE"}:
                return
            raise ProvisionError(f"the stack is {status}. {'; '.join(failures)}".rstrip(". "))
        time.sleep(cloud.poll_seconds)
    raise ProvisionError(
        f"the stack is still {_status(cloud, stack_id)} after {FOLLOW_FOR} s; look at it in the console"
    )


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


def _status(cloud: Cloud, stack_id: str) -> str:
    try:
        return cloud.cloudformation.describe_stacks(StackName=stack_id)["Stacks"][0]["StackStatus"]
    except ClientError as error:
        # AWS still tells of a deleted stack when asked by its id; others may not.
        if "does not exist" in str(error):
            return "DELETE_COMPLETE"
        raise


def _events(cloud: Cloud, stack_id: str) -> "Iterator[StackEventTypeDef]":
    """Newest first."""
    try:
        for page in cloud.cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack_id):
            yield from page["StackEvents"]
    except ClientError as error:
        if "does not exist" not in str(error):
            raise


def _unseen(cloud: Cloud, stack_id: str, seen: set[str]) -> "Iterator[StackEventTypeDef]":
    for event in _events(cloud, stack_id):
        if event["EventId"] in seen:
            return
        seen.add(event["EventId"])
        yield event
