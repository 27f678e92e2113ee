"""`email-activity assign`: a person says which document an email is about."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click
from boto3.dynamodb.types import TypeSerializer

from email_activity.activity import answers
from email_activity.activity.query import ActivityTable
from email_activity.activity.status import EmailStatus, status
from email_activity.aws.clients import dynamodb_client
from email_activity.cli import show
from email_activity.cli.options import non_empty
from email_activity.domain.email_ids import email_id_in
from email_activity.domain.facts import Assignment, Document, Fact
from email_activity.domain.times import rfc3339
from email_activity.settings import load_reader_settings

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@click.command()
@click.argument("email_id", callback=non_empty)
@click.argument("document_type", metavar="TYPE", callback=non_empty)
@click.argument("document_id", metavar="ID", callback=non_empty)
@click.option("--json", "as_json", is_flag=True, help="One JSON object: email_id, document, previous (or null), at.")
def assign(*, email_id: str, document_type: str, document_id: str, as_json: bool) -> None:
    """Say which document an email is about, where its sender said none or a wrong one.

    EMAIL_ID is SES's, or the Message-ID header. From then on `document TYPE ID` lists the email, and under the document
    before it is listed no more. Nothing is lost: it is one more fact, the latest of these counts, and the sender's word
    stays in the table. To take it back, assign the email to the document before.

    It needs the operator policy that `provision` makes.

    \b
    Examples:
      email-activity assign EMAIL_ID invoice 2026/117
      email-activity assign EMAIL_ID contract 77 --json
    """
    settings = load_reader_settings()
    client = dynamodb_client(settings)
    wanted = Document(document_type.lower(), document_id)
    wanted_id = email_id_in(email_id)
    facts = ActivityTable(client, settings.activity_table).facts(wanted_id)
    if not facts:
        raise click.ClickException(
            show.printable(
                f"nothing is known of the email {wanted_id} in the table {settings.activity_table}, so it cannot be "
                "assigned: is the id right, its document type tracked, and it not older than the retention?"
            )
        )
    email = status(wanted_id, facts)
    said = _put(client, settings.activity_table, email, facts, wanted) if email.document != wanted else None
    if as_json:
        show.print_json(_json(email, wanted, said))
    elif said:
        was = f" (before: {_named(email.document)})" if email.document else ""
        click.echo(show.printable(f"{wanted_id} is about {_named(wanted)} now{was}"))
    else:
        click.echo(show.printable(f"{wanted_id} is about {_named(wanted)} already"))


def _put(client: "DynamoDBClient", table: str, email: EmailStatus, facts: list[Fact], document: Document) -> Assignment:
    """It expires with the last of the email's other facts, so that it is never the only one left."""
    others = [each.at for each in facts if isinstance(each, Assignment)]
    # The latest counts, and a clock may have been set back since the one before.
    at = max([datetime.now(UTC), *(each + timedelta(milliseconds=1) for each in others)])
    ends = max((each.expires_at for each in facts if each.expires_at), default=None)
    said = Assignment(email.email_id, at, document, email.sent_at, ends)
    serialize = TypeSerializer().serialize
    client.put_item(
        TableName=table,
        Item={name: serialize(value) for name, value in said.to_item().items()},
        # A fact is never replaced.
        ConditionExpression="attribute_not_exists(pk)",
    )
    return said


def _named(document: Document) -> str:
    found = answers.document(document)
    return f"{document.type} {found.name if found else document.id}"


def _json(email: EmailStatus, wanted: Document, said: Assignment | None) -> dict[str, object]:
    """at: null where nothing was written, because it was about that document already."""
    named, previous = answers.document(wanted), answers.document(email.document)
    return {
        "email_id": email.email_id,
        "document": named.model_dump(mode="json") if named else None,
        "previous": previous.model_dump(mode="json") if previous else None,
        "at": rfc3339(said.at) if said else None,
    }
