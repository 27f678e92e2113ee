"""CloudFormation: find a stack, make it, delete it; and follow what happens until it is done."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from email_activity.provision.changes import ChangeSet
from email_activity.provision.cloud import Cloud, ProvisionError, code
from email_activity.provision.deployment import Deployment, template, template_digest

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackEventTypeDef

Report = Callable[[str], None]

#: Seconds. Making a table with its indexes takes a minute or two; an update that adds one can take much longer.
PATIENCE = 3600

#: Seconds. LocalStack ignores DeletionPolicy, fails to delete the protected table, and then goes on to the end:
#: its DELETE_FAILED passes.
STAND_IN_PATIENCE = 30

#: Follows from another failure, and so explains nothing.
CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Stack:
    id: str
    name: str
    status: str
    parameters: dict[str, str]
    outputs: dict[str, str]
    digest: str | None
    owns_table: bool


def find(cloud: Cloud, name: str) -> Stack | None:
    try:
        found = cloud.cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        listed = cloud.cloudformation.describe_stack_resources(StackName=name)["StackResources"]
    except ClientError as error:
        # CloudFormation has no error of its own for a stack that is not there.
        if code(error) == "ValidationError" and "does not exist" in str(error):
            return None
        raise
    return Stack(
        id=found.get("StackId", name),
        name=name,
        status=found["StackStatus"],
        parameters={p["ParameterKey"]: p.get("ParameterValue", "") for p in found.get("Parameters", [])},
        outputs={o["OutputKey"]: o["OutputValue"] for o in found.get("Outputs", [])},
        digest=next((tag["Value"] for tag in found.get("Tags", []) if tag["Key"] == "template"), None),
        owns_table=any(r["LogicalResourceId"] == "Table" and "DELETE" not in r["ResourceStatus"] for r in listed),
    )


def execute(cloud: Cloud, proposal: ChangeSet, report: Report) -> None:
    seen = {event["EventId"] for event in _events(cloud, proposal.stack_id)}
    cloud.cloudformation.execute_change_set(ChangeSetName=proposal.id)
    follow(cloud, proposal.stack_id, seen, report)


def create(cloud: Cloud, wanted: Deployment, *, create_table: bool, report: Report) -> None:
    """For stand-ins, whose change sets and updates cannot be relied on."""
    made = cloud.cloudformation.create_stack(
        StackName=wanted.stack,
        TemplateBody=template(),
        Parameters=wanted.parameters(create_table=create_table),
        Capabilities=["CAPABILITY_IAM"],
        Tags=[{"Key": "template", "Value": template_digest()}],
    )
    follow(cloud, made["StackId"], set(), report)


def delete(cloud: Cloud, found: Stack, report: Report) -> None:
    seen = {event["EventId"] for event in _events(cloud, found.id)}
    cloud.cloudformation.delete_stack(StackName=found.id)
    follow(cloud, found.id, seen, report)


def follow(cloud: Cloud, stack_id: str, seen: set[str], report: Report) -> None:
    """Report each event until the stack is at rest; raise if it does not rest where it should."""
    failures: list[str] = []
    moved = cloud.is_stand_in
    began = time.monotonic()
    while (waited := time.monotonic() - began) < PATIENCE:
        status = _status(cloud, stack_id)
        for event in reversed(list(_unseen(cloud, stack_id, seen))):
            line = f"{event.get('ResourceStatus', '')} {event.get('LogicalResourceId', '')}"
            reason = event.get("ResourceStatusReason", "")
            moved = True
            if not (cloud.is_stand_in and line.startswith("DELETE_FAILED")):
                report(f"{line}: {reason}" if reason else line)
            if event.get("ResourceStatus", "").endswith("_FAILED") and CANCELLED not in reason:
                failures.append(f"{event.get('LogicalResourceId', '')}: {reason or 'no reason given'}")
        passing = cloud.is_stand_in and status == "DELETE_FAILED" and waited < STAND_IN_PATIENCE
        # Asked too soon, AWS may still tell how the stack rested before.
        begun = moved or status == "DELETE_COMPLETE"
        if begun and not status.endswith("_IN_PROGRESS") and not passing:
            if status in {"CREATE_COMPLETE", "UPDATE_COMPLETE", "DELETE_COMPLETE"}:
                return
            raise ProvisionError(f"the stack is {status}. {'; '.join(failures)}".rstrip(". "))
        time.sleep(cloud.poll_seconds)
    raise ProvisionError(f"the stack is still {_status(cloud, stack_id)} after {PATIENCE} s; look at it in the console")


def _status(cloud: Cloud, stack_id: str) -> str:
    try:
        return cloud.cloudformation.describe_stacks(StackName=stack_id)["Stacks"][0]["StackStatus"]
    except ClientError as error:
        # AWS still tells of a deleted stack when asked by its id; stand-ins may not.
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
