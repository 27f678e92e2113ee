"""A Redis that Sentinel looks after, under an address that follows the primary: for duplicates and for Celery."""

import json
import os
import subprocess
import sys

import redis
from events import Email, raw
from harness import Site, Worker, eventually
from redisservers import kill, watched_pair

from worker.keep_polling import POLL


def test_a_fail_over_by_sentinel_is_followed_without_a_restart(site: Site) -> None:
    """By claims and by remote control. The old primary comes back as a replica, and is not written to."""
    emails = [Email() for _ in range(20)]
    with watched_pair() as (address, primary, replica):
        url = f"redis://127.0.0.1:{address.port}/0"
        with site.worker(REDIS_URL=url, CELERY_BROKER_URL=url) as worker:
            site.send([raw(email.send()) for email in emails[:10]])
            site.drained()
            kill(primary)
            eventually(lambda: address.target == replica.port, within=30)
            site.send([raw(email.send()) for email in emails[10:]])
            site.drained(within=60)
            assert sum("#Send#" in sk for _, sk in site.items()) == len(emails)
            with redis.Redis(port=replica.port) as new:
                assert new.dbsize() > len(emails)  # two facts an email
                primary.start()
                eventually(lambda: new.info("replication")["connected_slaves"] == 1, within=30)
            eventually(lambda: polls(site, url) == [POLL] * 2)
            eventually(lambda: outages(worker, "back") == outages(worker, "failing") > 0)


def outages(worker: Worker, word: str) -> int:
    return worker.log.read_text().count(f'"dependency_{word}"')


def polls(site: Site, url: str) -> list[str]:
    command = [sys.executable, "-m", "celery", "-A", "worker", "inspect", "active", "--json", "--timeout", "2"]
    environment = {**os.environ, **site.environment, "REDIS_URL": url, "CELERY_BROKER_URL": url}
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if answer.returncode:
        return []
    return [task["name"] for tasks in json.loads(answer.stdout).values() for task in tasks]
