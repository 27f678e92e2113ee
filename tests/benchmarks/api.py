"""The API and the page: how long each call takes on a large table, over HTTP, from one client.

    make bench-api
    make bench-api ARGS="--emails 10000"

The server is the command `email-activity web` in a process of its own. p95 is what a person waits for, now and then.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import httpx2

from benchmarks.reading import table_with
from benchmarks.reading_day import Day
from email_activity.activity.reader import Activity
from servers import free_port

EMAILS = 100_000

#: How often each call is made.
TIMES = 40

PAGE = 50


@contextmanager
def served() -> Iterator[tuple[httpx2.Client, int]]:
    """A client of a server that reads the table of the environment, and the server's process id."""
    port = free_port()
    command = [sys.executable, "-m", "email_activity.cli", "web", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            wait_for(client)
            yield client, process.pid
    finally:
        process.terminate()
        process.wait()


def wait_for(client: httpx2.Client, seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while True:
        try:
            client.get("/healthz").raise_for_status()
        except httpx2.TransportError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
        else:
            return


def calls(day: Day, activity: Activity) -> Iterator[tuple[str, str, dict[str, str] | None]]:
    """What it is, the path, and the body of a POST."""
    noon = f"{day.start + timedelta(hours=12):%Y-%m-%dT%H:%M:%SZ}"
    until = f"{day.end:%Y-%m-%dT%H:%M:%SZ}"
    since = f"{day.start:%Y-%m-%dT%H:%M:%SZ}"
    email = activity.account(day.account, until=datetime.fromisoformat(noon)).data[PAGE // 2]
    assert email.document
    emails, failures = f"/api/v1/accounts/{day.account}/emails?until={noon}", f"/api/v1/accounts/{day.account}/failures"
    yield "an email with its timeline", f"/api/v1/emails/{email.email_id}", None
    yield "a document", f"/api/v1/documents/invoice/{email.document.id}", None
    yield "a recipient, with verdict", "/api/v1/recipients/lookup", {"address": email.recipients[0].recipient or ""}
    yield "a page of an account", emails, None
    yield "its failures", f"{failures}?since={since}&until={until}", None
    yield "failures of all accounts", f"/api/v1/failures?since={since}&until={until}", None
    yield "an account's not delivered", f"{emails}&status=not_delivered", None
    yield "an account's still trying", f"{emails}&status=still_trying", None
    yield "failures by a rare reason", f"{failures}?since={since}&until={until}&reason=too_large", None
    at = f"{day.start:%Y-%m-%d}"
    yield "page: an email", f"/emails/{email.email_id}", None
    yield "page: a document", f"/documents/invoice/{email.document.id}", None
    yield "page: an account's day", f"/accounts/{day.account}?day={at}", None
    yield "page: of it, not delivered", f"/accounts/{day.account}?day={at}&status=not_delivered", None
    yield "page: what was not delivered", f"/failures?account={day.account}&since={at}", None
    yield "page: overview", f"/overview?account={day.account}&from={at}&to={at}", None


def row(client: httpx2.Client, what: str, path: str, body: dict[str, str] | None) -> str:
    def ask() -> httpx2.Response:
        answer = client.post(path, json=body) if body else client.get(path)
        answer.raise_for_status()
        return answer

    answer = ask()
    is_json = "json" in answer.headers["content-type"]
    found = answer.json() if is_json else {}
    rows = len(found.get("data", found.get("emails", [found])))
    seconds = []
    for _ in range(TIMES):
        start = time.perf_counter()
        ask()
        seconds.append(time.perf_counter() - start)
    seconds.sort()
    p95 = seconds[int(TIMES * 0.95) - 1]
    return f"{what:<32}{rows:>6}{statistics.median(seconds) * 1e3:>9.0f}{p95 * 1e3:>9.0f}"


def measure(emails: int) -> Iterator[str]:
    with table_with([emails]) as (settings, (day,)), served() as (client, pid):
        yield f"\nOn {emails:,} emails, {TIMES} calls each:"
        yield f"{'':<32}{'rows':>6}{'p50 ms':>9}{'p95 ms':>9}"
        for what, path, body in calls(day, Activity(settings)):
            yield row(client, what, path, body)
        status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        yield f"memory of the server at most: {int(status['VmHWM'].split()[0]) // 1024} MB"


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="api", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--emails", type=int, default=EMAILS, metavar="N", help="emails in the table")
    for line in measure(parser.parse_args().emails):
        print(line, flush=True)


if __name__ == "__main__":
    os.environ.pop("DISPLAY_TIMEZONE", None)
    main()
