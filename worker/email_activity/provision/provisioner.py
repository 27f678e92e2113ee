"""Make the infrastructure, check it, and take it away again. `config/template.yaml` is its only definition.

A change set is proposed, shown and approved, then executed; then the state that results is read back from each service.

The table outlives its stack. It is kept when the stack goes, and a later stack takes it over: it is made with
CreateTable=false, and uses the table by its name, which never risks the table. Auto-import by change set would not do:
it takes static names only. Such a stack does not own the table; to hand it back to CloudFormation, import it in the
console (logical id Table, CreateTable=true), and from then on `provision` sees it as the stack's own. A table of
another shape is refused before anything is made.
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
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from email_activity.provision import push, resources, stack
from email_activity.provision.checks import CheckResult, inspect
from email_activity.provision.cloud import Cloud, NotApprovedError, ProvisionError
from email_activity.provision.deployment import Deployment
from email_activity.provision.stack import FAILED_CREATION, STABLE, Change, Report, Stack

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TableDescriptionTypeDef

Approve = Callable[[Sequence[Change]], bool]

#: Seconds. A queue's changed attributes are told only after up to a minute.
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
PROPAGATION = 75


@dataclass(frozen=True, slots=True)
class Prompts:
    """approve: shown the changes before the first is made. report: shown each line of progress."""

    approve: Approve = lambda _: True
    report: Report = lambda _: None


@dataclass(frozen=True, slots=True, kw_only=True)
class Provisioned:
    """What is there now, and what the worker needs to know of it."""

    region: str
    endpoint_url: str | None
    queue_url: str
    dead_letter_queue_url: str
    table_name: str
    topic_arn: str | None
    configuration_set: str
    worker_policy_arn: str | None
    reader_policy_arn: str | None
    operator_policy_arn: str | None
    eraser_policy_arn: str | None
    changed: bool
    adopted_table: bool
    checks: tuple[CheckResult, ...]

    @property
    def ok(self) -> bool:
        return all(check.ok for check in self.checks)

    def environment(self) -> dict[str, str]:
        """The worker's settings."""
        settings = {
            "AWS_REGION": self.region,
            "AWS_ENDPOINT_URL": self.endpoint_url or "",
            "EVENTS_QUEUE": self.queue_url,
            "DEAD_LETTER_QUEUE": self.dead_letter_queue_url,
            "ACTIVITY_TABLE": self.table_name,
        }
        return {name: value for name, value in settings.items() if value}

    def as_dict(self) -> dict[str, object]:
        policies = ("worker_policy_arn", "reader_policy_arn", "operator_policy_arn", "eraser_policy_arn")
        names = (*policies, "adopted_table")
        return {
            **{name: getattr(self, name) for name in ("ok", "changed", "configuration_set", "topic_arn", *names)},
            "environment": self.environment(),
            "checks": [asdict(check) for check in self.checks],
        }


@dataclass(frozen=True, slots=True)
class Removed:
    stack: bool
    table_deleted: bool
    table_kept: bool


class Provisioner:
    """One deployment in one account and region. Its methods raise ProvisionError and what boto3 raises."""

    #: Seconds for which changed attributes are waited for.
    propagation: float = PROPAGATION

    def __init__(self, cloud: Cloud, wanted: Deployment | None = None, prompts: Prompts | None = None) -> None:
        self.cloud = cloud
        self.wanted = wanted or Deployment()
        self.prompts = prompts or Prompts()

    def deploy(self) -> Provisioned:
        """Bring about what is wanted, and check it. Raises NotApprovedError before anything is changed."""
        found, table = self._stack(), self.describe_table()
        if table and not (found and found.owns_table):
            resources.refuse_other_shape(table)
            if self.wanted.push_to:
                self.wanted = replace(self.wanted, table_stream=push.stream_label(table))
        changed = self.apply(found, table_exists=bool(table))
        return self._provisioned(changed=changed)

    def remove(self, *, delete_table: bool = False) -> Removed:
        """Delete the stack, with its queues and what is in them; the table only if told to."""
        found = self._stack()
        self.delete_stack(found)
        deleted = delete_table and resources.delete_table(self.cloud, self.wanted.prefix)
        kept = not deleted and self.describe_table() is not None
        return Removed(stack=bool(found), table_deleted=deleted, table_kept=kept)

    def apply(self, found: Stack | None, *, table_exists: bool) -> bool:
        """Whether anything was changed."""
        if found and found.status in FAILED_CREATION:
            self.require_approval(self.removal(found))
            self.delete_stack(found)
            found, table_exists = None, bool(self.describe_table())
        if found and found.status not in STABLE:
            raise ProvisionError(
                f"the stack {found.name} is {found.status}: somebody else is at it, or it needs mending"
            )
        if found and found.owns_table and not table_exists:
            self.prompts.report(
                f"the table {self.wanted.prefix} is gone, though the stack has it: it is made again, empty"
            )
            again = Change("Add", "Table", "AWS::DynamoDB::Table")
            self._update(create_table=False, exists=True, then=(again,))
            # What it does was approved with the first one.
            return self._update(create_table=True, exists=True, is_approved=True)
        return self._update(create_table=not table_exists or bool(found and found.owns_table), exists=bool(found))

    def delete_stack(self, found: Stack | None) -> None:
        if found:
            stack.delete(self.cloud, found, self.prompts.report)

    def inspect(self) -> tuple[CheckResult, ...]:
        return tuple(inspect(self.cloud, self.wanted))

    def removal(self, found: Stack) -> list[Change]:
        """Of a stack with its queues and what is in them."""
        status = found.status if found.status in FAILED_CREATION else ""
        queues = (Change("Remove", name, "AWS::SQS::Queue") for name in ("Queue", "DeadLetterQueue"))
        return [
            Change("Remove", found.name, "AWS::CloudFormation::Stack", status),
            *resources.with_messages(self.cloud, self.wanted, queues),
        ]

    def require_approval(self, proposed: Sequence[Change]) -> None:
        if not self.prompts.approve(proposed):
            raise NotApprovedError

    def describe_table(self) -> "TableDescriptionTypeDef | None":
        return resources.describe_table(self.cloud, self.wanted.prefix)

    def _stack(self) -> Stack | None:
        return stack.find(self.cloud, self.wanted.prefix)

    def _update(
        self, *, create_table: bool, exists: bool, then: tuple[Change, ...] = (), is_approved: bool = False
    ) -> bool:
        """Propose, ask, execute; whether there was anything to do. then: what follows and is asked for here."""
        proposal = stack.propose(self.cloud, self.wanted, create_table=create_table, exists=exists)
        if not proposal:
            self.prompts.report("no changes")
            return False
        try:
            if not is_approved:
                self.require_approval((*resources.with_messages(self.cloud, self.wanted, proposal.changes), *then))
        except BaseException:
            # Also when the question is answered by Ctrl-C: nothing may be left behind by a look.
            stack.discard(self.cloud, proposal)
            raise
        stack.execute(self.cloud, proposal, self.prompts.report)
        return True

    def _provisioned(self, *, changed: bool) -> Provisioned:
        made = self._stack()
        outputs = made.outputs if made else {}
        return Provisioned(
            region=self.cloud.region,
            endpoint_url=self.cloud.endpoint_url,
            queue_url=outputs["QueueUrl"],
            dead_letter_queue_url=outputs["DeadLetterQueueUrl"],
            table_name=outputs["TableName"],
            topic_arn=outputs.get("TopicArn"),
            configuration_set=outputs["ConfigurationSetName"],
            worker_policy_arn=outputs.get("WorkerPolicyArn"),
            reader_policy_arn=outputs.get("ReaderPolicyArn"),
            operator_policy_arn=outputs.get("OperatorPolicyArn"),
            eraser_policy_arn=outputs.get("EraserPolicyArn"),
            changed=changed,
            adopted_table=not (made and made.owns_table),
            checks=self._settled(self.propagation if changed else 0),
        )

    def _settled(self, seconds: float) -> tuple[CheckResult, ...]:
        """The checks as soon as all are good, at the latest after so many seconds."""
        until = time.monotonic() + seconds
        while True:
            found = self.inspect()
            if all(check.ok for check in found) or time.monotonic() >= until:
                return found
            time.sleep(self.cloud.poll_seconds)
