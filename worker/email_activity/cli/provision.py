"""`email-activity provision`: make the infrastructure, or take it away."""

import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import boto3
import click
from botocore.exceptions import ClientError
from rich.console import Console
from rich.table import Table

from email_activity.cli.errors import BAD_CREDENTIALS
from email_activity.domain.errors import code_of
from email_activity.provision.cloud import Cloud, NotApprovedError, ProvisionError
from email_activity.provision.deployment import PREFIX, Deployment, Source
from email_activity.provision.provisioner import Prompts, Provisioned, Provisioner
from email_activity.provision.resources import contents
from email_activity.provision.stack import Change

HELP = """Make the queues, the topic or rule, the table and SES's configuration set in one AWS account and region.

It is a CloudFormation change set: shown first, executed when you say yes. Run it again after an upgrade; if nothing
differs, nothing is done. Afterwards the state is read back and checked, and the worker's settings are printed.

The table is kept when the stack is deleted, and used again by the next one of that prefix.

LocalStack leaves parts of the template out, and the checks say which. `localstack/provision.py`, in the source, is this
command with what makes up for that.

\b
Examples:
  email-activity provision --dry-run --region eu-central-1
  email-activity provision --region eu-central-1 --yes > worker.env
  email-activity provision --kms-key "$KEY_ARN"
  email-activity provision --delete
"""

#: SQS's counts and DynamoDB's lag behind: hence "about".
QUEUES = (
    "the stack {prefix} with its queues and all messages in them (about {events} events, {dead_letters} dead letters)"
)
TABLE = "the table {prefix} with every email's activity (about {items} items)"

LEFT_OUT = ". If this is LocalStack, localstack/provision.py in the source makes up for what it leaves out"


@dataclass(frozen=True, slots=True)
class Options:
    yes: bool
    dry_run: bool
    as_json: bool


def _prefix(context: click.Context, parameter: click.Parameter, value: str) -> str:
    del context, parameter
    if not PREFIX.fullmatch(value):
        raise click.BadParameter("3 to 48 letters, digits and hyphens, a letter first")
    return value


@click.command(help=HELP, short_help="Make the infrastructure on AWS, or delete it.")
@click.option("--prefix", default="email-activity", show_default=True, callback=_prefix, help="First part of names.")
@click.option("--source", type=click.Choice(["sns", "eventbridge"]), default="sns", show_default=True)
@click.option("--raw", is_flag=True, help="Let SNS leave out its envelope (and with it its signature).")
@click.option("--push-to", metavar="ARN", default="", help="Push new failures to this SNS topic or event bus.")
@click.option("--push-key", metavar="ARN", default="", help="The KMS key of your own that the topic is encrypted with.")
@click.option("--alarm-topic", metavar="ARN", default="", help="Make CloudWatch alarms that tell this SNS topic.")
@click.option("--kms-key", metavar="ARN", default="", help="Encrypt all that is kept with this KMS key of your own.")
@click.option("--archive", metavar="BUCKET", default="", help="Keep all that SNS sends in this S3 bucket, to replay.")
@click.option("--region", envvar=["AWS_REGION", "AWS_DEFAULT_REGION"], help="Default: AWS_REGION, or the profile's.")
@click.option("--endpoint-url", envvar="AWS_ENDPOINT_URL", help="Where AWS is. Default: AWS_ENDPOINT_URL.")
@click.option("--delete", is_flag=True, help="Delete the stack; keep the table.")
@click.option("--delete-table", is_flag=True, help="With --delete: the table and its contents too.")
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
@click.pass_obj
def provision(  # noqa: PLR0913  one argument for each option is how click works
    provisioner: type[Provisioner] | None,
    /,
    *,
    prefix: str,
    source: Source,
    region: str | None,
    endpoint_url: str | None,
    delete: bool,
    delete_table: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    **others: Any,
) -> None:
    """others: of Deployment."""
    # The object is given by `localstack/provision.py`.
    provisioner = provisioner or Provisioner
    if delete_table and not delete:
        raise click.UsageError("--delete-table goes with --delete")
    options = Options(yes=yes, dry_run=dry_run, as_json=as_json)
    with _refusals_named():
        cloud = _connect(region, endpoint_url)
        if delete:
            made = provisioner(cloud, Deployment(prefix=prefix), Prompts(report=_progress))
            _delete(made, options, delete_table=delete_table)
        else:
            _deploy(provisioner, cloud, Deployment(prefix, source, **others), options)


def _connect(region: str | None, endpoint_url: str | None) -> Cloud:
    if region := region or boto3.Session().region_name:
        return Cloud.connect(region=region, endpoint_url=endpoint_url)
    raise click.UsageError("which region? Give --region, or set AWS_REGION")


def _deploy(provisioner: type[Provisioner], cloud: Cloud, wanted: Deployment, options: Options) -> None:
    shown: list[Change] = []

    def approve(changes: Sequence[Change]) -> bool:
        shown.extend(changes)
        if not options.as_json:
            _console().print(_changes_table(changes))
        if options.dry_run:
            return False
        messages = sum(change.messages for change in changes)
        return _confirm("Make these changes" + (f" and lose about {messages} messages" if messages else ""), options)

    try:
        made = provisioner(cloud, wanted, Prompts(approve, _progress)).deploy()
    except NotApprovedError:
        if not options.dry_run:
            raise
        if options.as_json:
            click.echo(json.dumps({"changes": [asdict(change) for change in shown]}))
        return
    if options.as_json:
        click.echo(json.dumps(made.as_dict() | {"changes": [asdict(change) for change in shown]}))
    else:
        _console().print(_checks_table(made))
        _print_settings(made)
    if not made.ok:
        failed = ", ".join(check.name for check in made.checks if not check.ok)
        is_elsewhere = made.endpoint_url and provisioner is Provisioner
        raise ProvisionError(f"not as wanted: {failed}{LEFT_OUT if is_elsewhere else ''}")


def _delete(provisioner: Provisioner, options: Options, *, delete_table: bool) -> None:
    prefix = provisioner.wanted.prefix
    counts = contents(provisioner.cloud, provisioner.wanted)
    queues, table = (text.format(prefix=prefix, **counts) for text in (QUEUES, TABLE))
    if options.dry_run:
        goes = f"{queues}, and {table}" if delete_table else queues
        click.echo(json.dumps({"deletes": goes, **counts}) if options.as_json else f"would delete {goes}")
        return
    agreed = _confirm(f"Delete {queues}", options)
    if not agreed or (delete_table and not _confirm(f"Delete {table} too? This cannot be undone", options)):
        raise NotApprovedError
    gone = provisioner.remove(delete_table=delete_table)
    stack = "deleted" if gone.stack else "absent"
    table = "deleted" if gone.table_deleted else "kept" if gone.table_kept else "absent"
    if options.as_json:
        click.echo(json.dumps({"stack": stack, "table": table}))
        return
    for what, fate in (("stack", stack), ("table", table)):
        click.echo(f"{what} {prefix}: {'there was none' if fate == 'absent' else fate}")
    if gone.table_kept:
        click.echo("The next `provision` with this prefix uses the table again; --delete --delete-table deletes it.")
    if gone.table_deleted:
        # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/PointInTimeRecovery_Howitworks.html
        click.echo("AWS keeps a system backup of the table for 35 days, with the personal data in it.")


def _console() -> Console:
    """On standard error, so that standard output is the settings alone; texts from AWS are no markup."""
    return Console(stderr=True, markup=False, highlight=False)


def _progress(line: str) -> None:
    _console().print(f"  {line}", style="dim", soft_wrap=True)


def _confirm(question: str, options: Options) -> bool:
    if options.yes:
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
    areas = Counter(check.name.partition(":")[0] for check in made.checks if check.state == "ok")
    for area, count in areas.items():
        table.add_row(area, f"{count} ok", "", "")
    for check in made.checks:
        if check.state != "ok":
            table.add_row(check.name, check.state, check.wanted, check.got, style="yellow" if check.ok else "red")
    return table


def _print_settings(made: Provisioned) -> None:
    notes = {
        "SES configuration set": made.configuration_set,
        "SNS topic": made.topic_arn,
        "Policy for workers": made.worker_policy_arn,
        "Policy for those who read": made.reader_policy_arn,
        "Policy for those who tend dead letters and replay": made.operator_policy_arn,
        "Policy for those who erase and export people": made.eraser_policy_arn,
    }
    for name, value in notes.items():
        if value:
            click.echo(f"# {name}: {value}")
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
        if code_of(error) in BAD_CREDENTIALS:
            raise
        verb = "denies" if "AccessDenied" in code_of(error) else "refuses"
        message = error.response.get("Error", {}).get("Message") or code_of(error)
        raise ProvisionError(f"AWS {verb} {error.operation_name}: {message}") from error
