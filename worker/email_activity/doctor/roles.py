"""Whether an identity may do what a role needs, and no more: IAM's own simulator is asked, and nothing is changed.

It knows identity policies, permissions boundaries and organizations' policies, but not the policies of queues and keys.
https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_testing-policies.html
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError

from email_activity.doctor import found
from email_activity.doctor.doctor import QUICK
from email_activity.doctor.line import ACTIONS, InWords, Line, is_denied, line_of_error
from email_activity.doctor.permissions import Permission, ResourceNames, is_unconditional, must_not_have, needed
from email_activity.domain.errors import code_of
from email_activity.provision.cloud import Cloud
from email_activity.provision.roles import ROLES
from email_activity.settings import Settings

#: EvalDecision of IAM's answers: `allowed`, `explicitDeny` or `implicitDeny`.
Decisions = Mapping[Permission, str]
ALLOWED, DENIED = "allowed", "explicitDeny"

#: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-arns
IDENTITY = re.compile(r"arn:(?P<partition>[a-z-]+):(iam|sts)::(?P<account>\d{12}):(?P<kind>[a-z-]+)/?(?P<name>.*)")

#: IAM throttles who asks often, and is asked up to twenty times.
PATIENT = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 5})


def rights(
    settings: Settings, role: str, principal: str, in_words: InWords, connect: Callable[[Settings], Cloud]
) -> Iterator[Line]:
    """principal: the ARN of a role or user; empty for who asks. Raises nothing that AWS or boto3 does."""
    area = f"{role} rights"
    try:
        cloud = connect(settings)
        asks = principal or _client(cloud, "sts", QUICK).get_caller_identity()["Arn"]
    except Exception as error:  # noqa: BLE001  told as a line
        yield line_of_error("identity", error, in_words)
        return
    yield Line("identity", "ok", asks)
    whom = simulated(asks)
    parts = IDENTITY.fullmatch(whom or "")
    if not (whom and parts):
        yield Line(area, "unknown", "no role or user, so IAM cannot tell", "give --principal the ARN of one")
        return
    wanted = found.by_settings(settings)
    try:
        wanted = found.find(cloud, settings)
    except Exception:  # noqa: BLE001  its line says what to do
        do = f"run it as administrator, with --principal {whom}"
        yield Line(f"{area}: key", "warning", "whether the queue has a KMS key could not be looked at", do)
    names = ResourceNames(
        partition=parts["partition"],
        account=parts["account"],
        region=settings.aws_region,
        queue=wanted.queue,
        dead_letter_queue=wanted.dead_letter_queue,
        table=wanted.table,
        identity=whom,
        kms_key=wanted.kms_key,
    )
    ours, others = needed(role, names), must_not_have(role, names)
    try:
        decisions = decide(_client(cloud, "iam", PATIENT), whom, ours | others)
    except Exception as error:  # noqa: BLE001  told as a line
        yield _untold(area, role, whom, error, in_words)
        return
    yield from lacks(area, role, ours, decisions)
    yield from exceeds(area, role, ours, others, decisions)


def simulated(arn: str) -> str | None:
    """The ARN by which IAM knows the policies of who has this one; None if it cannot be told.

    Of a session only the role's name is left, without the path that the role may have.
    """
    parts = IDENTITY.fullmatch(arn)
    if not parts:
        return None
    if parts["kind"] == "assumed-role":
        role, _, _ = parts["name"].rpartition("/")
        return f"arn:{parts['partition']}:iam::{parts['account']}:role/{role}"
    return arn if parts["kind"] in {"role", "user"} else None


def decide(iam: Any, principal: str, permissions: Iterable[Permission]) -> Decisions:
    """Raises what boto3 does. One call for each resource and context, since answers about several are summed up.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
    """
    asked: defaultdict[tuple[str, tuple[Any, ...]], list[str]] = defaultdict(list)
    for each in permissions:
        asked[each.resource, each.context].append(each.action)
    decisions = {}
    for (resource, context), actions in asked.items():
        for page in iam.get_paginator("simulate_principal_policy").paginate(
            PolicySourceArn=principal,
            ActionNames=sorted(actions),
            ResourceArns=[resource],
            ContextEntries=[
                {"ContextKeyName": key, "ContextKeyType": kind, "ContextKeyValues": list(values)}
                for key, kind, values in context
            ],
        ):
            for result in page["EvaluationResults"]:
                decisions[Permission(result["EvalActionName"], resource, context)] = str(result["EvalDecision"])
    return decisions


def lacks(area: str, role: str, ours: Iterable[Permission], decisions: Decisions) -> Iterator[Line]:
    """A line for each resource: failed where something that the role needs is not allowed."""
    for place, permissions in _by_place(ours):
        refused = [each for each in permissions if decisions.get(each) != ALLOWED]
        if not refused:
            yield Line(f"{area}: {place}", "ok", f"all {len(permissions)} that it needs")
            continue
        do = f"attach the stack's {ROLES[role]}"
        if any(decisions.get(each) == DENIED for each in refused):
            do += ", and let no other policy deny it"
        needs = ", ".join(sorted({each.action for each in refused}))
        yield Line(f"{area}: {place}", "failed", f"lacks {_in_words(refused)}", do, needs)


def exceeds(
    area: str, role: str, ours: Iterable[Permission], others: Iterable[Permission], decisions: Decisions
) -> Iterator[Line]:
    """A warning for each resource on which more is allowed than the role needs; if there is none, a line that is ok."""
    has = {(each.action, each.resource) for each in ours}
    allowed = [each for each in others if decisions.get(each) == ALLOWED]
    # Who may do it without a condition may do it under each.
    unconditional = {(each.action, each.resource) for each in allowed if is_unconditional(each)}
    allowed = [each for each in allowed if is_unconditional(each) or (each.action, each.resource) not in unconditional]
    if not allowed:
        yield Line(f"{area}: nothing else", "ok", f"none of the {len(set(others))} other rights that were asked about")
    for place, permissions in _by_place(allowed):
        unlimited = [each for each in permissions if (each.action, each.resource) in has & unconditional]
        words = ", ".join(
            part
            for part in (
                _in_words([each for each in permissions if each not in unlimited]),
                f"without its conditions {_in_words(unlimited)}" if unlimited else "",
            )
            if part
        )
        do = f"the stack's {ROLES[role]} is enough: detach what allows more"
        yield Line(f"{area}: more than needed on {place}", "warning", f"may {words}", do)


def _by_place(permissions: Iterable[Permission]) -> list[tuple[str, list[Permission]]]:
    """By queue, table with its indexes, or key, as the end of its ARN."""
    places: defaultdict[str, list[Permission]] = defaultdict(list)
    for each in sorted(permissions, key=lambda each: (each.action, each.resource, each.context)):
        places[_end(each.resource).partition("/index/")[0]].append(each)
    return sorted(places.items())


def _in_words(permissions: Iterable[Permission]) -> str:
    """`dynamodb:Query on by_account, dynamodb:PutItem where dynamodb:LeadingKeys is FORGOTTEN`."""
    return ", ".join(dict.fromkeys(map(_one_in_words, permissions)))


def _one_in_words(permission: Permission) -> str:
    index = _end(permission.resource).partition("/index/")[2]
    words = f"{permission.action} on {index}" if index else permission.action
    if is_unconditional(permission):
        return words
    conditions = [f"{key} is {', '.join(values)}" for key, _, values in permission.context]
    return f"{words} where {' and '.join(conditions)}"


def _end(resource: str) -> str:
    return resource.split(":", 5)[5]


def _untold(area: str, role: str, principal: str, error: BaseException, in_words: InWords) -> Line:
    if is_denied(error):
        needs = ACTIONS[error.operation_name]
        do = f"allow {needs}, or run as administrator: email-activity doctor --role {role} --principal {principal}"
        return Line(area, "warning", "who asks may not simulate", do, needs)
    if isinstance(error, ClientError) and code_of(error) == "NoSuchEntity":
        do = "give --principal its whole ARN: a role may have a path, which its sessions do not tell"
        return Line(area, "failed", f"IAM knows no {principal}", do)
    return line_of_error(area, error, in_words)


def _client(cloud: Cloud, service: Any, config: Config) -> Any:
    return cloud.session.client(service, region_name=cloud.region, endpoint_url=cloud.endpoint_url, config=config)
