"""What `doctor` makes of answers, refusals and silence, which no stand-in gives."""

import json
import threading
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, get_args
from unittest.mock import MagicMock

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError
from click.testing import CliRunner

from email_activity.cli.errors import explain
from email_activity.cli.main import main
from email_activity.doctor import doctor, found, services
from email_activity.doctor.advice import line_of_finding
from email_activity.doctor.line import ACTIONS, Line, State, line_of_error
from email_activity.domain.errors import TransientError
from email_activity.provision.checks import ALL_KINDS, CHECKS, CHECKS_BY_SOURCE
from email_activity.settings import load_settings

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)

SENDER = "sns.amazonaws.com sqs:sendmessage from arn:aws:sns:x:1:a"

#: Nothing listens there.
NOWHERE = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "REDIS_URL": "redis://127.0.0.1:1"}


def in_words(error: BaseException) -> str:
    return explain(error)[0]


def refusal(code: str, call: str = "DescribeTable", status: int = 400, date: str = "") -> ClientError:
    headers = {"HTTPHeaders": {"date": date}} if date else {}
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status, **headers}}, call)


# --- Findings of provision's checks ---


@pytest.mark.parametrize(
    ("check", "want", "got", "state", "do"),
    [
        ("queue: encrypted", "true", "true", "ok", ""),
        ("queue: encrypted", "true", "false", "warning", "email-activity provision"),
        ("queue: dead letters go to", "arn", "None", "failed", "redrive policy"),
        ("queue: who may send", SENDER, "nobody", "failed", f"allow {SENDER}"),
        ("queue: who may send", SENDER, f"* sqs:sendmessage from anywhere; {SENDER}", "warning", "forged"),
        ("table", "there", "missing", "failed", "ACTIVITY_TABLE"),
        ("table: state", "ACTIVE", "CREATING", "failed", "wait"),
        ("table: keys", "pk, sk", "id", "failed", "another table"),
        ("table: index by_document", "document, sent_key, KEYS_ONLY", "missing", "failed", "refuse to poll"),
        ("table: index by_account state", "ACTIVE", "CREATING", "failed", "refuse to poll"),
        ("table: encrypted", "ENABLED", None, "unknown", ""),
        ("point-in-time recovery", "ENABLED", None, "warning", "turn it on"),
        ("subscription: to the queue", "1", "0", "failed", "subscribe the queue"),
        ("subscription: filter policy", "none", "{}", "failed", "remove it"),
        ("rule: state", "ENABLED", "DISABLED", "failed", "enable the rule"),
        ("rule: target", "arn", "", "failed", "one target"),
        ("configuration set: publishes", "true", "no such destination", "failed", "enable an event destination"),
        ("configuration set: publishes to", "arn", "nowhere", "failed", "feeds the queue"),
        ("configuration set: kinds", ALL_KINDS, ALL_KINDS.replace("open, ", ""), "warning", "enable them"),
        ("configuration set: kinds", ALL_KINDS, ALL_KINDS.replace("bounce, ", ""), "failed", "enable them"),
        ("configuration set: kinds", ALL_KINDS, "none", "failed", "enable them"),
    ],
)
def test_what_is_not_as_wanted_is_a_warning_or_failed_with_what_to_do(check, want, got, state, do):
    area, _, what = check.partition(": ")
    line = line_of_finding(area, what, want, got)
    assert (line.check, line.state) == (check, state)
    assert do in line.do
    assert bool(line.do) is (state in ("warning", "failed"))


@pytest.mark.parametrize(("got", "form"), [("true", "raw"), ("false", "enveloped")])
def test_raw_and_enveloped_are_both_ok(got, form):
    assert line_of_finding("subscription", "raw", "false", got) == Line("subscription: form", "ok", form)


def test_the_names_behind_a_rule_are_found_from_the_queue_on():
    rule = "arn:aws:events:eu-west-1:1:rule/mail/of-ses"
    policy = {"Effect": "Allow", "Condition": {"ArnEquals": {"aws:SourceArn": [rule]}}}
    attributes = {
        "QueueArn": "arn:aws:sqs:eu-west-1:1:mail",
        "Policy": json.dumps({"Statement": policy}),
        "RedrivePolicy": json.dumps({"deadLetterTargetArn": "arn:aws:sqs:eu-west-1:1:dead", "maxReceiveCount": 20}),
        "VisibilityTimeout": "90",
    }
    pattern = {"detail": {"mail": {"tags": {"ses:configuration-set": ["billing"]}}}}
    bus = {"Name": "bus", "EventBridgeDestination": {"EventBusArn": "arn:aws:events:eu-west-1:1:event-bus/default"}}
    cloud: Any = SimpleNamespace(sqs=MagicMock(), events=MagicMock(), sesv2=MagicMock())
    cloud.sqs.get_queue_attributes.return_value = {"Attributes": attributes}
    cloud.events.describe_rule.return_value = {"EventPattern": json.dumps(pattern)}
    cloud.sesv2.get_configuration_set_event_destinations.return_value = {
        "EventDestinations": [{"Name": "other", "SnsDestination": {"TopicArn": "x"}}, bus]
    }
    settings = load_settings(events_queue="https://sqs/1/mail", activity_table="facts")
    assert found.find(cloud, settings) == found.Found(
        queue="mail",
        dead_letter_queue="dead",
        table="facts",
        topic_or_rule="mail/of-ses",
        configuration_set="billing",
        event_destination="bus",
        source="eventbridge",
        max_receive_count=20,
        visibility_timeout=90,
    )


# --- Errors ---


@pytest.mark.parametrize("code", ["AccessDenied", "AccessDeniedException", "AuthorizationError"])
@pytest.mark.parametrize("call", ACTIONS)
def test_who_may_not_look_is_told_which_action_is_lacking(code, call):
    line = line_of_error("area", refusal(code, call, status=403), in_words)
    assert (line.state, line.found, line.needs) == ("unknown", "may not look", ACTIONS[call])
    assert ACTIONS[call] in line.do


def test_a_refusal_is_known_behind_the_error_that_hides_it():
    hidden = TransientError("dynamodb", "AccessDeniedException")
    hidden.__cause__ = refusal("AccessDeniedException", "Query")
    assert line_of_error("newest event", hidden, in_words).needs == "dynamodb:Query"


@pytest.mark.parametrize(
    ("error", "state", "words", "do"),
    [
        (refusal("InternalFailure", status=501), "unknown", "not known here", "stand-in"),
        (refusal("ExpiredToken"), "failed", "AWS refuses the credentials (ExpiredToken)", "renew them"),
        (NoCredentialsError(), "failed", "no usable AWS credentials", "set AWS_PROFILE"),
        (EndpointConnectionError(endpoint_url="https://x"), "failed", "AWS does not answer", "check the network"),
        (refusal("ResourceNotFoundException"), "failed", "there is no such table", "set ACTIVITY_TABLE"),
        (refusal("NotFound", "GetTopicAttributes"), "failed", "NotFound", "email-activity provision"),
        (KeyError("x"), "failed", "a bug: KeyError", ""),
    ],
)
def test_what_cannot_be_asked_is_a_line_with_what_to_do(error, state, words, do):
    line = line_of_error("area", error, in_words)
    assert (line.state, line.needs) == (state, None)
    assert words in line.found
    assert do in line.do


# --- Clock, quota, Redis ---


def answer(date: str) -> dict[str, Any]:
    return {"ResponseMetadata": {"HTTPHeaders": {"date": date}}}


@pytest.mark.parametrize(
    ("date", "state", "words"),
    [
        ("Thu, 26 Nov 2026 12:00:00 GMT", "ok", "as AWS's"),
        ("Thu, 26 Nov 2026 12:00:05 GMT", "ok", "as AWS's"),
        ("Thu, 26 Nov 2026 11:59:00 GMT", "warning", "59 s ahead of"),
        ("Thu, 26 Nov 2026 12:01:00 GMT", "warning", "59 s behind"),
        ("Thu, 26 Nov 2026 12:06:00 GMT", "failed", "359 s behind"),
        ("Thu, 26 Nov 2026 11:50:00 GMT", "failed", "599 s ahead of"),
    ],
)
def test_the_clock_is_held_against_the_date_of_an_answer(date, state, words):
    line = services.clock(answer(date), NOON, NOON + timedelta(seconds=1))
    assert (line.state, words in line.found) == (state, True), line


def test_a_clock_is_not_wrong_by_what_a_slow_answer_took():
    date = "Thu, 26 Nov 2026 12:00:20 GMT"
    assert services.clock(answer(date), NOON, NOON + timedelta(seconds=30)).state == "ok"


def test_an_answer_without_a_date_leaves_the_clock_unknown():
    assert services.clock({}, NOON, NOON).state == "unknown"


def test_a_refused_signature_still_tells_the_clock():
    sts = MagicMock()
    sts.get_caller_identity.side_effect = refusal("SignatureDoesNotMatch", date="Thu, 26 Nov 2020 12:00:00 GMT")
    lines = doctor._lines("identity", lambda: services.identity_and_clock(sts), in_words)
    assert [(line.check, line.state) for line in lines] == [("clock", "failed"), ("identity", "failed")]


def test_the_quota_is_the_accounts_own_or_the_documented_default_and_says_which():
    quotas = MagicMock()
    quotas.get_service_quota.return_value = {"Quota": {"Value": 5_000.0}}
    (line,) = services.publish_quota(quotas, "eu-central-1")
    assert "5,000 publishes/s" in line.found
    assert "Service Quotas tells" in line.found
    for region, value in (("us-east-1", "30,000"), ("eu-west-1", "9,000"), ("eu-central-1", "1,500"), ("x", "300")):
        quotas.get_service_quota.side_effect = refusal("AccessDeniedException", "GetServiceQuota")
        (line,) = services.publish_quota(quotas, region)
        assert f"{value} publishes/s" in line.found
        assert f"the documented default of {region}; servicequotas:GetServiceQuota is not allowed" in line.found


@pytest.mark.parametrize(
    ("info", "state", "words"),
    [
        ({"redis_version": "7.0.15"}, "ok", "Redis 7.0.15"),
        ({"redis_version": "7.2.4", "valkey_version": "9.1.2"}, "ok", "Valkey 9.1.2"),
        ({"redis_version": "6.2.14"}, "failed", "Redis 6.2.14"),
        ({}, "unknown", "not told"),
    ],
)
def test_redis_before_7_is_refused(info, state, words):
    line = services.redis_version(info)
    assert (line.state, line.found) == (state, words)


@pytest.mark.parametrize(
    ("policy", "state"),
    [("noeviction", "ok"), ("allkeys-lru", "warning"), ("volatile-ttl", "warning"), (None, "unknown")],
)
def test_any_eviction_is_a_warning(policy, state):
    assert services.eviction({"maxmemory_policy": policy} if policy else {}).state == state


def test_a_sentinel_as_redis_is_refused_with_what_is_wanted(monkeypatch):
    monkeypatch.setattr(services, "check_for_duplicates", lambda _: ("sentinel", "the server itself"))
    (line,) = services.redis(load_settings())
    assert (line.check, line.state, line.do) == ("Redis: topology", "failed", "REDIS_URL: want the server itself")


# --- All of it ---


def run(*arguments: str, **environment: str) -> tuple[int, dict[str, Any]]:
    result = CliRunner().invoke(main, ["doctor", "--json", *arguments], env=NOWHERE | environment)
    return result.exit_code, json.loads(result.stdout)


def test_where_nothing_answers_each_line_says_so():
    code, told = run()
    assert (code, told["ok"]) == (1, False)
    states = {line["check"]: line["state"] for line in told["lines"]}
    assert states.pop("settings") == "ok"
    assert states.keys() >= {*CHECKS, *CHECKS_BY_SOURCE["sns"], "identity", "SNS quota", "newest event", "Redis"}
    assert set(states.values()) <= {"failed", "unknown", "warning"}
    assert {line["state"] for line in told["lines"]} <= set(get_args(State))


def test_wrong_settings_are_lines_and_the_rest_is_looked_at_all_the_same():
    code, told = run(REDIS_URL="nonsense", BATCH_SIZE="0", SHUTDOWN_SECONDS="1", WEB_MAX_WORK="x")
    lines = {line["check"]: line for line in told["lines"]}
    assert code == 2
    assert lines["settings: BATCH_SIZE"]["found"].startswith("BATCH_SIZE: got '0', want")
    assert (lines["Redis"]["state"], lines["Redis"]["do"]) == ("unknown", "first mend REDIS_URL")
    assert lines["Celery's broker"]["state"] == "unknown"
    assert "AWS does not answer" in lines["identity"]["found"]
    assert "settings: RECEIVE_WAIT_SECONDS" not in lines


def test_a_wrong_endpoint_leaves_nothing_of_aws_to_look_at():
    _, told = run(AWS_ENDPOINT_URL="nonsense")
    lines = {line["check"]: line for line in told["lines"]}
    assert (lines["AWS"]["state"], lines["AWS"]["do"]) == ("unknown", "first mend AWS_ENDPOINT_URL")
    assert lines["Redis"]["state"] == "failed"


def test_what_does_not_answer_holds_up_no_other_line(monkeypatch):
    """Neither the queue, by which the rest is found, nor one area alone."""
    monkeypatch.setattr(doctor, "WITHIN", 0.2)
    ended = threading.Event()

    def no_answer(**_: str) -> None:
        ended.wait(30)
        raise ConnectionError  # an answer would be a mock, whose pages never end

    cloud = MagicMock(region="us-east-1")
    cloud.sqs.get_queue_url.side_effect = no_answer
    cloud.dynamodb.exceptions.ResourceNotFoundException = KeyError
    cloud.dynamodb.describe_table.side_effect = cloud.dynamodb.query.side_effect = refusal("ExpiredToken")
    for setting, value in NOWHERE.items():
        monkeypatch.setenv(setting, value)
    lines = {line.check: line for line in doctor.diagnose(load_settings(), in_words, connect=lambda _: cloud)}
    ended.set()
    assert (lines["queue"].state, lines["queue"].found) == ("failed", "no answer within 0.2 s")
    assert "AWS refuses the credentials" in lines["table"].found
    assert lines["topic"] == Line("topic", "unknown", "not looked at", "first mend the queue, which tells it")


def test_people_get_one_row_for_what_is_ok_of_an_area_and_all_with_all(monkeypatch):
    from email_activity.cli import doctor as command  # noqa: PLC0415  a module that the command imports late

    lines = [Line("table: a", "ok", "1"), Line("table: b", "warning", "2", "do b"), Line("table: c", "ok", "3")]
    monkeypatch.setattr(command, "diagnose", lambda *_: list(lines))
    result = CliRunner().invoke(main, ["doctor"])
    assert result.exit_code == 0, "a warning fails nothing"
    assert [row.split()[:3] for row in result.stdout.splitlines() if "table" in row] == [
        ["ok", "table", "2"],
        ["warning", "table:", "b"],
    ]
    assert "3 ok, 1 warning, 0 failed, 0 unknown" in result.stderr
    assert CliRunner().invoke(main, ["doctor", "--all"]).stdout.count("table:") == 3
