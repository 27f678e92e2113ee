"""`doctor --role`: what an identity lacks for a role and what it has too much of, by the template's own policies."""

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner

from email_activity.cli.errors import explain
from email_activity.cli.main import main
from email_activity.doctor import roles
from email_activity.doctor.permissions import Permission, ResourceNames, must_not_have, needed
from email_activity.provision.roles import ROLES, as_list
from email_activity.settings import load_settings
from iamrules import ADMINISTRATOR, Simulator, of_template

KEY = "arn:aws:kms:eu-west-1:111122223333:key/abc"
ROLE, USER = "arn:aws:iam::111122223333:role/r", "arn:aws:iam::111122223333:user/u"
WITHOUT_KEY = ResourceNames("aws", "111122223333", "eu-west-1", "mail-events", "mail-dead-letters", "mail", ROLE)
WITH_KEY = replace(WITHOUT_KEY, kms_key=KEY)
BOTH = pytest.mark.parametrize("names", [WITHOUT_KEY, WITH_KEY], ids=["AWS's keys", "own key"])
EACH_ROLE = pytest.mark.parametrize("role", ROLES)
TABLE = "arn:aws:dynamodb:eu-west-1:111122223333:table/mail"


def lines_of(role: str, held: list[dict[str, Any]], names: ResourceNames = WITHOUT_KEY) -> list[roles.Line]:
    ours, others = needed(role, names), must_not_have(role, names)
    decisions = roles.decide(Simulator(held), names.identity, ours | others)
    area = f"{role} rights"
    return [*roles.lacks(area, role, ours, decisions), *roles.exceeds(area, role, ours, others, decisions)]


def in_words(error: BaseException) -> str:
    return explain(error)[0]


@EACH_ROLE
@BOTH
def test_a_role_with_its_policy_lacks_nothing_and_has_nothing_more(role, names):
    lines = lines_of(role, of_template(ROLES[role], names), names)
    assert [line for line in lines if line.state != "ok"] == []
    assert len(lines) > 1


@EACH_ROLE
@BOTH
def test_each_statement_that_is_missing_is_a_failure_that_names_its_actions(role, names):
    whole = of_template(ROLES[role], names)
    for gone in [each for each in whole if each["Effect"] == "Allow"]:
        lines = lines_of(role, [each for each in whole if each is not gone], names)
        failed = [line for line in lines if line.state == "failed"]
        told = {action for line in failed for action in line.needs.split(", ")}
        assert told == set(as_list(gone["Action"])), gone["Sid"]
        assert all(ROLES[role] in line.do for line in failed)
        assert all(action in " ".join(line.found for line in failed) for action in told)


@EACH_ROLE
@BOTH
def test_what_another_roles_policy_adds_is_a_warning(role, names):
    for policy in set(ROLES.values()) - {ROLES[role]}:
        lines = lines_of(role, of_template(ROLES[role], names) + of_template(policy, names), names)
        assert {line.state for line in lines} == {"ok", "warning"}, policy


@EACH_ROLE
@BOTH
def test_an_administrator_has_too_much_everywhere_and_lacks_nothing(role, names):
    lines = lines_of(role, [ADMINISTRATOR], names)
    assert not [line for line in lines if line.state == "failed"]
    wide = {line.check.partition(" needed on ")[2]: line.found for line in lines if line.state == "warning"}
    places = {"mail-events", "mail-dead-letters", "mail-events-other", "table/mail", "table/mail-other"}
    assert wide.keys() == places | {"role/r", "policy/any"} | ({"key/abc"} if names.kms_key else set())
    assert "dynamodb:DeleteTable" in wide["table/mail"]
    assert "sqs:PurgeQueue" in wide["mail-events"]
    assert wide["role/r"] == "may iam:AttachRolePolicy, iam:PutRolePolicy"


@pytest.mark.parametrize(
    ("who", "action", "to"),
    [
        (ROLE, "iam:PutRolePolicy", ROLE),
        (ROLE, "iam:Attach*Policy", "arn:aws:iam::111122223333:role/*"),
        (USER, "iam:PutUserPolicy", USER),
        (USER, "iam:AttachUserPolicy", "*"),
        (ROLE, "iam:CreatePolicyVersion", "arn:aws:iam::111122223333:policy/*"),
    ],
)
def test_who_may_give_itself_rights_is_told_though_it_may_so_to_itself_alone(who, action, to):
    held = [*of_template("ReaderPolicy", WITHOUT_KEY), {"Effect": "Allow", "Action": action, "Resource": to}]
    (wide,) = [line for line in lines_of("reader", held, replace(WITHOUT_KEY, identity=who)) if line.state != "ok"]
    assert (wide.state, "may iam:" in wide.found) == ("warning", True)


def test_the_right_actions_on_all_tables_are_too_much():
    wide = [{**each, "Resource": "*"} for each in of_template("ReaderPolicy", WITHOUT_KEY)]
    found = [line for line in lines_of("reader", wide) if line.state == "warning"]
    assert [(line.check, line.found) for line in found] == [
        ("reader rights: more than needed on table/mail-other", "may dynamodb:Query")
    ]


def test_a_worker_that_reads_any_item_has_lost_the_condition_of_its_policy():
    held = of_template("WorkerPolicy", WITHOUT_KEY)
    held.append({"Effect": "Allow", "Action": "dynamodb:Query", "Resource": TABLE})
    (wide,) = [line for line in lines_of("worker", held) if line.state != "ok"]
    assert (wide.check, wide.state) == ("worker rights: more than needed on table/mail", "warning")
    assert wide.found == "may without its conditions dynamodb:Query"


def test_a_reader_whose_denial_of_scans_is_gone_may_scan():
    held = [each for each in of_template("ReaderPolicy", WITHOUT_KEY) if each["Effect"] == "Allow"]
    (wide,) = [line for line in lines_of("reader", held) if line.state != "ok"]
    assert "dynamodb:PartiQLSelect where dynamodb:FullTableScan is true" in wide.found


def test_who_decrypts_past_the_services_has_lost_the_condition_of_the_policy():
    held = of_template("ReaderPolicy", WITH_KEY)
    held.append({"Effect": "Allow", "Action": "kms:Decrypt", "Resource": KEY})
    (wide,) = [line for line in lines_of("reader", held, WITH_KEY) if line.state != "ok"]
    assert (wide.check, wide.found) == (
        "reader rights: more than needed on key/abc",
        "may without its conditions kms:Decrypt",
    )


def test_what_another_policy_denies_is_told_as_denied():
    deny = {"Effect": "Deny", "Action": "sqs:DeleteMessage", "Resource": "*"}
    lines = lines_of("worker", [*of_template("WorkerPolicy", WITHOUT_KEY), deny])
    (failed,) = [line for line in lines if line.state == "failed"]
    assert (failed.check, failed.found) == ("worker rights: mail-events", "lacks sqs:DeleteMessage")
    assert failed.do == "attach the stack's WorkerPolicy, and let no other policy deny it"


def test_a_decision_is_asked_for_one_resource_at_a_time_and_read_from_each_page():
    iam = MagicMock()
    answer = {"EvalActionName": "sqs:SendMessage", "EvalDecision": "allowed", "EvalResourceName": "a"}
    iam.get_paginator.return_value.paginate.side_effect = lambda **asked: [
        {"EvaluationResults": [answer | {"EvalResourceName": asked["ResourceArns"][0]}], "IsTruncated": True},
        {"EvaluationResults": [{**answer, "EvalActionName": "sqs:GetQueueUrl", "EvalDecision": "implicitDeny"}]},
    ]
    wanted = [Permission(action, arn, ()) for action in ("sqs:SendMessage", "sqs:GetQueueUrl") for arn in ("a", "b")]
    decisions = roles.decide(iam, "arn", wanted)
    assert [decisions[each] for each in wanted] == ["allowed", "allowed", "implicitDeny", "implicitDeny"]


@pytest.mark.parametrize(
    ("arn", "known_as"),
    [
        ("arn:aws:sts::111122223333:assumed-role/worker/session", "arn:aws:iam::111122223333:role/worker"),
        ("arn:aws-us-gov:sts::111122223333:assumed-role/worker/i-1", "arn:aws-us-gov:iam::111122223333:role/worker"),
        ("arn:aws:iam::111122223333:role/path/worker", "arn:aws:iam::111122223333:role/path/worker"),
        ("arn:aws:iam::111122223333:user/ann", "arn:aws:iam::111122223333:user/ann"),
        ("arn:aws:iam::111122223333:root", None),
        ("arn:aws:sts::111122223333:federated-user/ann", None),
        ("worker", None),
    ],
)
def test_a_session_is_known_to_iam_by_its_role(arn, known_as):
    assert roles.simulated(arn) == known_as


def cloud(*, asks: str = "arn:aws:sts::111122223333:assumed-role/worker/s", **iam: Any) -> Any:
    clients = {"sts": MagicMock(), "iam": MagicMock()}
    clients["sts"].get_caller_identity.return_value = {"Arn": asks}
    clients["iam"].get_paginator.return_value.paginate.configure_mock(**iam)
    session = SimpleNamespace(client=lambda service, **_: clients[service])
    sqs = MagicMock()
    sqs.get_queue_attributes.return_value = {"Attributes": {"QueueArn": "arn:aws:sqs:eu-west-1:111122223333:q"}}
    return SimpleNamespace(session=session, region="eu-west-1", endpoint_url=None, sqs=sqs, sns=MagicMock())


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code}}, "SimulatePrincipalPolicy")


@pytest.mark.parametrize(
    ("code", "state", "do", "needs"),
    [
        (
            "AccessDenied",
            "warning",
            "email-activity doctor --role worker --principal arn:aws:iam::111122223333:role/worker",
            "iam:SimulatePrincipalPolicy",
        ),
        ("NoSuchEntity", "failed", "a role may have a path", None),
        ("ExpiredToken", "failed", "renew them", None),
    ],
)
def test_where_iam_does_not_simulate_the_line_says_what_to_do(code, state, do, needs):
    refused = cloud(side_effect=refusal(code))
    *_, line = roles.rights(load_settings(), "worker", "", in_words, lambda _: refused)
    assert (line.check, line.state, line.needs) == ("worker rights", state, needs)
    assert do in line.do


def test_the_roots_rights_cannot_be_told():
    root = cloud(asks="arn:aws:iam::111122223333:root")
    *_, line = roles.rights(load_settings(), "worker", "", in_words, lambda _: root)
    assert (line.state, "--principal" in line.do) == ("unknown", True)


def test_who_may_not_look_at_the_queue_is_told_that_a_key_was_left_out():
    blind = cloud(return_value=[])
    blind.sqs.get_queue_url.side_effect = refusal("AccessDenied")
    lines = list(roles.rights(load_settings(), "worker", "", in_words, lambda _: blind))
    (key,) = [line for line in lines if line.check == "worker rights: key"]
    assert (key.state, "--principal" in key.do) == ("warning", True)
    assert lines[-1].check == "worker rights: nothing else"


def run(*arguments: str) -> Any:
    nowhere = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_MAX_ATTEMPTS": "1"}
    return CliRunner().invoke(main, ["doctor", *arguments], env=nowhere)


@pytest.mark.parametrize(
    "arguments",
    [("--principal", "arn:aws:iam::111122223333:role/x"), ("--role", "worker", "--principal", "x"), ("--role", "x")],
)
def test_a_principal_goes_with_a_role_and_is_an_arn(arguments):
    assert run(*arguments).exit_code == 2


def test_the_command_looks_at_the_rights_only(monkeypatch):
    from email_activity.cli import doctor as command  # noqa: PLC0415  a module that the command imports late

    simulated = cloud(return_value=[])
    monkeypatch.setattr(command, "connect", lambda _: simulated)
    result = run("--role", "reader", "--json")
    lines = json.loads(result.stdout)["lines"]
    assert result.exit_code == 1, "nothing was allowed"
    assert {line["check"].partition(":")[0] for line in lines} == {"settings", "identity", "reader rights"}
    (failed,) = [line for line in lines if line["state"] == "failed"]
    assert failed["needs"] == "dynamodb:PartiQLSelect, dynamodb:Query"
