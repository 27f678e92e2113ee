"""A person says which document an email is about: one more fact, by which the document's own page changes."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from boto3.dynamodb.types import TypeSerializer
from botocore.exceptions import ClientError
from click.testing import CliRunner, Result

from email_activity.activity import reader
from email_activity.activity.query import ActivityTable
from email_activity.activity.reader import Activity
from email_activity.cli import assign
from email_activity.cli.main import main
from email_activity.domain.facts import Assignment, Document, read_fact
from events import ANA, Email, raw
from faketable import FakeDynamoDB
from reading import items_of

EMAIL = Email(to=(ANA,))
OTHER = Email(to=(ANA,), document_id="2026_2F118", sent_at=EMAIL.after(60))
EVENTS = (EMAIL.send(), EMAIL.delivery(), OTHER.send(), OTHER.bounce())


@pytest.fixture(autouse=True)
def dynamodb(monkeypatch) -> Iterator[FakeDynamoDB]:
    fake = FakeDynamoDB(items_of(map(raw, EVENTS)).values())
    monkeypatch.setenv("ACTIVITY_TABLE", "facts")
    monkeypatch.setattr(assign, "dynamodb_client", lambda _: fake)
    monkeypatch.setattr(reader, "open_table", lambda _: ActivityTable(fake, "facts"))
    return fake


def run(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(main, ["assign", *arguments])
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result


def emails_of(document_id: str) -> list[str]:
    found = Activity().document("invoice", document_id)
    return [each.email_id for each in found.emails] if found else []


def assignments(dynamodb: FakeDynamoDB) -> list[dict]:
    return [item for key, item in dynamodb.items.items() if key[1].startswith("ASSIGN#")]


def test_the_document_lists_the_email_and_the_one_before_does_no_more():
    assert emails_of("2026-117") == [EMAIL.message_id]
    told = run(EMAIL.message_id, "Invoice", "2026-119").stdout
    assert told == f"{EMAIL.message_id} is about invoice 2026-119 now (before: invoice 2026-117)\n"
    assert emails_of("2026-119") == [EMAIL.message_id]
    assert emails_of("2026-117") == []


def test_emails_of_both_spellings_of_an_id_are_one_documents():
    """Senders encode the id for SES's tags; a person types it as it is."""
    run(EMAIL.message_id, "invoice", "2026/118")
    assert emails_of("2026/118") == emails_of("2026_2F118") == [OTHER.message_id, EMAIL.message_id]


def test_the_latest_counts_and_can_be_taken_back():
    run(EMAIL.message_id, "invoice", "2026-119")
    run(EMAIL.message_id, "invoice", "2026-117")
    assert emails_of("2026-119") == []
    assert emails_of("2026-117") == [EMAIL.message_id]


def test_it_counts_also_where_the_clock_was_set_back(dynamodb):
    item = Assignment(EMAIL.message_id, datetime.now(UTC) + timedelta(days=1), Document("invoice", "7")).to_item()
    dynamodb.items[item["pk"], item["sk"]] = item
    run(EMAIL.message_id, "invoice", "8")
    assert emails_of("8") == [EMAIL.message_id]


def test_what_is_so_already_is_not_written_again(dynamodb):
    assert run(EMAIL.message_id, "invoice", "2026-117").stdout.endswith("is about invoice 2026-117 already\n")
    assert assignments(dynamodb) == []
    assert json.loads(run(EMAIL.message_id, "invoice", "2026-117", "--json").stdout)["at"] is None


def test_json_tells_what_it_was_before():
    told = json.loads(run(OTHER.message_id, "contract", "77", "--json").stdout)
    assert told["previous"] == {"type": "invoice", "id": "2026_2F118", "name": "2026/118"}
    assert told["document"] == {"type": "contract", "id": "77", "name": "77"}
    assert told["email_id"] == OTHER.message_id
    assert datetime.fromisoformat(told["at"]).tzinfo


def test_it_is_listed_by_when_the_email_was_sent_and_expires_with_its_facts(dynamodb):
    run(EMAIL.message_id, "invoice", "x" * 400)
    (item,) = assignments(dynamodb)
    of_mail = next(each for key, each in dynamodb.items.items() if key[1].startswith("RECIPIENT#"))
    assert (item["sent_key"], item["expires_at"]) == (of_mail["sent_key"], of_mail["expires_at"])
    assert emails_of("x" * 400) == [EMAIL.message_id]


def test_an_email_is_found_by_its_header_too():
    run(f"Message-ID: <{EMAIL.message_id}@eu-west-1.amazonses.com>", "invoice", "2026-119")
    assert emails_of("2026-119") == [EMAIL.message_id]


def test_an_unknown_email_is_refused_in_a_line_and_nothing_is_written(dynamodb):
    result = run("0100-nobody", "invoice", "1", code=1)
    assert result.stderr.startswith("Error: nothing is known of the email 0100-nobody in the table facts")
    assert (result.stdout, assignments(dynamodb)) == ("", [])


def test_without_the_permission_the_line_names_it(dynamodb, monkeypatch):
    def refuse(**_: object) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "PutItem")

    monkeypatch.setattr(dynamodb, "put_item", refuse)
    told = run(EMAIL.message_id, "invoice", "1", code=1).stderr
    assert "dynamodb:PutItem" in told
    assert "operator policy" in told


@pytest.mark.parametrize(
    "fact",
    [
        Assignment(EMAIL.message_id, EMAIL.sent_at, Document("invoice", "2026/117"), EMAIL.after(0), 7),
        Assignment("a#b", EMAIL.sent_at, Document("in#voice", "20%26#7")),
        Assignment("id", EMAIL.sent_at, Document("y" * 400, "z" * 400), None, 7),
    ],
)
def test_an_assignment_is_read_back_as_it_was(fact):
    item = fact.to_item()
    # An email's time is known to the second in the index.
    wanted = fact.sent_at and fact.sent_at.replace(microsecond=0)
    read = read_fact(item)
    assert (read.email_id, read.at, read.document, read.sent_at, read.expires_at) == (
        fact.email_id,
        fact.at,
        fact.document,
        wanted,
        fact.expires_at,
    )
    TypeSerializer().serialize(item)
