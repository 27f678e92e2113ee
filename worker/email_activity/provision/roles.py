"""What each role may do: the policies of config/template.yaml, which is the only place that says it."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import yaml

from email_activity.provision.deployment import template

#: The policy of each role, by its name in the template. The page and the API read what a reader reads.
ROLES: Mapping[str, str] = {
    "worker": "WorkerPolicy",
    "reader": "ReaderPolicy",
    "web": "ReaderPolicy",
    "operator": "OperatorPolicy",
    "eraser": "EraserPolicy",
}


class Loader(yaml.SafeLoader):  # type: ignore[misc]  # yaml is published without types
    """Reads CloudFormation's short forms as the long ones: `!Ref x` as {"Ref": "x"}."""


def _long_form(loader: Loader, suffix: str, node: Any) -> dict[str, Any]:
    is_list = isinstance(node, yaml.SequenceNode)
    value = loader.construct_sequence(node, deep=True) if is_list else loader.construct_scalar(node)
    return {suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}": value}


Loader.add_multi_constructor("!", _long_form)


@cache
def resources() -> Mapping[str, Any]:
    """The template's, by name."""
    found: Mapping[str, Any] = yaml.load(template(), Loader)["Resources"]  # noqa: S506  a SafeLoader with more tags
    return found


def statements(policy: str, *, with_key: bool = False) -> list[dict[str, Any]]:
    """policy: the name of a resource that has a PolicyDocument. with_key: those that KmsKeyArn adds, too."""
    found = []
    for each in resources()[policy]["Properties"]["PolicyDocument"]["Statement"]:
        if "Fn::If" not in each:
            found.append(each)
        elif with_key:
            _, with_it, _ = each["Fn::If"]
            found.append(with_it)
    return found


def as_list(value: Any) -> list[Any]:
    """IAM takes one value where it takes a list of one."""
    return value if isinstance(value, list) else [value]
