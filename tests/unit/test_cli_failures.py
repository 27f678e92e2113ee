"""`email-activity failures` and `stuck`: every document that did not arrive, to people, spreadsheets and programs."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from clock import stop_clock
from commands import as_json_lines, read_from, run, worker_that_polled
from email_activity.activity.failure_cells import CSV, PLAIN, formula_safe, row_of
from email_activity.activity.filters import FAILURE_REASONS
from email_activity.activity.pages import MAX_PAGE
from email_activity.cli import failures
from email_activity.cli.failure_rows import block
from email_activity.cli.main import main
from email_activity.cli.when import zone_named
from email_activity.domain.facts import Assignment, Document
from email_activity.domain.printable import printable
from events import ANA, BEN, CLEO, Email

UTC_ZONE = zone_named("UTC")

#: Facts expire, so all happened short ago.
NOON = (datetime.now(UTC) - timedelta(days=2)).replace(hour=12, minute=0, second=0, microsecond=0)
NOW = NOON + timedelta(hours=20)

SIMULATED = "bounce@simulator.amazonses.com"
FULL = {"action": "failed", "status": "4.2.2", "diagnosticCode": 'smtp; 452 "4.2.2", box is full'}

GONE = Email(to=(ANA, BEN), document_id="2026_2F117", sent_at=NOON)
RESENT = Email(to=(BEN,), document_id="2026-118", account="globex", sent_at=NOON + timedelta(hours=1))
AGAIN = Email(to=(BEN,), document_id="2026-118", account="globex", sent_at=NOON + timedelta(hours=2))
SPAM = Email(to=(CLEO,), document_id="2026-122", sent_at=NOON + timedelta(hours=3))
TRIED = Email(to=(SIMULATED,), document_id="=cmd()", subject='=HYPERLINK("http://e")', sent_at=NOON)
WAITING = Email(to=(ANA,), document_id="2026-119", sent_at=NOON)
DELAYED = Email(to=(ANA, BEN), document_id="2026-120", sent_at=NOON + timedelta(minutes=1))
YOUNG = Email(to=(ANA,), document_id="2026-121", sent_at=NOW - timedelta(hours=1))
EVENTS = (
    *(GONE.send(), GONE.bounce(recipients=[ANA]), GONE.delivery([BEN])),
    *(RESENT.send(), RESENT.bounce("Transient", "MailboxFull", said=FULL)),
    *(AGAIN.send(), AGAIN.delivery()),
    *(SPAM.send(), SPAM.delivery(), SPAM.complaint()),
    *(TRIED.send(), TRIED.bounce(at=TRIED.after(5))),
    *(WAITING.send(), DELAYED.send(), DELAYED.delay(recipients=[BEN]), DELAYED.delivery([ANA]), YOUNG.send()),
)


@pytest.fixture(autouse=True)
def _table(monkeypatch) -> None:
    stop_clock(monkeypatch, NOW, failures)
    read_from(monkeypatch, EVENTS, worker_that_polled(datetime.now(UTC)))


@pytest.fixture
def at_a_terminal(monkeypatch) -> None:
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda _: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")


def csv_rows(*arguments: str) -> list[dict[str, str]]:
    text = CliRunner().invoke(main, [*arguments, "--csv"]).stdout_bytes.decode()
    assert text.startswith("\ufeffWhen,")
    assert text.count("\r\n") == text.count("\n")
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def documents_of(*arguments: str) -> list[str]:
    return [each["document"]["name"] for each in as_json_lines("failures", *arguments)]


# --- failures ---


def test_what_did_not_arrive_is_listed_newest_first_with_why_and_what_to_do():
    assert documents_of() == ["2026-122", "=cmd()", "2026/117"]
    gone = as_json_lines("failures")[-1]
    assert (gone["object"], gone["recipient"], gone["account"]) == ("failure", ANA, "acme")
    assert gone["status"]["reason"] == "no_such_address"
    assert gone["status"]["next_step"] == "Fix the address, then resend."
    assert [each["simulator"] for each in as_json_lines("failures")] == [False, True, False]


def test_what_a_later_email_brought_is_left_out_unless_asked_for():
    assert documents_of("--delivered-since") == ["2026-122", "2026-118", "=cmd()", "2026/117"]
    found = {each["email_id"]: each["delivered_since"] for each in as_json_lines("failures", "--delivered-since")}
    assert {key for key, since in found.items() if since} == {RESENT.message_id}


def test_a_later_email_that_is_about_another_document_by_now_does_not_count(monkeypatch):
    moved = Assignment(AGAIN.message_id, NOW, Document("invoice", "other"), AGAIN.sent_at).to_item()
    read_from(monkeypatch, EVENTS, moved)
    assert "2026-118" in documents_of()


def test_failures_can_be_asked_for_by_account_time_and_reason():
    assert documents_of("--account", "globex", "--delivered-since") == ["2026-118"]
    assert documents_of("--reason", "mailbox_full", "--delivered-since") == ["2026-118"]
    assert documents_of("--reason", "COMPLAINED") == ["2026-122"]
    assert documents_of("--until", f"{NOON + timedelta(hours=1):%Y-%m-%dT%H:%M}", "--account", "acme") == [
        "=cmd()",
        "2026/117",
    ]
    assert documents_of("--since", "18h") == ["2026-122"]
    assert documents_of("--limit", "1") == ["2026-122"]


def test_every_page_is_read(monkeypatch):
    emails = [Email(document_id=str(number), sent_at=NOON + timedelta(seconds=number)) for number in range(250)]
    assert len(emails) > 2 * MAX_PAGE
    read_from(monkeypatch, [each.bounce() for each in emails])
    assert documents_of() == [str(number) for number in reversed(range(250))]


def test_copies_that_tell_the_time_differently_are_one_failure(monkeypatch):
    one = GONE.bounce(recipients=[ANA], feedback_id="f-1", at=GONE.after(3.5))
    rounded = GONE.bounce(recipients=[ANA], feedback_id="f-1", at=GONE.after(3))
    read_from(monkeypatch, [one, rounded])
    assert documents_of() == ["2026/117"]


def test_nothing_found_is_exit_code_1_and_a_sentence_with_the_range():
    result = run("failures", "--account", "nobody", "--since", "2d", "--tz", "Europe/Berlin", code=1)
    assert result.stdout == ""
    assert result.stderr.startswith("No email of account nobody failed between ")
    assert " and now (Europe/Berlin); " in result.stderr
    assert run("failures", "--reason", "rejected", "--json", code=1).stdout == ""


def test_the_end_tells_the_counts_by_reason():
    told = run("failures", "--delivered-since").stderr
    assert "4 rows (1 of SES's mailbox simulator): 2 not delivered: the address does not exist; " in told
    assert "1 marked as spam" in told
    assert "There are more than --limit." in run("failures", "--limit", "1").stderr


def test_through_a_pipe_each_is_one_aligned_line():
    header, *lines = run("failures", "--delivered-since").stdout.splitlines()
    assert len(lines) == 4
    for title, column in {"RECIPIENT": [CLEO, BEN, SIMULATED, ANA], "EMAIL": [SPAM, RESENT, TRIED, GONE]}.items():
        for line, wanted in zip(lines, column, strict=True):
            text = wanted if isinstance(wanted, str) else wanted.message_id
            assert line[header.index(title) :].startswith(text)
    assert "delivered to mail server" in lines[0]
    assert "delivered later" in lines[1]
    assert "simulator" in lines[2]


def test_plain_has_a_tab_between_cells_and_no_icon():
    header, *lines = run("failures", "--plain").stdout.splitlines()
    assert tuple(header.split("\t")) == PLAIN
    rows = [dict(zip(PLAIN, line.split("\t"), strict=True)) for line in lines]
    assert [row["recipient"] for row in rows] == [CLEO, SIMULATED, ANA]
    assert rows[-1]["label"] == "Not delivered: the address does not exist"


@pytest.mark.usefixtures("at_a_terminal")
def test_at_a_terminal_of_80_columns_no_line_is_longer(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    shown = CliRunner().invoke(main, ["failures", "--delivered-since"]).stdout
    assert "Not delivered: mailbox full" in shown
    assert "delivered later" in shown
    assert max(len(line) for line in shown.splitlines() if "\x1b" not in line) <= 80


def test_what_is_long_is_cut_to_80_columns_but_for_the_id(monkeypatch):
    said = {"action": "failed", "diagnosticCode": "smtp; 550 5.1.1 " + "x" * 900}
    email = Email(to=("y" * 64 + "@a-long-name.example.com",), document_id="z" * 200, account="a" * 200, sent_at=NOON)
    read_from(monkeypatch, [email.bounce(said=said)])
    (row,) = map(row_of, failures.Activity().failures().data)
    lines = block(row, UTC_ZONE, 80).plain.splitlines()
    assert max(map(len, lines)) <= 80
    assert sum(line.endswith("\u2026") for line in lines) == 3
    assert lines[-1].strip() == email.message_id


def test_a_block_fits_into_80_columns_and_names_everything():
    (row,) = [row_of(each) for each in failures.Activity().failures(reason="mailbox_full", delivered_since=True).data]
    lines = block(row, UTC_ZONE, 80).plain.splitlines()
    assert max(map(len, lines)) <= 80
    text = "\n".join(lines)
    for part in (
        "invoice 2026-118",
        "account globex",
        BEN,
        "mailbox full",
        "\u2192 Call, or resend later.",
        "452",
        RESENT.message_id,
    ):
        assert part in text


# --- CSV ---


def test_csv_opens_in_a_spreadsheet_and_computes_nothing():
    rows = csv_rows("failures", "--delivered-since")
    assert tuple(rows[0]) == CSV
    assert [row["Recipient"] for row in rows] == [CLEO, BEN, SIMULATED, ANA]
    tried = rows[2]
    assert (tried["Document"], tried["Subject"]) == ("'=cmd()", '\'=HYPERLINK("http://e")')
    assert tried["Simulator"] == "yes"
    assert rows[1]["What their server said"] == FULL["diagnosticCode"]


def test_times_in_csv_are_rfc_3339_with_their_zone():
    rows = csv_rows("failures", "--tz", "Asia/Kolkata")
    for row in rows:
        assert row["When"].endswith("+05:30")
        assert datetime.fromisoformat(row["Sent"]).tzinfo


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", " =", "\u3000=", "\x0b=", "\u2028-"])
def test_no_cell_is_a_formula(start):
    assert formula_safe(f"{start}1").startswith("'")
    assert formula_safe(f"{start}1").isprintable()
    assert formula_safe(f"a{start}") == printable(f"a{start}")


@pytest.mark.parametrize("text", ["Hi;=1+1", "Hi; =1+1", "a;b;-2", "x;\uff1d1"])
def test_no_cell_is_a_formula_where_a_semicolon_begins_one(text):
    cells = [each.strip() for each in formula_safe(text).split(";")]
    assert not [each for each in cells if each.startswith(("=", "+", "-", "@", "\uff1d"))]


def test_csv_has_a_label_for_each_column_of_plain():
    assert len(CSV) == len(PLAIN) == len(set(CSV))


@pytest.mark.parametrize("command", [("failures",), ("stuck", "--account", "acme")])
def test_one_form_at_a_time(command):
    assert "--json and --csv exclude each other" in run(*command, "--csv", "--json", code=2).stderr


@pytest.mark.parametrize(
    "arguments",
    [
        *(("failures", "--since", "yesterday"), ("failures", "--until", "x"), ("failures", "--reason", "bad luck")),
        *(("failures", "--account", " "), ("failures", "--limit", "0"), ("failures", "--tz", "Mars")),
        *(
            ("stuck",),
            ("stuck", "--account", "a", "--after", "2026-11-23"),
            ("stuck", "--account", "a", "--after", "x"),
        ),
    ],
)
def test_wrong_usage_is_exit_code_2(arguments):
    assert "Error: " in run(*arguments, code=2).stderr


def test_a_reason_is_one_that_a_failure_can_have():
    assert {"hard_bounced", "complained", "mailbox_full", "account_list", "blocked"} <= set(FAILURE_REASONS)
    assert {"sent", "delayed", "server_trouble", "not_reported", "click"}.isdisjoint(FAILURE_REASONS)
    with pytest.raises(ValueError, match="reason: got 'luck', want one of soft_bounced"):
        failures.Activity().failures(reason="luck")


# --- stuck ---


def test_stuck_are_those_that_nothing_was_heard_of_since():
    found = as_json_lines("stuck", "--account", "acme")
    assert [(each["object"], each["email_id"]) for each in found] == [
        ("email", DELAYED.message_id),
        ("email", WAITING.message_id),
    ]
    assert [row["Recipient"] for row in csv_rows("stuck", "--account", "acme")] == [BEN, ANA]
    assert len(as_json_lines("stuck", "--account", "acme", "--after", "30m")) == 3


def test_stuck_says_through_how_many_it_looked():
    result = run("stuck", "--account", "acme")
    assert "Looked through 5 emails of account acme sent between " in result.stderr
    assert "sent, outcome never reported" in result.stderr.lower()
    limited = run("stuck", "--account", "acme", "--limit", "1")
    assert ", back to " in limited.stderr


def test_nothing_stuck_is_exit_code_1_and_says_how_far_it_looked():
    result = run("stuck", "--account", "globex", code=1)
    assert result.stdout == ""
    assert "Looked through 2 emails of account globex sent between " in result.stderr
    assert "none is without an outcome" in result.stderr


def test_what_a_proxy_opened_is_stuck_all_the_same(monkeypatch):
    email = Email(to=(ANA,), sent_at=NOON)
    read_from(monkeypatch, [email.send(), email.open("Mozilla/5.0 (via ggpht.com GoogleImageProxy)")])
    (row,) = csv_rows("stuck", "--account", "acme")
    assert row["Code"] == "sent"
