"""CloudWatch alarms in the template: none unless a topic is given, and each names its section of the runbook."""

import re

import pytest

from email_activity.provision.cloud import ProvisionError
from email_activity.provision.deployment import TOPIC, Deployment
from template import ALARMS
from template import whole as read_template


@pytest.fixture(scope="module")
def whole():
    return read_template()


def test_alarms_are_there_for_a_topic_only_and_tell_it_of_both_ends(whole):
    found = {name: each for name, each in whole["Resources"].items() if each["Type"] == "AWS::CloudWatch::Alarm"}
    assert found.keys() == ALARMS.keys()
    assert whole["Conditions"]["HasAlarms"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "AlarmTopic"}, ""]}]}
    for name, alarm in found.items():
        topic = [{"Ref": "AlarmTopic"}]
        assert alarm["Condition"] == "HasAlarms"
        assert (alarm["Properties"]["AlarmActions"], alarm["Properties"]["OKActions"]) == (topic, topic)
        assert alarm["Properties"]["AlarmDescription"].endswith(f"docs/runbook.md, EmailActivity{ALARMS[name]}")


def test_alarms_look_at_our_two_queues_and_at_no_other(whole):
    made = {name: whole["Resources"][name]["Properties"] for name in ALARMS}
    queues = {name: str(made[name].get("Dimensions") or made[name].get("Metrics", "")) for name in ALARMS}
    looked_at = {name: set(re.findall(r"\$\{Prefix\}-([a-z-]+)", text)) for name, text in queues.items()}
    assert looked_at == {
        "OldestEventAlarm": {"events"},
        "NoProgressAlarm": {"events"},
        "DeadLettersAlarm": {"dead-letters"},
        "BounceRateAlarm": set(),
        "ComplaintRateAlarm": set(),
    }
    assert (made["BounceRateAlarm"]["Threshold"], made["ComplaintRateAlarm"]["Threshold"]) == (0.05, 0.001)


@pytest.mark.parametrize(
    ("arn", "is_topic"),
    [("arn:aws:sns:eu-central-1:111122223333:on-call", True), ("arn:aws:sns:x:1:y", False), ("on-call", False)],
)
def test_only_a_topic_is_told(whole, arn, is_topic):
    assert bool(re.fullmatch(whole["Parameters"]["AlarmTopic"]["AllowedPattern"], arn)) is is_topic
    assert bool(TOPIC.fullmatch(arn)) is is_topic
    if not is_topic:
        with pytest.raises(ProvisionError, match="is no ARN of an SNS topic"):
            Deployment(alarm_topic=arn)
