"""`doctor --role` on LocalStack's IAM, with roles that hold the stack's policies.

Its simulator knows no conditions, no denials and no wildcards, so here it is asked about the one role whose policy is
right without; the others, and an administrator, are held against IAM's rules by tests/unit/test_role_rights.py.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner

from email_activity.cli.main import main
from harness import Site

#: The one thing that is not ok, since LocalStack takes no notice of a denial.
SCAN = "where dynamodb:FullTableScan is true and dynamodb:LeadingKeys is any"
DENIED = f"may dynamodb:PartiQLSelect {SCAN}, dynamodb:PartiQLSelect on by_document {SCAN}"

WHO = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}


@pytest.fixture
def iam(site: Site) -> Any:
    return site.cloud.session.client("iam", region_name="us-east-1", endpoint_url=site.cloud.endpoint_url)


@pytest.fixture
def role(site: Site, iam: Any) -> Iterator[str]:
    """The name of one without rights."""
    name = f"{site.made.configuration_set}-reader"
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Statement": [WHO]}))
    yield name
    for each in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
        iam.detach_role_policy(RoleName=name, PolicyArn=each["PolicyArn"])
    iam.delete_role(RoleName=name)


def rights(site: Site, *arguments: str, **environment: str) -> tuple[int, list[dict[str, str]]]:
    env = {**site.environment, "AWS_ENDPOINT_URL": site.cloud.endpoint_url, "AWS_ACCESS_KEY_ID": "test", **environment}
    result = CliRunner().invoke(main, ["doctor", "--role", "reader", "--json", *arguments], env=env)
    return result.exit_code, json.loads(result.stdout)["lines"]


def test_a_role_is_told_what_it_lacks_and_what_it_has_too_much_of(site: Site, iam: Any, role: str) -> None:
    arn = iam.get_role(RoleName=role)["Role"]["Arn"]
    code, lines = rights(site, "--principal", arn)
    (failed,) = [line for line in lines if line["state"] == "failed"]
    assert code == 1
    assert failed["check"] == f"reader rights: table/{site.made.table_name}"
    assert failed["needs"] == "dynamodb:PartiQLSelect, dynamodb:Query"

    iam.attach_role_policy(RoleName=role, PolicyArn=site.made.reader_policy_arn)
    sts = site.cloud.session.client("sts", region_name="us-east-1", endpoint_url=site.cloud.endpoint_url)
    given = sts.assume_role(RoleArn=arn, RoleSessionName="session")["Credentials"]
    key, secret, token = (given[name] for name in ("AccessKeyId", "SecretAccessKey", "SessionToken"))
    session = {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": token}
    code, lines = rights(site, **session)
    assert (code, [line["found"] for line in lines if line["state"] != "ok"]) == (0, [DENIED]), lines
    assert [line["found"] for line in lines if line["check"] == "identity"] == [
        f"arn:aws:sts::000000000000:assumed-role/{role}/session"
    ]

    iam.attach_role_policy(RoleName=role, PolicyArn=site.made.operator_policy_arn)
    code, lines = rights(site, "--principal", arn)
    found = {line["check"].rpartition(" on ")[2]: line["found"] for line in lines if line["state"] == "warning"}
    assert code == 0
    assert found.keys() == {site.made.queue_url.rpartition("/")[2], f"{site.made.configuration_set}-dead-letters"} | {
        f"table/{site.made.table_name}"
    }
    assert "sqs:SendMessage" in found[f"{site.made.configuration_set}-events"]
