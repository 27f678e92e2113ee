"""Provisioning on LocalStack: made, checked, used, kept, adopted, removed.

LocalStack accepts SES's resources in a template and makes none of them, ignores point-in-time recovery and
DeletionPolicy, and its updates change nothing: each of these once left a stack that said COMPLETE and did not work.
"""

import json
import time
from dataclasses import replace
from uuid import uuid4

import boto3
import pytest
from click.testing import CliRunner

from email_activity.cli.main import main
from email_activity.cli.provision import provision
from email_activity.provision import resources, stack
from email_activity.provision.cloud import Cloud, NotApprovedError, ProvisionError
from email_activity.provision.deployment import Deployment
from email_activity.provision.provisioner import Prompts, Provisioner, Removed
from provision import StandInProvisioner

pytestmark = pytest.mark.integration

REGION = "eu-central-1"
ITEM = {"pk": {"S": "EMAIL#1"}, "sk": {"S": "EVENT#1"}}


@pytest.fixture
def cloud(localstack, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    return Cloud.connect(region=REGION, endpoint_url=localstack)


@pytest.fixture
def prefix(cloud):
    prefix = f"p-{uuid4().hex[:10]}"
    yield prefix
    remove(cloud, prefix, delete_table=True)


def deploy(cloud, prefix, **wanted):
    return StandInProvisioner(cloud, Deployment(prefix=prefix, **wanted)).deploy()


def remove(cloud, prefix, *, delete_table=False):
    return StandInProvisioner(cloud, Deployment(prefix=prefix)).remove(delete_table=delete_table)


def receive(cloud, queue_url, wanted, seconds=10):
    """All messages that come until `wanted` of them are there, which is not until SES's own greeting has passed."""
    bodies, until = [], time.monotonic() + seconds
    while time.monotonic() < until and sum(map(wanted, bodies)) < 1:
        got = cloud.sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        for message in got.get("Messages", []):
            bodies.append(message["Body"])
            cloud.sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
    return bodies


def failures(made):
    return [check for check in made.checks if check.state != "ok"]


def options(cloud, prefix):
    return ("--endpoint-url", cloud.endpoint_url, "--prefix", prefix, "--region", REGION)


def run(cloud, prefix, *arguments):
    """`localstack/provision.py`"""
    return CliRunner().invoke(provision, [*options(cloud, prefix), *arguments], obj=StandInProvisioner)


@pytest.mark.parametrize("raw", [True, False], ids=["raw", "enveloped"])
def test_what_is_published_to_the_topic_arrives_in_the_queue(cloud, prefix, raw):
    made = deploy(cloud, prefix, raw=raw)
    assert failures(made) == []

    cloud.sns.publish(TopicArn=made.topic_arn, Message='{"eventType": "Bounce"}')

    [body] = [b for b in receive(cloud, made.queue_url, lambda b: "Bounce" in b) if "Bounce" in b]
    assert json.loads(body if raw else json.loads(body)["Message"]) == {"eventType": "Bounce"}
    assert ("TopicArn" in body) is not raw


def test_an_email_sent_with_the_configuration_set_is_reported(cloud, prefix, localstack):
    made = deploy(cloud, prefix, raw=True)
    ses = boto3.client("ses", region_name=REGION, endpoint_url=localstack)
    ses.verify_email_identity(EmailAddress="billing@example.com")

    sent = ses.send_email(
        Source="billing@example.com",
        Destination={"ToAddresses": ["client@example.org"]},
        Message={"Subject": {"Data": "Invoice"}, "Body": {"Text": {"Data": "Please pay."}}},
        ConfigurationSetName=made.configuration_set,
    )

    bodies = receive(cloud, made.queue_url, lambda body: '"Send"' in body)
    events = [json.loads(body) for body in bodies if body.startswith("{")]
    assert any(e["eventType"] == "Send" and e["mail"]["messageId"] == sent["MessageId"] for e in events)


def test_an_event_on_the_bus_arrives_only_if_it_is_of_our_configuration_set(cloud, prefix):
    made = deploy(cloud, prefix, source="eventbridge")
    assert {check.name for check in failures(made)} == {"configuration set"}, "no SES API here knows EventBridge"
    assert made.ok
    assert made.topic_arn is None

    for name in ("another", prefix):
        detail = {"eventType": "Open", "mail": {"tags": {"ses:configuration-set": [name]}}}
        cloud.events.put_events(
            Entries=[{"Source": "aws.ses", "DetailType": "Email Opened", "Detail": json.dumps(detail)}]
        )

    bodies = receive(cloud, made.queue_url, lambda body: prefix in body)
    assert [json.loads(body)["detail"]["mail"]["tags"]["ses:configuration-set"] for body in bodies] == [[prefix]]


def test_the_table_survives_its_stack_and_the_next_one_adopts_it(cloud, prefix):
    made = deploy(cloud, prefix)
    cloud.dynamodb.put_item(TableName=made.table_name, Item=ITEM)

    assert remove(cloud, prefix) == Removed(stack=True, table_deleted=False, table_kept=True)
    assert stack.find(cloud, prefix) is None
    again = deploy(cloud, prefix)

    assert again.adopted_table
    assert failures(again) == []
    assert cloud.dynamodb.scan(TableName=again.table_name)["Items"] == [ITEM]

    gone = remove(cloud, prefix, delete_table=True)
    assert gone == Removed(stack=True, table_deleted=True, table_kept=False)
    assert cloud.dynamodb.list_tables(ExclusiveStartTableName=prefix[:-1], Limit=1)["TableNames"] != [prefix]


def test_a_change_on_a_stand_in_makes_a_fresh_stack_around_the_same_table(cloud, prefix):
    made = deploy(cloud, prefix)
    cloud.dynamodb.put_item(TableName=made.table_name, Item=ITEM)

    changed = deploy(cloud, prefix, raw=True, visibility_timeout=300)

    assert changed.changed
    assert failures(changed) == []
    assert cloud.dynamodb.scan(TableName=changed.table_name)["Items"] == [ITEM]


def test_a_change_that_loses_messages_is_made_only_with_consent(cloud, prefix):
    assert run(cloud, prefix, "--yes").exit_code == 0
    queue = cloud.sqs.get_queue_url(QueueName=f"{prefix}-events")["QueueUrl"]
    receive(cloud, queue, lambda body: "Successfully validated" in body)
    letters = cloud.sqs.get_queue_url(QueueName=f"{prefix}-dead-letters")["QueueUrl"]
    for number in range(3):
        cloud.sqs.send_message(QueueUrl=letters, MessageBody=str(number))

    planned = json.loads(run(cloud, prefix, "--raw", "--dry-run", "--json").stdout)["changes"]
    refused = run(cloud, prefix, "--raw")

    assert {change["resource"]: change["messages"] for change in planned} == {
        prefix: 0,
        "Queue": 0,
        "DeadLetterQueue": 3,
    }
    assert refused.exit_code == 2
    assert "there is nobody to ask" in refused.stderr
    attributes = cloud.sqs.get_queue_attributes(QueueUrl=letters, AttributeNames=["ApproximateNumberOfMessages"])
    assert attributes["Attributes"] == {"ApproximateNumberOfMessages": "3"}
    assert run(cloud, prefix, "--raw", "--yes").exit_code == 0


def test_a_deleted_table_comes_back(cloud, prefix):
    made = deploy(cloud, prefix)
    assert resources.delete_table(cloud, made.table_name)

    again = deploy(cloud, prefix)

    assert again.changed
    assert failures(again) == []
    assert cloud.dynamodb.scan(TableName=again.table_name)["Items"] == []


def test_a_second_run_without_a_difference_keeps_what_is_in_the_queue(cloud, prefix):
    made = deploy(cloud, prefix, raw=True)
    cloud.sns.publish(TopicArn=made.topic_arn, Message="still here")

    again = deploy(cloud, prefix, raw=True)

    assert not again.changed
    assert "still here" in receive(cloud, again.queue_url, lambda body: body == "still here")


def test_a_table_of_another_shape_is_refused_before_anything_is_made(cloud, prefix):
    key = {"AttributeName": "id", "AttributeType": "S"}
    cloud.dynamodb.create_table(
        TableName=prefix,
        AttributeDefinitions=[key],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )

    with pytest.raises(ProvisionError, match=r"cannot be adopted: its keys are id, not pk, sk; .*by_document"):
        deploy(cloud, prefix)

    assert stack.find(cloud, prefix) is None


def test_a_setting_changed_by_hand_shows_in_the_checks(cloud, prefix):
    made = deploy(cloud, prefix)
    everybody = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}
    cloud.sqs.set_queue_attributes(
        QueueUrl=made.queue_url,
        Attributes={"VisibilityTimeout": "5", "Policy": json.dumps({"Statement": [everybody]})},
    )

    found = {check.name: check for check in StandInProvisioner(cloud, Deployment(prefix=prefix)).inspect()}

    assert found["queue: visibility timeout"].got == "5"
    assert found["queue: who may send"].got == "* sqs:sendmessage from anywhere"
    assert [name for name, check in found.items() if not check.ok] == [
        "queue: visibility timeout",
        "queue: who may send",
        "queue: without TLS",
    ]


def test_the_way_of_aws_makes_the_stack_and_then_finds_nothing_to_do(cloud, prefix, monkeypatch):
    """By change sets, which LocalStack takes for a first stack and for a look at a second."""
    monkeypatch.setattr(Provisioner, "propagation", 0)
    like_aws, wanted = replace(cloud, poll_seconds=0.1), Deployment(prefix=prefix)
    shown, lines = [], []

    with pytest.raises(NotApprovedError):
        Provisioner(like_aws, wanted, Prompts(lambda _: False)).deploy()
    assert stack.find(cloud, prefix) is None, "what nobody wants leaves nothing behind"

    made = Provisioner(like_aws, wanted, Prompts(lambda changes: shown.extend(changes) or True, lines.append)).deploy()
    again = Provisioner(like_aws, wanted, Prompts(pytest.fail)).deploy()
    command = CliRunner().invoke(main, ["provision", *options(cloud, prefix), "--yes"])

    assert made.changed
    assert not again.changed
    assert {(c.action, c.resource) for c in shown} >= {("Add", "Table"), ("Add", "Queue"), ("Add", "SnsDestination")}
    assert "CREATE_COMPLETE Table" in lines
    # What LocalStack left out of the template is told, not hidden.
    assert {check.name for check in made.checks if not check.ok} >= {"point-in-time recovery", "configuration set"}
    assert command.exit_code == 1
    assert "not as wanted: table: deletion protection, point-in-time recovery, configuration set" in command.stderr
    assert "localstack/provision.py" in command.stderr
    deploy(cloud, prefix)  # completes it, so that its table is kept like any other


def test_the_command_makes_checks_and_removes(cloud, prefix):
    looked = run(cloud, prefix, "--dry-run")
    assert looked.exit_code == 0
    assert stack.find(cloud, prefix) is None

    made = run(cloud, prefix, "--yes")
    assert made.exit_code == 0, made.output
    settings = dict(line.split("=", 1) for line in made.stdout.splitlines() if not line.startswith("#"))
    assert list(settings) == ["AWS_REGION", "AWS_ENDPOINT_URL", "EVENTS_QUEUE", "DEAD_LETTER_QUEUE", "ACTIVITY_TABLE"]
    assert settings["ACTIVITY_TABLE"] == prefix

    told = json.loads(run(cloud, prefix, "--json").stdout)
    assert told["ok"]
    assert not told["changed"]
    assert told["environment"] == settings
    assert len({told[f"{who}_policy_arn"] for who in ("worker", "reader", "operator")} - {None}) == 3

    removed = json.loads(run(cloud, prefix, "--delete", "--yes", "--json").stdout)
    assert removed == {"stack": "deleted", "table": "kept"}
    removed = json.loads(run(cloud, prefix, "--delete", "--delete-table", "--yes", "--json").stdout)
    assert removed == {"stack": "absent", "table": "deleted"}
