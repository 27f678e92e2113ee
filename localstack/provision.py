"""`email-activity provision` for what stands in for AWS: makes up for what its CloudFormation leaves out.

    .venv/bin/python localstack/provision.py --endpoint-url http://127.0.0.1:4566 --region us-east-1 --yes

LocalStack 4.9.2 says CREATE_COMPLETE of SES's resources and makes nothing; made through the first SES API they work,
and really publish Send and Delivery. It ignores point-in-time recovery and DeletionPolicy, and its updates say COMPLETE
and change nothing: so a stack that differs is made anew. ministack 1.5.33 stores what the template says, and publishes
nothing. Neither runs pipes: of push there is only the table's stream.
"""

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from email_activity.domain.errors import code_of
from email_activity.domain.kinds import KINDS
from email_activity.provision import checks, push, stack
from email_activity.provision.checks import EXPIRY, NOT_TOLD, CheckResult
from email_activity.provision.cloud import Cloud, ProvisionError
from email_activity.provision.deployment import Deployment, template
from email_activity.provision.provisioner import Prompts, Provisioner
from email_activity.provision.stack import Change, Stack

if TYPE_CHECKING:
    from mypy_boto3_ses import SESClient
    from mypy_boto3_ses.literals import EventTypeType

ALREADY_THERE = frozenset({"ConfigurationSetAlreadyExists", "EventDestinationAlreadyExists"})
NOT_THERE = frozenset({"ConfigurationSetDoesNotExist", "EventDestinationDoesNotExist"})

#: With these, or with HTTP's 501, a stand-in says that it does not know a call.
NOT_IMPLEMENTED = "NotImplemented"
UNKNOWN_CALL = frozenset({"InvalidAction", NOT_IMPLEMENTED, "UnknownOperation", "UnknownOperationException"})
HTTP_NOT_IMPLEMENTED = 501

#: Seconds. LocalStack ignores DeletionPolicy, fails to delete the protected table, and then goes on to the end: its
#: DELETE_FAILED passes.
DELETE_WITHIN = 30


def is_unknown_call(error: ClientError) -> bool:
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return status == HTTP_NOT_IMPLEMENTED or code_of(error) in UNKNOWN_CALL


class SesOfEitherVersion:
    """The one call of SES's second API that the checks make, by the first API where the second is unknown.

    The first knows no EventBridge.
    """

    def __init__(self, cloud: Cloud, ses: "SESClient", wanted: Deployment) -> None:
        self._second = cloud.sesv2
        self._first = ses
        self._wanted = wanted

    def get_configuration_set_event_destinations(self, ConfigurationSetName: str) -> Mapping[str, Any]:  # noqa: N803
        try:
            return self._second.get_configuration_set_event_destinations(ConfigurationSetName=ConfigurationSetName)
        except ClientError as error:
            if not is_unknown_call(error):
                raise
            if self._wanted.source != "sns":
                raise ClientError({"Error": {"Code": NOT_IMPLEMENTED}}, error.operation_name) from None
        found = self._first.describe_configuration_set(
            ConfigurationSetName=ConfigurationSetName, ConfigurationSetAttributeNames=["eventDestinations"]
        ).get("EventDestinations", [])
        return {
            "EventDestinations": [
                {**each, "SnsDestination": {"TopicArn": each.get("SNSDestination", {}).get("TopicARN")}}
                for each in found
            ]
        }


class StandInProvisioner(Provisioner):
    """The same deployment, and the same checks, on LocalStack or ministack."""

    propagation = 0

    def __init__(self, cloud: Cloud, wanted: Deployment | None = None, prompts: Prompts | None = None) -> None:
        super().__init__(cloud, wanted, prompts)
        self._push_to = self.wanted.push_to
        self.wanted = replace(self.wanted, push_to="", push_key="")
        self._ses: SESClient = cloud.session.client("ses", region_name=cloud.region, endpoint_url=cloud.endpoint_url)
        either = cast("Any", SesOfEitherVersion(cloud, self._ses, self.wanted))
        self.cloud = replace(cloud, poll_seconds=0.1, sesv2=either)

    def apply(self, found: Stack | None, *, table_exists: bool) -> bool:
        """A fresh stack each time something differs; then what it left out, by API."""
        if found and self._is_as_wanted(found):
            self.prompts.report("no changes")
            return False
        plan = self.removal(found) if found else []
        plan.append(Change("Add", self.wanted.prefix, "AWS::CloudFormation::Stack"))
        if table_exists:
            plan.append(Change("Keep", self.wanted.prefix, "AWS::DynamoDB::Table"))
        self.require_approval(plan)
        self.delete_stack(found)
        made = self.cloud.cloudformation.create_stack(
            StackName=self.wanted.prefix,
            TemplateBody=template(),
            Parameters=self.wanted.parameters(create_table=not self.describe_table()),
            Capabilities=["CAPABILITY_IAM"],
            Tags=[{"Key": "template", "Value": _template_digest()}],
        )
        stack.follow(self.cloud, made["StackId"], set(), self.prompts.report, has_begun=True)
        self.complete()
        return True

    def _is_as_wanted(self, found: Stack) -> bool:
        """So that a second run keeps the queue and what is in it."""
        parameters = self.wanted.parameters(create_table=found.parameters.get("CreateTable") == "true")
        same = {each["ParameterKey"]: each["ParameterValue"] for each in parameters} == found.parameters
        return same and found.tags.get("template") == _template_digest() and all(each.ok for each in self.inspect())

    def delete_stack(self, found: Stack | None) -> None:
        if found:
            self.protect_table()
            self.cloud.cloudformation.delete_stack(StackName=found.id)
            until = time.monotonic() + DELETE_WITHIN
            while (left := stack.find(self.cloud, self.wanted.prefix)) and left.status != "DELETE_COMPLETE":
                if time.monotonic() > until:
                    raise ProvisionError(f"the stack is {left.status} after {DELETE_WITHIN} s")
                time.sleep(self.cloud.poll_seconds)
        # The stack does not know of these.
        self._forget_destination()
        _unless(NOT_THERE, lambda: self._ses.delete_configuration_set(ConfigurationSetName=self.wanted.prefix))

    def inspect(self) -> tuple[CheckResult, ...]:
        unknown = {NOT_TOLD, *UNKNOWN_CALL}
        found = [
            replace(each, got=NOT_TOLD, state="not supported") if each.got in unknown else each
            for each in super().inspect()
        ]
        if self._push_to:
            got = push.view(self.describe_table())
            found.append(CheckResult("stream", push.VIEW, got, "ok" if got == push.VIEW else "failed"))
            found.append(CheckResult("push", self._push_to, NOT_TOLD, "not supported"))
        return tuple(found)

    def protect_table(self) -> None:
        """Before a stack goes: LocalStack deletes its table in spite of DeletionPolicy, unless it is protected."""
        if self._is_unprotected():
            self._complete_table()
            if self._is_unprotected():
                raise ProvisionError(
                    f"this stand-in cannot protect the table {self.wanted.prefix} while its stack is deleted; "
                    "delete the table first if it may go, or choose another prefix"
                )

    def _is_unprotected(self) -> bool:
        found = self.describe_table()
        return bool(found and not found.get("DeletionProtectionEnabled"))

    def complete(self) -> None:
        """What the stand-in's CloudFormation leaves out. What it does not know at all, the checks tell."""
        self._complete_table()
        name = self.wanted.prefix
        _unless(ALREADY_THERE, lambda: self._ses.create_configuration_set(ConfigurationSet={"Name": name}))
        if self.wanted.source == "sns":
            # Not updated in place, which LocalStack does not know. Its names are unique over all configuration sets.
            self._forget_destination()
            topic = checks.arn(self.cloud, self.wanted, "sns", self.wanted.topic_or_rule)
            _unless(
                ALREADY_THERE,
                lambda: self._ses.create_configuration_set_event_destination(
                    ConfigurationSetName=name,
                    EventDestination={
                        "Name": self.wanted.event_destination,
                        "Enabled": True,
                        # The types know the eight kinds of 2016; stand-ins take all ten.
                        "MatchingEventTypes": cast("list[EventTypeType]", [kind.event_type for kind in KINDS]),
                        "SNSDestination": {"TopicARN": topic},
                    },
                ),
            )

    def _forget_destination(self) -> None:
        _unless(
            NOT_THERE,
            lambda: self._ses.delete_configuration_set_event_destination(
                ConfigurationSetName=self.wanted.prefix, EventDestinationName=f"{self.wanted.prefix}-sns"
            ),
        )

    def _complete_table(self) -> None:
        dynamodb, name = self.cloud.dynamodb, self.wanted.prefix
        found = self.describe_table() or {}
        expiry = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        invalid = frozenset({"ValidationException"})
        if not expiry.get("TimeToLiveStatus", "").startswith("ENABL"):
            spec: Any = {"Enabled": True, "AttributeName": EXPIRY}
            _unless(invalid, lambda: dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=spec))
        recovery: Any = {"PointInTimeRecoveryEnabled": True}
        _unless(
            invalid,
            lambda: dynamodb.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=recovery),
        )
        if not found.get("SSEDescription"):
            _unless(invalid, lambda: dynamodb.update_table(TableName=name, SSESpecification={"Enabled": True}))
        if not found.get("DeletionProtectionEnabled"):
            _unless(invalid, lambda: dynamodb.update_table(TableName=name, DeletionProtectionEnabled=True))
        if self._push_to and push.view(self.describe_table()) == "off":
            stream: Any = {"StreamEnabled": True, "StreamViewType": push.VIEW}
            _unless(invalid, lambda: dynamodb.update_table(TableName=name, StreamSpecification=stream))


def _template_digest() -> str:
    return hashlib.sha256(template().encode()).hexdigest()[:16]


def _unless(codes: frozenset[str], call: Callable[[], object]) -> None:
    """Calls; what fails with one of these codes, or because the stand-in does not know the call, is left out."""
    try:
        call()
    except ClientError as error:
        if code_of(error) not in codes and not is_unknown_call(error):
            raise


if __name__ == "__main__":
    from email_activity.cli.provision import provision

    provision(obj=StandInProvisioner, prog_name="provision.py")
