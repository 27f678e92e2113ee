"""`email-activity provision`: make the infrastructure, or take it away."""

import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass

import boto3
import click
from botocore.exceptions import ClientError
from rich.console import Console
from rich.table import Table

from email_activity.cli.failures import BAD_CREDENTIALS
from email_activity.provision import provision as operation
from email_activity.provision.changes import Change
from email_activity.provision.cloud import Cloud, NotApprovedError, ProvisionError, code
from email_activity.provision.deployment import PREFIX, Deployment, Source
from email_activity.provision.holdings import held
from email_activity.provision.provisioned import Provisioned

HELP = """Make the queues, the topic or rule, the table and SES's configuration set in one AWS account and region.

On AWS it is a CloudFormation change set: shown first, executed when you say yes. Run it again after an upgrade; if
nothing differs, nothing is done. With --endpoint-url it works on LocalStack and ministack too, where a stack that
differs is made anew; you are asked if messages would be lost by that. Afterwards the state is read back and checked,
and the worker's settings are printed.

The table is kept when the stack is deleted, and used again by the next one of that prefix.

\b
Examples:
  email-activity provision --dry-run --region eu-central-1
  email-activity provision --region eu-central-1 --yes > worker.env
  email-activity provision --endpoint-url http://localhost:4566 --region us-east-1
  email-activity provision --delete
"""

#: SQS's counts and DynamoDB's lag behind: hence "about".
QUEUES = (
    "the stack {prefix} with its queues and all messages in them (about {events} events, {dead_letters} dead letters)"
)
TABLE = "the table {prefix} with every email's activity (about {items} items)"


@dataclass(frozen=True, slots=True)
class Manner:
    yes: bool
    dry_run: bool
    as_json: bool


def _prefix(context: click.Context, parameter: click.Parameter, value: str) -> str:
    del context, parameter
    if not PREFIX.fullmatch(value):
        raise click.BadParameter("3 to 48 letters, digits and hyphens, a letter first")
    return value


@click.command(help=HELP, short_help="Make the infrastructure on AWS or a stand-in, or delete it.")
@click.option("--prefix", default="email-activity", show_default=True, callback=_prefix, help="First part of names.")
@click.option("--source", type=click.Choice(["sns", "eventbridge"]), default="sns", show_default=True)
@click.option("--raw", is_flag=True, help="Let SNS leave out its envelope (and with it its signature).")
@click.option("--region", envvar=["AWS_REGION", "AWS_DEFAULT_REGION"], help="Default: AWS_REGION, or the profile's.")
@click.option("--endpoint-url", envvar="AWS_ENDPOINT_URL", help="A stand-in for AWS. Default: AWS_ENDPOINT_URL.")
@click.option("--delete", is_flag=True, help="Delete the stack; keep the table.")
@click.option("--delete-table", is_flag=True, help="With --delete: the table and its contents too.")
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def provision(  # noqa: PLR0913 - one argument for each option is how click works
    *,
    prefix: str,
    source: Source,
    raw: bool,
    region: str | None,
    endpoint_url: str | None,
    delete: bool,
    delete_table: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    if delete_table and not delete:
        raise click.UsageError("--delete-table goes with --delete")
    manner = Manner(yes=yes, dry_run=dry_run, as_json=as_json)
    with _refusals_named():
        cloud = _connect(region, endpoint_url)
        if delete:
            _delete(cloud, prefix, manner, delete_table=delete_table)
        else:
            _deploy(cloud, Deployment(prefix=prefix, source=source, raw=raw), manner)


def _connect(region: str | None, endpoint_url: str | None) -> Cloud:
    if region := region or boto3.Session().region_name:
        return Cloud.connect(region=region, endpoint_url=endpoint_url)
    raise click.UsageError("which region? Give --region, or set AWS_REGION")


def _deploy(cloud: Cloud, wanted: Deployment, manner: Manner) -> None:
    console = _console()
    shown: list[Change] = []

    def approve(changes: Sequence[Change]) -> bool:
        shown.extend(changes)
        if not manner.as_json:
            console.print(_changes_table(changes))
        if manner.dry_run:
            return False
        if messages := sum(change.messages for change in changes):
            return _confirm(f"Make these changes and lose about {messages} messages", manner)
        return cloud.is_stand_in or _confirm("Make these changes", manner)

    try:
        made = operation.deploy(cloud, wanted, approve=approve, report=_progress)
    except NotApprovedError:
        if not manner.dry_run:
            raise
        if manner.as_json:
            click.echo(json.dumps({"changes": [change.as_dict() for change in shown]}))
        return
    if manner.as_json:
        click.echo(json.dumps(made.as_dict() | {"changes": [change.as_dict() for change in shown]}))
    else:
        console.print(_checks_table(made))
        _print_settings(made)
    if not made.ok:
        failed = ", ".join(check.name for check in made.checks if not check.ok)
        raise ProvisionError(f"not as wanted: {failed}")


def _delete(cloud: Cloud, prefix: str, manner: Manner, *, delete_table: bool) -> None:
    counts = asdict(held(cloud, Deployment(prefix=prefix)))
    queues, table = (text.format(prefix=prefix, **counts) for text in (QUEUES, TABLE))
    if manner.dry_run:
        goes = f"{queues}, and {table}" if delete_table else queues
        click.echo(json.dumps({"deletes": goes, **counts}) if manner.as_json else f"would delete {goes}")
        return
    agreed = _confirm(f"Delete {queues}", manner)
    if not agreed or (delete_table and not _confirm(f"Delete {table} too? This cannot be undone", manner)):
        raise NotApprovedError
    gone = operation.remove(cloud, prefix, delete_table=delete_table, report=_progress)
    fate = "deleted" if gone.table_deleted else "kept" if gone.table_kept else "absent"
    if manner.as_json:
        click.echo(json.dumps({"stack": "deleted" if gone.stack else "absent", "table": fate}))
        return
    click.echo(f"stack {prefix}: {'deleted' if gone.stack else 'there was none'}")
    click.echo(f"table {prefix}: {fate if fate != 'absent' else 'there was none'}")
    if gone.table_kept:
        click.echo("The next `provision` with this prefix uses the table again; --delete --delete-table deletes it.")
    if gone.table_deleted and not cloud.is_stand_in:
        # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/PointInTimeRecovery_Howitworks.html
        click.echo("AWS keeps a system backup of the table for 35 days, with the personal data in it.")


def _console() -> Console:
    """On standard error, so that standard output is the settings alone; texts from AWS are no markup."""
    return Console(stderr=True, markup=False, highlight=False)


def _progress(line: str) -> None:
    _console().print(f"  {line}", style="dim", soft_wrap=True)


def _confirm(question: str, manner: Manner) -> bool:
    if manner.yes:
        return True
    if not sys.stdin.isatty():
        raise click.UsageError("there is nobody to ask: give --yes, or --dry-run to look only")
    return click.confirm(question, err=True)


def _changes_table(changes: Sequence[Change]) -> Table:
    table = Table("action", "resource", "type", "replacement", "messages lost", title="Changes", title_justify="left")
    for change in changes:
        # Replacement of a queue loses what is in it, of a policy nothing: the reader must see which.
        lost = f"about {change.messages}" if change.messages else "-"
        style = "red" if change.takes_away else None
        table.add_row(change.action, change.resource, change.type, change.replacement or "-", lost, style=style)
    return table


def _checks_table(made: Provisioned) -> Table:
    """A row for each resource, and one for each thing that is not as it was wanted."""
    table = Table("check", "state", "wanted", "got", title="Checks", title_justify="left")
    areas = [check.name.partition(":")[0] for check in made.checks if check.state == "ok"]
    for area, count in Counter(areas).items():
        table.add_row(area, f"{count} ok", "", "")
    for check in made.checks:
        if check.state != "ok":
            state, style = ("not supported by this stand-in", "yellow") if check.ok else ("failed", "red")
            table.add_row(check.name, state, check.wanted, check.got, style=style)
    return table


def _print_settings(made: Provisioned) -> None:
    click.echo(f"# SES configuration set: {made.configuration_set}")
    if made.topic_arn:
        click.echo(f"# SNS topic: {made.topic_arn}")
    policies = {
        "workers": made.worker_policy_arn,
        "those who read": made.reader_policy_arn,
        "those who tend dead letters and replay": made.operator_policy_arn,
    }
    for whom, arn in policies.items():
        if arn:
            click.echo(f"# Policy for {whom}: {arn}")
    if made.adopted_table:
        click.echo("# The table was there before the stack, which uses it but does not own it.")
    for name, value in made.environment().items():
        click.echo(f"{name}={value}")


@contextmanager
def _refusals_named() -> Iterator[None]:
    """Which call AWS refused is what tells the operator which permission is missing."""
    try:
        yield
    except ClientError as error:
        if code(error) in BAD_CREDENTIALS:
            raise
        verb = "denies" if "AccessDenied" in code(error) else "refuses"
        message = error.response.get("Error", {}).get("Message") or code(error)
        raise ProvisionError(f"AWS {verb} {error.operation_name}: {message}") from error
