"""What a worker checks before it starts: mistakes that would else look like an outage without end.

What does not answer now is no mistake: the worker starts, and waits for it.
"""

from dataclasses import replace

from email_activity.aws.clients import session
from email_activity.redis_client.commands import FAILURES
from email_activity.redis_client.nodes import mode, one_server
from email_activity.redis_url import RedisUrl
from email_activity.settings import Settings, SettingsError
from email_activity.telemetry import log

#: By a server's mode: what is wanted instead of it, for duplicates and as Celery's broker.
SENTINEL = "the server that this Sentinel looks after, by an address that follows it"
NOT_FOR_DUPLICATES = {"sentinel": SENTINEL}
NOT_FOR_CELERY = {
    "sentinel": SENTINEL,
    "cluster": "a Redis that is no cluster, since Celery uses several keys at once (CROSSSLOT); or memory://, without "
    "remote control",
}


def check_start(settings: Settings) -> None:
    """Raises SettingsError with a line for each mistake."""
    session(settings.aws_region)
    store, broker = settings.redis, settings.broker
    _, remedy = check_for_duplicates(store)
    mistakes = [f"REDIS_URL: want {remedy}"] if remedy else []
    if broker and not remedy:
        _, remedy = check_for_celery(broker)
        mistakes += [f"CELERY_BROKER_URL: want {remedy}"] if remedy else []
    if mistakes:
        raise SettingsError("\n".join(mistakes))
    if broker is None:
        log.warning("no_remote_control", detail="CELERY_BROKER_URL is memory://, so no worker answers `inspect`")


def check_for_duplicates(url: RedisUrl) -> tuple[str, str]:
    """The server's mode, empty if it does not answer; and what is wanted instead, empty if it will do."""
    server_mode, remedy = _check(url)
    if server_mode == "cluster" and url.database:
        remedy = f"database 0, the only one of a cluster, and not {url.database}"
    return server_mode, remedy or NOT_FOR_DUPLICATES.get(server_mode, "")


def check_for_celery(url: RedisUrl) -> tuple[str, str]:
    """The same of Celery's broker."""
    server_mode, remedy = _check(url)
    return server_mode, remedy or NOT_FOR_CELERY.get(server_mode, "")


def _check(url: RedisUrl) -> tuple[str, str]:
    """The server's mode, if it answers; and what is wanted of the files in its URL, if they are of no use."""
    try:
        if url.tls:
            url.tls.check()
    except ValueError as error:
        return "", str(error)
    server = one_server(replace(url, database=0))  # a cluster has no other, and refuses any other at once
    try:
        return mode(server), ""
    except FAILURES:
        return "", ""
    finally:
        server.close()
