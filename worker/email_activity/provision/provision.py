"""Make the infrastructure, check it, and take it away again. `config/template.yaml` is its only definition.

On AWS: a change set, shown and approved, then executed. On a stand-in (LocalStack, ministack): a fresh stack each
time something differs, since updates there say COMPLETE and change nothing; then what it left out, by API.
Everywhere: the state that results is read back from each service.

The table outlives its stack. It is kept when the stack goes, and a later stack takes it over: it is made with
CreateTable=false, and uses the table by its name. That is the same on AWS and on the stand-ins, and it never risks
the table. Auto-import by change set would not do: it takes static names only. Such a stack does not own the table;
to hand it back to CloudFormation, import it in the console (logical id Table, CreateTable=true), and from then on
`provision` sees it as the stack's own. A table of another shape is refused before anything is made.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources-automatically.html

A table that somebody deleted comes back under the same stack. CloudFormation believes that it is there still, so
its change sets are empty. Two updates bring it back: with CreateTable=false the stack gives up a table that it may
not delete (Retain), and with CreateTable=true it makes one. Shown with made-up answers; no stand-in can update.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-deletionpolicy.html

A first creation that fails leaves a stack in ROLLBACK_COMPLETE, which can only be deleted; the next run does that,
and takes over the empty table if one was made already.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from email_activity.provision import changes, checks, findings, holdings, stack, standin, table
from email_activity.provision.cloud import Cloud, NotApprovedError, ProvisionError
from email_activity.provision.deployment import Deployment, template_digest
from email_activity.provision.provisioned import Provisioned, Removed
from email_activity.provision.stack import Report, Stack

__all__ = ["Provisioned", "Removed", "deploy", "remove"]

Approve = Callable[[Sequence[changes.Change]], bool]

#: What a creation that failed or was never begun leaves.
LEFT_OVER = frozenset({"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED", "REVIEW_IN_PROGRESS"})

#: Seconds. A queue's changed attributes are told only after up to a minute.
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
PROPAGATION = 75

AT_REST = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE"})


@dataclass(frozen=True, slots=True)
class Audience:
    """Whoever is shown the changes and the progress."""

    approve: Approve
    report: Report


def always(proposed: Sequence[changes.Change]) -> bool:
    del proposed
    return True


def silently(line: str) -> None:
    del line


def deploy(
    cloud: Cloud,
    wanted: Deployment | None = None,
    *,
    approve: Approve = always,
    report: Report = silently,
) -> Provisioned:
    """Bring about what is wanted, and check it. Raises NotApprovedError before anything is changed."""
    wanted = wanted or Deployment()
    found = stack.find(cloud, wanted.stack)
    existing = table.describe(cloud, wanted.table)
    if existing and not (found and found.owns_table):
        table.refuse_if_other(existing)
    bring_about = _deploy_on_stand_in if cloud.is_stand_in else _deploy_on_aws
    changed = bring_about(cloud, wanted, found, Audience(approve, report), table_exists=bool(existing))
    return _provisioned(cloud, wanted, changed=changed)


def _deploy_on_aws(
    cloud: Cloud, wanted: Deployment, found: Stack | None, audience: Audience, *, table_exists: bool
) -> bool:
    if found and found.status in LEFT_OVER:
        _demand(audience, _removal(cloud, wanted, found))
        _delete_stack(cloud, wanted, found, audience.report)
        found, table_exists = None, bool(table.describe(cloud, wanted.table))
    if found and found.status not in AT_REST:
        raise ProvisionError(f"the stack {found.name} is {found.status}: somebody else is at it, or it needs mending")
    if found and found.owns_table and not table_exists:
        audience.report(f"the table {wanted.table} is gone, though the stack has it: it is made again, empty")
        again = changes.Change("Add", "Table", "AWS::DynamoDB::Table")
        _update(cloud, wanted, audience, create_table=False, exists=True, then=(again,))
        # What it does was approved with the first one.
        audience = replace(audience, approve=always)
    create_table = not table_exists or bool(found and found.owns_table)
    return _update(cloud, wanted, audience, create_table=create_table, exists=bool(found))


def _update(  # noqa: PLR0913  each is a part of what is asked for
    cloud: Cloud,
    wanted: Deployment,
    audience: Audience,
    *,
    create_table: bool,
    exists: bool,
    then: tuple[changes.Change, ...] = (),
) -> bool:
    """Propose, ask, execute; whether there was anything to do. then: what follows and is asked for here."""
    proposal = changes.propose(cloud, wanted, create_table=create_table, exists=exists)
    if not proposal:
        audience.report("no changes")
        return False
    try:
        _demand(audience, (*holdings.counted(cloud, wanted, proposal.changes), *then))
    except BaseException:
        # Also when the question is answered by Ctrl-C: nothing may be left behind by a look.
        changes.discard(cloud, proposal)
        raise
    stack.execute(cloud, proposal, audience.report)
    return True


def _deploy_on_stand_in(
    cloud: Cloud, wanted: Deployment, found: Stack | None, audience: Audience, *, table_exists: bool
) -> bool:
    if found and _is_as_wanted(cloud, wanted, found):
        audience.report("no changes")
        return False
    plan = _removal(cloud, wanted, found) if found else []
    plan.append(changes.Change("Add", wanted.stack, "AWS::CloudFormation::Stack"))
    if table_exists:
        plan.append(changes.Change("Keep", wanted.table, "AWS::DynamoDB::Table"))
    _demand(audience, plan)
    _delete_stack(cloud, wanted, found, audience.report)
    table_exists = bool(table.describe(cloud, wanted.table))
    stack.create(cloud, wanted, create_table=not table_exists, report=audience.report)
    topic_arn = findings.arn(cloud, wanted, "sns", wanted.topic) if wanted.source == "sns" else None
    standin.complete(cloud, wanted, topic_arn)
    return True


def _is_as_wanted(cloud: Cloud, wanted: Deployment, found: Stack) -> bool:
    """So that a second run keeps the queue and what is in it."""
    parameters = wanted.parameters(create_table=found.parameters.get("CreateTable") == "true")
    same = {p["ParameterKey"]: p["ParameterValue"] for p in parameters} == found.parameters
    return same and found.digest == template_digest() and all(check.ok for check in checks.inspect(cloud, wanted))


def _removal(cloud: Cloud, wanted: Deployment, found: Stack) -> list[changes.Change]:
    """Of a stack with its queues and what is in them."""
    status = found.status if found.status in LEFT_OVER else ""
    gone = changes.Change("Remove", found.name, "AWS::CloudFormation::Stack", status)
    return [gone, *holdings.removed_queues(cloud, wanted)]


def _demand(audience: Audience, proposed: Sequence[changes.Change]) -> None:
    if not audience.approve(proposed):
        raise NotApprovedError


def _provisioned(cloud: Cloud, wanted: Deployment, *, changed: bool) -> Provisioned:
    made = stack.find(cloud, wanted.stack)
    outputs = made.outputs if made else {}
    return Provisioned(
        region=cloud.region,
        endpoint_url=cloud.endpoint_url,
        queue_url=outputs["QueueUrl"],
        dead_letter_queue_url=outputs["DeadLetterQueueUrl"],
        table_name=outputs["TableName"],
        topic_arn=outputs.get("TopicArn"),
        configuration_set=outputs["ConfigurationSetName"],
        worker_policy_arn=outputs.get("WorkerPolicyArn"),
        reader_policy_arn=outputs.get("ReaderPolicyArn"),
        operator_policy_arn=outputs.get("OperatorPolicyArn"),
        changed=changed,
        adopted_table=not (made and made.owns_table),
        checks=_settled(cloud, wanted, patience=PROPAGATION if changed and not cloud.is_stand_in else 0),
    )


def _settled(cloud: Cloud, wanted: Deployment, patience: float) -> tuple[checks.Check, ...]:
    patient_until = time.monotonic() + patience
    while True:
        found = tuple(checks.inspect(cloud, wanted))
        if all(check.ok for check in found) or time.monotonic() >= patient_until:
            return found
        time.sleep(cloud.poll_seconds)


def remove(cloud: Cloud, prefix: str, *, delete_table: bool = False, report: Report = silently) -> Removed:
    """Delete the stack, with its queues and what is in them; the table only if told to."""
    wanted = Deployment(prefix=prefix)
    found = stack.find(cloud, wanted.stack)
    _delete_stack(cloud, wanted, found, report)
    deleted = delete_table and table.delete(cloud, wanted.table)
    kept = not deleted and table.describe(cloud, wanted.table) is not None
    return Removed(stack=bool(found), table_deleted=deleted, table_kept=kept)


def _delete_stack(cloud: Cloud, wanted: Deployment, found: Stack | None, report: Report) -> None:
    if found:
        if cloud.is_stand_in:
            standin.protect_table(cloud, wanted)
        stack.delete(cloud, found, report)
    if cloud.is_stand_in:
        standin.forget(cloud, wanted)
