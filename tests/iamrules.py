"""IAM's simulator for policies at hand, by IAM's documented rules: no stand-in for AWS knows conditions or denials.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from email_activity.doctor.permissions import ResourceNames
from email_activity.provision.roles import as_list, statements

ADMINISTRATOR = {"Effect": "Allow", "Action": "*", "Resource": "*"}

#: The template's names of what is one value.
REFERENCES = ("Ref", "Fn::GetAtt")


class Simulator:
    """boto3's client, as far as `decide` calls it; whoever is asked about has these statements."""

    def __init__(self, held: list[dict[str, Any]]) -> None:
        self.held = held

    def get_paginator(self, name: str) -> "Simulator":
        assert name == "simulate_principal_policy"
        return self

    def paginate(self, **asked: Any) -> Iterator[dict[str, Any]]:
        (resource,) = asked["ResourceArns"]
        context = {each["ContextKeyName"]: each["ContextKeyValues"] for each in asked["ContextEntries"]}
        for action in asked["ActionNames"]:  # a page for each
            decision = decide(self.held, action, resource, context)
            yield {"EvaluationResults": [{"EvalActionName": action, "EvalDecision": decision}]}


def decide(held: list[dict[str, Any]], action: str, resource: str, context: dict[str, list[str]]) -> str:
    effects = {each["Effect"] for each in held if _applies(each, action, resource, context)}
    return "explicitDeny" if "Deny" in effects else "allowed" if "Allow" in effects else "implicitDeny"


def of_template(policy: str, names: ResourceNames) -> list[dict[str, Any]]:
    """Its statements as AWS gets them from CloudFormation."""
    found: list[dict[str, Any]] = _filled(statements(policy, with_key=bool(names.kms_key)), names.resolved())
    return found


def _filled(value: Any, known: dict[str, str]) -> Any:
    if isinstance(value, list):
        return [_filled(each, known) for each in value]
    if isinstance(value, str):
        return value
    for reference in REFERENCES:
        if reference in value:
            return known[value[reference]]
    if "Fn::Sub" in value:
        text = value["Fn::Sub"]
        for name, given in known.items():
            text = text.replace(f"${{{name}}}", given)
        return text
    return {key: _filled(each, known) for key, each in value.items()}


def _applies(statement: dict[str, Any], action: str, resource: str, context: dict[str, list[str]]) -> bool:
    return (
        any(fnmatchcase(action, each) for each in as_list(statement["Action"]))
        and any(fnmatchcase(resource, each) for each in as_list(statement["Resource"]))
        and all(
            _is_met(operator, as_list(allowed), context.get(key))
            for operator, keys in statement.get("Condition", {}).items()
            for key, allowed in keys.items()
        )
    )


def _is_met(operator: str, allowed: list[str], values: list[str] | None) -> bool:
    if values is None:
        return operator.startswith("ForAllValues:") or operator.endswith("IfExists")
    if operator.startswith("ForAllValues:") or len(values) == 1:
        match = fnmatchcase if "StringLike" in operator else str.__eq__
        return all(any(match(value, each) for each in allowed) for value in values)
    raise AssertionError(f"{operator} on several values")
