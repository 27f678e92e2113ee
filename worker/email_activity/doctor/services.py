"""What no check of `provision` looks at: who asks, the clock, SNS's quota, Redis, the newest event."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from botocore.exceptions import ClientError

from email_activity.activity.describe import freshness_in_words
from email_activity.activity.query import ActivityTable
from email_activity.activity.reported import Reported
from email_activity.doctor.line import Line, is_denied
from email_activity.domain.errors import TransientError
from email_activity.domain.zones import age
from email_activity.hosting.start_check import check_for_celery, check_for_duplicates
from email_activity.ingest.queue import find_queue
from email_activity.redis_client import nodes
from email_activity.redis_client.commands import FAILURES, RedisCommands, reason_of
from email_activity.settings import Settings, SettingsError

#: Seconds by which a clock may be wrong. AWS's Date has no fractions; from five minutes on AWS refuses signatures.
#: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html
CLOCK_OK = 5
CLOCK_REFUSED = 300

#: SNS's quota `Messages Published per Second`, for an account and region, as Service Quotas calls it.
PUBLISH_QUOTA = "L-F8E2BA85"

#: What it is unless AWS has raised it. https://docs.aws.amazon.com/general/latest/gr/sns.html
DOCUMENTED_QUOTAS: Mapping[str, int] = {
    "us-east-1": 30_000,
    **dict.fromkeys(("us-west-2", "eu-west-1"), 9_000),
    **dict.fromkeys(("us-east-2", "us-west-1", "ap-south-1", "eu-central-1"), 1_500),
    **dict.fromkeys(("ap-northeast-1", "ap-northeast-2", "ap-southeast-1", "ap-southeast-2"), 1_500),
}
OTHER_REGIONS = 300

#: `SET ... NX GET`, by which claims are taken, is new in Redis 7.0; each Valkey calls itself 7.2. https://valkey.io/commands/set/
LEAST_REDIS = 7


def identity_and_clock(sts: Any) -> Iterator[Line]:
    """The clock also where AWS refuses the credentials, since a wrong clock is one reason to."""
    began = datetime.now(UTC)
    try:
        answer = sts.get_caller_identity()
    except ClientError as error:
        yield clock(error.response, began, datetime.now(UTC))
        raise
    yield Line("identity", "ok", answer["Arn"])
    yield clock(answer, began, datetime.now(UTC))


def clock(answer: Mapping[str, Any], began: datetime, ended: datetime) -> Line:
    """By the Date of any answer of AWS's; began, ended: this machine's time before and after the call."""
    headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    if "date" not in headers:
        return Line("clock", "unknown", "the answer has no date")
    # Until its second is over an answer may have been written at any time of it.
    theirs = parsedate_to_datetime(headers["date"])
    ahead = max((began - theirs).total_seconds() - 1, 0) + min((ended - theirs).total_seconds(), 0)
    if abs(ahead) <= CLOCK_OK:
        return Line("clock", "ok", "as AWS's")
    found = f"{abs(ahead):,.0f} s {'ahead of' if ahead > 0 else 'behind'} AWS's"
    do = "set the clock by NTP: AWS refuses signatures that are five minutes off"
    return Line("clock", "failed" if abs(ahead) >= CLOCK_REFUSED else "warning", found, do)


def queue_fits(sqs: Any, settings: Settings) -> Iterator[Line]:
    """By the rules of a worker that starts. Raises TransientError."""
    try:
        queue = find_queue(sqs, settings)
    except SettingsError as error:
        name, _, wanted = str(error).partition(": ")
        yield Line("queue: fits the settings", "failed", str(error), f"set {name}, or mend the queue" if wanted else "")
        return
    yield Line("queue: fits the settings", "ok", f"{queue.name}, visibility timeout {queue.visibility_timeout} s")


def publish_quota(quotas: Any, region: str) -> Iterator[Line]:
    """Where Service Quotas does not tell, the documented default. Raises what boto3 does where AWS does not answer."""
    try:
        value = quotas.get_service_quota(ServiceCode="sns", QuotaCode=PUBLISH_QUOTA)["Quota"]["Value"]
        told = "as Service Quotas tells"
    except (ClientError, KeyError) as error:
        value = DOCUMENTED_QUOTAS.get(region, OTHER_REGIONS)
        why = "servicequotas:GetServiceQuota is not allowed" if is_denied(error) else "Service Quotas does not tell"
        told = f"the documented default of {region}; {why}"
    yield Line("SNS quota", "ok", f"{value:,.0f} publishes/s, one an event ({told})")


def newest_event(dynamodb: Any, table: str, now: datetime) -> Iterator[Line]:
    """Raises TransientError, with what boto3 raised as its cause."""
    freshness = Reported(ActivityTable(dynamodb, table)).freshness(now)
    is_warning, line = freshness_in_words(freshness, age, now.timestamp())
    do = "start the worker, or see why it does not poll: `email-activity health` beside it" if is_warning else ""
    yield Line("newest event", "warning" if is_warning else "ok", line[:1].upper() + line[1:], do)


def redis(settings: Settings) -> Iterator[Line]:
    """Topology first, since of a Sentinel nothing else is of use."""
    url = settings.redis
    mode, remedy = check_for_duplicates(url)
    if remedy:
        yield Line("Redis: topology", "failed", mode or "not reached", f"REDIS_URL: want {remedy}")
        return
    commands = RedisCommands(url)
    try:
        commands.probe()
    except TransientError as error:
        do = "check REDIS_URL, its password, the network, and that the server is no replica and has memory"
        yield Line("Redis", "failed", f"does not take writes ({error.detail})", do)
        return
    finally:
        commands.close()
    yield Line("Redis: topology", "ok", mode)
    server = nodes.one_server(url)
    try:
        info: Any = {**_info(server, "server"), **_info(server, "memory")}
    except FAILURES as error:
        yield Line("Redis: version and eviction", "unknown", f"INFO: {reason_of(error)}", "allow its user INFO")
        return
    finally:
        server.close()
    yield redis_version(info)
    yield eviction(info)


def broker(settings: Settings) -> Iterator[Line]:
    if settings.broker is None:
        yield Line("Celery's broker", "ok", "memory://, so workers answer no `celery inspect`")
        return
    mode, remedy = check_for_celery(settings.broker)
    if remedy:
        yield Line("Celery's broker", "failed", mode or "not reached", f"CELERY_BROKER_URL: want {remedy}")
    elif not mode:
        do = "check CELERY_BROKER_URL; workers poll on, and answer no `celery inspect`"
        yield Line("Celery's broker", "warning", "does not answer", do)
    else:
        yield Line("Celery's broker", "ok", mode)


def redis_version(info: Mapping[str, Any]) -> Line:
    name = "Valkey" if "valkey_version" in info else "Redis"
    version = str(info.get("valkey_version") or info.get("redis_version", ""))
    speaks = str(info.get("redis_version", "")).partition(".")[0]
    if not speaks.isdigit():
        return Line("Redis: version", "unknown", "not told")
    if int(speaks) < LEAST_REDIS:
        return Line("Redis: version", "failed", f"{name} {version}", "want Redis 7 or Valkey: claims use SET NX GET")
    return Line("Redis: version", "ok", f"{name} {version}")


def eviction(info: Mapping[str, Any]) -> Line:
    policy = info.get("maxmemory_policy")
    if not policy:
        return Line("Redis: eviction", "unknown", "not told")
    if policy == "noeviction":
        return Line("Redis: eviction", "ok", "noeviction")
    do = "set maxmemory-policy noeviction: a claim that is evicted is work done twice, and a broker loses its messages"
    return Line("Redis: eviction", "warning", str(policy), do)


def _info(server: Any, section: str) -> dict[str, Any]:
    found: dict[str, Any] = server.info(section)
    return found
