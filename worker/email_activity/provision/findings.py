"""What each service tells of what is there, beside what is wanted of it."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from email_activity.domain.kinds import KINDS
from email_activity.provision import table
from email_activity.provision.cloud import Cloud, is_unknown_call
from email_activity.provision.deployment import Deployment

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Name, wanted, got; None where the answer does not tell.
Finding = tuple[str, str, str | None]

#: SES's kinds, in a spelling that its two APIs share.
ALL_KINDS = ", ".join(sorted(kind.event_type.lower() for kind in KINDS))

FOURTEEN_DAYS = "1209600"


def arn(cloud: Cloud, wanted: Deployment, service: str, name: str) -> str:
    """From the queue's own, so that partition and account need no call that the caller may not make."""
    return queue_arn(cloud, wanted.queue).rsplit(":", 1)[0].replace(":sqs:", f":{service}:") + f":{name}"


def queue_arn(cloud: Cloud, name: str) -> str:
    return _queue_attributes(cloud, name)["QueueArn"]


def _queue_attributes(cloud: Cloud, name: str) -> "Mapping[str, str]":
    url = cloud.sqs.get_queue_url(QueueName=name)["QueueUrl"]
    found: Mapping[str, str] = cloud.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]  # type: ignore[assignment]
    return found


def of_queue(cloud: Cloud, wanted: Deployment) -> Iterator[Finding]:
    got = _queue_attributes(cloud, wanted.queue)
    redrive = json.loads(got.get("RedrivePolicy", "{}"))
    yield "visibility timeout", str(wanted.visibility_timeout), got.get("VisibilityTimeout")
    yield "long polling", "20", got.get("ReceiveMessageWaitTimeSeconds")
    yield "retention", FOURTEEN_DAYS, got.get("MessageRetentionPeriod")
    yield "encrypted", "true", got.get("SqsManagedSseEnabled")
    yield "receives before dead letter", str(wanted.max_receive_count), str(redrive.get("maxReceiveCount"))
    yield "dead letters go to", queue_arn(cloud, wanted.dead_letter_queue), str(redrive.get("deadLetterTargetArn"))
    yield "who may send", _sender(cloud, wanted), allowed(got.get("Policy"))
    yield "without TLS", "denied", without_tls(got.get("Policy"))


def of_dead_letter_queue(cloud: Cloud, wanted: Deployment) -> Iterator[Finding]:
    got, source = _queue_attributes(cloud, wanted.dead_letter_queue), _queue_attributes(cloud, wanted.queue)
    room = int(got["MaximumMessageSize"]) - int(source["MaximumMessageSize"])
    allow = json.loads(got.get("RedriveAllowPolicy", "{}"))
    yield "room for reasons", "16384 bytes", f"{room} bytes"
    yield "retention", FOURTEEN_DAYS, got.get("MessageRetentionPeriod")
    yield "encrypted", "true", got.get("SqsManagedSseEnabled")
    yield "serves", source["QueueArn"], ", ".join(allow.get("sourceQueueArns", ["any queue"]))
    yield "who may send", _sender(cloud, wanted), allowed(got.get("Policy"))
    yield "without TLS", "denied", without_tls(got.get("Policy"))


def _sender(cloud: Cloud, wanted: Deployment) -> str:
    if wanted.source == "sns":
        return f"sns.amazonaws.com sqs:sendmessage from {arn(cloud, wanted, 'sns', wanted.topic)}"
    return f"events.amazonaws.com sqs:sendmessage from {arn(cloud, wanted, 'events', f'rule/{wanted.rule}')}"


def of_table(cloud: Cloud, wanted: Deployment) -> Iterator[Finding]:
    got = table.describe(cloud, wanted.table)
    if not got:
        yield "", "there", "missing"
        return
    indexes = table.indexes(got)
    states = {index["IndexName"]: index.get("IndexStatus") for index in got.get("GlobalSecondaryIndexes", [])}
    protected = got.get("DeletionProtectionEnabled")
    yield "state", "ACTIVE", got.get("TableStatus")
    yield "keys", table.KEYS, table.keys(got["KeySchema"])
    yield "billing", "PAY_PER_REQUEST", got.get("BillingModeSummary", {}).get("BillingMode")
    for name, keys in table.INDEXES.items():
        yield f"index {name}", f"{keys}, KEYS_ONLY", indexes.get(name, "missing")
        yield f"index {name} state", "ACTIVE", states.get(name, "missing")
    yield "encrypted", "ENABLED", got.get("SSEDescription", {}).get("Status")
    yield "deletion protection", "true", None if protected is None else str(protected).lower()


def of_expiry(cloud: Cloud, wanted: Deployment) -> Iterator[Finding]:
    got = cloud.dynamodb.describe_time_to_live(TableName=wanted.table)["TimeToLiveDescription"]
    on = got.get("TimeToLiveStatus", "").startswith("ENABL")
    yield "", f"by {table.EXPIRY}", f"by {got.get('AttributeName')}" if on else "off"


def of_recovery(cloud: Cloud, wanted: Deployment) -> Iterator[Finding]:
    got = cloud.dynamodb.describe_continuous_backups(TableName=wanted.table)["ContinuousBackupsDescription"]
    yield "", "ENABLED", got.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus")


def of_topic(cloud: Cloud, wanted: Deployment) -> Iterator[Finding]:
    got = cloud.sns.get_topic_attributes(TopicArn=arn(cloud, wanted, "sns", wanted.topic))["Attributes"]
    source = arn(cloud, wanted, "ses", f"configuration-set/{wanted.configuration_set}")
    yield "who may publish", f"ses.amazonaws.com sns:publish from {source}", allowed(got.get("Policy"))
    yield "without TLS", "denied", without_tls(got.get("Policy"))
    yield "signature version", "2", got.get("SignatureVersion")


def of_subscription(cloud: Cloud, wanted: Deployment) -> Iterator[Finding]:
    topic, queue = arn(cloud, wanted, "sns", wanted.topic), queue_arn(cloud, wanted.queue)
    pages = cloud.sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
    ours = [s for page in pages for s in page["Subscriptions"] if s.get("Endpoint") == queue]
    yield "to the queue", "1", str(len(ours))
    for subscription in ours:
        got = cloud.sns.get_subscription_attributes(SubscriptionArn=subscription["SubscriptionArn"])["Attributes"]
        redrive = json.loads(got.get("RedrivePolicy") or "{}")
        yield "raw", str(wanted.raw).lower(), got.get("RawMessageDelivery", "false").lower()
        dead_letters = queue_arn(cloud, wanted.dead_letter_queue)
        yield "what cannot be delivered goes to", dead_letters, redrive.get("deadLetterTargetArn")


def of_rule(cloud: Cloud, wanted: Deployment) -> Iterator[Finding]:
    got = cloud.events.describe_rule(Name=wanted.rule)
    tags = {"ses:configuration-set": [wanted.configuration_set]}
    pattern = {"source": ["aws.ses"], "detail": {"mail": {"tags": tags}}}
    targets = cloud.events.list_targets_by_rule(Rule=wanted.rule)["Targets"]
    yield "state", "ENABLED", got.get("State")
    yield "pattern", _canonical(pattern), _canonical(json.loads(got.get("EventPattern", "{}")))
    yield "target", queue_arn(cloud, wanted.queue), ", ".join(target["Arn"] for target in targets)
    dead_letters = ", ".join(target.get("DeadLetterConfig", {}).get("Arn", "nowhere") for target in targets)
    yield "what cannot be delivered goes to", queue_arn(cloud, wanted.dead_letter_queue), dead_letters


def of_configuration_set(cloud: Cloud, wanted: Deployment) -> Iterator[Finding]:
    if wanted.source == "sns":
        goes_to = arn(cloud, wanted, "sns", wanted.topic)
    else:
        goes_to = arn(cloud, wanted, "events", "event-bus/default")
    on, kinds, to = _event_destination(cloud, wanted)
    yield "publishes", "true", on
    yield "kinds", ALL_KINDS, kinds
    yield "publishes to", goes_to, to


def _event_destination(cloud: Cloud, wanted: Deployment) -> tuple[str | None, str | None, str | None]:
    """Whether it is on, of what, to where. The first API knows neither EventBridge nor the two newest kinds."""
    found: list[dict[str, Any]]
    name = wanted.configuration_set
    try:
        found = cloud.sesv2.get_configuration_set_event_destinations(ConfigurationSetName=name)["EventDestinations"]  # type: ignore[assignment]
    except ClientError as error:
        if not (cloud.is_stand_in and is_unknown_call(error)):
            raise
        found = cloud.ses.describe_configuration_set(
            ConfigurationSetName=name, ConfigurationSetAttributeNames=["eventDestinations"]
        ).get("EventDestinations", [])  # type: ignore[assignment]
        if wanted.source != "sns":
            return None, None, None
    got = next((destination for destination in found if destination["Name"] == wanted.event_destination), None)
    if not got:
        return "no such destination", "none", "nowhere"
    sns = got.get("SnsDestination", {}).get("TopicArn") or got.get("SNSDestination", {}).get("TopicARN")
    kinds = ", ".join(sorted(kind.replace("_", "").lower() for kind in got["MatchingEventTypes"]))
    to = sns or got.get("EventBridgeDestination", {}).get("EventBusArn", "nowhere")
    return str(got.get("Enabled")).lower(), kinds, to


def allowed(policy: str | None) -> str:
    """Whom a resource's policy lets do what, and from where."""
    lines = []
    for statement in _statements(policy):
        if statement.get("Effect") != "Allow":
            continue
        principal, actions = statement.get("Principal"), statement.get("Action")
        who = principal.get("Service", principal) if isinstance(principal, dict) else principal
        what = ", ".join(actions) if isinstance(actions, list) else str(actions)
        keys = [pair for test in statement.get("Condition", {}).values() for pair in test.items()]
        where = [value for key, value in keys if key.lower() == "aws:sourcearn"]
        lines.append(f"{who} {what.lower()} from {where[0] if where else 'anywhere'}")
    return "; ".join(sorted(lines)) or "nobody"


def without_tls(policy: str | None) -> str:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html (aws:SecureTransport)"""
    denials = [
        statement
        for statement in _statements(policy)
        if statement.get("Effect") == "Deny" and statement.get("Principal") in ("*", {"AWS": "*"})
    ]
    keys = [pair for statement in denials for test in statement.get("Condition", {}).values() for pair in test.items()]
    denied = any(key.lower() == "aws:securetransport" and str(value).lower() == "false" for key, value in keys)
    return "denied" if denied else "allowed"


def _statements(policy: str | None) -> list[dict[str, Any]]:
    found = json.loads(policy or "{}").get("Statement", [])
    return found if isinstance(found, list) else [found]


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True)
