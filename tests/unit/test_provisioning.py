"""Provisioning where no stand-in can show it: AWS's answers, refusals and failures, and the command's manners."""

import json
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError
from click.testing import CliRunner

from email_activity.cli import provision as command
from email_activity.cli.main import main
from email_activity.domain.indexes import INDEXES
from email_activity.provision import policies, provisioner, resources, stack
from email_activity.provision.cloud import Cloud, NotApprovedError, ProvisionError
from email_activity.provision.deployment import Deployment
from email_activity.provision.provisioner import Prompts, Provisioner, Removed
from email_activity.provision.stack import Change
from provision import StandInProvisioner, is_unknown_call


class GoneError(Exception):
    """A table or queue that is not there."""


def refusal(code, message="", status=400, operation="CreateChangeSet"):
    response = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, operation)


def pages(name, *entries):
    return MagicMock(paginate=lambda **_: [{name: list(entries)}])


@pytest.fixture
def cloud():
    """AWS without a stack, a table or a queue."""
    names = ("session", "cloudformation", "dynamodb", "events", "pipes", "sesv2", "sns", "sqs")
    cloud = Cloud("eu-west-1", None, **{name: MagicMock(name=name) for name in names}, poll_seconds=0)
    cloud.dynamodb.exceptions.ResourceNotFoundException = GoneError
    cloud.dynamodb.describe_table.side_effect = GoneError
    cloud.sqs.exceptions.QueueDoesNotExist = GoneError
    cloud.sqs.get_queue_url.side_effect = GoneError
    cloud.cloudformation.describe_stacks.side_effect = refusal("ValidationError", "Stack with id x does not exist")
    cloud.cloudformation.create_change_set.return_value = {"Id": "change", "StackId": "stack"}
    return cloud


def deploy(cloud, approve=lambda _: True):
    return Provisioner(cloud, prompts=Prompts(approve)).deploy()


def shown_by_deploy(cloud):
    """The changes that are shown, and not approved."""
    shown = []
    with pytest.raises(NotApprovedError):
        deploy(cloud, shown.extend)
    return shown


def change_set(cloud, status, reason="", **change):
    cloud.cloudformation.describe_change_set.return_value = {"Status": status, "StatusReason": reason}
    cloud.cloudformation.get_paginator.side_effect = lambda name: pages(
        *(["Changes", {"ResourceChange": change}] if name == "describe_change_set" else ["StackEvents"])
    )


def existing_stack(cloud, *statuses, owns_table=True):
    cloud.cloudformation.describe_stacks.side_effect = [
        {"Stacks": [{"StackId": "stack", "StackName": "x", "StackStatus": status}]} for status in statuses
    ]
    resources = [{"LogicalResourceId": "Table", "ResourceStatus": "CREATE_COMPLETE"}] if owns_table else []
    cloud.cloudformation.describe_stack_resources.return_value = {"StackResources": resources}


def existing_table(cloud, **description):
    cloud.dynamodb.describe_table.side_effect = None
    cloud.dynamodb.describe_table.return_value = {"Table": description or OUR_TABLE}


def schema(partition_key, sort_key):
    return [{"AttributeName": partition_key, "KeyType": "HASH"}, {"AttributeName": sort_key, "KeyType": "RANGE"}]


def indexes(projection="KEYS_ONLY"):
    return [
        {"IndexName": name, "KeySchema": schema(*keys), "Projection": {"ProjectionType": projection}}
        for name, keys in INDEXES.items()
    ]


OUR_TABLE = {
    "TableName": "email-activity",
    "KeySchema": schema("pk", "sk"),
    "GlobalSecondaryIndexes": indexes(),
}


@pytest.mark.parametrize(
    ("error", "unknown"),
    [
        (refusal("InternalFailure", status=501), True),
        (refusal("InvalidAction"), True),
        (refusal("UnknownOperationException"), True),
        (refusal("InternalFailure", status=500), False),
        (refusal("AccessDenied", status=403), False),
    ],
)
def test_a_call_that_a_stand_in_does_not_know_is_told_from_one_that_failed(error, unknown):
    assert is_unknown_call(error) is unknown


@pytest.mark.parametrize("prefix", ["", "ab", "1st", "with space", "a" * 49, "under_score", "new\nline\n"])
def test_a_prefix_that_some_service_would_refuse_is_refused_at_once(prefix):
    with pytest.raises(ProvisionError, match="3 to 48"):
        Deployment(prefix=prefix)


# --- Change sets ---


def test_nothing_to_change_is_no_error_and_leaves_no_change_set(cloud):
    change_set(cloud, "FAILED", "The submitted information didn't contain changes. Submit different information")
    assert stack.propose(cloud, Deployment(), create_table=True, exists=True) is None
    cloud.cloudformation.delete_change_set.assert_called_once_with(ChangeSetName="change")
    cloud.cloudformation.delete_stack.assert_not_called()


def test_a_change_set_that_cloudformation_refuses_is_reported_with_its_reason(cloud):
    change_set(cloud, "FAILED", "Resource of type 'AWS::SQS::Queue' already exists")
    with pytest.raises(ProvisionError, match="already exists"):
        stack.propose(cloud, Deployment(), create_table=True, exists=False)
    cloud.cloudformation.delete_stack.assert_called_once_with(StackName="stack")


def test_the_change_set_is_waited_for(cloud):
    change_set(cloud, "CREATE_COMPLETE", Action="Add", LogicalResourceId="Queue", ResourceType="AWS::SQS::Queue")
    done = cloud.cloudformation.describe_change_set.return_value
    cloud.cloudformation.describe_change_set.side_effect = [{"Status": "CREATE_PENDING"}, done]
    proposal = stack.propose(cloud, Deployment(), create_table=True, exists=False)
    assert proposal.changes == (Change("Add", "Queue", "AWS::SQS::Queue"),)
    assert proposal.makes_the_stack
    assert cloud.cloudformation.describe_change_set.call_count == 2


@pytest.mark.parametrize("answer", [False, KeyboardInterrupt])
def test_a_look_that_ends_in_no_or_in_control_c_leaves_nothing(cloud, answer):
    change_set(cloud, "CREATE_COMPLETE")
    approve = MagicMock(side_effect=answer) if isinstance(answer, type) else lambda _: answer
    with pytest.raises((NotApprovedError, KeyboardInterrupt)):
        deploy(cloud, approve)
    cloud.cloudformation.execute_change_set.assert_not_called()
    cloud.cloudformation.delete_stack.assert_called_once_with(StackName="stack")


@pytest.mark.parametrize(
    ("has_stack", "owns_table", "kind", "create_table"),
    [(False, False, "CREATE", "false"), (True, True, "UPDATE", "true"), (True, False, "UPDATE", "false")],
)
def test_a_table_that_is_there_stays_with_whom_it_belongs_to(cloud, has_stack, owns_table, kind, create_table):
    change_set(cloud, "CREATE_COMPLETE")
    if has_stack:
        existing_stack(cloud, "UPDATE_COMPLETE", owns_table=owns_table)
    existing_table(cloud)
    shown_by_deploy(cloud)
    sent = cloud.cloudformation.create_change_set.call_args.kwargs
    assert sent["ChangeSetType"] == kind
    assert {"ParameterKey": "CreateTable", "ParameterValue": create_table} in sent["Parameters"]
    assert cloud.cloudformation.delete_change_set.called is has_stack


def test_what_a_failed_first_creation_left_is_removed_only_with_consent(cloud):
    existing_stack(cloud, "ROLLBACK_COMPLETE", owns_table=False)
    assert shown_by_deploy(cloud) == [
        Change("Remove", "email-activity", "AWS::CloudFormation::Stack", "ROLLBACK_COMPLETE"),
        Change("Remove", "Queue", "AWS::SQS::Queue"),
        Change("Remove", "DeadLetterQueue", "AWS::SQS::Queue"),
    ]
    cloud.cloudformation.delete_stack.assert_not_called()


@pytest.mark.parametrize(
    ("action", "replacement", "counted"),
    [("Modify", "True", 12), ("Modify", "Conditional", 12), ("Remove", "", 12), ("Modify", "False", 0), ("Add", "", 0)],
)
def test_a_change_that_takes_a_queue_away_says_how_many_messages_go_with_it(cloud, action, replacement, counted):
    """Ten to be received, and one each in flight and delayed."""
    cloud.sqs.get_queue_url.side_effect = None
    cloud.sqs.get_queue_attributes.side_effect = lambda AttributeNames, **_: {  # noqa: N803  boto3's own
        "Attributes": dict(zip(AttributeNames, ("10", "1", "1"), strict=True))
    }
    change = {"Action": action, "LogicalResourceId": "Queue", "ResourceType": "AWS::SQS::Queue"}
    change_set(cloud, "CREATE_COMPLETE", **change, Replacement=replacement)
    existing_stack(cloud, "UPDATE_COMPLETE", owns_table=False)
    assert [each.messages for each in shown_by_deploy(cloud)] == [counted]


# --- A table that is gone ---


class Cfn:
    """CloudFormation on AWS, as its documentation tells: it knows what it made, not what became of it.

    It makes the table when CreateTable turns true and gives it up, deleting nothing (Retain), when that turns false. A
    change set without a difference FAILS.
    """

    def __init__(self, cloud, create_table):
        self.created, self.tables, self.wanted, self.executed = create_table, set(), create_table, []
        cloud.dynamodb.describe_table.side_effect = self.describe_table
        api = cloud.cloudformation
        api.describe_stacks.side_effect = lambda **_: {
            "Stacks": [{"StackId": "stack", "StackStatus": "UPDATE_COMPLETE"}]
        }
        api.describe_stack_resources.side_effect = lambda **_: {
            "StackResources": [{"LogicalResourceId": "Table", "ResourceStatus": "CREATE_COMPLETE"}] * self.created
        }
        api.create_change_set.side_effect = self.create_change_set
        api.describe_change_set.side_effect = lambda **_: {
            "Status": "FAILED" if self.wanted == self.created else "CREATE_COMPLETE",
            "StatusReason": "The submitted information didn't contain changes.",
        }
        api.get_paginator.side_effect = self.paginator
        api.execute_change_set.side_effect = self.execute

    def describe_table(self, TableName):  # noqa: N803  boto3's own
        if TableName not in self.tables:
            raise GoneError
        return {"Table": OUR_TABLE}

    def create_change_set(self, *, Parameters, **_):  # noqa: N803
        self.wanted = {"ParameterKey": "CreateTable", "ParameterValue": "true"} in Parameters
        return {"Id": "change", "StackId": "stack"}

    def paginator(self, name):
        if name == "describe_stack_events":
            return pages("StackEvents", *({"EventId": str(number)} for number in reversed(range(len(self.executed)))))
        differs = self.wanted != self.created
        action = {"Action": "Add" if self.wanted else "Remove", "LogicalResourceId": "Table"}
        return pages("Changes", *([{"ResourceChange": action | {"ResourceType": "AWS::DynamoDB::Table"}}] * differs))

    def execute(self, **_):
        self.executed.append(self.wanted)
        self.created = self.wanted
        self.tables |= {"email-activity"} if self.wanted else set()


@pytest.mark.parametrize(
    ("created", "exists", "approves", "outcome"),
    [
        pytest.param(True, False, True, ([["Remove", "Add"]], [False, True]), id="deleted: asked once for two updates"),
        pytest.param(False, False, True, ([["Add"]], [True]), id="deleted, and a run was cut off in the middle"),
        pytest.param(True, False, False, ([["Remove", "Add"]], []), id="deleted, and not approved"),
        pytest.param(True, True, True, ([], []), id="there"),
    ],
)
def test_a_deleted_table_comes_back_under_the_same_stack(cloud, created, exists, approves, outcome):
    """outcome: the changes that were shown, and CreateTable of the updates that were made."""
    cfn, shown = Cfn(cloud, created), []
    cfn.tables |= {"email-activity"} if exists else set()
    approve = lambda proposed: shown.append([each.action for each in proposed]) or approves  # noqa: E731
    provisioning = Provisioner(cloud, prompts=Prompts(approve))
    with nullcontext() if approves else pytest.raises(NotApprovedError):
        found = stack.find(cloud, "email-activity")
        assert provisioning.apply(found, table_exists=exists) is bool(cfn.executed)
    assert (shown, cfn.executed) == outcome
    assert bool(cfn.tables) is approves
    assert cloud.cloudformation.delete_change_set.called is (not cfn.executed)


def test_a_stack_that_is_being_changed_by_somebody_else_is_left_alone(cloud):
    existing_stack(cloud, "UPDATE_IN_PROGRESS")
    with pytest.raises(ProvisionError, match="UPDATE_IN_PROGRESS"):
        deploy(cloud)
    cloud.cloudformation.create_change_set.assert_not_called()


@pytest.mark.parametrize(
    ("part", "fault"),
    [
        ({"KeySchema": OUR_TABLE["KeySchema"][:1]}, "its keys are pk, not pk, sk"),
        ({"GlobalSecondaryIndexes": indexes()[:3]}, r"by_failure\(failure_account, failure_time\) is missing"),
        ({"GlobalSecondaryIndexes": indexes("ALL")}, r"by_document is \(document, sent_key, ALL\)"),
    ],
)
def test_a_table_of_another_shape_cannot_be_adopted(part, fault):
    resources.refuse_other_shape(OUR_TABLE)
    with pytest.raises(ProvisionError, match=fault):
        resources.refuse_other_shape(OUR_TABLE | part)


# --- What happens meanwhile, and afterwards ---


def event(number: int, status: str, resource: str, reason: str) -> dict[str, Any]:
    return {
        "EventId": str(number),
        "ResourceStatus": status,
        "LogicalResourceId": resource,
        "ResourceStatusReason": reason,
    }


def test_a_stack_that_fails_tells_the_causes_and_not_their_consequences(cloud):
    existing_stack(cloud, "CREATE_IN_PROGRESS", "ROLLBACK_COMPLETE")
    newest_first = [
        event(4, "CREATE_FAILED", "Topic", "Resource creation cancelled"),
        event(3, "CREATE_FAILED", "Queue", "AccessDenied. User is not authorized to perform: sqs:CreateQueue"),
        event(2, "CREATE_IN_PROGRESS", "Queue", ""),
        event(1, "CREATE_FAILED", "Queue", "of an earlier run"),
    ]
    cloud.cloudformation.get_paginator.return_value = pages("StackEvents", *newest_first)
    lines = []
    with pytest.raises(ProvisionError) as failure:
        stack.follow(cloud, "stack", {"1"}, lines.append)
    assert str(failure.value) == (
        "the stack is ROLLBACK_COMPLETE. Queue: AccessDenied. User is not authorized to perform: sqs:CreateQueue"
    )
    assert lines[0] == "CREATE_IN_PROGRESS Queue"
    assert len(lines) == 3


def test_a_stack_that_has_not_begun_to_move_is_not_taken_for_done(cloud):
    existing_stack(cloud, "UPDATE_COMPLETE", "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE")
    begun = [{"StackEvents": [event(2, "UPDATE_IN_PROGRESS", "Queue", "")]}]
    cloud.cloudformation.get_paginator.return_value.paginate.side_effect = [[{"StackEvents": []}], begun, begun]
    stack.follow(cloud, "stack", set(), lambda _: None)
    assert cloud.cloudformation.describe_stacks.call_count == 3


def test_the_checks_wait_for_a_queue_to_tell_its_new_attributes(cloud, monkeypatch):
    answers = iter([[SimpleNamespace(ok=False)], [SimpleNamespace(ok=True)]])
    monkeypatch.setattr(provisioner, "inspect", lambda *_: next(answers))
    assert Provisioner(cloud)._settled(5)[0].ok


def test_a_table_is_unprotected_only_to_be_deleted(cloud):
    existing_table(cloud, DeletionProtectionEnabled=True)
    assert resources.delete_table(cloud, "facts")
    cloud.dynamodb.update_table.assert_called_once_with(TableName="facts", DeletionProtectionEnabled=False)
    names = [call[0] for call in cloud.dynamodb.mock_calls]
    assert names.index("update_table") < names.index("delete_table")


def test_a_stand_in_that_cannot_protect_the_table_keeps_its_stack(cloud):
    existing_stack(cloud, "CREATE_COMPLETE")
    existing_table(cloud, DeletionProtectionEnabled=False)
    with pytest.raises(ProvisionError, match="cannot protect"):
        StandInProvisioner(cloud).remove()
    cloud.cloudformation.delete_stack.assert_not_called()


def statement(**parts):
    return {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"} | parts


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        ([], "nobody"),
        ([statement(Principal="*")], "* sqs:sendmessage from anywhere"),
        ([statement(Effect="Deny")], "nobody"),
        (
            [statement(Action=["SQS:SendMessage", "sqs:*"], Condition={"ArnLike": {"AWS:SourceArn": "arn:x"}})],
            "sns.amazonaws.com sqs:sendmessage, sqs:* from arn:x",
        ),
        (statement(Principal={"AWS": "1234"}), "{'AWS': '1234'} sqs:sendmessage from anywhere"),
    ],
)
def test_a_policy_says_who_may_send(statements, said):
    assert policies.allowed(json.dumps({"Statement": statements})) == said


# --- The command ---


@pytest.fixture(autouse=True)
def holds(monkeypatch):
    monkeypatch.setattr(command, "contents", lambda *_: {"events": 7, "dead_letters": 3, "items": 4711})


def run(*arguments):
    return CliRunner().invoke(main, ["provision", *arguments, "--region", "eu-west-1"])


def deploys(monkeypatch, outcome):
    """outcome: an error, or what is done with the provisioner."""
    fails = isinstance(outcome, Exception)
    monkeypatch.setattr(Provisioner, "deploy", MagicMock(side_effect=outcome) if fails else outcome)


@pytest.mark.parametrize(
    "arguments",
    [["--prefix", "a b"], ["--delete-table"], ["--source", "kafka"], ["--delete"]],
    ids=["prefix", "delete-table alone", "source", "nobody to ask"],
)
def test_wrong_usage_exits_with_2(arguments):
    assert run(*arguments).exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "the stack email-activity with its queues and all messages in them (about 7 events, 3 dead letters)"),
        (["--delete-table"], "and the table email-activity with every email's activity (about 4711 items)"),
    ],
)
def test_who_deletes_is_told_what_is_in_it(arguments, said):
    assert said in run("--delete", *arguments, "--dry-run").stdout
    told = json.loads(run("--delete", *arguments, "--dry-run", "--json").stdout)
    assert (told["events"], told["dead_letters"], told["items"]) == (7, 3, 4711)


def test_who_deletes_the_table_is_told_of_the_backup_that_remains(monkeypatch):
    monkeypatch.setattr(Provisioner, "remove", lambda *_, **__: Removed(True, True, False))
    result = run("--delete", "--delete-table", "--yes")
    assert result.exit_code == 0
    assert "35 days" in result.stdout


def test_no_region_anywhere_is_asked_for(monkeypatch, tmp_path):
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    result = CliRunner().invoke(main, ["provision"])
    assert result.exit_code == 2
    assert "which region? Give --region, or set AWS_REGION" in result.stderr


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (NoCredentialsError(), "no usable AWS credentials"),
        (refusal("AccessDenied", "not authorized to perform x"), "AWS denies CreateChangeSet: not authorized"),
        (refusal("LimitExceededException", "too many stacks"), "AWS refuses CreateChangeSet: too many stacks"),
        (refusal("ExpiredToken", "The token is expired"), "AWS refuses the credentials (ExpiredToken)"),
        (EndpointConnectionError(endpoint_url="http://localhost:9"), "AWS does not answer"),
        (ProvisionError("the table is another's"), "the table is another's"),
    ],
)
def test_what_an_operator_can_mend_is_one_line_and_exits_with_1(monkeypatch, error, line):
    deploys(monkeypatch, error)
    result = run()
    assert result.exit_code == 1
    assert line in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert result.stdout == ""


@pytest.mark.parametrize(("messages", "question"), [(0, "Make these changes"), (5, "lose about 5 messages")])
def test_the_changes_are_shown_before_anybody_is_asked(monkeypatch, messages, question):
    asked = []

    def deploy(self):
        assert self.prompts.approve([Change("Modify", "Queue", "AWS::SQS::Queue", "True", messages)])
        raise ProvisionError("far enough")

    deploys(monkeypatch, deploy)
    result = run()
    assert result.exit_code == 2
    assert result.stderr.index("AWS::SQS::Queue") < result.stderr.index("nobody to ask")
    assert "far enough" in run("--yes").stderr
    monkeypatch.setattr(command, "_confirm", lambda text, _: asked.append(text))
    run()
    assert [text.endswith(question) for text in asked] == [True]
