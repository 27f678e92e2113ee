"""What the policy of a queue or a topic says, in a few words."""

import json
from collections.abc import Mapping
from typing import Any


def allowed(policy: str | None) -> str:
    """Whom a resource's policy lets do what, and from where."""
    lines = []
    for statement in _statements(policy):
        if statement.get("Effect") != "Allow":
            continue
        principal, actions = statement.get("Principal"), statement.get("Action")
        who = principal.get("Service", principal) if isinstance(principal, dict) else principal
        what = ", ".join(actions) if isinstance(actions, list) else str(actions)
        where = [value for key, value in _conditions(statement) if key == "aws:sourcearn"]
        lines.append(f"{who} {what.lower()} from {where[0] if where else 'anywhere'}")
    return "; ".join(sorted(lines)) or "nobody"


def without_tls(policy: str | None) -> str:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html (aws:SecureTransport)"""
    denied = any(
        ("aws:securetransport", "false") in [(key, str(value).lower()) for key, value in _conditions(statement)]
        for statement in _statements(policy)
        if statement.get("Effect") == "Deny" and statement.get("Principal") in ("*", {"AWS": "*"})
    )
    return "denied" if denied else "allowed"


def senders(policy: str | None) -> list[str]:
    """The ARNs from which a resource's policy lets somebody do something, in the order in which they stand."""
    allowing = [statement for statement in _statements(policy) if statement.get("Effect") == "Allow"]
    found = [value for each in allowing for key, value in _conditions(each) if key == "aws:sourcearn"]
    return [arn for value in found for arn in (value if isinstance(value, list) else [value])]


def _statements(policy: str | None) -> list[dict[str, Any]]:
    found = json.loads(policy or "{}").get("Statement", [])
    return found if isinstance(found, list) else [found]


def _conditions(statement: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Keys are in any case: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition.html"""
    tests = statement.get("Condition", {}).values()
    return [(key.lower(), value) for test in tests for key, value in test.items()]
