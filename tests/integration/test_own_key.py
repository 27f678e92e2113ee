"""A deployment whose queues, topic and table are encrypted with a customer managed key, on LocalStack.

LocalStack stores which key is named and checks no permission to use it, so the policies are held against AWS's
documentation by tests/unit/test_kms_template.py.
"""

from pathlib import Path
from typing import Any

from email_activity.provision.push import KEY
from events import Email, raw
from guard import Guard
from harness import Site, cloud_at, eventually
from integration.test_doctor import looked_at
from integration.test_whole_path import facts_of

ENCRYPTED = [f"{area}: encrypted with" for area in ("queue", "dead-letter queue", "topic", "table")]


def test_events_are_recorded_and_all_that_keeps_them_names_the_key(
    localstack: str, guard: Guard, redis_url: str, prefix: str, tmp_path: Path
) -> None:
    kms: Any = cloud_at(localstack).session.client("kms", region_name="us-east-1", endpoint_url=localstack)
    key, other = (kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2))
    assert KEY.fullmatch(key)
    site = Site.make(localstack, redis_url, prefix, tmp_path, kms_key=key).behind(guard.endpoint_url)
    told = {check.name: (check.wanted, check.got, check.state) for check in site.made.checks}
    assert [told.get(name) for name in ENCRYPTED] == [(key, key, "ok")] * 4

    email = Email().send()
    with site.worker() as worker:
        site.publish([raw(email)])
        eventually(lambda: site.items().keys() >= facts_of(email).keys())
        worker.stop()
    guard.check()

    iam = site.cloud.session.client("iam", region_name="us-east-1", endpoint_url=localstack)
    document = iam.get_policy_version(PolicyArn=site.made.worker_policy_arn, VersionId="v1")["PolicyVersion"][
        "Document"
    ]
    assert [each["Resource"] for each in document["Statement"] if each["Sid"] == "UseTheKey"] == [key]

    good = looked_at(site)
    assert [good[name].found for name in ENCRYPTED] == [key] * 4
    site.cloud.sns.set_topic_attributes(
        TopicArn=site.made.topic_arn or "", AttributeName="KmsMasterKeyId", AttributeValue=other
    )
    bad = looked_at(site)["topic: encrypted with"]
    assert (bad.state, bad.found) == ("warning", f"{other}, not {key}")
