"""config/template.yaml as data: its YAML, and what its policies allow."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import yaml

from email_activity.provision.deployment import template

#: Role: the resources of the template that say what it may do.
POLICIES = {
    "worker": ["WorkerPolicy"],
    "reader": ["ReaderPolicy"],
    "operator": ["OperatorPolicy", "ArchivePolicy"],
    "eraser": ["EraserPolicy"],
}

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


class Loader(yaml.SafeLoader):
    """Reads CloudFormation's short forms as the long ones: `!Ref x` as {"Ref": "x"}."""


def _long_form(loader: Loader, suffix: str, node: Any) -> dict[str, Any]:
    value = {
        yaml.ScalarNode: loader.construct_scalar,
        yaml.SequenceNode: lambda n: loader.construct_sequence(n, deep=True),
    }[type(node)](node)
    return {suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}": value}


Loader.add_multi_constructor("!", _long_form)


@cache
def whole() -> dict[str, Any]:
    return yaml.load(template(), Loader)  # noqa: S506  a SafeLoader with more tags


@cache
def allowed(role: str) -> frozenset[Permission]:
    policies = [whole()["Resources"][name]["Properties"]["PolicyDocument"] for name in POLICIES[role]]
    return frozenset(each for policy in policies for each in _permissions(policy["Statement"]))


def _permissions(statements: list[dict[str, Any]]) -> Iterator[Permission]:
    for statement in statements:
        if statement["Effect"] == "Allow":
            for action in _listed(statement["Action"]):
                for bound in _listed(statement["Resource"]):
                    yield action, _resource(bound)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _resource(bound: dict[str, str]) -> str:
    if "Fn::Sub" in bound:
        name = bound["Fn::Sub"].rpartition(":")[2]
    else:
        queue = whole()["Resources"][bound["Fn::GetAtt"].removesuffix(".Arn")]
        name = queue["Properties"]["QueueName"]["Fn::Sub"]
    return re.sub(r"\$\{(Prefix|ArchiveBucket)\}", "*", name)
