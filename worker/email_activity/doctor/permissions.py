"""Which permissions a role needs, and which it must not have: both from the template's policies. No input or output."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from email_activity.provision.roles import ROLES, as_list, statements

#: A key of a request's context, IAM's name for its type, and its values.
#: https://docs.aws.amazon.com/IAM/latest/APIReference/API_ContextEntry.html
ContextEntry = tuple[str, str, tuple[str, ...]]

LEADING_KEYS = "dynamodb:LeadingKeys"

#: Of a request for an item whose key no policy allows by name.
ANY_KEY: ContextEntry = (LEADING_KEYS, "stringList", ("any",))

#: What no role needs, by what it would be done to: a name as in the template, `other` and the service, or who is asked
#: about. Each is asked about one concrete ARN: asked about `*`, IAM would tell of those alone who may do it to
#: everything.
DANGEROUS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(
        ("Queue.Arn", "DeadLetterQueue.Arn"), ("sqs:DeleteQueue", "sqs:PurgeQueue", "sqs:SetQueueAttributes")
    ),
    "Table": (
        "dynamodb:BatchGetItem",
        "dynamodb:DeleteItem",
        "dynamodb:DeleteTable",
        "dynamodb:ExportTableToPointInTime",
        "dynamodb:GetItem",
        "dynamodb:PartiQLDelete",
        "dynamodb:PartiQLInsert",
        "dynamodb:PartiQLUpdate",
        "dynamodb:UpdateItem",
        "dynamodb:UpdateTable",
    ),
    # What has no kms:ViaService in its context comes past SQS and DynamoDB.
    "KmsKeyArn": ("kms:Decrypt", "kms:DisableKey", "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion"),
    "other sqs": ("sqs:ReceiveMessage", "sqs:SendMessage"),
    "other dynamodb": ("dynamodb:PutItem", "dynamodb:Query", "dynamodb:Scan"),
    # Who may do one of these to itself, or to any policy of the account, gives itself all others. A right to change one
    # named policy is not found.
    "role": ("iam:AttachRolePolicy", "iam:PutRolePolicy"),
    "user": ("iam:AttachUserPolicy", "iam:PutUserPolicy"),
    "policies": ("iam:CreatePolicyVersion", "iam:SetDefaultPolicyVersion"),
}


@dataclass(frozen=True, slots=True)
class Permission:
    """resource: an ARN, or `*`."""

    action: str
    resource: str
    context: tuple[ContextEntry, ...]


@dataclass(frozen=True, slots=True)
class ResourceNames:
    """Where a deployment is, and what it is called; kms_key: an ARN, empty if there is none or it is not known.

    identity: the ARN of the role or user that is asked about.
    """

    partition: str
    account: str
    region: str
    queue: str
    dead_letter_queue: str
    table: str
    identity: str
    kms_key: str = ""

    def arn(self, service: str, name: str) -> str:
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{name}"

    def resolved(self) -> dict[str, str]:
        """By what the template calls it."""
        return {
            "AWS::Partition": self.partition,
            "AWS::Region": self.region,
            "AWS::AccountId": self.account,
            "Prefix": self.table,
            "Queue.Arn": self.arn("sqs", self.queue),
            "DeadLetterQueue.Arn": self.arn("sqs", self.dead_letter_queue),
            "Table": self.arn("dynamodb", f"table/{self.table}"),
            "KmsKeyArn": self.kms_key,
            "other sqs": self.arn("sqs", f"{self.queue}-other"),
            "other dynamodb": self.arn("dynamodb", f"table/{self.table}-other"),
            "role": self.identity if ":role/" in self.identity else "",
            "user": self.identity if ":user/" in self.identity else "",
            "policies": f"arn:{self.partition}:iam::{self.account}:policy/any",
        }


def needed(role: str, names: ResourceNames) -> frozenset[Permission]:
    """What the role's policy allows."""
    return frozenset(_of_policy(ROLES[role], "Allow", names))


def must_not_have(role: str, names: ResourceNames) -> frozenset[Permission]:
    """What other roles' policies allow, what the role's own denies, and what no role needs."""
    ours, places = needed(role, names), names.resolved()
    others = {each for policy in ROLES.values() for each in _of_policy(policy, "Allow", names)}
    others |= {
        Permission(action, places[name], (ANY_KEY,) if action.startswith("dynamodb:") else ())
        for name, actions in DANGEROUS.items()
        for action in actions
        if places[name]
    }
    denied = frozenset(_of_policy(ROLES[role], "Deny", names))
    return denied | {each for each in others if not any(_covers(own, each) for own in ours)}


def is_unconditional(permission: Permission) -> bool:
    return permission.context in ((), (ANY_KEY,))


def _covers(own: Permission, other: Permission) -> bool:
    is_same = (own.action, own.resource) == (other.action, other.resource)
    return is_same and own.context in {other.context, (ANY_KEY,)}


def _of_policy(policy: str, effect: str, names: ResourceNames) -> Iterator[Permission]:
    for statement in statements(policy, with_key=bool(names.kms_key)):
        if statement["Effect"] == effect:
            for action, resource, context in product(
                as_list(statement["Action"]), as_list(statement["Resource"]), _contexts(statement, names)
            ):
                is_of_items = action.startswith("dynamodb:") and LEADING_KEYS not in {key for key, _, _ in context}
                yield Permission(action, _resolve(resource, names), (*context, *([ANY_KEY] if is_of_items else [])))


def _contexts(statement: Mapping[str, Any], names: ResourceNames) -> list[tuple[ContextEntry, ...]]:
    """Of requests that meet its conditions: one for each value that a condition on a single value lets through."""
    choices: list[list[ContextEntry]] = []
    for operator, keys in statement.get("Condition", {}).items():
        for key, allowed in keys.items():
            values = tuple(_resolve(each, names).replace("*", "any") for each in as_list(allowed))
            if operator.startswith("ForAllValues:"):
                choices.append([(key, "stringList", values)])
            else:
                choices.append([(key, "boolean" if operator == "Bool" else "string", (value,)) for value in values])
    return list(product(*choices))


def _resolve(value: Any, names: ResourceNames) -> str:
    """Of a text, `Fn::Sub`, `Ref` or `Fn::GetAtt`."""
    if isinstance(value, str):
        return value
    ((kind, inner),) = value.items()
    known = names.resolved()
    return re.sub(r"\$\{([^}]+)\}", lambda found: known[found[1]], inner) if kind == "Fn::Sub" else known[inner]
