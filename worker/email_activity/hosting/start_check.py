"""What a worker looks at before it starts: mistakes that would else show as an outage without end.

What does not answer now is no mistake: the worker starts, and waits for it.
"""

from dataclasses import replace

from email_activity.aws.clients import session
from email_activity.redis_client.commands import FAILURES
from email_activity.redis_client.server import mode, one_server
from email_activity.redis_url import RedisUrl
from email_activity.settings import Settings, SettingsError
from email_activity.telemetry import log

#: By what a server calls itself: what is wanted instead of it, for duplicates and as Celery's broker.
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
    lines = _mistakes(settings)
    if lines:
        raise SettingsError("\n".join(lines))
    if settings.broker is None:
        log.warning("no_remote_control", detail="CELERY_BROKER_URL is memory://, so no worker answers `inspect`")


def _mistakes(settings: Settings) -> list[str]:
    store, broker = settings.redis, settings.broker
    found, wrong = _look(store)
    wrong = wrong or NOT_FOR_DUPLICATES.get(found, "")
    if found == "cluster" and store.database:
        wrong = f"database 0, the only one of a cluster, and not {store.database}"
    lines = [f"REDIS_URL: want {wrong}"] if wrong else []
    if broker and not wrong:
        found, wrong = (found, "") if broker == store else _look(broker)
        wrong = wrong or NOT_FOR_CELERY.get(found, "")
        lines += [f"CELERY_BROKER_URL: want {wrong}"] if wrong else []
    return lines


def _look(url: RedisUrl) -> tuple[str, str]:
    """What it calls itself, if it answers; and what is wanted of the files in its URL, if they are of no use."""
    try:
        if url.tls:
            url.tls.check()
    except ValueError as error:
        return "", str(error)
    server = one_server(replace(url, database=0))  # a cluster has no other, and says nothing before it is there
    try:
        return mode(server), ""
    except FAILURES:
        return "", ""
    finally:
        server.close()
