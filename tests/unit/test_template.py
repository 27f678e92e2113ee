"""The template as a text: what it promises before anybody deploys it."""

import inspect
import re
from datetime import UTC, datetime

import pytest

from email_activity.domain.facts import Assignment, Document
from email_activity.domain.indexes import INDEXES
from email_activity.domain.kinds import KINDS
from email_activity.domain.tombstones import FORGOTTEN
from email_activity.provision import provisioner, resources
from email_activity.provision.checks import EXPIRY
from email_activity.provision.deployment import PREFIX, Deployment, template
from template import POLICIES, allowed
from template import whole as read_template


@pytest.fixture(scope="module")
def whole():
    return read_template()


@pytest.fixture(scope="module")
def made(whole):
    return {name: resource.get("Properties", {}) for name, resource in whole["Resources"].items()}


def arn_of(name):
    return {"Fn::GetAtt": f"{name}.Arn"}


def statements(properties):
    """With those that there are with KmsKeyArn only."""
    return [each["Fn::If"][1] if "Fn::If" in each else each for each in properties["PolicyDocument"]["Statement"]]


TABLE_ARN = {"Fn::Sub": "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/${Prefix}"}


def test_cloudformations_linter_has_nothing_to_say():
    from cfnlint.api import lint  # noqa: PLC0415  it takes seconds, in each process that collects tests

    assert [str(match) for match in lint(template(), regions=["eu-central-1"])] == []


def test_no_policy_names_an_action_or_a_resource_by_wildcard_except_to_deny(made):
    for properties in made.values():
        for statement in statements(properties) if "PolicyDocument" in properties else []:
            if statement["Effect"] == "Deny":
                continue
            # Of a bucket's objects only the beginning of their keys is known.
            resource = str(statement["Resource"]).replace("${ArchiveBucket}/${Prefix}/*", "")
            assert "*" not in f"{statement['Action']} {resource} {statement.get('Principal')}"
            assert statement["Resource"], statement["Sid"]


def test_who_may_write_what():
    """What each role does is shown by tests/integration/test_permissions.py; this is what none may."""
    writes = {"dynamodb:BatchWriteItem", "dynamodb:PutItem"}
    takes = {"sqs:ReceiveMessage", "sqs:DeleteMessage"}
    acts = {role: {(action, name) for action, name in allowed(role)} for role in POLICIES}
    assert not {action for action, _ in acts["reader"]} & (writes | takes)
    assert {each for each in acts["operator"] if each[0] in writes} == {("dynamodb:PutItem", "table/*")}
    assert {name for action, name in acts["worker"] if action in takes} == {"*-events"}
    assert {name for action, name in acts["operator"] if action in takes} == {"*-dead-letters"}
    assert {action for action, _ in acts["eraser"]} & (writes | takes) == writes
    everything = {action for role in acts.values() for action, _ in role}
    assert not {action for action in everything if re.search("DeleteItem|DeleteTable|UpdateItem|Purge", action)}
    assert {role for role in acts if "dynamodb:Scan" in {action for action, _ in acts[role]}} == {"eraser"}


def test_an_operator_reads_one_email_at_a_time_and_puts_assignments_only(made):
    """IAM cannot bind a sort key, so the attributes are bound: an event or a recipient needs others."""
    bound = {each["Sid"]: each.get("Condition") for each in statements(made["OperatorPolicy"])}
    of_an_email = {"dynamodb:LeadingKeys": ["EMAIL#*"]}
    assert bound["ReadAnEmail"] == {"ForAllValues:StringLike": of_an_email}
    put = bound["SayWhatAnEmailIsAbout"]
    assert put["ForAllValues:StringLike"] == of_an_email
    assert put["StringEqualsIfExists"] == {"dynamodb:ReturnValues": "NONE"}
    long = Assignment("id", datetime.now(UTC), Document("x" * 400, "y" * 400), datetime.now(UTC), 1).to_item()
    attributes = put["ForAllValues:StringEquals"]["dynamodb:Attributes"]
    assert sorted(attributes) == sorted(long)
    needed = {"event_id", "kind", "mail_recipient", "unknown"}
    assert not needed & set(attributes)


def test_an_eraser_writes_emails_and_tombstones_only_and_a_worker_reads_tombstones_only(made):
    bound = {each["Sid"]: each.get("Condition") for each in statements(made["EraserPolicy"])}
    assert bound["EraseAPerson"] == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["EMAIL#*"]}}
    assert bound["SayWhoWasForgotten"] == {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [FORGOTTEN]}}
    (read,) = [each for each in statements(made["WorkerPolicy"]) if "dynamodb:Query" in each["Action"]]
    assert read["Condition"] == {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [FORGOTTEN]}}


def test_a_reader_may_use_each_index_and_no_statement_that_scans(made):
    statements_ = statements(made["ReaderPolicy"])
    (never,) = [each for each in statements_ if each["Effect"] == "Deny"]
    by_document = {"Fn::Sub": f"{TABLE_ARN['Fn::Sub']}/index/by_document"}
    assert (never["Action"], never["Resource"]) == ("dynamodb:PartiQLSelect", [TABLE_ARN, by_document])
    assert never["Condition"] == {"Bool": {"dynamodb:FullTableScan": "true"}}
    queried = {name.partition("/index/")[2] for action, name in allowed("reader") if action == "dynamodb:Query"}
    assert queried == {"", *INDEXES}


def test_only_ses_for_our_configuration_set_may_publish_to_the_topic(made):
    statement, _ = statements(made["TopicPolicy"])
    assert (statement["Effect"], statement["Action"]) == ("Allow", "sns:Publish")
    assert statement["Principal"] == {"Service": "ses.amazonaws.com"}
    assert statement["Condition"]["StringEquals"] == {
        "AWS:SourceAccount": {"Ref": "AWS::AccountId"},
        "AWS:SourceArn": {
            "Fn::Sub": "arn:${AWS::Partition}:ses:${AWS::Region}:${AWS::AccountId}:configuration-set/${Prefix}"
        },
    }


@pytest.mark.parametrize(
    ("policy", "action", "bound"),
    [
        ("TopicPolicy", "sns:Publish", {"Ref": "Topic"}),
        ("QueuePolicy", "sqs:*", arn_of("Queue")),
        ("DeadLetterQueuePolicy", "sqs:*", arn_of("DeadLetterQueue")),
    ],
)
def test_nobody_comes_without_tls(made, policy, action, bound):
    _, deny = statements(made[policy])
    assert (deny["Effect"], deny["Principal"], deny["Action"], deny["Resource"]) == ("Deny", "*", action, bound)
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


@pytest.mark.parametrize(("policy", "queue"), [("QueuePolicy", "Queue"), ("DeadLetterQueuePolicy", "DeadLetterQueue")])
def test_only_our_topic_or_our_rule_may_send_to_a_queue(made, policy, queue):
    allow, _ = statements(made[policy])
    assert made[policy]["Queues"] == [{"Ref": queue}]
    assert (allow["Effect"], allow["Action"], allow["Resource"]) == ("Allow", "sqs:SendMessage", arn_of(queue))
    assert allow["Principal"] == {"Service": {"Fn::If": ["FromSns", "sns.amazonaws.com", "events.amazonaws.com"]}}
    _, topic, rule = allow["Condition"]["ArnEquals"]["aws:SourceArn"]["Fn::If"]
    assert topic["Fn::Sub"].endswith(":sns:${AWS::Region}:${AWS::AccountId}:${Prefix}-events")
    assert rule["Fn::Sub"].endswith(":events:${AWS::Region}:${AWS::AccountId}:rule/${Prefix}-events")


def test_queues_keep_messages_long_and_reasons_have_room(made):
    for queue in (made["Queue"], made["DeadLetterQueue"]):
        assert queue["MessageRetentionPeriod"] == 14 * 24 * 3600
    sizes = [made[queue]["MaximumMessageSize"] for queue in ("DeadLetterQueue", "Queue")]
    assert sizes == [1024 * 1024, 1024 * 1024 - 16 * 1024]


def test_what_cannot_be_delivered_or_handled_is_not_lost(made):
    dead_letters = arn_of("DeadLetterQueue")
    assert made["Queue"]["RedrivePolicy"]["deadLetterTargetArn"] == dead_letters
    assert made["Subscription"]["RedrivePolicy"] == {"deadLetterTargetArn": dead_letters}
    assert made["Rule"]["Targets"][0]["DeadLetterConfig"] == {"Arn": dead_letters}
    assert made["DeadLetterQueue"]["RedriveAllowPolicy"]["redrivePermission"] == "byQueue"


def test_the_table_has_the_keys_and_indexes_that_the_code_uses(made):
    properties = made["Table"]
    assert resources.key_names(properties["KeySchema"]) == resources.KEYS
    assert resources.index_shapes(properties) == resources.INDEX_SHAPES
    used = {"pk", "sk"}.union(*INDEXES.values())
    types = {each["AttributeName"]: each["AttributeType"] for each in properties["AttributeDefinitions"]}
    assert types == dict.fromkeys(used, "S")
    assert properties["TimeToLiveSpecification"] == {"AttributeName": EXPIRY, "Enabled": True}


def test_the_table_outlives_its_stack_and_can_be_restored(whole, made):
    resource = whole["Resources"]["Table"]
    assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Retain"
    assert made["Table"]["DeletionProtectionEnabled"] is True
    assert made["Table"]["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert made["Table"]["BillingMode"] == "PAY_PER_REQUEST"


def test_all_kinds_are_published_under_names_that_let_one_replace_the_other(made):
    for name, source in (("SnsDestination", "sns"), ("EventBridgeDestination", "eventbridge")):
        published = made[name]["EventDestination"]
        assert sorted(published["MatchingEventTypes"]) == sorted(kind.event_type for kind in KINDS)
        assert published["Enabled"] is True
        assert published["Name"]["Fn::Sub"].replace("${Prefix}", "acme") == Deployment("acme", source).event_destination


def test_ses_publishes_only_once_somebody_may_hear(whole):
    waits = {name: set(resource.get("DependsOn", [])) for name, resource in whole["Resources"].items()}
    assert {"ConfigurationSet", "TopicPolicy", "Subscription", "QueuePolicy"} <= waits["SnsDestination"]
    assert {"ConfigurationSet", "Rule", "QueuePolicy"} <= waits["EventBridgeDestination"]
    assert {"QueuePolicy", "DeadLetterQueuePolicy"} <= waits["Subscription"]
    assert {"QueuePolicy", "DeadLetterQueuePolicy"} <= waits["Rule"]


def test_the_rule_takes_only_events_of_our_configuration_set(made):
    assert made["Rule"]["EventPattern"] == {
        "source": ["aws.ses"],
        "detail": {"mail": {"tags": {"ses:configuration-set": [{"Fn::Sub": "${Prefix}"}]}}},
    }


def test_the_code_knows_the_templates_names(made):
    ours = Deployment(prefix="acme")
    names = [("Queue", "QueueName"), ("DeadLetterQueue", "QueueName"), ("Topic", "TopicName"), ("Rule", "Name")]
    names += [("Table", "TableName"), ("ConfigurationSet", "Name")]
    found = [made[resource][name]["Fn::Sub"].replace("${Prefix}", "acme") for resource, name in names]
    assert found == [ours.queue, ours.dead_letter_queue, *[ours.topic_or_rule] * 2, *[ours.prefix] * 2]


def test_the_code_knows_the_templates_parameters_and_their_defaults(whole):
    sent = {p["ParameterKey"]: p["ParameterValue"] for p in Deployment().parameters(create_table=True)}
    assert sent == {name: str(parameter["Default"]) for name, parameter in whole["Parameters"].items()}
    assert whole["Parameters"]["Prefix"]["AllowedPattern"] == f"^{PREFIX.pattern}$"


def test_no_name_is_longer_than_its_service_allows(whole):
    longest = max(re.findall(r"\$\{Prefix\}(-[a-z-]+)", template()), key=len)
    prefix = int(re.search(r",(\d+)\}", whole["Parameters"]["Prefix"]["AllowedPattern"]).group(1)) + 1
    assert prefix + len(longest) <= 64, "SES's event destinations and EventBridge's rules end at 64"


def test_every_output_that_provisioning_reads_is_there(whole):
    read = set(re.findall(r'outputs(?:\[|\.get\()"(\w+)"', inspect.getsource(provisioner)))
    assert read <= set(whole["Outputs"])
    assert {"QueueUrl", "QueueArn", "DeadLetterQueueUrl", "TableName", "TopicArn"} <= set(whole["Outputs"])
