"""`email-activity doctor`: looks at everything at once, and says what to do."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

import click
from rich.console import Console
from rich.table import Table

from email_activity.cli import errors, show
from email_activity.doctor.doctor import connect, diagnose
from email_activity.doctor.line import Line, State
from email_activity.doctor.roles import rights, simulated
from email_activity.provision.roles import ROLES
from email_activity.settings import Settings, SettingsError, load_settings, read_settings
from email_activity.web.settings import WebSettings

STYLES: dict[State, str] = {"ok": "green", "warning": "yellow", "failed": "red", "unknown": "magenta"}

HELP = """Look at the whole deployment at once, and say what to do: settings, credentials, clock, queues, topic or rule,
subscription, SES's event destination, SNS's quota, table, Redis, Celery's broker, the newest event.

It starts at the environment, as the worker does, so run it with the worker's: the queue's policy names what sends to
it, and that what SES publishes. Each line is ok; a warning; failed, where events, facts or readers are lost; or
unknown: you may not look, or it could not be found. Nothing is changed, but that in Redis a key is set for a second.

No line takes more than a few seconds. What does not answer is a line like others. It needs AWS's ReadOnlyAccess,
or these, without any of which it tells which one was lacking:

\b
  dynamodb  DescribeTable, DescribeTimeToLive,
            DescribeContinuousBackups, Query
  events    DescribeRule, ListTargetsByRule (only with EventBridge)
  ses       GetConfigurationSetEventDestinations
  sns       GetTopicAttributes, ListSubscriptionsByTopic,
            GetSubscriptionAttributes
  sqs       GetQueueUrl, GetQueueAttributes (of both queues)
  servicequotas  GetServiceQuota

With --role nothing is looked at but the rights of who asks, or of --principal: what the role lacks is failed, what it
has and does not need is a warning. It asks IAM's simulator, which needs iam:SimulatePrincipalPolicy; a role that is
right has it not, so run it as administrator with --principal. Left out are the archive's policy, and the policies
of queues and of a KMS key.

At a terminal, what is ok of one area is one row; --all shows each.

\b
With --json the object has
  ok        true if the exit code is 0
  lines     of which each has check, state (ok, warning, failed, unknown),
            found, do (empty if ok), needs (the IAM actions that are lacking,
            with ", " between them, or null)

Exit code 0 if nothing failed and everything could be looked at; 1 if not; 2 if a setting is wrong.

\b
Examples:
  email-activity doctor
  email-activity doctor --json | jq '.lines[] | select(.state != "ok")'
  env $(cat worker.env) email-activity doctor
  email-activity doctor --role worker --principal "$ROLE_ARN"
"""


@click.command(help=HELP, short_help="Look at the whole deployment, and say what to do.")
@click.option("--role", type=click.Choice(list(ROLES)), help="Only: may who asks do what this role needs, and no more?")
@click.option("--principal", metavar="ARN", default="", help="With --role: of this role or user, not of who asks.")
@click.option("--all", "show_all", is_flag=True, help="A row for each line that is ok, too.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object: ok, lines.")
def doctor(*, role: str | None, principal: str, show_all: bool, as_json: bool) -> None:
    if principal and not (role and simulated(principal)):
        raise click.UsageError("--principal takes the ARN of a role or user, and goes with --role")
    settings, wrong, lines = _settings()
    with Console(stderr=True).status("looking at the deployment"):
        if role:
            lines += rights(settings, role, principal, _in_words, connect)
        else:
            lines += diagnose(settings, _in_words, wrong, connect)
    bad = [line for line in lines if line.state in ("failed", "unknown")]
    code = 2 if any(line.area == "settings" for line in bad) else 1 if bad else 0
    if as_json:
        show.print_json({"ok": not code, "lines": [asdict(line) for line in lines]})
    else:
        show.print_table(_table(lines if show_all else _condensed(lines)))
        counts = Counter(line.state for line in lines)
        show.print_note(", ".join(f"{counts[state]} {state}" for state in STYLES))
    raise SystemExit(code)


def _in_words(error: BaseException) -> str:
    return errors.explain(error)[0].replace("\n", ": ")


def _settings() -> tuple[Settings, frozenset[str], list[Line]]:
    """What can be read, with the default for what cannot; the names of that; and what is wrong."""
    wrong = _mistakes(Settings)
    names = frozenset(line.partition(":")[0].lower() for line in wrong) & Settings.model_fields.keys()
    defaults = {name: Settings.model_fields[name].default for name in names}
    # Nothing is received here: with a wait of 0, any bound of a stop will do.
    settings = load_settings(**defaults, **({"receive_wait_seconds": 0} if wrong else {}))
    wrong += _mistakes(WebSettings)
    lines = [Line(f"settings: {line.partition(':')[0]}", "failed", line, "set it right, or unset it") for line in wrong]
    known = {name.upper() for kind in (Settings, WebSettings) for name in kind.model_fields}
    count = sum(bool(value) and name.upper() in known for name, value in os.environ.items())
    return settings, names, lines or [Line("settings", "ok", f"{count} set in the environment, the others by default")]


def _mistakes(kind: type[Settings] | type[WebSettings]) -> list[str]:
    try:
        read_settings(kind, {})
    except SettingsError as error:
        return str(error).splitlines()
    return []


def _condensed(lines: Sequence[Line]) -> list[Line]:
    """One row for all that is ok of an area, where that is more than one line."""
    ok = Counter(line.area for line in lines if line.state == "ok")
    shown, told = [], set()
    for line in lines:
        if line.state != "ok" or ok[line.area] == 1:
            shown.append(line)
        elif line.area not in told:
            told.add(line.area)
            shown.append(Line(line.area, "ok", f"{ok[line.area]} checks"))
    return shown


def _table(lines: Sequence[Line]) -> Table:
    table = show.table("state", "check")
    table.add_column("found", overflow="fold")
    table.add_column("what to do", overflow="fold")
    for line in lines:
        state = show.text(line.state, STYLES[line.state])
        table.add_row(state, show.text(line.check), show.text(line.found), show.text(line.do))
    return table
