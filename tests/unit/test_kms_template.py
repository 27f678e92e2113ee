"""A customer managed key in the template: with it all that is kept is encrypted, and who needs the key may use it."""

import json
import re
from pathlib import Path
from unittest.mock import MagicMock

import pytest

from email_activity.doctor import found
from email_activity.provision import checks
from email_activity.provision.cloud import ProvisionError
from email_activity.provision.deployment import Deployment, template
from email_activity.provision.push import KEY as KEY_ARN
from email_activity.provision.roles import as_list, resources, statements
from email_activity.settings import load_settings
from template import whole

KEY = {"Ref": "KmsKeyArn"}
NOTHING = {"Ref": "AWS::NoValue"}

#: By type, whatever keeps what SES reports: each property, with a key and without.
KEPT = {
    "AWS::SQS::Queue": {"KmsMasterKeyId": (KEY, NOTHING), "SqsManagedSseEnabled": (False, True)},
    "AWS::SNS::Topic": {"KmsMasterKeyId": (KEY, NOTHING)},
    "AWS::DynamoDB::Table": {
        "SSESpecification": (
            {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": KEY},
            {"SSEEnabled": True},
        )
    },
    "AWS::KinesisFirehose::DeliveryStream": {
        "DeliveryStreamEncryptionConfigurationInput": (
            {"KeyType": "CUSTOMER_MANAGED_CMK", "KeyARN": KEY},
            {"KeyType": "AWS_OWNED_CMK"},
        )
    },
}

#: By action, what of a key it takes. A grant is a queue's, a table's or a bucket's; who publishes to our topic is SES.
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
#: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
#: https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
DECRYPT, GENERATE = "kms:Decrypt", "kms:GenerateDataKey"
USES = {
    "dynamodb": {".*": {DECRYPT}},
    "sqs": {"ReceiveMessage": {DECRYPT}, "SendMessage": {DECRYPT, GENERATE}},
    "s3": {"GetObject": {DECRYPT}, "PutObject": {DECRYPT, GENERATE}},
}

#: What only reads, writes or computes without a look at what is encrypted; or with another key, which has its own.
OTHERS = {"ArchiveSubscriptionRolePolicy", "PushKeyPolicy"}

POLICIES = [
    name for name, each in resources().items() if each["Type"] in {"AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy"}
]


@pytest.mark.parametrize("kind", KEPT)
def test_all_that_is_kept_is_encrypted_with_the_key_if_there_is_one(kind):
    found = {name: each["Properties"] for name, each in resources().items() if each["Type"] == kind}
    assert found
    for name, properties in found.items():
        for key, (with_it, without) in KEPT[kind].items():
            assert properties[key] == {"Fn::If": ["HasKey", with_it, without]}, name


def test_objects_of_the_archive_are_encrypted_with_the_key():
    objects = resources()["ArchiveStream"]["Properties"]["ExtendedS3DestinationConfiguration"]
    with_it = {"KMSEncryptionConfig": {"AWSKMSKeyARN": KEY}}
    assert objects["EncryptionConfiguration"] == {"Fn::If": ["HasKey", with_it, NOTHING]}


@pytest.mark.parametrize("policy", POLICIES)
def test_each_policy_allows_the_use_of_the_key_that_its_actions_take(policy):
    ours = statements(policy)
    actions = [action for each in ours if each["Effect"] == "Allow" for action in as_list(each["Action"])]
    takes, services = set(), set()
    for service, action in (each.split(":") for each in actions if isinstance(each, str)):
        for pattern, uses in USES.get(service, {}).items():
            if re.fullmatch(pattern, action):
                takes |= uses
                services.add(service)
    added = [each for each in statements(policy, with_key=True) if each not in ours]
    assert bool(added) is (policy not in OTHERS)
    for each in added:
        (via,) = each["Condition"]["StringEquals"].values()
        assert (each["Effect"], each["Resource"]) == ("Allow", KEY)
        assert set(as_list(each["Action"])) == takes
        assert [one["Fn::Sub"] for one in as_list(via)] == [
            f"{s}.${{AWS::Region}}.amazonaws.com" for s in sorted(services)
        ]


@pytest.mark.parametrize("named", ["alias/mail", "1234abcd-12ab-34cd-56ef-1234567890ab"])
def test_a_queue_whose_key_is_not_named_by_its_arn_counts_as_encrypted(named):
    cloud = MagicMock()
    attributes = {"QueueArn": "arn:aws:sqs:x:1:q", "MaximumMessageSize": "1", "SqsManagedSseEnabled": "false"}
    cloud.sqs.get_queue_attributes.return_value = {"Attributes": attributes | {"KmsMasterKeyId": named}}
    cloud.sns.get_topic_attributes.return_value = {"Attributes": {}}
    cloud.sesv2.get_configuration_set_event_destinations.return_value = {"EventDestinations": []}
    wanted = found.find(cloud, load_settings())
    assert wanted.kms_key == ""
    findings = [each for each in checks.checks_of(wanted)["queue"](cloud, wanted) if each[0].startswith("encrypted")]
    assert findings == [("encrypted", "true", "true")]


def test_without_a_key_nothing_of_it_is_left():
    assert whole()["Conditions"]["HasKey"] == {"Fn::Not": [{"Fn::Equals": [KEY, ""]}]}
    assert Deployment().kms_key == whole()["Parameters"]["KmsKeyArn"]["Default"] == ""
    for policy in POLICIES:
        assert "KmsKeyArn" not in str(statements(policy))


@pytest.mark.parametrize(
    ("arn", "is_key"),
    [
        ("arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab", True),
        ("arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/mrk-1234", True),
        ("arn:aws:kms:eu-west-1:111122223333:alias/mail", False),
        ("alias/mail", False),
        ("1234abcd-12ab-34cd-56ef-1234567890ab", False),
    ],
)
def test_only_the_arn_of_a_key_is_taken(arn, is_key):
    assert bool(re.fullmatch(whole()["Parameters"]["KmsKeyArn"]["AllowedPattern"], arn)) is is_key
    assert bool(KEY_ARN.fullmatch(arn)) is is_key
    if not is_key:
        with pytest.raises(ProvisionError, match="no ARN of a KMS key"):
            Deployment(kms_key=arn)


def test_cloudformation_takes_the_template_as_it_is_sent():
    """In a request, without an object in S3. https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"""
    assert len(template().encode()) <= 51_200


def test_the_documented_key_policy_lets_in_each_service_that_sends():
    text = (Path(__file__).resolve().parents[2] / "docs" / "security.md").read_text()
    blocks = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", text, re.DOTALL)]
    documented = [statement for block in blocks for statement in as_list(block)]
    let_in = {name for each in documented for name in as_list(each["Principal"].get("Service", []))}
    senders = {"ses.amazonaws.com"}
    for policy in ("QueuePolicy", "DeadLetterQueuePolicy"):
        _, *services = resources()[policy]["Properties"]["PolicyDocument"]["Statement"][0]["Principal"]["Service"][
            "Fn::If"
        ]
        senders |= set(services)
    assert let_in == senders
    for each in documented:
        if "Service" in each["Principal"]:
            assert (each["Effect"], each["Action"]) == ("Allow", ["kms:GenerateDataKey*", "kms:Decrypt"])
