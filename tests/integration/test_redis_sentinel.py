"""A Redis that Sentinel looks after, under an address that follows the primary: for duplicates and for Celery."""

from contextlib import closing

import pytest
import redis

from email_activity.hosting.bootsteps import POLL
from email_activity.hosting.start_check import check_start
from email_activity.ingest.claims import Claims
from email_activity.ingest.model import Claim
from email_activity.redis_client.commands import RedisCommands
from email_activity.redis_url import read_redis_url
from email_activity.settings import SettingsError, load_settings
from events import Email, raw
from harness import Site, Worker, eventually
from redisservers import answers, sentinel, wait_until_copied, watched_pair


def test_a_fail_over_by_sentinel_is_followed_without_a_restart(site: Site) -> None:
    """By claims and by remote control. The old primary comes back as a replica, and is not written to."""
    emails = [Email() for _ in range(20)]
    with watched_pair() as (address, primary, replica):
        url = f"redis://127.0.0.1:{address.port}/0"
        with site.worker(REDIS_URL=url, CELERY_BROKER_URL=url) as worker:
            site.send([raw(email.send()) for email in emails[:10]])
            site.drained()
            wait_until_copied(primary)
            primary.terminate()
            eventually(lambda: address.target == replica.port)
            site.send([raw(email.send()) for email in emails[10:]])
            site.drained()
            assert sum("#Send#" in sk for _, sk in site.items()) == len(emails)
            with redis.Redis(port=replica.port) as new:
                assert new.dbsize() > len(emails)  # two facts an email
                primary.start()
                eventually(lambda: new.info("replication")["connected_slaves"] == 1)
            eventually(lambda: site.active_tasks(REDIS_URL=url, CELERY_BROKER_URL=url) == [POLL] * 2)
            eventually(lambda: outages(worker, "back") == outages(worker, "failing"))


def test_claims_follow_and_what_was_written_before_is_known_after(prefix: str) -> None:
    keys = [("EMAIL#1", f"EVENT#{number}") for number in range(20)]
    with (
        watched_pair() as (address, primary, replica),
        closing(RedisCommands(read_redis_url(f"redis://127.0.0.1:{address.port}/0"))) as commands,
    ):
        batch = Claims(commands, prefix, 60, 60)
        batch.claim(keys)
        batch.commit(keys)
        wait_until_copied(primary)
        primary.terminate()
        eventually(lambda: address.target == replica.port)
        eventually(lambda: answers(commands))
        assert set(batch.claim(keys).values()) == {Claim.DONE}


def test_a_sentinel_itself_stops_the_start_with_one_line() -> None:
    with sentinel() as port, pytest.raises(SettingsError) as error:
        check_start(load_settings(redis_url=f"redis://127.0.0.1:{port}/0"))
    assert (
        str(error.value) == "REDIS_URL: want the server that this Sentinel looks after, by an address that follows it"
    )


def outages(worker: Worker, word: str) -> int:
    return worker.log.read_text().count(f'"dependency_{word}"')
