"""What the commands show of the table, to people and to programs."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from click.testing import CliRunner

from clock import stop_clock
from commands import as_json, as_json_lines, read_from, run, worker_that_polled
from email_activity.activity import answers
from email_activity.activity.answers import Context
from email_activity.activity.status import status
from email_activity.cli import emails, rows
from email_activity.cli.main import main
from email_activity.cli.when import zone_named
from email_activity.domain.facts import Document
from events import ANA, APPLE_PREFETCH, BEN, CLEO, GMAIL_PROXY, Email, raw
from faketable import table_of
from reading import items_of

#: What strangers may put into a subject or an agent: colours, a new window title, a hidden direction, markup.
HOSTILE = "\x1b[31mred\x1b]0;title\x07 \x9b1m \u202eback\r\nnext [bold red]x[/bold red] [link=http://e] :smile:"

#: All is sent, and asked for, on a day that is over, and short ago, since old mail expires.
NOON = (datetime.now(UTC) - timedelta(days=2)).replace(hour=12, minute=0, second=0, microsecond=0)

EMAIL = Email(to=(ANA, BEN, CLEO), subject=HOSTILE, sent_at=NOON)
RESENT = Email(to=(ANA,), sent_at=EMAIL.after(1))
OTHER = Email(to=(BEN,), document_id="2026-118", account="globex", sent_at=EMAIL.after(2))
FORWARD = "private@example.com"
SOLE = Email(to=(CLEO,), document_id="2026-119", account="initech", sent_at=EMAIL.after(3))
READ = Email(to=(CLEO,), document_id="2026-119", account="initech", sent_at=SOLE.after(-1))
#: Sent for one account, and told once more for another one.
TWICE = Email(to=(ANA,), document_id="2026-120", account="umbrella", sent_at=EMAIL.after(4))
FORGED = replace(
    TWICE, document_id="2026-121", account="wayne", to=(ANA, "one.more@example.com"), sent_at=TWICE.after(60)
)
EVENTS = (
    EMAIL.send(),
    EMAIL.delivery([ANA]),
    EMAIL.bounce(recipients=[BEN]),
    EMAIL.out_of_office([ANA]),
    EMAIL.delay(recipients=[CLEO]),
    EMAIL.open(GMAIL_PROXY),
    EMAIL.open(APPLE_PREFETCH),
    EMAIL.complaint(recipients=[ANA]),
    RESENT.send(),
    RESENT.delivery(),
    RESENT.open(HOSTILE),
    RESENT.open(at=RESENT.after(400)),
    RESENT.click(),
    RESENT.subscription(),
    OTHER.reject(),
    SOLE.send(),
    SOLE.bounce(recipients=[FORWARD]),
    READ.send(),
    READ.open(),
    TWICE.send(),
    FORGED.send(),
)


@pytest.fixture
def store(monkeypatch):
    return partial(read_from, monkeypatch)


@pytest.fixture(autouse=True)
def _table(monkeypatch, store) -> None:
    stop_clock(monkeypatch, NOON + timedelta(hours=6), emails)
    store(EVENTS, worker_that_polled(datetime.now(UTC)))


def as_block(email: Email) -> str:
    """As at a terminal of 80 columns."""
    facts = table_of(items_of(map(raw, EVENTS)).values()).facts(email.message_id)
    return rows.block(answers.email(status(email.message_id, facts), Context(NOON)), zone_named("UTC"), 80).plain


def test_the_status_of_an_email_as_json():
    email = as_json("status", RESENT.message_id)
    about = {
        "email_id": RESENT.message_id,
        "document": {"type": "invoice", "id": "2026-117", "name": "2026-117"},
        "account": "acme",
        "sent_at": f"{RESENT.sent_at:%Y-%m-%dT%H:%M:%SZ}",
        "subject": "Your invoice",
        "destination_count": 1,
        "shared": None,
        "conflict": None,
    }
    assert email | about == email
    (status,) = email["recipients"]
    assert (status["recipient"], status["is_destination"], status["auto_replied_at"]) == (ANA, True, None)
    states = {name: status[name]["state"] for name in ("delivery", "engagement", "consent")}
    assert states == {"delivery": "delivered", "engagement": "clicked", "consent": "unsubscribed"}
    opened = status["engagement"]["seen"]["opened"]
    assert (set(opened), opened["count"]) == ({"count", "first_at", "last_at"}, 1)
    assert datetime.fromisoformat(status["delivery"]["seen"]["delivered"]["first_at"]).tzinfo


def test_the_status_of_an_email_to_several_tells_what_is_nobodys():
    email = as_json("status", EMAIL.message_id)
    assert (email["shared"]["recipient"], email["shared"]["engagement"]["state"]) == (None, "proxy_opened")
    assert {each["engagement"]["state"] for each in email["recipients"]} == {"none"}
    ana = email["recipients"][0]
    assert (ana["delivery"]["state"], bool(ana["auto_replied_at"])) == ("delivered", True)


def test_the_timeline_as_json_has_every_event_in_order_and_whose_it_is():
    timeline = as_json("timeline", EMAIL.message_id)["timeline"]
    times = [event["occurred_at"] for event in timeline]
    assert times == sorted(times)
    opens = [event for event in timeline if event["kind"] == "Open"]
    assert {(each["recipient"], each["attribution"], each["verdict"]) for each in opens} == {
        (None, "ambiguous", "proxy"),
        (None, "ambiguous", "machine"),
    }
    assert {event["verdict"] for event in timeline if event["kind"] != "Open"} == {None}


def test_the_whole_message_id_header_will_do():
    assert as_json("status", f"<{RESENT.message_id}@eu-west-1.amazonses.com>")["email_id"] == RESENT.message_id


def test_status_and_timeline_for_people_say_what_servers_said():
    shown = run("status", EMAIL.message_id).stdout
    for wanted in (
        EMAIL.message_id,
        "invoice 2026-117",
        ANA,
        "does not exist",
        "Marked as spam",
        "Out-of-office reply",
    ):
        assert wanted in shown
    told = run("timeline", EMAIL.message_id).stdout
    for wanted in ("550 5.1.1 no such user here", "DeliveryDelay, MailboxFull", "Opened, probably", "abuse"):
        assert wanted in told
    assert "one of 3" in shown
    assert "one of 3" in told


@pytest.mark.parametrize(
    "arguments",
    [
        ["status", "nobody-sent-this"],
        ["timeline", "nobody-sent-this"],
        ["document", "invoice", "none"],
        ["recipient", "nobody@example.com"],
        ["account", "nobody"],
        ["account", "acme", "--day", "2001-01-01"],
    ],
)
def test_nothing_found_is_exit_code_1_and_says_so_or_is_an_empty_list(arguments):
    result = run(*arguments, code=1)
    assert result.stdout == ""
    assert result.stderr.startswith("Error: no")
    as_json = run(*arguments, "--json", code=1).stdout
    if arguments[0] == "recipient":
        assert json.loads(as_json)["emails"] == []
    else:
        assert as_json == ""


def test_a_document_shows_its_emails_newest_first_with_every_recipient():
    found = as_json("document", "INVOICE", "2026-117")
    assert found["document"] == {"type": "invoice", "id": "2026-117", "name": "2026-117"}
    assert [each["recipient"] for each in found["recipients"]] == [BEN, ANA, CLEO]
    assert [email["email_id"] for email in found["emails"]] == [RESENT.message_id, EMAIL.message_id]
    assert [each["recipient"] for each in found["emails"][1]["recipients"]] == [ANA, BEN, CLEO]
    assert "timeline" not in found["emails"][0]


def test_a_reassigned_email_shows_under_its_new_document_only(store):
    items = items_of([raw(RESENT.send())]).values()
    assigned = {
        "pk": f"EMAIL#{RESENT.message_id}",
        "sk": "ASSIGN#2026-11-23T10:00:00Z#contract#7",
        "document": Document("contract", "7").key,
        "sent_key": next(item["sent_key"] for item in items if item.get("document")),
    }
    store(EVENTS, assigned)
    assert [each["email_id"] for each in as_json("document", "contract", "7")["emails"]] == [RESENT.message_id]
    assert [each["email_id"] for each in as_json("document", "invoice", "2026-117")["emails"]] == [EMAIL.message_id]


BOUNCED_AT = f"A forwarded copy bounced at {FORWARD}"


def test_every_reader_says_at_which_address_it_bounced():
    """The client's own address did not fail."""
    email = as_json("status", SOLE.message_id)
    (status,) = email["recipients"]
    assert (status["recipient"], status["delivery"]["state"]) == (CLEO, "hard_bounced")
    assert status["bounced_at"] == FORWARD
    (bounce,) = (event for event in email["timeline"] if event["kind"] == "Bounce")
    assert [bounce[name] for name in ("recipient", "named", "bounce_class")] == [CLEO, FORWARD, "hard"]
    lists = (["document", "invoice", "2026-119"], ["recipient", CLEO], ["account", "initech", "--since", "2020-01-01"])
    for command in (["status", SOLE.message_id], ["timeline", SOLE.message_id], *lists):
        assert BOUNCED_AT in run(*command).stdout
    for command in lists[:2]:
        told = {each["email_id"]: each["recipients"] for each in as_json(*command)["emails"]}
        assert [each["bounced_at"] for each in told[SOLE.message_id] if each["recipient"] == CLEO] == [FORWARD]
    assert BOUNCED_AT in as_block(SOLE)


def test_a_bounce_elsewhere_is_counted_apart_from_those_of_the_address_itself():
    result = run("recipient", CLEO)
    assert "  1  ◐ A forwarded copy bounced at another address" in result.stderr
    assert "refused" not in result.stderr


def test_an_arrival_without_a_delivery_says_what_it_is_derived_from():
    (status,) = as_json("status", READ.message_id)["recipients"]
    assert (status["delivery"]["state"], status["arrived_from"]) == ("arrived", ["open"])
    assert status["delivery"]["seen"]["arrived"]["count"] == 1
    words = "no delivery was reported, but an open"
    for shown in (
        run("status", READ.message_id).stdout,
        run("recipient", CLEO).stdout,
        as_block(READ),
    ):
        assert words in shown


def test_copies_that_disagree_are_a_conflict_that_every_reader_shows():
    conflict = {
        "documents": [{"type": "invoice", "id": each, "name": each} for each in ("2026-120", "2026-121")],
        "accounts": ["umbrella", "wayne"],
    }
    assert as_json("status", TWICE.message_id)["conflict"] == conflict
    assert as_json("document", "invoice", "2026-120")["emails"][0]["conflict"] == conflict
    assert as_json("status", SOLE.message_id)["conflict"] is None
    words = "disagree on the document: invoice 2026-120 and invoice 2026-121; the account: umbrella and wayne"
    commands = (["status", TWICE.message_id], ["timeline", TWICE.message_id], ["document", "invoice", "2026-120"])
    for shown in (*(run(*command).stdout for command in commands), as_block(TWICE)):
        assert words in shown


def test_an_email_is_listed_under_its_folded_account_and_document_only():
    listed = as_json_lines("account", "umbrella", "--since", "2020-01-01")
    assert [each["email_id"] for each in listed] == [TWICE.message_id]
    assert run("account", "wayne", "--since", "2020-01-01", "--json", code=1).stdout == ""
    assert as_json("document", "invoice", "2026-120")["emails"][0]["email_id"] == TWICE.message_id
    run("document", "invoice", "2026-121", code=1)


def test_a_complaint_that_names_several_says_that_each_is_a_candidate(store):
    email = Email(to=(ANA, BEN))
    store((email.send(), email.complaint()))
    complaints = [event for event in as_json("timeline", email.message_id)["timeline"] if event["complaint_kind"]]
    assert {(each["named"], each["attribution"]) for each in complaints} == {(ANA, "candidate"), (BEN, "candidate")}
    assert run("timeline", email.message_id).stdout.count("(one of several named)") == 2


def test_fields_that_this_version_does_not_know_show_with_their_event(store):
    """Once in the table, with each recipient of the event, and of every copy of it."""
    email = Email(to=(ANA, BEN))
    delivery = email.delivery() | {"brandNew": {"a": 1}}
    copy = email.delivery() | {"brandNew": {"b": 2}, "newer": True}
    store((email.send(), delivery, copy, email.open() | {"of": "the open"}, email.click()))
    timeline = as_json("timeline", email.message_id)["timeline"]
    assert [(event["kind"], event["unknown"]) for event in timeline if event["kind"] != "Send"] == [
        ("Delivery", {"brandNew": {"a": 1, "b": 2}, "newer": True}),
        ("Delivery", {"brandNew": {"a": 1, "b": 2}, "newer": True}),
        ("Open", {"of": "the open"}),
        ("Click", None),
    ]


def test_a_recipient_shows_what_became_of_the_mail_for_this_one_only():
    found = as_json("recipient", f"Ben <{BEN.upper()}>")
    assert found["recipient"] == BEN
    recipients = {email["email_id"]: email["recipients"] for email in found["emails"]}
    states = {key: [(each["recipient"], each["delivery"]["state"]) for each in of] for key, of in recipients.items()}
    assert states == {EMAIL.message_id: [(BEN, "hard_bounced")], OTHER.message_id: [(BEN, "rejected")]}


def test_an_account_is_json_lines_each_email_once():
    listed = as_json_lines("account", "acme", "--since", "2020-01-01")
    assert [each["email_id"] for each in listed] == [RESENT.message_id, EMAIL.message_id]


def test_pages_of_an_account_go_on_where_the_last_ended():
    first = run("account", "acme", "--limit", "1", "--json")
    (email,) = map(json.loads, first.stdout.splitlines())
    assert f"--after {email['cursor']}" in first.stderr
    second = run("account", "acme", "--limit", "1", "--json", "--after", email["cursor"])
    assert [json.loads(line)["email_id"] for line in second.stdout.splitlines()] == [EMAIL.message_id]
    assert "--after" not in second.stderr


def test_a_terminal_of_80_columns_has_no_line_cut_and_every_id_whole():
    block = as_block(EMAIL)
    first, about, *recipients = block.splitlines()
    assert first.endswith(EMAIL.message_id)
    assert "invoice 2026-117" in about
    assert max(map(len, [first, about, *recipients])) <= 80
    for wanted in (ANA, BEN, CLEO, "does not exist", "one of 3", "Out-of-office reply"):
        assert wanted in block


def test_what_strangers_wrote_reaches_no_terminal_raw(monkeypatch):
    """`run` looks at every character; here, that nothing was taken for markup, on a terminal too."""
    for command in (["status", EMAIL.message_id], ["timeline", RESENT.message_id], ["recipient", ANA]):
        run(*command)
        run(*command, "--json")
    shown = run("status", EMAIL.message_id).stdout
    assert r"\x1b[31mred\x1b]0;title\x07 \x9b1m \u202eback next [bold red]x[/bold red] [link=http://e] :smile:" in shown
    monkeypatch.setenv("FORCE_COLOR", "1")
    coloured = CliRunner().invoke(main, ["document", "invoice", "2026-117"], color=True).stdout
    assert "\x1b[" in coloured
    assert "\x1b[31mred" not in coloured
    assert "\x07" not in coloured
    assert "\x9b" not in coloured
