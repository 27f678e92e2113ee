"""Lists of the commands: spans and time zones, filters, pages, what is counted, and rows for other programs."""

import csv
import io
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise

import pytest
from click.testing import CliRunner

from clock import stop_clock
from commands import as_json, as_json_lines, read_from, run, worker_that_polled
from email_activity.cli import emails
from email_activity.cli.main import main
from events import ANA, APPLE_PREFETCH, BEN, CLEO, Email

NOON = (datetime.now(UTC) - timedelta(days=2)).replace(hour=12, minute=0, second=0, microsecond=0)
SIMULATED = "bounce@simulator.amazonses.com"

REFUSED = Email(to=(BEN,), document_id="2026_2F117", sent_at=NOON, subject="Your\tinvoice")
RESENT = Email(to=(BEN,), document_id="2026_2F117", sent_at=NOON + timedelta(minutes=1))
SEVERAL = Email(to=(ANA, BEN, CLEO), sent_at=NOON + timedelta(minutes=2))
OLD = Email(to=(ANA,), document_id="2026-116", sent_at=NOON - timedelta(days=6))
TEST = Email(to=(SIMULATED,), document_id="2026-118", sent_at=NOON + timedelta(minutes=3))
EVENTS = (
    REFUSED.send(),
    REFUSED.bounce(),
    RESENT.send(),
    RESENT.delivery(),
    RESENT.open(APPLE_PREFETCH),
    RESENT.out_of_office(),
    SEVERAL.send(),
    SEVERAL.delivery(),
    SEVERAL.open(),
    OLD.send(),
    OLD.delivery(),
    TEST.send(),
    TEST.bounce(),
)
REFUSED_WORDS = "✕ Not delivered: the address does not exist"
OF_ALL = [TEST, SEVERAL, RESENT, REFUSED]


@pytest.fixture
def store(monkeypatch):
    return partial(read_from, monkeypatch)


@pytest.fixture(autouse=True)
def _table(monkeypatch, store) -> None:
    stop_clock(monkeypatch, NOON + timedelta(days=1, hours=6), emails)
    store(EVENTS, worker_that_polled(datetime.now(UTC)))


def ids_of(*arguments: str) -> list[str]:
    return [each["email_id"] for each in as_json_lines("account", "acme", *arguments)]


def ids(*sent: Email) -> list[str]:
    return [each.message_id for each in sent]


def test_an_account_is_of_the_last_seven_days_unless_told(monkeypatch):
    assert ids_of() == ids(*OF_ALL)
    stop_clock(monkeypatch, NOON + timedelta(hours=1), emails)
    assert ids_of() == ids(*OF_ALL, OLD)


@pytest.mark.parametrize(
    ("since", "wanted"),
    [
        ("30h", OF_ALL),
        ("29h", []),
        ("1d", []),
        ("8d", [*OF_ALL, OLD]),
        (f"{NOON:%Y-%m-%d}", OF_ALL),
        (f"{NOON + timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}", OF_ALL[:3]),
        (f"{NOON + timedelta(hours=1, minutes=1):%Y-%m-%dT%H:%M:%S}+01:00", OF_ALL[:3]),
    ],
)
def test_since_is_a_day_a_time_or_how_long_ago(since, wanted):
    if wanted:
        assert ids_of("--since", since) == ids(*wanted)
    else:
        run("account", "acme", "--since", since, code=1)


def test_a_day_is_one_of_the_time_zone(monkeypatch):
    """At noon in UTC a new day has begun on Kiritimati."""
    assert ids_of("--day", f"{NOON:%Y-%m-%d}") == ids(*OF_ALL)
    assert ids_of("--day", f"{NOON + timedelta(days=1):%Y-%m-%d}", "--tz", "Pacific/Kiritimati") == ids(*OF_ALL)
    run("account", "acme", "--day", f"{NOON:%Y-%m-%d}", "--tz", "Pacific/Kiritimati", code=1)
    monkeypatch.setenv("DISPLAY_TIMEZONE", "Pacific/Kiritimati")
    run("account", "acme", "--day", f"{NOON:%Y-%m-%d}", code=1)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--since", "yesterday"],
        ["--since", "999999d"],
        ["--until", "2026-13-01"],
        ["--tz", "Mars/Olympus"],
        ["--tz", "../../etc/passwd"],
        ["--tz", ""],
        ["--tz", "Europe"],
        ["--status", "lost"],
        ["--after", "nobody-gave-this"],
        ["--json", "--plain"],
        ["--plain", "--json"],
    ],
)
def test_a_wrong_option_is_wrong_usage(arguments):
    result = run("account", "acme", *arguments, code=2)
    assert "Error: " in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("status", "wanted"),
    [
        ("not_delivered", [TEST, REFUSED]),
        ("delivered", [SEVERAL, RESENT]),
        ("opened", [SEVERAL]),
        ("machine", [RESENT]),
    ],
)
def test_a_filter_shows_those_emails_only_and_says_how_far_it_looked(status, wanted):
    result = run("account", "acme", "--status", status)
    shown = [each for each in OF_ALL if each.message_id in result.stdout]
    assert shown == wanted
    assert f"looked through 4 emails, the last sent {NOON:%Y-%m-%d %H:%M:%S} UTC" in result.stderr


def test_a_filtered_page_goes_on_where_it_ended():
    first = run("account", "acme", "--status", "not_delivered", "--limit", "1")
    assert TEST.message_id in first.stdout
    cursor = first.stderr.partition("--after ")[2].split()[0]
    second = run("account", "acme", "--status", "not_delivered", "--limit", "1", "--after", cursor)
    assert REFUSED.message_id in second.stdout
    assert "--after" not in second.stderr


def test_through_a_pipe_a_recipient_is_an_aligned_line_in_the_labels_words():
    header, *lines = run("account", "acme", "--since", "8d").stdout.splitlines()
    assert header.endswith("(times in UTC)")
    columns = [header.index(name) for name in ("SENT", "EMAIL", "STATUS", "SINCE", "RECIPIENT", "DOCUMENT", "ALSO")]
    rows = [[line[start:end].strip() for start, end in pairwise([*columns, None])] for line in lines]
    assert [(each[1], each[2], each[4], each[5]) for each in rows] == [
        (TEST.message_id, REFUSED_WORDS, f"{SIMULATED} (simulator)", "invoice 2026-118"),
        *((SEVERAL.message_id, "✓ Delivered to mail server", each, "invoice 2026-117") for each in (ANA, BEN, CLEO)),
        (SEVERAL.message_id, "✓ Opened by at least one of 3", "one of 3", "invoice 2026-117"),
        (RESENT.message_id, "✓ Delivered to mail server", BEN, "invoice 2026/117"),
        (REFUSED.message_id, REFUSED_WORDS, BEN, "invoice 2026/117"),
        (OLD.message_id, "✓ Delivered to mail server", ANA, "invoice 2026-116"),
    ]
    assert rows[5][6] == "◐ Opened automatically, perhaps not by a person; ◐ Out-of-office reply"
    assert {each[0][:4] for each in rows} == {f"{NOON:%Y}"}


def test_counts_have_the_labels_words_and_leave_out_the_simulator():
    counts = run("account", "acme").stderr.splitlines()
    assert counts[:-1] == [
        "4 emails, 5 recipients; left out: 1 recipient of SES's simulator",
        "  4  ✓ Delivered to mail server",
        "  1  ✕ Not delivered: the address does not exist",
        "  1  ◐ Opened automatically, perhaps not by a person",
        "  1  ✓ Opened by at least one of several",
        "  1  ◐ Out-of-office reply",
    ]


@pytest.mark.parametrize(
    "command", [["account", "acme"], ["recipient", BEN], ["document", "invoice", "2026/117"], ["status", "EMAIL"]]
)
def test_plain_rows_have_a_cell_for_each_name_whatever_they_hold(command):
    command = [REFUSED.message_id if each == "EMAIL" else each for each in command]
    table = list(csv.reader(io.StringIO(run(*command, "--plain").stdout), delimiter="\t", quoting=csv.QUOTE_NONE))
    rows = [dict(zip(table[0], row, strict=True)) for row in table[1:]]
    (refused,) = (each for each in rows if each["email_id"] == REFUSED.message_id)
    assert (
        refused
        | {
            "sent_at": f"{NOON:%Y-%m-%dT%H:%M:%S}+00:00",
            "recipient": BEN,
            "code": "hard_bounced",
            "reason": "no_such_address",
            "label": "Not delivered: the address does not exist",
            "next_step": "Fix the address, then resend.",
            "document_type": "invoice",
            "document": "2026/117",
            "account": "acme",
            "subject": "Your invoice",
        }
        == refused
    )


def test_a_plain_row_has_the_bare_address_or_none_and_says_simulator_apart():
    names, *rows = (line.split("\t") for line in run("account", "acme", "--plain").stdout.splitlines())
    told = [[row[names.index(name)] for name in ("recipient", "code", "simulator")] for row in rows]
    assert told[0] == [SIMULATED, "hard_bounced", "yes"]
    assert told[1:5] == [*([each, "delivered", ""] for each in (ANA, BEN, CLEO)), ["", "opened", ""]]


def test_a_plain_timeline_has_a_row_for_each_event():
    names, *rows = (line.split("\t") for line in run("timeline", REFUSED.message_id, "--plain").stdout.splitlines())
    assert [(row[names.index("kind")], row[names.index("ses_words")]) for row in rows] == [
        ("Send", "Send"),
        ("Bounce", "Bounce, Permanent, General"),
    ]


def test_nothing_but_text_goes_into_a_pipe_even_where_colours_are_forced(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    result = CliRunner().invoke(main, ["account", "acme"], color=True)
    assert "\x1b[?25l" not in result.output  # hides the cursor, for the live count


def test_a_recipient_is_a_page_or_all(store):
    many = [Email(to=(ANA,), sent_at=NOON + timedelta(seconds=number)) for number in range(60)]
    store([each.send() for each in many], worker_that_polled(datetime.now(UTC)))
    page = as_json("recipient", ANA)
    assert (len(page["emails"]), page["has_more"]) == (50, True)
    rest = as_json("recipient", ANA, "--after", page["next_cursor"])
    assert [each["email_id"] for each in (*page["emails"], *rest["emails"])] == ids(*reversed(many))
    assert f"--after {page['next_cursor']}" in run("recipient", ANA).stderr
    everything = as_json("recipient", ANA, "--all")
    assert (len(everything["emails"]), everything["has_more"], everything["next_cursor"]) == (60, False, None)
    few = as_json("recipient", ANA, "--oldest-first", "--limit", "3")
    assert [each["email_id"] for each in few["emails"]] == ids(*many[:3])
    assert (few["has_more"], few["next_cursor"]) == (True, few["emails"][-1]["cursor"])
