"""Does what is there look as it was wanted? Asked of the services themselves, not of CloudFormation.

CloudFormation remembers what it was told. Somebody's change by hand shows only here.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from botocore.exceptions import ClientError

from email_activity.domain.errors import code_of
from email_activity.domain.kinds import KINDS
from email_activity.provision import push, resources
from email_activity.provision.cloud import Cloud
from email_activity.provision.deployment import Deployment, Wanted
from email_activity.provision.policies import allowed, without_tls

#: What was asked, wanted and got; None where the answer does not tell.
Finding = tuple[str, str, str | None]
Check = Callable[[Cloud, Wanted], Iterator[Finding]]

#: SES's kinds, in a spelling that CloudFormation and its API share.
ALL_KINDS = ", ".join(sorted(kind.event_type.lower() for kind in KINDS))

#: The attribute that the table's time to live goes by.
EXPIRY = "expires_at"

FOURTEEN_DAYS = "1209600"

#: In the place of what was got, where an answer does not tell.
NOT_TOLD = "not told"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """not supported: a stand-in for AWS does not know it; never so on AWS."""

    name: str
    wanted: str
    got: str
    state: Literal["ok", "failed", "not supported"]

    @property
    def ok(self) -> bool:
        return self.state != "failed"


def inspect(cloud: Cloud, wanted: Deployment) -> Iterator[CheckResult]:
    """A service that refuses to answer is a failed check, with its code as what was got."""
    for name, check in checks_of(wanted).items():
        try:
            for what, want, got in check(cloud, wanted):
                full_name = f"{name}: {what}" if what else name
                yield CheckResult(full_name, want, NOT_TOLD if got is None else got, "ok" if got == want else "failed")
        except ClientError as error:
            yield CheckResult(name, "readable", code_of(error), "failed")


def arn(cloud: Cloud, wanted: Wanted, service: str, name: str) -> str:
    """From the queue's own, so that partition and account need no call that the caller may not make."""
    return _queue_arn(cloud, wanted.queue).rsplit(":", 1)[0].replace(":sqs:", f":{service}:") + f":{name}"


def _queue_arn(cloud: Cloud, name: str) -> str:
    return queue_attributes(cloud, name)["QueueArn"]


def queue_attributes(cloud: Cloud, name: str) -> Mapping[str, str]:
    url = cloud.sqs.get_queue_url(QueueName=name)["QueueUrl"]
    found: Mapping[str, str] = cloud.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]  # type: ignore[assignment]
    return found


def _queue(cloud: Cloud, wanted: Wanted) -> Iterator[Finding]:
    got = queue_attributes(cloud, wanted.queue)
    redrive = json.loads(got.get("RedrivePolicy", "{}"))
    yield "visibility timeout", str(wanted.visibility_timeout), got.get("VisibilityTimeout")
    yield "long polling", "20", got.get("ReceiveMessageWaitTimeSeconds")
    yield "receives before dead letter", str(wanted.max_receive_count), str(redrive.get("maxReceiveCount"))
    yield "dead letters go to", _queue_arn(cloud, wanted.dead_letter_queue), str(redrive.get("deadLetterTargetArn"))
    yield from _either_queue(cloud, wanted, got)


def _dead_letter_queue(cloud: Cloud, wanted: Wanted) -> Iterator[Finding]:
    got, source = queue_attributes(cloud, wanted.dead_letter_queue), queue_attributes(cloud, wanted.queue)
    room = int(got["MaximumMessageSize"]) - int(source["MaximumMessageSize"])
    allow = json.loads(got.get("RedriveAllowPolicy", "{}"))
    yield "room for reasons", "16384 bytes", f"{room} bytes"
    yield "serves", source["QueueArn"], ", ".join(allow.get("sourceQueueArns", ["any queue"]))
    yield from _either_queue(cloud, wanted, got)


def _either_queue(cloud: Cloud, wanted: Wanted, got: Mapping[str, str]) -> Iterator[Finding]:
    sender = f"events.amazonaws.com sqs:sendmessage from {arn(cloud, wanted, 'events', f'rule/{wanted.topic_or_rule}')}"
    if wanted.source == "sns":
        sender = f"sns.amazonaws.com sqs:sendmessage from {arn(cloud, wanted, 'sns', wanted.topic_or_rule)}"
    yield "retention", FOURTEEN_DAYS, got.get("MessageRetentionPeriod")
    if wanted.kms_key:
        yield "encrypted with", wanted.kms_key, got.get("KmsMasterKeyId", "no key of yours")
    else:
        yield "encrypted", "true", "true" if got.get("KmsMasterKeyId") else got.get("SqsManagedSseEnabled")
    yield "who may send", sender, allowed(got.get("Policy"))
    yield "without TLS", "denied", without_tls(got.get("Policy"))


def _table(cloud: Cloud, wanted: Wanted) -> Iterator[Finding]:
    got = resources.describe_table(cloud, wanted.table)
    if not got:
        yield "", "there", "missing"
        return
    shapes = resources.index_shapes(got)
    states = {index["IndexName"]: index.get("IndexStatus") for index in got.get("GlobalSecondaryIndexes", [])}
    protected = got.get("DeletionProtectionEnabled")
    yield "state", "ACTIVE", got.get("TableStatus")
    yield "keys", resources.KEYS, resources.key_names(got["KeySchema"])
    yield "billing", "PAY_PER_REQUEST", got.get("BillingModeSummary", {}).get("BillingMode")
    for name, shape in resources.INDEX_SHAPES.items():
        yield f"index {name}", shape, shapes.get(name, "missing")
        yield f"index {name} state", "ACTIVE", states.get(name, "missing")
    encryption = got.get("SSEDescription", {})
    yield "encrypted", "ENABLED", encryption.get("Status")
    if wanted.kms_key:
        yield "encrypted with", wanted.kms_key, encryption.get("KMSMasterKeyArn")
    yield "deletion protection", "true", None if protected is None else str(protected).lower()


def _expiry(cloud: Cloud, wanted: Wanted) -> Iterator[Finding]:
    got = cloud.dynamodb.describe_time_to_live(TableName=wanted.table)["TimeToLiveDescription"]
    on = got.get("TimeToLiveStatus", "").startswith("ENABL")
    yield "", f"by {EXPIRY}", f"by {got.get('AttributeName')}" if on else "off"


def _recovery(cloud: Cloud, wanted: Wanted) -> Iterator[Finding]:
    got = cloud.dynamodb.describe_continuous_backups(TableName=wanted.table)["ContinuousBackupsDescription"]
    yield "", "ENABLED", got.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus")


def _topic(cloud: Cloud, wanted: Wanted) -> Iterator[Finding]:
    got = cloud.sns.get_topic_attributes(TopicArn=arn(cloud, wanted, "sns", wanted.topic_or_rule))["Attributes"]
    source = arn(cloud, wanted, "ses", f"configuration-set/{wanted.configuration_set}")
    yield "who may publish", f"ses.amazonaws.com sns:publish from {source}", allowed(got.get("Policy"))
    yield "without TLS", "denied", without_tls(got.get("Policy"))
    yield "signature version", "2", got.get("SignatureVersion")
    if wanted.kms_key:
        yield "encrypted with", wanted.kms_key, got.get("KmsMasterKeyId", "no key of yours")


def _subscriptions(cloud: Cloud, wanted: Wanted, endpoint: str) -> list[Any]:
    topic = arn(cloud, wanted, "sns", wanted.topic_or_rule)
    pages = cloud.sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
    return [each for page in pages for each in page["Subscriptions"] if each.get("Endpoint") == endpoint]


def _archive(cloud: Cloud, wanted: Wanted) -> Iterator[Finding]:
    stream = arn(cloud, wanted, "firehose", f"deliverystream/{wanted.archive_stream}")
    yield "subscribed", "1", str(len(_subscriptions(cloud, wanted, stream)))


def _subscription(cloud: Cloud, wanted: Wanted) -> Iterator[Finding]:
    ours = _subscriptions(cloud, wanted, _queue_arn(cloud, wanted.queue))
    yield "to the queue", "1", str(len(ours))
    for subscription in ours:
        got = cloud.sns.get_subscription_attributes(SubscriptionArn=subscription["SubscriptionArn"])["Attributes"]
        redrive = json.loads(got.get("RedrivePolicy") or "{}")
        yield "raw", str(wanted.raw).lower(), got.get("RawMessageDelivery", "false").lower()
        dead_letters = _queue_arn(cloud, wanted.dead_letter_queue)
        yield "what cannot be delivered goes to", dead_letters, redrive.get("deadLetterTargetArn")
        yield "filter policy", "none", got.get("FilterPolicy") or "none"


def _rule(cloud: Cloud, wanted: Wanted) -> Iterator[Finding]:
    got = cloud.events.describe_rule(Name=wanted.topic_or_rule)
    tags = {"ses:configuration-set": [wanted.configuration_set]}
    pattern = {"source": ["aws.ses"], "detail": {"mail": {"tags": tags}}}
    targets = cloud.events.list_targets_by_rule(Rule=wanted.topic_or_rule)["Targets"]
    yield "state", "ENABLED", got.get("State")
    yield "pattern", _canonical(pattern), _canonical(json.loads(got.get("EventPattern", "{}")))
    yield "target", _queue_arn(cloud, wanted.queue), ", ".join(target["Arn"] for target in targets)
    dead_letters = ", ".join(target.get("DeadLetterConfig", {}).get("Arn", "nowhere") for target in targets)
    yield "what cannot be delivered goes to", _queue_arn(cloud, wanted.dead_letter_queue), dead_letters


def _configuration_set(cloud: Cloud, wanted: Wanted) -> Iterator[Finding]:
    destinations = cloud.sesv2.get_configuration_set_event_destinations(ConfigurationSetName=wanted.configuration_set)
    found: list[Any] = [d for d in destinations["EventDestinations"] if d["Name"] == wanted.event_destination]
    got = found[0] if found else {}
    kinds = sorted(kind.replace("_", "").lower() for kind in got.get("MatchingEventTypes", ["none"]))
    yield "publishes", "true", str(got.get("Enabled")).lower() if got else "no such destination"
    yield "kinds", ALL_KINDS, ", ".join(kinds)
    yield "publishes to", publishes_to(cloud, wanted), target_of(got)


def publishes_to(cloud: Cloud, wanted: Wanted) -> str:
    """The ARN to which SES is wanted to publish."""
    if wanted.source == "sns":
        return arn(cloud, wanted, "sns", wanted.topic_or_rule)
    return arn(cloud, wanted, "events", "event-bus/default")


def target_of(destination: Mapping[str, Any]) -> str:
    """The ARN to which an event destination of SES publishes."""
    topic = destination.get("SnsDestination", {}).get("TopicArn")
    return topic or destination.get("EventBridgeDestination", {}).get("EventBusArn") or "nowhere"


def _stream(cloud: Cloud, wanted: Wanted) -> Iterator[Finding]:
    yield "", push.VIEW, push.view(resources.describe_table(cloud, wanted.table))


def _push(cloud: Cloud, wanted: Wanted) -> Iterator[Finding]:
    return push.inspect(cloud, wanted.pipe, wanted.push_to)


CHECKS: dict[str, Check] = {
    "queue": _queue,
    "dead-letter queue": _dead_letter_queue,
    "table": _table,
    "expiry": _expiry,
    "point-in-time recovery": _recovery,
    "configuration set": _configuration_set,
}
CHECKS_OF_PUSH: dict[str, Check] = {"stream": _stream, "push": _push}
CHECKS_BY_SOURCE: dict[str, dict[str, Check]] = {
    "sns": {"topic": _topic, "subscription": _subscription},
    "eventbridge": {"rule": _rule},
}


def checks_of(wanted: Wanted) -> dict[str, Check]:
    """By what they are about."""
    of_push = CHECKS_OF_PUSH if wanted.push_to else {}
    of_archive: dict[str, Check] = {"archive": _archive} if wanted.archive_stream else {}
    return CHECKS | CHECKS_BY_SOURCE[wanted.source] | of_push | of_archive


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True)
