"""`email-activity parse`: one answer for each document, whatever it holds."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import assume, given
from hypothesis import strategies as st

from email_activity.activity.answers import Context, email_with_timeline
from email_activity.activity.status import status as fold
from email_activity.cli.main import main
from email_activity.domain.facts import read_fact
from events import (
    ANA,
    BEN,
    CLEO,
    FORMS,
    KINDS,
    TOPIC_SUBSCRIBED,
    VALIDATION_TEXT,
    Email,
    eventbridge,
    lambda_sns,
    nested,
    raw,
    received_mail,
    sns,
    sns_confirmation,
)
from reading import items_of

KEYS = {"file", "line", "outcome", "form", "kind", "reason", "detail", "records", "facts"}
NOTHING = {"records": [], "facts": []}
OUTCOMES = {"activity", "control", "untracked", "expired", "quarantine"}


def run(*arguments: str, stdin: bytes | str | None = None) -> Result:
    return CliRunner().invoke(main, ["parse", *arguments], input=stdin)


def answers(*arguments: str, stdin: bytes | str | None = None) -> list[dict]:
    result = run("--json", *arguments, stdin=stdin)
    assert result.exception is None
    return [json.loads(line) for line in result.stdout.splitlines()]


def answer(body: str, *arguments: str) -> dict:
    (found,) = answers(*arguments, stdin=body)
    assert set(found) == KEYS
    return found


def whose(found: dict) -> list[tuple]:
    return [(each["recipient"], each["attribution"]) for each in found["records"]]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_in_every_form_is_activity_of_its_recipient(kind, form):
    found = answer(FORMS[form](KINDS[kind](Email())))
    assert (found["outcome"], found["kind"], found["reason"]) == ("activity", kind, None)
    outermost = form.split(" in ")[-1].removeprefix("a ").split()[0]
    assert found["form"] == outermost
    assert [each["recipient"] for each in found["records"]] == [ANA]


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (Email().open(), [(ANA, "single_destination")]),
        (Email(to=(ANA, BEN)).open(), [(None, "ambiguous")]),
        (Email(to=(ANA, BEN, CLEO)).send(), [(each, "exact") for each in (ANA, BEN, CLEO)]),
    ],
)
def test_records_show_whose_the_event_is(event, expected):
    assert sorted(whose(answer(raw(event)))) == expected


def test_records_are_what_a_reader_sees_and_facts_what_is_written():
    email = Email()
    found = answer(raw(email.bounce()))
    (record,) = found["records"]
    classes = {"bounce_class", "complaint_kind"}
    in_words = {"code", "reason", "label", "verdict", "judgement"}
    assert set(record) == {"occurred_at", "kind", "recipient", "attribution", "named", "detail", *classes, *in_words}
    assert (record["kind"], record["bounce_class"], record["complaint_kind"]) == ("Bounce", "hard", None)
    assert record["detail"]["bounce_type"] == "Permanent"
    assert record["occurred_at"].endswith("Z")
    assert [fact["sk"].split("#")[0] for fact in found["facts"]] == ["EVENT", "RECIPIENT"]
    assert {fact["pk"] for fact in found["facts"]} == {f"EMAIL#{email.message_id}"}
    assert found["facts"][1]["document"] == "invoice#2026-117"


def test_where_less_is_stored_a_network_does_not_look_like_an_address(monkeypatch):
    monkeypatch.setenv("STORE_FULL_IP", "false")
    body = raw(Email().click())
    assert answer(body)["facts"][0]["detail"]["ip_address"] == "198.51.100.0/24"
    assert "198.51.100.0/24" in run(stdin=body).stdout


@pytest.mark.parametrize(
    ("body", "form", "kind"),
    [
        (VALIDATION_TEXT, "text", "TopicValidation"),
        (sns(VALIDATION_TEXT), "sns", "TopicValidation"),
        (raw(TOPIC_SUBSCRIBED), "raw", "AmazonSnsSubscriptionSucceeded"),
        (sns_confirmation(), "sns", "SubscriptionConfirmation"),
        (raw(received_mail()), "raw", "Received"),
        (eventbridge({"a": 1}, **{"detail-type": "Sending Status Enabled"}), "eventbridge", "Sending Status Enabled"),
    ],
)
def test_control_messages_are_called_by_their_names(body, form, kind):
    found = answer(body)
    assert found == found | {"outcome": "control", "form": form, "kind": kind} | NOTHING | {"reason": None}


@pytest.mark.parametrize(
    ("body", "reason", "kind"),
    [
        ("not JSON", "not_json", None),
        ("[]", "not_ses", None),
        ('{"eventType": "Send"}', "no_mail", "Send"),
        ('{"eventType": "Send", "mail": {}}', "no_message_id", "Send"),
        ('{"eventType": "Send", "mail": {"messageId": "' + "x" * 257 + '"}}', "message_id_too_long", "Send"),
        (nested(Email().send(), 5), "nested_too_deep", None),
        ("[" * 200_000, "nested_too_deep", None),
    ],
)
def test_what_cannot_be_recorded_says_why(body, reason, kind):
    found = answer(body)
    assert found == found | {"outcome": "quarantine", "reason": reason, "kind": kind} | NOTHING


@pytest.mark.parametrize(
    ("email", "outcome", "why"),
    [
        (
            Email(document_type="contract"),
            "untracked",
            "its document type is contract, and only invoice is tracked (TRACKED_DOCUMENT_TYPES)",
        ),
        (
            Email(document_type=None),
            "untracked",
            "it tells no document type, neither in the tag document_type nor in the header X-Document-Type",
        ),
        # As AWS's own samples are: of 2016 to 2018.
        (
            Email(sent_at=datetime(2016, 10, 14, 5, 2, 16, tzinfo=UTC)),
            "expired",
            "sent 2016-10-14T05:02:16Z, longer ago than the 365 days that activity is kept (RETENTION_DAYS)",
        ),
    ],
)
def test_untracked_and_expired_mail_comes_to_nothing_and_says_why(email, outcome, why):
    found = answer(raw(email.send()))
    assert found == found | {"outcome": outcome, "kind": "Send", "reason": None, "detail": why} | NOTHING
    assert why in run(stdin=raw(email.send())).stdout


# --- Folded by email ---


def test_status_folds_the_documents_by_email_as_the_command_status_shows_one():
    one, other = Email(to=(ANA, BEN)), Email()
    events = [one.send(), other.send(), one.bounce(recipients=[BEN]), other.delivery(), other.delivery()]
    first, second = answers("--status", stdin="\n".join(map(raw, events)))
    assert [first["email_id"], second["email_id"]] == [one.message_id, other.message_id]
    states = {each["recipient"]: each["delivery"]["state"] for each in first["recipients"]}
    assert states == {ANA: "sent", BEN: "hard_bounced"}
    assert first["document"] == {"type": "invoice", "id": "2026-117", "name": "2026-117"}
    assert [each["kind"] for each in second["timeline"]] == ["Send", "Delivery"]
    items = items_of(map(raw, events)).values()
    facts = [fact for fact in map(read_fact, items) if fact and fact.email_id == one.message_id]
    wanted = email_with_timeline(fold(one.message_id, facts), Context(datetime.now(UTC)))
    assert without_receipt(first) == without_receipt(wanted.model_dump(mode="json"))


def without_receipt(email):
    return email | {"timeline": [each | {"recorded_at": None} for each in email["timeline"]]}


def test_status_in_words_has_each_email_and_notes_what_is_none():
    email = Email()
    lines = [raw(email.send()), raw(email.out_of_office()), "oops", raw(Email(document_type="contract").send())]
    assert run("--status", "--json", stdin="").stdout == ""
    result = run("--status", stdin="\n".join(line.strip() for line in [*lines, VALIDATION_TEXT]))
    assert result.exit_code == 0
    for wanted in (email.message_id, ANA, "invoice 2026-117", "Out-of-office reply"):
        assert wanted in result.stdout
    assert "contract" not in result.stdout
    assert result.stderr.splitlines() == [
        "line 3: quarantine: not_json",
        "line 4: untracked: its document type is contract, and only invoice is tracked (TRACKED_DOCUMENT_TYPES)",
        "line 5: control: TopicValidation",
    ]


# --- What `aws sqs receive-message` prints ---


def printed(*bodies: str) -> str:
    messages = [{"MessageId": f"m-{number}", "ReceiptHandle": "AQ", "Body": body} for number, body in enumerate(bodies)]
    return json.dumps({"Messages": messages}, indent=4)


def test_what_sqs_printed_is_read_from_a_file_and_from_standard_input(tmp_path: Path):
    email = Email()
    text = printed(sns(email.send()), raw(email.bounce()))
    file = tmp_path / "printed.json"
    file.write_text(text)
    (of_file,), (of_input,) = answers(str(file)), answers(stdin=text)
    for found in (of_file, of_input):
        assert (found["outcome"], [each["kind"] for each in found["records"]]) == ("activity", ["Send", "Bounce"])
    (folded,) = answers("--status", stdin=text)
    assert folded["recipients"][0]["delivery"]["state"] == "hard_bounced"


@pytest.mark.parametrize("types", ["contract", "invoice, Contract", "*"])
def test_track_says_what_is_tracked(types):
    assert answer(raw(Email(document_type="contract").send()), "--track", types)["outcome"] == "activity"


def test_settings_of_the_environment_say_where_the_document_is(monkeypatch):
    monkeypatch.setenv("DOCUMENT_ID_TAG", "number")
    (_, mail) = answer(raw(Email(tags={"number": "77"}).send()))["facts"]
    assert mail["document"] == "invoice#77"


def test_of_several_events_the_worst_names_the_document():
    good, bad = Email().send(), {"eventType": "Send", "mail": {}}
    found = answer(lambda_sns(good, bad))
    assert (found["outcome"], found["reason"], whose(found)) == ("quarantine", "no_message_id", [(ANA, "exact")])
    untracked = Email(document_type="contract").send()
    assert answer(lambda_sns(untracked, good))["outcome"] == "activity"
    assert answer(lambda_sns(untracked, VALIDATION_TEXT))["outcome"] == "untracked"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])  # the latter two are Windows'
def test_a_file_holds_one_document_and_a_line_one_each(tmp_path: Path, encoding):
    event = Email().send()
    pretty = tmp_path / "pretty.json"
    pretty.write_text(json.dumps(event, indent=4), encoding=encoding)
    (of_file,) = answers(str(pretty))
    assert (of_file["file"], of_file["line"], of_file["outcome"]) == (str(pretty), None, "activity")
    of_lines = answers("-", stdin=raw(event) + "\n  \n" + raw(event))
    places = [(each["file"], each["line"], each["outcome"]) for each in of_lines]
    assert places == [("-", 1, "activity"), ("-", 4, "activity")]


def test_a_file_that_cannot_be_opened_is_wrong_usage_and_the_others_are_done(tmp_path: Path):
    good = tmp_path / "good.json"
    good.write_text(raw(Email().send()))
    result = run("--json", str(tmp_path / "missing"), str(tmp_path), str(good))
    assert result.exit_code == 2
    assert [json.loads(line)["file"] for line in result.stdout.splitlines()] == [str(good)]
    assert "missing: No such file or directory" in result.stderr
    assert f"{tmp_path}: Is a directory" in result.stderr


def test_wrong_settings_are_one_line_each():
    result = run("--track", " , ", stdin="{}")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "TRACKED_DOCUMENT_TYPES" in result.stderr


def test_the_table_for_people_has_every_recipient_and_reason():
    """Quarantine is an answer, and no failure."""
    result = run(stdin=raw(Email(to=(ANA, BEN)).bounce()) + "oops")
    assert result.exit_code == 0
    for wanted in (ANA, BEN, "Bounce, Permanent, General", "quarantine", "not_json", "line 1", "line 2"):
        assert wanted in result.stdout


#: Documents that are almost right reach further in than plain noise.
almost = st.one_of(
    st.binary(max_size=300),
    st.text(max_size=200).map(lambda text: json.dumps({"eventType": text, "mail": {"messageId": text}}).encode()),
    st.sampled_from([raw(Email().send()), sns(Email().click()), lambda_sns(Email().open())]).flatmap(
        lambda body: st.tuples(st.integers(0, len(body)), st.binary(max_size=4)).map(
            lambda cut: body.encode()[: cut[0]] + cut[1] + body.encode()[cut[0] :]
        )
    ),
)


@given(body=almost)
def test_any_bytes_give_one_answer_and_a_table_without_control_characters(tmp_path_factory, body):
    file = tmp_path_factory.getbasetemp() / "any"
    file.write_bytes(body)
    (found,) = answers(str(file))
    assert set(found) == KEYS
    assert found["outcome"] in OUTCOMES
    assert (found["reason"] is not None) == (found["outcome"] == "quarantine")
    result = run(str(file))
    assert result.exit_code == 0
    assert all(each.isprintable() for each in result.stdout.replace("\n", ""))


@given(lines=st.lists(almost.map(lambda body: body.replace(b"\n", b"")), max_size=4))
def test_any_bytes_on_standard_input_give_an_answer_a_line(lines):
    assume(not lines or lines[0].strip() != b"{")  # that begins a document on several lines
    found = answers(stdin=b"\n".join(lines))
    assert [each["line"] for each in found] == [number for number, line in enumerate(lines, 1) if line.strip()]
    assert all(each["outcome"] in OUTCOMES for each in found)
