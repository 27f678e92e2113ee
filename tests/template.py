"""config/template.yaml as data: its YAML, and what its policies allow."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import yaml

from email_activity.provision.deployment import template
from email_activity.provision.roles import ROLES, Loader, as_list, statements

#: Role: the resources of the template that say what it may do.
POLICIES = {role: [policy] for role, policy in ROLES.items()}
POLICIES["operator"].append("ArchivePolicy")

#: The alarms, each with what its alert of config/prometheus-rules.yaml is called, after EmailActivity.
ALARMS = {
    "OldestEventAlarm": "Lag",
    "NoProgressAlarm": "NoProgress",
    "DeadLettersAlarm": "DeadLetters",
    "BounceRateAlarm": "BounceRate",
    "ComplaintRateAlarm": "ComplaintRate",
}

#: An action, and a resource as the end of its ARN with the prefix as `*`: ("sqs:SendMessage", "*-events").
Permission = tuple[str, str]


@cache
def whole() -> dict[str, Any]:
    return yaml.load(template(), Loader)  # noqa: S506  a SafeLoader with more tags


@cache
def allowed(role: str) -> frozenset[Permission]:
    """Without the use of a KMS key, which no role calls itself: SQS and DynamoDB do, for it."""
    return frozenset(each for policy in POLICIES[role] for each in _permissions(statements(policy)))


def _permissions(statements: list[dict[str, Any]]) -> Iterator[Permission]:
    for statement in statements:
        if statement["Effect"] == "Allow":
            for action in as_list(statement["Action"]):
                for bound in as_list(statement["Resource"]):
                    yield action, _resource(bound)


def _resource(bound: dict[str, str]) -> str:
    if "Fn::Sub" in bound:
        name = bound["Fn::Sub"].rpartition(":")[2]
    else:
        queue = whole()["Resources"][bound["Fn::GetAtt"].removesuffix(".Arn")]
        name = queue["Properties"]["QueueName"]["Fn::Sub"]
    return re.sub(r"\$\{(Prefix|ArchiveBucket)\}", "*", name)
