"""Push on real records: what the template's own filter lets through of a table's stream, and what becomes of it.

LocalStack has the stream and the language of the filter. It runs no pipes: tests/pushed.py says what stands in.
"""

import json
import time
from uuid import uuid4

import boto3
import pytest
from click.testing import CliRunner

from email_activity.cli.provision import provision
from email_activity.ingest.store import Store
from email_activity.provision.cloud import Cloud, ProvisionError
from email_activity.provision.deployment import Deployment
from email_activity.provision.provisioner import Provisioner
from events import ANA, BEN, CLEO, Email, eventbridge, raw, sns
from provision import StandInProvisioner
from pushed import messages, passes
from reading import items_of
from template import ALARMS

REGION = "eu-central-1"
TOPIC = f"arn:aws:sns:{REGION}:000000000000:failures"


@pytest.fixture
def cloud(localstack):
    return Cloud.connect(region=REGION, endpoint_url=localstack)


@pytest.fixture
def table(cloud):
    """One that was provisioned to push."""
    name = f"p-{uuid4().hex[:10]}"
    made = StandInProvisioner(cloud, Deployment(prefix=name, push_to=TOPIC)).deploy()
    states = {check.name: check.state for check in made.checks if check.name in {"stream", "push"}}
    assert states == {"stream": "ok", "push": "not supported"}
    yield name
    StandInProvisioner(cloud, Deployment(prefix=name)).remove(delete_table=True)


def put(cloud, table, *bodies):
    stored = Store(cloud.dynamodb, table).put(list(items_of(bodies).values()))
    assert not stored.refused
    assert not stored.unprocessed


def records(cloud, table, count, seconds=20):
    """All of the stream from its begin, as soon as there are so many."""
    streams = boto3.client("dynamodbstreams", region_name=REGION, endpoint_url=cloud.endpoint_url)
    arn = cloud.dynamodb.describe_table(TableName=table)["Table"]["LatestStreamArn"]
    until = time.monotonic() + seconds
    while True:
        found = []
        for shard in streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
            begin = {"ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
            at = streams.get_shard_iterator(StreamArn=arn, **begin)
            found += streams.get_records(ShardIterator=at["ShardIterator"])["Records"]
        if len(found) >= count or time.monotonic() > until:
            assert len(found) == count
            return found
        time.sleep(0.2)


def pushed(cloud, found):
    return messages([record for record in found if passes(cloud.events, record)])


def test_only_new_failures_pass_and_each_becomes_its_message(cloud, table):
    email, other, simulated = Email(to=(ANA, BEN)), Email(to=(CLEO,)), Email(to=("bounce@simulator.amazonses.com",))
    odd = email.bounce(recipients=[BEN])
    odd["bounce"]["newField"] = "makes an extra fact, which has a kind as well"
    bodies = [
        *(raw(event) for event in (email.send(), email.delivery([ANA]), email.open(), odd)),
        sns(other.bounce("Transient", "General", said=None)),
        sns(other.complaint("not-spam")),
        eventbridge(other.complaint("abuse")),
        *(raw(event) for event in (Email().reject(), Email().rendering_failure(), simulated.bounce())),
    ]
    put(cloud, table, *bodies)
    items = items_of(bodies)

    found = records(cloud, table, len(items))

    assert sum(passes(cloud.events, record) for record in found) == 7
    told = sorted((each["type"], each["data"]["kind"], each["data"]["recipient"]) for each in pushed(cloud, found))
    assert told == [
        ("email.complained", "Complaint", CLEO),
        ("email.not_delivered", "Bounce", BEN),
        ("email.not_sent", "Reject", ANA),
        ("email.not_sent", "Rendering Failure", ANA),
    ]


def test_what_is_put_again_or_goes_is_not_pushed_and_comes_back_with_its_id(cloud, table):
    body = raw(Email().bounce())
    (key,) = [key for key in items_of([body]) if key[1].startswith("EVENT#")]
    item_key = {"pk": {"S": key[0]}, "sk": {"S": key[1]}}
    put(cloud, table, body)
    cloud.dynamodb.update_item(
        TableName=table,
        Key=item_key,
        UpdateExpression="SET recorded_at = :at",
        ExpressionAttributeValues={":at": {"S": "2026-02-02T00:00:00.000Z"}},
    )
    put(cloud, table, body)  # over another recorded_at, as a second delivery does
    cloud.dynamodb.delete_item(TableName=table, Key=item_key)
    put(cloud, table, body)

    found = [record for record in records(cloud, table, 6) if record["dynamodb"]["Keys"] == item_key]

    assert [each["eventName"] for each in found] == ["INSERT", "MODIFY", "MODIFY", "REMOVE", "INSERT"]
    first, again = pushed(cloud, found)
    assert first == again


def test_the_options_reach_the_deployment_and_a_wrong_target_stops_it(cloud):
    def run(*arguments):
        where = ("--endpoint-url", cloud.endpoint_url, "--region", REGION, "--prefix", f"p-{uuid4().hex[:10]}")
        return CliRunner().invoke(provision, [*where, "--dry-run", "--json", *arguments], obj=Provisioner)

    planned = json.loads(run("--push-to", TOPIC, "--alarm-topic", TOPIC).stdout)["changes"]
    without = json.loads(run().stdout)["changes"]
    refused = run("--push-to", TOPIC + ".fifo")

    assert {change["resource"] for change in planned} - {change["resource"] for change in without} >= {"Push", *ALARMS}
    assert not {change["resource"] for change in without} & {*ALARMS}
    assert isinstance(refused.exception, ProvisionError)


def test_a_table_that_the_stack_does_not_own_needs_its_stream_first(cloud, table):
    """The stack is gone and the table stays; then it is adopted, and its stream is the one that it has."""
    StandInProvisioner(cloud, Deployment(prefix=table)).remove()
    cloud.dynamodb.update_table(TableName=table, StreamSpecification={"StreamEnabled": False})

    with pytest.raises(ProvisionError, match="aws dynamodb update-table"):
        Provisioner(cloud, Deployment(prefix=table, push_to=TOPIC)).deploy()

    stream = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    label = cloud.dynamodb.update_table(TableName=table, StreamSpecification=stream)["TableDescription"]
    adopting = Provisioner(cloud, Deployment(prefix=table, push_to=TOPIC))
    adopting.apply = lambda *_, **__: False
    adopting._provisioned = lambda **_: adopting.wanted.parameters(create_table=False)
    assert {"ParameterKey": "TableStream", "ParameterValue": label["LatestStreamLabel"]} in adopting.deploy()
