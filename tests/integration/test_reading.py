"""Facts in a real table, read by the real program: every command, an account's whole day, and its pages."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import psutil
import pytest

from email_activity.aws.clients import dynamodb_client
from email_activity.ingest.store import Store
from events import ANA, BEN, CLEO, Email, raw
from harness import Site
from reading import items_of

#: Enough for several processes, and for an index of more than one page of DynamoDB's (1 MB).
EMAILS_OF_A_DAY = 2500

DAY = (datetime.now(UTC) - timedelta(days=2)).replace(hour=0, minute=0, second=0, microsecond=0)


def put(site: Site, events: Sequence[dict]) -> None:
    stored = Store(dynamodb_client(site.settings), site.settings.activity_table).put(
        list(items_of(map(raw, events)).values())
    )
    assert not stored.unprocessed
    assert not stored.refused


def run(site: Site, *arguments: str, code: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "email_activity.cli", *arguments]
    given = {**os.environ, **site.as_role("reader"), **environment}
    ended = subprocess.run(command, env=given, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == code, ended.stderr
    assert "Traceback" not in ended.stderr
    return ended


def test_an_email_is_found_by_everything_that_is_known_of_it(site: Site):
    email = Email(to=(ANA, BEN, CLEO))
    resent = Email(to=(BEN,), sent_at=email.after(60))
    bounced = [email.send(), email.delivery([ANA]), email.bounce(recipients=[BEN]), email.open()]
    put(site, [*bounced, resent.send(), resent.delivery(), resent.click()])

    status = json.loads(run(site, "status", email.message_id, "--json").stdout)
    assert [each["delivery"]["state"] for each in status["recipients"]] == ["delivered", "hard_bounced", "sent"]
    assert [event["kind"] for event in status["timeline"]] == ["Send"] * 3 + ["Delivery", "Bounce", "Open"]
    assert status["shared"]["engagement"]["state"] == "opened"

    about = json.loads(run(site, "document", "invoice", "2026-117", "--json").stdout)
    assert [each["email_id"] for each in about["emails"]] == [resent.message_id, email.message_id]

    to_ben = json.loads(run(site, "recipient", BEN, "--json").stdout)
    assert [each["recipients"][0]["engagement"]["state"] for each in to_ben["emails"]] == ["clicked", "none"]

    lines = run(site, "account", "acme", "--since", "2020-01-01").stdout.splitlines()
    assert [next(name for name in (ANA, BEN, CLEO, "one of 3") if name in line) for line in lines[1:]] == [
        *(BEN, ANA, BEN, CLEO),
        "one of 3",
    ]

    assert ANA in run(site, "timeline", email.message_id).stdout
    assert "nothing is known" in run(site, "status", "unknown", code=1).stderr


def test_a_day_of_an_account_is_complete_in_order_and_each_email_once(site: Site):
    seconds = 86_400 / EMAILS_OF_A_DAY
    emails = [
        Email(to=(ANA, BEN) if number % 3 else (CLEO,), sent_at=DAY + timedelta(seconds=number * seconds))
        for number in range(EMAILS_OF_A_DAY)
    ]
    before, after = Email(sent_at=DAY - timedelta(seconds=1)), Email(sent_at=DAY + timedelta(days=1))
    put(site, [email.send() for email in (*emails, before, after)])
    put(site, [email.delivery() for email in emails[::2]])

    day = run(site, "account", "acme", "--day", f"{DAY:%Y-%m-%d}", "--json").stdout.splitlines()
    found = [json.loads(line) for line in day]
    assert [each["email_id"] for each in found] == [
        email.message_id for email in sorted(emails, key=_place_in_index, reverse=True)
    ]
    delivered = {email.message_id for email in emails[::2]}
    assert {
        each["email_id"] for each in found if each["recipients"][0]["delivery"]["state"] == "delivered"
    } == delivered

    oldest = run(site, "account", "acme", "--day", f"{DAY:%Y-%m-%d}", "--oldest-first", "--limit", "3", "--json").stdout
    assert [json.loads(line) for line in oldest.splitlines()] == found[:-4:-1]


def _place_in_index(email: Email) -> tuple[datetime, str]:
    return email.sent_at.replace(microsecond=0), email.message_id


@pytest.mark.parametrize(
    ("command", "environment", "wanted"),
    [
        (["status", "x"], {"ACTIVITY_TABLE": "not-there"}, "there is no such table (ACTIVITY_TABLE=not-there"),
        (["account", "acme"], {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "AWS does not answer"),
        (
            ["document", "invoice", "1"],
            {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_EC2_METADATA_DISABLED": "true"},
            "no usable AWS credentials",
        ),
    ],
)
def test_what_is_wrong_is_one_line_that_says_what_to_do(site: Site, command, environment, wanted):
    ended = run(site, *command, code=1, HOME="/nonexistent", **environment)
    assert wanted in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_a_report_counts_in_processes_what_there_is_and_of_all_accounts_too(site: Site):
    """The role is one that no policy is held against: none of `provision`'s allows a scan."""
    emails = [Email(to=(ANA, BEN), account="other" if number % 10 == 0 else "counted") for number in range(240)]
    put(
        site,
        [event for each in emails for event in (each.send(), each.delivery([ANA]), each.bounce(recipients=[BEN]))],
    )

    def outcomes(*arguments: str) -> list[int]:
        found = json.loads(run(site, "report", *arguments, "--json", AWS_ACCESS_KEY_ID="somebody").stdout)
        return [found["sent"], *(each["count"] for each in found["delivery"])]

    assert outcomes("--account", "counted") == [432, 216, 216, 0, 0]
    assert outcomes("--all", "--yes") == [480, 240, 240, 0, 0]


def test_a_reader_that_has_enough_ends_it_quietly(site: Site):
    put(site, [Email().send() for _ in range(400)])
    command = f"{sys.executable} -m email_activity.cli account acme | head -1"
    given = {**os.environ, **site.as_role("reader")}
    ended = subprocess.run(["sh", "-c", command], env=given, capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout.startswith("SENT")
    assert "Error" not in ended.stderr
    assert "Exception" not in ended.stderr


def test_ctrl_c_ends_a_long_list_and_all_its_processes(site: Site):
    """Whatever they are doing then, starting included; a terminal sends it to all of them."""
    put(site, [Email().send() for _ in range(1_000)])
    command = [sys.executable, "-m", "email_activity.cli", "account", "acme"]
    given = {**os.environ, **site.as_role("reader")}
    for seconds_after_the_first_line in (0, 0.1, 0.3, 0.6, 1):
        with subprocess.Popen(
            command, env=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        ) as process:
            assert process.stdout
            process.stdout.readline()
            time.sleep(seconds_after_the_first_line)
            for _ in range(2):  # the second one changes nothing
                os.killpg(process.pid, signal.SIGINT)
                time.sleep(0.05)
            _, said = process.communicate(timeout=60)
        assert process.returncode == 130
        assert "Traceback" not in said
        assert eventually(lambda group=process.pid: not living_of(group))


def living_of(group: int) -> list[psutil.Process]:
    """Those that run; not those that ended and that nobody has waited for."""
    found = []
    for each in psutil.process_iter():
        with suppress(psutil.Error, ProcessLookupError):
            if os.getpgid(each.pid) == group and each.status() != psutil.STATUS_ZOMBIE:
                found.append(each)
    return found


def eventually(is_so: Callable[[], bool], seconds: float = 5) -> bool:
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
