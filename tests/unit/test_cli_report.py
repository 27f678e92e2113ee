"""`email-activity report`, on a table in memory: the file, the figures as JSON, and what is said of both."""

import json
import os
import signal
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

import pytest
from click.testing import CliRunner

from commands import run, worker_that_polled
from email_activity.activity import bulk, count
from email_activity.activity.query import ActivityTable
from email_activity.cli import report as command
from email_activity.cli.main import main
from email_activity.domain.worker_process import WorkerProcess
from events import ANA, BEN, Email, raw
from faketable import FakeDynamoDB, table_of
from reading import items_of

NOW = datetime.now(UTC)
NOON = (NOW - timedelta(days=3)).replace(hour=12, minute=0, second=0, microsecond=0)
DAY = f"{NOON:%Y-%m-%d}"


@pytest.fixture
def store(monkeypatch):
    def put(*events):
        items = [*items_of(map(raw, events)).values(), worker_that_polled(datetime.now(UTC))]
        monkeypatch.setattr(count, "open_table", lambda _settings: table_of(items, page=4))

    return put


@pytest.fixture
def whole_table(monkeypatch):
    """Puts events into a table that is scanned in threads, where there would be processes. Gives the calls to it."""

    def put(*events):
        # A worker of a host by this name has a sort key like an event's.
        now = datetime.now(UTC)
        worker = WorkerProcess("EVENT", "1", "0.1.0", now, last_poll_at=now).to_item()
        fake = FakeDynamoDB([*items_of(map(raw, events)).values(), worker], page=4)
        table = ActivityTable(fake, "facts")
        monkeypatch.setattr(count, "open_table", lambda _settings: table)
        monkeypatch.setattr(bulk, "table_of_process", lambda _settings: table)
        monkeypatch.setattr(bulk, "new_pool", lambda: ThreadPoolExecutor(2))
        return fake.calls

    return put


@pytest.fixture
def mails(store):
    """One delivered and one that bounced, of this account; another account's; and one of two months ago."""
    one, other = Email(sent_at=NOON), Email(to=(BEN,), sent_at=NOON + timedelta(hours=1))
    foreign, old = Email(account="other", sent_at=NOON), Email(sent_at=NOON - timedelta(days=60))
    store(one.send(), one.delivery(), one.open(), other.send(), other.bounce(), foreign.send(), old.send())


def figures(*arguments: str) -> dict:
    return json.loads(run("report", "--account", "acme", *arguments, "--json").stdout)


@pytest.mark.usefixtures("mails")
def test_the_report_is_a_page_of_the_last_30_days_of_the_account(tmp_path):
    path = tmp_path / "report.html"
    said = run("report", "--account", "acme", "-o", str(path))
    html = path.read_text()
    assert html.startswith("<!doctype html>")
    assert "Account <bdi>acme</bdi>" in html
    assert "1 of 2" in html
    assert said.stdout == ""
    assert said.stderr.startswith(f"wrote {path}: 2 emails to recipients; each recipient counts as one\n")
    assert "the queue is being read" in said.stderr
    # No one that it tells is named.
    assert not [each for each in (ANA, BEN, "Your invoice", "2026-117") if each in html]


@pytest.mark.usefixtures("mails")
def test_the_figures_are_one_object_for_programs():
    found = figures()
    assert (found["object"], found["account"], found["sent"]) == ("summary", "acme", 2)
    assert (datetime.fromisoformat(found["last"]) - datetime.fromisoformat(found["first"])).days == 29
    assert [(each["code"], each["count"], each["rate"]) for each in found["delivery"][:2]] == [
        ("delivered", 1, 0.5),
        ("failed", 1, 0.5),
    ]
    assert found["bounces"]["highest"]["day"] == DAY


@pytest.mark.usefixtures("mails")
def test_days_are_those_of_the_time_zone_and_both_ends_count():
    assert figures("--from", DAY, "--to", DAY, "--tz", "UTC")["sent"] == 2
    # At noon in London it is the next day on Kiritimati.
    next_day = f"{NOON + timedelta(days=1):%Y-%m-%d}"
    found = figures("--from", next_day, "--to", next_day, "--tz", "Pacific/Kiritimati")
    assert (found["sent"], found["time_zone"]) == (2, "Pacific/Kiritimati")
    assert found["bounces"]["days"] == [{"count": 1, "of": 2, "rate": 0.5, "day": next_day}]
    run("report", "--account", "acme", "--from", next_day, "--to", next_day, "--tz", "UTC", "--json", code=1)


@pytest.mark.usefixtures("mails")
def test_the_time_zone_is_that_of_the_settings_unless_told(monkeypatch):
    monkeypatch.setenv("DISPLAY_TIMEZONE", "Asia/Tokyo")
    assert figures()["time_zone"] == "Asia/Tokyo"


@pytest.mark.usefixtures("mails")
def test_a_file_that_is_there_is_replaced_whole_and_that_is_said(tmp_path):
    path = tmp_path / "report.html"
    path.write_text("older")
    said = run("report", "--account", "acme", "-o", str(path)).stderr
    assert said.startswith(
        f"wrote {path}, in place of the file that was there: 2 emails to recipients; each recipient counts as one\n"
    )
    assert path.read_text().endswith("</html>")
    assert [each.name for each in tmp_path.iterdir()] == ["report.html"]
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask


@pytest.mark.usefixtures("mails")
def test_a_page_that_cannot_be_made_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    path.write_text("older")
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError("disk is full")))
    assert "disk is full" in run("report", "--account", "acme", "-o", str(path), code=1).stderr
    assert path.read_text() == "older"
    assert [each.name for each in tmp_path.iterdir()] == ["report.html"]


@pytest.mark.usefixtures("mails")
def test_the_page_goes_to_standard_output_and_all_else_does_not():
    said = CliRunner().invoke(main, ["report", "--account", "acme", "-o", "-"])
    assert said.exit_code == 0
    assert said.stdout.startswith("<!doctype html>")
    assert "wrote" not in said.stderr


def test_an_account_without_emails_is_told_in_a_sentence(store, tmp_path):
    store(Email(account="other").send(), Email(to=("success@simulator.amazonses.com",), sent_at=NOON).send())
    said = run("report", "--account", "acme", "--from", DAY, "-o", str(tmp_path / "x"), code=1).stderr
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    assert said == (
        f"Error: no email of account acme was sent from {DAY} to {today} (UTC), "
        "but for 1 to SES's simulator, which do not count\n"
    )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--account", "acme"], "-o report.html"),
        (["--account", " ", "--json"], "it is empty"),
        (["--account", "acme", "-o", "/nowhere/report.html"], "there is no folder /nowhere"),
        (["--account", "acme", "-o", "/"], "is a folder"),
        (["--json"], "either --account ID or --all"),
        (["--all", "--account", "acme", "--json"], "either --account ID or --all"),
        (["--account", "acme", "--json", "--from", "2026-11-02", "--to", "2026-11-01"], "is after"),
        (["--account", "acme", "--json", "--to", "9999-12-31"], "no such day"),
        (["--account", "acme", "--json", "--from", "yesterday"], "--from"),
    ],
)
def test_wrong_usage_is_one_sentence(arguments, said):
    assert said in run("report", *arguments, code=2).stderr


@pytest.mark.usefixtures("mails")
def test_without_what_makes_the_page_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(command, "find_spec", lambda name: None if name == "pygal" else True)
    said = run("report", "--account", "acme", "-o", "x.html", code=1).stderr
    assert said == "Error: the page needs pygal: pip install 'email-activity[web]'\n"
    assert figures()["sent"] == 2


def emails_of_all(*accounts: str) -> list[dict]:
    mails = [Email(account=each, sent_at=NOON, to=(f"{each}@example.com",)) for each in accounts]
    return [event for each in mails for event in (each.send(), each.delivery(), each.open())]


def test_all_accounts_are_counted_in_parts_of_the_table(whole_table):
    names = [f"account-{number}" for number in range(40)]
    old = Email(sent_at=NOON - timedelta(days=60))
    calls = whole_table(*emails_of_all(*names), old.send())
    said = run("report", "--all", "--yes", "--json")
    found = json.loads(said.stdout)
    assert (found["account"], found["sent"], found["delivery"][0]["count"]) == (None, 40, 40)
    scanned = [each for each in calls if "Segment" in each]
    assert {each["Segment"] for each in scanned} == set(range(scanned[0]["TotalSegments"]))
    assert scanned[0]["TotalSegments"] > 1


def test_the_price_of_all_accounts_is_said_first_and_nothing_read_unless_agreed(whole_table, tmp_path):
    calls = whole_table(*emails_of_all("acme", "other"))
    path = tmp_path / "all.html"
    asked = CliRunner().invoke(main, ["report", "--all", "-o", str(path)], input="n\n")
    assert asked.exit_code == 1
    size = 1_000 * 9
    assert f"{size / 1e6:.1f} MB at its last count. That takes about 2 read units, $0.00" in asked.stderr
    assert not [each for each in calls if "Segment" in each]
    assert not path.exists()
    asked = CliRunner().invoke(main, ["report", "--all", "-o", str(path)], input="y\n")
    assert asked.exit_code == 0
    assert "<h1>All accounts</h1>" in path.read_text()


def test_a_read_unit_pays_for_8_kb_and_a_million_cost_an_eighth_of_a_dollar():
    price = count.Price(8_192 * 1_000_000 + 1)
    assert (price.read_units, round(price.usd, 4)) == (1_000_001, 0.125)


def _interrupted(folder: str, ended) -> None:
    """In a process of its own, for the signal."""
    path = Path(folder) / "report.html"

    def stop(*_arguments: object) -> None:
        # Where a file is half written.
        assert len(list(Path(folder).iterdir())) == 2
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(10)

    items = items_of(map(raw, [Email(sent_at=NOON).send()])).values()
    count.open_table = lambda _settings: table_of(items)
    Path.replace = stop
    run("report", "--account", "acme", "-o", str(path), code=130)
    ended.put([each.name for each in Path(folder).iterdir()])


def test_ctrl_c_leaves_the_file_that_was_there_and_no_other(tmp_path):
    (tmp_path / "report.html").write_text("older")
    context = get_context("fork")
    ended = context.Queue()
    process = context.Process(target=_interrupted, args=(str(tmp_path), ended))
    process.start()
    assert ended.get(timeout=60) == ["report.html"]
    process.join()
    assert (tmp_path / "report.html").read_text() == "older"
