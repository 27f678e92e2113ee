"""The archive in the template: nothing of it without a bucket, and of a bucket only what is below the prefix."""

import re
from unittest.mock import MagicMock

import pytest

from email_activity.provision import checks
from email_activity.provision.cloud import ProvisionError
from email_activity.provision.deployment import BUCKET, Deployment
from template import whole


def archive():
    return {name: each for name, each in whole()["Resources"].items() if name.startswith("Archive")}


def test_nothing_of_it_is_there_without_a_bucket_or_without_sns():
    conditions = whole()["Conditions"]
    has_bucket = {"Fn::Not": [{"Fn::Equals": [{"Ref": "ArchiveBucket"}, ""]}]}
    assert conditions["Archives"] == {"Fn::And": [{"Condition": "FromSns"}, has_bucket]}
    assert whole()["Parameters"]["ArchiveBucket"]["Default"] == ""
    assert {each["Condition"] for each in archive().values()} == {"Archives"}
    uses = [name for name, each in whole()["Resources"].items() if "ArchiveBucket" in str(each)]
    assert set(uses) <= archive().keys()


def test_objects_are_gzip_below_the_prefix_and_no_role_reaches_others():
    stream = archive()["ArchiveStream"]["Properties"]["ExtendedS3DestinationConfiguration"]
    assert (stream["CompressionFormat"], stream["Prefix"]) == ("GZIP", {"Fn::Sub": "${Prefix}/"})
    policies = [archive()[name]["Properties"]["PolicyDocument"] for name in ("ArchiveRolePolicy", "ArchivePolicy")]
    for policy in policies:
        for statement in [each for each in policy["Statement"] if "Fn::If" not in each]:
            is_of_objects = "Object" in str(statement["Action"])
            assert statement["Resource"]["Fn::Sub"].endswith(":::${ArchiveBucket}/${Prefix}/*") is is_of_objects
    listing = policies[1]["Statement"][0]
    assert (listing["Action"], listing["Condition"]) == (
        "s3:ListBucket",
        {"StringLike": {"s3:prefix": {"Fn::Sub": "${Prefix}/*"}}},
    )


def test_the_archive_gets_all_that_the_topic_is_given_with_its_envelope():
    subscription = archive()["ArchiveSubscription"]["Properties"]
    assert subscription["Protocol"] == "firehose"
    assert subscription.keys().isdisjoint({"FilterPolicy", "RawMessageDelivery"})
    assert "ArchiveStream" in archive()["ArchiveSubscription"]["DependsOn"]


@pytest.mark.parametrize(
    ("name", "is_bucket"), [("my-archive", True), ("a.b.c", True), ("Mine", False), ("ab", False), ("s3://mine", False)]
)
def test_only_the_name_of_a_bucket_is_taken(name, is_bucket):
    assert bool(re.fullmatch(whole()["Parameters"]["ArchiveBucket"]["AllowedPattern"], name)) is is_bucket
    assert bool(BUCKET.fullmatch(name)) is is_bucket
    if not is_bucket:
        with pytest.raises(ProvisionError, match="no name of an S3 bucket"):
            Deployment(archive=name)


def test_an_archive_without_sns_is_refused_at_once():
    with pytest.raises(ProvisionError, match="fed by SNS"):
        Deployment(source="eventbridge", archive="mine")


def test_provision_checks_that_the_stream_is_subscribed():
    cloud, wanted = MagicMock(), Deployment(archive="mine")
    cloud.sqs.get_queue_attributes.return_value = {"Attributes": {"QueueArn": "arn:aws:sqs:x:1:email-activity-events"}}
    stream = "arn:aws:firehose:x:1:deliverystream/email-activity-archive"
    for endpoints, count in (((stream, "other"), "1"), (("other",), "0")):
        pages = [{"Subscriptions": [{"Endpoint": endpoint} for endpoint in endpoints]}]
        cloud.sns.get_paginator.return_value.paginate.return_value = pages
        assert list(checks.checks_of(wanted)["archive"](cloud, wanted)) == [("subscribed", "1", count)]
    assert "archive" not in checks.checks_of(Deployment())
