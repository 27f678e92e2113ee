"""Each role does all that its policy allows, and nothing else: so no policy allows what nobody needs.

That nothing else is called is held by `guard` in every test of a Site; that nothing more is allowed, here.
"""

import json

import pytest
from click.testing import CliRunner, Result
from starlette.routing import BaseRoute, Match
from starlette.testclient import TestClient

from chaos.held import claims_on
from email_activity.aws.clients import dynamodb_client, s3_client
from email_activity.cli.main import main
from email_activity.cli.provision import provision
from email_activity.provision.deployment import Deployment
from email_activity.redis_client.commands import RedisCommands
from email_activity.web import api
from email_activity.web.app import make_app, open_activity
from email_activity.web.pages import lists, overview, routes, signing_in
from email_activity.web.settings import WebSettings
from events import ANA, BEN, Email, raw
from guard import Guard
from harness import Site, eventually
from integration.test_whole_path import facts_of
from pageclient import BASE, OWN_FORM
from provision import StandInProvisioner
from reading import items_of
from template import POLICIES, allowed

#: DynamoDB takes no item of more than 400 KB, so such a batch is written one by one.
#: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
TOO_LARGE = "x" * 420_000

#: Seconds. Longer than any test takes.
LONG_LEASE = 3600

#: What whoever runs `provision` on a stand-in calls. On AWS there are no SES v1 calls, and none that change a table.
PROVISION = {
    "cloudformation": {"DescribeStacks", "DescribeStackResources", "DescribeStackEvents", "CreateStack", "DeleteStack"},
    "dynamodb": {
        "DescribeTable",
        "DescribeTimeToLive",
        "DescribeContinuousBackups",
        "UpdateContinuousBackups",
        "UpdateTable",
    },
    "sqs": {"GetQueueUrl", "GetQueueAttributes"},
    "sns": {"GetTopicAttributes", "ListSubscriptionsByTopic", "GetSubscriptionAttributes"},
    "ses": {
        "CreateConfigurationSet",
        "CreateConfigurationSetEventDestination",
        "DeleteConfigurationSet",
        "DeleteConfigurationSetEventDestination",
        "DescribeConfigurationSet",
    },
}


@pytest.fixture
def named(site: Site, guard: Guard) -> Site:
    """Told its queues by name, so that each must ask for the URLs."""
    guard.used.clear()
    wanted = Deployment(prefix=site.made.configuration_set)
    site.environment.update(EVENTS_QUEUE=wanted.queue, DEAD_LETTER_QUEUE=wanted.dead_letter_queue)  # type: ignore[attr-defined]
    return site


def run(site: Site, role: str, *arguments: str) -> Result:
    result = CliRunner().invoke(main, arguments, env=site.as_role(role))
    assert result.exit_code == 0, result.output
    return result


def assert_used_as_allowed(guard: Guard, role: str) -> None:
    assert guard.used[role] == allowed(role)


def test_a_worker_is_allowed_what_it_does(named: Site, guard: Guard, commands: RedisCommands) -> None:
    held, other = Email().send(), Email().send()
    (activity,) = [key for key in facts_of(held) if key[1].startswith("EVENT#")]
    claims_on(named, commands, LONG_LEASE).claim([activity])
    with named.worker() as worker:
        named.send([raw(other), raw(held), "not of SES", raw(Email(subject=TOO_LARGE).send())])
        eventually(lambda: named.waiting() == (0, 1))  # all are gone but the one that is held
        worker.stop()
    assert named.items().keys() >= facts_of(other).keys()
    assert_used_as_allowed(guard, "worker")


def test_a_reader_is_allowed_what_it_does(named: Site, guard: Guard) -> None:
    from email_activity.ingest.store import Store  # noqa: PLC0415  beside its only use

    email = Email(to=(ANA,))
    other = Email(to=(BEN,), document_id="2026-118")  # the failures of two documents are asked for in one statement
    events = [email.send(), email.bounce(recipients=[ANA]), Email(to=(BEN,)).send(), other.bounce()]
    items = list(items_of(map(raw, events)).values())
    assert not Store(named.cloud.dynamodb, named.made.table_name).put(items).unprocessed
    for arguments in (
        ("status", email.message_id),
        ("timeline", email.message_id),
        ("document", "invoice", "2026-117"),
        ("recipient", ANA),
        ("account", "acme", "--since", "2020-01-01"),
        ("failures",),
        ("failures", "--account", "acme"),
        ("report", "--account", "acme"),
    ):
        run(named, "reader", *arguments, "--json")
    assert_used_as_allowed(guard, "reader")


def test_the_page_and_the_api_do_what_a_reader_is_allowed(named: Site, guard: Guard, monkeypatch) -> None:
    """Each of their routes is asked, so a new one has to be added here, too."""
    from email_activity.ingest.store import Store  # noqa: PLC0415  beside its only use

    email = Email(to=(ANA,))
    events = [email.send(), email.bounce(recipients=[ANA]), Email(to=(BEN,)).send(), Email(document_id="118").bounce()]
    assert not Store(named.cloud.dynamodb, named.made.table_name).put(items_of(map(raw, events)).values()).unprocessed
    for name, value in named.as_role("web").items():
        monkeypatch.setenv(name, value)
    asked = [("GET", path) for path in ("/healthz", "/", "/search", "/meanings", "/page.css", "/sign-in", "/overview")]
    asked += [("GET", "/overview?account=acme"), ("GET", "/failures"), ("GET", "/failures?account=acme")]
    asked += [("GET", f"/failures.csv{query}") for query in ("", "?account=acme")]
    asked += [("GET", f"/api/v1/{path}") for path in ("words", "freshness", "failures", "accounts/acme/failures")]
    asked += [("GET", f"{api}/documents/invoice/2026-117") for api in ("", "/api/v1")]
    asked += [("GET", f"{api}/emails/{email.message_id}") for api in ("", "/api/v1")]
    asked += [("GET", "/accounts/acme"), ("GET", "/api/v1/accounts/acme/emails"), ("POST", "/api/v1/recipients/lookup")]
    asked += [("POST", path) for path in ("/search", "/accounts", "/failures", "/overview", "/sign-in", "/sign-out")]
    for route in all_routes():
        assert any(is_of(route, method, path) for method, path in asked), route
    client = TestClient(make_app(open_activity(), WebSettings()), BASE, client=("127.0.0.1", 50_000), headers=OWN_FORM)
    client.follow_redirects = False
    for method, path in asked:
        if path.startswith("/api/") and method == "POST":
            answer = client.post(path, json={"address": ANA})
        else:
            answer = client.request(method, path, data={"q": ANA} if path == "/search" else {"account": BEN})
        assert answer.status_code in {200, 303} or path == "/sign-in", (method, path, answer.text)
    for text in ("2026-117", "invoice 2026-117", email.message_id, "acme"):
        assert client.post("/search", data={"q": text}).status_code == 303
    assert_used_as_allowed(guard, "web")


def all_routes() -> list[BaseRoute]:
    routers = (api.router, api.health, routes.pages, lists.lists, overview.overviews, signing_in.signing_in)
    return [route for router in routers for route in router.routes]


def is_of(route: BaseRoute, method: str, path: str) -> bool:
    found, _ = route.matches({"type": "http", "method": method, "path": path.partition("?")[0], "headers": []})
    return found == Match.FULL


def test_an_operator_is_allowed_what_they_do(named: Site, guard: Guard) -> None:
    from email_activity.ingest.store import Store  # noqa: PLC0415  beside its only use

    site, email = named, Email()
    items = list(items_of([raw(email.send())]).values())
    assert not Store(site.cloud.dynamodb, site.made.table_name).put(items).unprocessed
    run(site, "operator", "assign", email.message_id, "invoice", "2026/118", "--json")
    for body in ("not of SES", raw(Email().send()), "neither"):
        site.cloud.sqs.send_message(QueueUrl=site.made.dead_letter_queue_url, MessageBody=body)
    listed = [json.loads(line) for line in run(site, "operator", "dlq", "list", "--json").stdout.splitlines()]
    assert len(listed) == 3
    (event,) = [each["id"] for each in listed if each["kinds"]]
    run(site, "operator", "dlq", "redrive", "--json", "--id", event)
    run(site, "operator", "dlq", "discard", "--yes", "--json", "--to", str(site.folder / "discarded"))
    archive = site.folder / "archive.jsonl"
    archive.write_text(raw(Email().send()))
    files = ["--checkpoint", str(site.folder / "checkpoint"), "--rejects", str(site.folder / "rejects")]
    assert json.loads(run(site, "operator", "replay", "--json", *files, str(archive)).stdout)["sent"] == 1
    s3 = s3_client(site.settings)
    bucket = site.made.configuration_set
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key=f"{bucket}/2026/11/part", Body=raw(Email().send()).encode())
    assert json.loads(
        run(site, "operator", "replay", "--json", *files, "--from-start", f"s3://{bucket}/{bucket}/").stdout
    )
    assert_used_as_allowed(guard, "operator")


def test_an_eraser_is_allowed_what_they_do(named: Site, guard: Guard) -> None:
    from email_activity.ingest.store import Store  # noqa: PLC0415  beside its only use

    email = Email(to=(ANA, BEN))
    items = items_of(map(raw, [email.send(), email.bounce(recipients=[ANA]), email.open()]))
    assert not Store(named.cloud.dynamodb, named.made.table_name).put(list(items.values())).unprocessed
    assert json.loads(run(named, "eraser", "export", ANA).stdout)["items"]
    named.environment["FORGET_KEY"] = "a key of thirty-two characters or more"  # type: ignore[index]
    assert json.loads(run(named, "eraser", "forget", ANA, "--yes", "--json").stdout)["counts"]["items_deleted"] == 3
    assert_used_as_allowed(guard, "eraser")


@pytest.mark.parametrize("role", POLICIES)
def test_the_guard_meets_a_call_that_is_not_allowed(site: Site, guard: Guard, role: str, monkeypatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", role)
    refused = dynamodb_client(site.settings)
    with pytest.raises(refused.exceptions.ClientError, match="AccessDenied"):
        refused.update_item(TableName=site.made.table_name, Key={"pk": {"S": "a"}, "sk": {"S": "b"}})
    with pytest.raises(AssertionError, match=f"{role} policy does not allow .*dynamodb:UpdateItem"):
        guard.check()
    guard.violations.clear()


def test_provisioning_calls_what_it_is_known_to_and_names_its_own_prefix(guard: Guard, prefix: str) -> None:
    guard.provisioned.clear()
    where = {"AWS_ENDPOINT_URL": guard.endpoint_url, "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "provision"}
    for arguments in ((), ("--raw",), ("--delete",)):
        command = ["--prefix", prefix, "--yes", *arguments]
        result = CliRunner().invoke(provision, command, env=where, obj=StandInProvisioner)
        assert result.exit_code == 0, result.output
    # SES's second API is asked first, which LocalStack does not know.
    called = {action for action, _ in guard.provisioned if "/v2/email" not in action}
    assert called == {f"{service}:{action}" for service, actions in PROVISION.items() for action in actions}
    assert [action for action, text in guard.provisioned if prefix not in text] == []
