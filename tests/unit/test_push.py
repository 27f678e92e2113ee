"""Push: what the template's state machine makes of the items that the worker writes, and who may do what for it.

Beside it, tests/integration/test_push_stream.py has the filter, and records of a real stream.
"""

import itertools
import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from email_activity.domain.kinds import BOUNCE_CLASS_BY_NAME, COMPLAINT_KIND_BY_NAME
from email_activity.provision import checks, push
from email_activity.provision.cloud import ProvisionError
from email_activity.provision.deployment import Deployment
from email_activity.provision.roles import statements
from email_activity.ses.classification import bounce_class, complaint_kind
from events import ANA, GAVE_UP, Email, raw
from pushed import inserted, messages, properties
from reading import items_of
from template import whole

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "push.md"

KEY = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
FAILED = {"Fn::Sub": "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:${Prefix}-push-failed"}


def activities(*events):
    return [item for item in items_of(map(raw, events)).values() if item["sk"].startswith("EVENT#")]


def pushed(*events):
    return messages([inserted(item) for item in activities(*events)])


def the_workers_word(item):
    """The type of the message that the worker's own rules for one recipient come to."""
    if item["kind"] == "Bounce":
        delivery = BOUNCE_CLASS_BY_NAME[bounce_class(item["detail"])].delivery
        return "email.not_delivered" if delivery not in {None, "delayed"} else None
    kind = COMPLAINT_KIND_BY_NAME[complaint_kind(item["detail"])]
    return "email.not_delivered" if kind.delivery else "email.complained" if kind.is_complaint else None


def test_it_calls_a_failure_what_the_worker_calls_one():
    types = ["Permanent", "Transient", "Undetermined", "transient", "Temporary", "Newer", ""]
    subtypes = ["General", "general", "MailboxFull", "OnAccountSuppressionList", ""]
    said = [{}, GAVE_UP, {"status": "4.2.2"}, {"diagnosticCode": "smtp; 452 full"}]
    said += [{"action": action} for action in ("delayed", "Relayed", "delivered", "expanded", "failed", "newer")]
    events = [Email().bounce(*each) for each in itertools.product(types, subtypes, [(ANA,)], said)]
    feedback = ["abuse", "fraud", "not-spam", "Not_Spam", "auth-failure", "newer", None]
    stopped = [None, "OnAccountSuppressionList", "OnTenantSuppressionList", "Newer"]
    events += [Email().complaint(kind, (ANA,), sub_type) for kind, sub_type in itertools.product(feedback, stopped)]
    items = activities(*events)

    expected = {item["event_id"]: word for item in items if (word := the_workers_word(item))}

    assert {each["id"]: each["type"] for each in messages([inserted(item) for item in items])} == expected
    assert 0 < len(expected) < len(items) == len(events)


@pytest.mark.parametrize(
    ("event", "data"),
    [
        (Email().reject(), {"kind": "Reject", "reason": "Bad content"}),
        (Email().rendering_failure(), {"kind": "Rendering Failure", "reason": "Attribute 'amount' is not present"}),
    ],
    ids=lambda each: each.get("kind"),
)
def test_an_email_that_ses_did_not_send_says_why(event, data):
    (message,) = pushed(event)
    assert message["type"] == "email.not_sent"
    assert message["data"].pop("reason").startswith(data.pop("reason"))
    assert data.items() <= message["data"].items()


def test_each_recipient_of_a_bounce_has_a_message_of_its_own():
    email = Email(to=(ANA, "ben@example.org"))
    made = pushed(email.bounce())
    assert sorted(each["data"]["recipient"] for each in made) == [ANA, "ben@example.org"]
    assert len({each["id"] for each in made}) == 2


def test_mail_to_the_mailbox_simulator_gives_no_message():
    addresses = ["bounce@simulator.amazonses.com", "Complaint+label@simulator.amazonses.com"]
    assert pushed(*(Email(to=(address,)).bounce() for address in addresses)) == []
    assert len(pushed(Email(to=("simulator.amazonses.com@example.com",)).bounce())) == 1


def test_what_the_item_does_not_tell_is_left_out_and_nothing_is_null():
    (item,) = activities(Email().complaint(feedback_type=None, recipients=[]))
    bare = {name: item[name] for name in ("pk", "sk", "event_id", "kind", "recorded_at")}
    (message,) = messages([inserted(bare)])
    assert message["created_at"] == item["recorded_at"]
    assert message["data"] == {"email_id": item["pk"].removeprefix("EMAIL#"), "kind": "Complaint", "complaint": {}}


@pytest.mark.parametrize(("stored", "told"), [("-", None), ("%2D", "-"), ("a%23b%2523", "a#b%23"), ("4711", "4711")])
def test_ids_are_told_as_the_product_knows_them(stored, told):
    (item,) = activities(Email().complaint())
    (message,) = messages([inserted(item | {"failure_account": stored, "pk": "EMAIL#a%23b"})])
    assert message["data"].get("account") == told
    assert message["data"]["email_id"] == "a#b"


def test_quotes_and_line_ends_of_a_server_come_through():
    text = 'smtp; 550 5.7.1 "no"\r\n\\ {% $x %} <$.a> \u2028'
    (message,) = pushed(Email().bounce(said={"action": "failed", "diagnosticCode": text}))
    (item,) = activities(Email().bounce(said={"action": "failed", "diagnosticCode": text}))
    assert message["data"]["bounce"]["message"] == item["detail"]["diagnostic_code"]


def test_the_documents_example_is_what_is_made():
    (block,) = re.findall(r"```json\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    example = json.loads(block)
    email = Email(to=("bob@example.com",))
    (message,) = pushed(email.bounce())
    for each in (message, example):
        each["data"].pop("email_id")
        assert re.fullmatch("[0-9a-f]{32}", each.pop("id"))
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", each.pop("created_at"))
    assert message == example


def test_nothing_of_it_is_made_without_a_target():
    resources = whole()["Resources"]
    conditions = {name: parts["Condition"] for name, parts in resources.items() if name.startswith("Push")}
    assert conditions.pop("PushKeyPolicy") == "PushesWithKey"
    assert set(conditions.values()) == {"Pushes"}
    assert len(conditions) == 7
    others = [parts for name, parts in resources.items() if not name.startswith(("Push", "Archive"))]
    assert not [parts["Type"] for parts in others if re.search("Pipe|StateMachine|IAM::Role", parts["Type"])]
    assert whole()["Parameters"]["ActivityTarget"]["Default"] == ""
    stream = {"Fn::If": ["HasTarget", {"StreamViewType": "NEW_IMAGE"}, {"Ref": "AWS::NoValue"}]}
    assert properties("Table")["StreamSpecification"] == stream


def test_to_turn_the_stream_on_or_off_replaces_no_table():
    """By CloudFormation's own schema of a table, as cfn-lint carries it."""
    from cfnlint.schema import PROVIDER_SCHEMA_MANAGER  # noqa: PLC0415  it takes seconds

    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("eu-central-1", "AWS::DynamoDB::Table").schema
    assert "/properties/StreamSpecification/properties/StreamViewType" not in schema["readOnlyProperties"]
    replacing = " ".join(schema["createOnlyProperties"] + schema.get("conditionalCreateOnlyProperties", []))
    assert "/properties/TableName" in replacing
    assert "StreamSpecification" not in replacing


def test_its_role_may_read_the_stream_compute_push_and_tell_what_failed():
    (trust,) = properties("PushRole")["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "pipes.amazonaws.com"}
    assert trust["Condition"]["StringEquals"]["aws:SourceArn"]["Fn::Sub"].endswith(":pipe/${Prefix}-push")
    allowed = statements("PushRolePolicy")
    stream = properties("Push")["Source"]
    assert properties("Push")["Target"] == {"Ref": "ActivityTarget"}
    reads = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"]
    assert [(each["Action"], each["Resource"]) for each in allowed] == [
        (reads, stream),
        ("states:StartSyncExecution", {"Ref": "PushMessage"}),
        ({"Fn::If": ["PushesToBus", "events:PutEvents", "sns:Publish"]}, properties("Push")["Target"]),
        ("sqs:SendMessage", FAILED),
    ]
    (with_key,) = properties("PushKeyPolicy")["PolicyDocument"]["Statement"]
    assert with_key["Resource"] == {"Ref": "ActivityTargetKey"}
    assert "Policies" not in properties("PushMessageRole"), "it only computes"


def test_no_new_failure_is_missed_and_a_record_that_is_refused_blocks_no_other():
    source = properties("Push")["SourceParameters"]["DynamoDBStreamParameters"]
    assert source["StartingPosition"] == "TRIM_HORIZON"
    assert source["BatchSize"] == 10, "what SNS and EventBridge take at once"
    assert source["OnPartialBatchItemFailure"] == "AUTOMATIC_BISECT"
    assert 0 < source["MaximumRecordAgeInSeconds"] < 24 * 3600
    assert source["DeadLetterConfig"] == {"Arn": FAILED}
    assert "LoggingConfiguration" not in properties("PushMessage"), "a log would hold addresses"


def test_the_checks_tell_that_aws_stopped_the_pipe_and_why():
    target = "arn:aws:sns:eu-central-1:111122223333:failures"
    found = {"CurrentState": "STOPPED", "StateReason": "the topic is gone", "Target": target}
    cloud = SimpleNamespace(pipes=SimpleNamespace(describe_pipe=lambda **_: found))
    deployment = Deployment(prefix="acme", push_to=target)
    (state, goes_to) = checks.CHECKS_OF_PUSH["push"](cloud, deployment)
    assert state == ("state", "RUNNING", "STOPPED: the topic is gone")
    assert goes_to == ("goes to", target, target)
    assert properties("Push")["Name"]["Fn::Sub"].replace("${Prefix}", "acme") == deployment.pipe


@pytest.mark.parametrize(
    ("arn", "is_bus"),
    [
        ("arn:aws:sns:eu-central-1:111122223333:failures", "false"),
        ("arn:aws-us-gov:events:us-gov-west-1:111122223333:event-bus/default", "true"),
    ],
)
def test_the_code_takes_the_targets_that_the_template_takes(arn, is_bus):
    assert whole()["Parameters"]["ActivityTarget"]["AllowedPattern"] == f"^$|^{push.TARGET.pattern}$"
    assert whole()["Parameters"]["ActivityTargetKey"]["AllowedPattern"] == f"^$|^{push.KEY.pattern}$"
    sent = {
        each["ParameterKey"]: each["ParameterValue"]
        for each in Deployment(push_to=arn, push_key=KEY).parameters(create_table=True)
    }
    assert (sent["ActivityTarget"], sent["ActivityTargetIsBus"], sent["ActivityTargetKey"]) == (arn, is_bus, KEY)


@pytest.mark.parametrize(
    "wrong", [{"push_to": "arn:aws:sns:eu-central-1:111122223333:x.fifo"}, {"push_key": "alias/x"}]
)
def test_what_is_no_target_or_no_key_is_refused_before_anything_is_made(wrong):
    with pytest.raises(ProvisionError, match="is no ARN"):
        Deployment(**wrong)
