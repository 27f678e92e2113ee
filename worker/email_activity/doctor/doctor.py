"""Looks at a whole deployment at once, from who asks to the newest event, and changes nothing.

Each area is looked at by a thread of its own: one that does not answer holds up no other. Only of Redis more is asked
than what it tells: a key that is gone after a second is set, since a Redis that answers may still take no writes.
"""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from multiprocessing import TimeoutError as TooLateError
from multiprocessing.pool import ThreadPool
from typing import Any

from botocore.config import Config

from email_activity.doctor import found, services
from email_activity.doctor.advice import line_of_finding
from email_activity.doctor.found import Found
from email_activity.doctor.line import InWords, Line, line_of_error
from email_activity.provision.checks import Check, checks_of
from email_activity.provision.cloud import Cloud
from email_activity.settings import Settings

#: Seconds. One attempt a call: what does not answer is what is looked for.
QUICK = Config(connect_timeout=2, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 1})

#: Seconds for which all areas together are waited for; a call to a silent Redis takes up to five.
WITHIN = 8.0

#: Areas looked at side by side; there are fewer.
THREADS = 16

#: Yields lines, and may then raise.
Look = Callable[[], Iterator[Line]]
Connect = Callable[[Settings], Cloud]

#: Settings without which there is nothing to look at.
OF_AWS = frozenset({"aws_region", "aws_endpoint_url"})
OF_REDIS = frozenset({"redis_url"})
OF_BROKER = frozenset({"redis_url", "celery_broker_url"})

#: Areas that need no word of the queue's.
BY_SETTINGS = frozenset({"queue", "table", "expiry", "point-in-time recovery"})


def connect(settings: Settings) -> Cloud:
    """Raises what boto3 raises, and SettingsError if the certificates are missing."""
    return Cloud.connect(region=settings.aws_region, endpoint_url=settings.aws_endpoint_url, config=QUICK)


def diagnose(
    settings: Settings,
    in_words: InWords,
    wrong: frozenset[str] = frozenset(),
    connect: Connect = connect,
) -> list[Line]:
    """Raises nothing that a service or a library of one does.

    wrong: names of settings that stand at their default because what was given cannot be read.
    """
    with ThreadPool(THREADS) as pool:
        looks: dict[str, Look] = {"AWS": partial(_unseen, "AWS", wrong & OF_AWS)}
        if not wrong & OF_AWS:
            looks = _of_aws(pool, settings, in_words, connect)
        for area, needs, look in (
            ("Redis", OF_REDIS, services.redis),
            ("Celery's broker", OF_BROKER, services.broker),
        ):
            looks[area] = partial(_unseen, area, wrong & needs) if wrong & needs else partial(look, settings)
        until = time.monotonic() + WITHIN
        waits = {area: pool.apply_async(_lines, (area, look, in_words)) for area, look in looks.items()}
        return [line for area, wait in waits.items() for line in _until(until, area, wait)]


def _of_aws(pool: ThreadPool, settings: Settings, in_words: InWords, connect: Connect) -> dict[str, Look]:
    try:
        cloud = connect(settings)
    except Exception as error:  # noqa: BLE001  told as a line
        return {"AWS": partial(iter, [line_of_error("AWS", error, in_words)])}
    wanted, is_found = found.by_settings(settings), True
    try:
        wanted = pool.apply_async(found.find, (cloud, settings)).get(WITHIN)
    except Exception:  # noqa: BLE001  the look at the queue tells it
        is_found = False
    sts, quotas = (_client(cloud, service) for service in ("sts", "service-quotas"))
    looks: dict[str, Look] = {"identity": partial(services.identity_and_clock, sts)}
    for area, check in checks_of(wanted).items():
        is_seen = is_found or area in BY_SETTINGS
        looks[area] = partial(_findings, area, check, cloud, wanted) if is_seen else partial(_unseen, area)
    looks["queue"] = partial(chain, services.queue_fits(cloud.sqs, settings), looks["queue"]())
    if wanted.source == "sns":
        looks["SNS quota"] = partial(services.publish_quota, quotas, settings.aws_region)
    looks["newest event"] = partial(services.newest_event, cloud.dynamodb, settings.activity_table, datetime.now(UTC))
    return looks


def _client(cloud: Cloud, service: Any) -> Any:
    return cloud.session.client(service, region_name=cloud.region, endpoint_url=cloud.endpoint_url, config=QUICK)


def _findings(area: str, check: Check, cloud: Cloud, wanted: Found) -> Iterator[Line]:
    return (line_of_finding(area, what, want, got) for what, want, got in check(cloud, wanted))


def _unseen(area: str, wrong: frozenset[str] = frozenset()) -> Iterator[Line]:
    mend = ", ".join(sorted(wrong)).upper()
    yield Line(
        area, "unknown", "not looked at", f"first mend {mend}" if mend else "first mend the queue, which tells it"
    )


def _lines(area: str, look: Look, in_words: InWords) -> list[Line]:
    lines: list[Line] = []
    try:
        lines.extend(look())  # which keeps what came before an error
    except Exception as error:  # noqa: BLE001  told as a line
        lines.append(line_of_error(area, error, in_words))
    return lines


def _until(until: float, area: str, wait: Any) -> list[Line]:
    try:
        lines: list[Line] = wait.get(max(0.0, until - time.monotonic()))
    except TooLateError:
        return [Line(area, "failed", f"no answer within {WITHIN:g} s", "check the network and what stands in between")]
    return lines
