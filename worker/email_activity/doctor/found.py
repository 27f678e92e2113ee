"""Where the settings lead: the names of all that carries events, found from the queue backwards to SES.

The settings name the queue and the table. The queue's policy names the topic or the rule, and that the configuration
set. Where one of them does not tell, its name is what config/template.yaml would have given it.
"""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from email_activity.provision import checks, policies, push
from email_activity.provision.cloud import Cloud
from email_activity.provision.deployment import Deployment, Source
from email_activity.settings import Settings

#: A deployment by the template; what differs from it by intent is no fault.
TEMPLATE = Deployment()


@dataclass(frozen=True, slots=True)
class Found:
    """Names as `provision.deployment.Wanted` has them. kms_key: the queue's, which all else should have, too."""

    queue: str
    dead_letter_queue: str
    table: str
    topic_or_rule: str
    configuration_set: str
    event_destination: str = ""
    source: Source = "sns"
    raw: bool = False
    max_receive_count: int = TEMPLATE.max_receive_count
    visibility_timeout: int = TEMPLATE.visibility_timeout
    pipe: str = ""
    push_to: str = ""
    archive_stream: str = ""
    kms_key: str = ""


def by_settings(settings: Settings) -> Found:
    """Without a look at anything."""
    queue = _name(settings.events_queue)
    prefix = queue.removesuffix("-events")
    return Found(
        queue=queue,
        dead_letter_queue=_name(settings.dead_letter_queue or f"{prefix}-dead-letters"),
        table=settings.activity_table,
        topic_or_rule=queue,
        configuration_set=prefix,
    )


def find(cloud: Cloud, settings: Settings) -> Found:
    """Raises what boto3 does if the queue does not answer. What else does not is told by its own check."""
    found = by_settings(settings)
    got = checks.queue_attributes(cloud, found.queue)
    redrive = json.loads(got.get("RedrivePolicy", "{}"))
    target = redrive.get("deadLetterTargetArn", "").rpartition(":")[2]
    key = got.get("KmsMasterKeyId", "")
    found = replace(
        found,
        visibility_timeout=int(got.get("VisibilityTimeout", TEMPLATE.visibility_timeout)),
        max_receive_count=max(TEMPLATE.max_receive_count, int(redrive.get("maxReceiveCount", 0))),
        dead_letter_queue=_name(settings.dead_letter_queue or target or found.dead_letter_queue),
        # A key that is named by its id or an alias cannot be told from the ARN that others tell.
        kms_key=key if push.KEY.fullmatch(key) else "",
    )
    for arn in policies.senders(got.get("Policy")):
        if ":sns:" in arn or (":events:" in arn and ":rule/" in arn):
            source: Source = "sns" if ":sns:" in arn else "eventbridge"
            found = replace(found, source=source, topic_or_rule=arn.partition(":rule/")[2] or arn.rpartition(":")[2])
            break
    for look in (_configuration_set, _event_destination):
        found = _unless_silent(look, cloud, found)
    return found


def _unless_silent(look: Callable[[Cloud, Found], Found], cloud: Cloud, found: Found) -> Found:
    with suppress(ClientError, BotoCoreError):
        return look(cloud, found)
    return found


def _configuration_set(cloud: Cloud, found: Found) -> Found:
    """As the topic's policy or the rule's pattern has it."""
    if found.source == "sns":
        topic = checks.arn(cloud, found, "sns", found.topic_or_rule)
        policy = cloud.sns.get_topic_attributes(TopicArn=topic)["Attributes"].get("Policy")
        names = [arn.partition(":configuration-set/")[2] for arn in policies.senders(policy)]
    else:
        rule = cloud.events.describe_rule(Name=found.topic_or_rule)
        detail: Any = json.loads(rule.get("EventPattern", "{}")).get("detail", {})
        names = detail.get("mail", {}).get("tags", {}).get("ses:configuration-set", [])
    return replace(found, configuration_set=next(filter(None, names), found.configuration_set))


def _event_destination(cloud: Cloud, found: Found) -> Found:
    """The one that publishes to the topic or the bus."""
    goes_to = checks.publishes_to(cloud, found)
    name = found.configuration_set
    answer = cloud.sesv2.get_configuration_set_event_destinations(ConfigurationSetName=name)
    ours = [each["Name"] for each in answer["EventDestinations"] if checks.target_of(each) == goes_to]
    return replace(found, event_destination=next(iter(ours), ""))


def _name(name_or_url: str) -> str:
    return name_or_url.rpartition("/")[2]
