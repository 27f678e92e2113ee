"""Every command starts fast, and every failure is one clear line."""

import json
import os
import subprocess
import sys

import click
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError
from click.shell_completion import ShellComplete
from click.testing import CliRunner

from email_activity import __version__
from email_activity.activity import query, reader
from email_activity.cli.errors import explain
from email_activity.cli.main import COMMANDS, main
from email_activity.domain.errors import TransientError
from email_activity.hosting.broker import BrokerConnection
from faketable import table_of

SLOW = ("boto3", "botocore", "redis", "celery", "cryptography")


def run(*arguments: str):
    return CliRunner().invoke(main, arguments)


@pytest.mark.parametrize(
    "arguments", [["--help"], ["version"], ["explain", "bounce"], ["parse", os.devnull], ["config"], ["health"]]
)
def test_what_needs_no_aws_does_not_load_it(arguments):
    script = (
        "import sys\n"
        "from email_activity.cli.main import main\n"
        f"try: main({arguments!r})\n"
        "except SystemExit: pass\n"
        f"print([name for name in {SLOW!r} if name in sys.modules], file=sys.stderr)"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ended.stderr.splitlines()[-1] == "[]"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_there_and_its_help_has_examples(command):
    result = run(command, "--help")
    assert result.exit_code == 0
    if command != "version":
        assert f"email-activity {command}" in result.stdout
    assert "--json" in result.stdout


def every_command() -> list[tuple[str, ...]]:
    """Those of groups too."""
    context = click.Context(main)
    found: list[tuple[str, ...]] = [()]
    for name in COMMANDS:
        command = main.get_command(context, name)
        found += [(name,), *((name, each) for each in getattr(command, "commands", ()))]
    return found


def help_of(*names: str) -> str:
    """As a terminal shows it: click's test runner has 80 columns whatever it is told."""
    command: click.Command = main
    context = main.make_context("email-activity", [], resilient_parsing=True)
    for name in names:
        assert isinstance(command, click.Group)
        command = command.get_command(context, name) or command
        context = click.Context(command, parent=context, info_name=name)
    return command.get_help(context)


@pytest.mark.parametrize("columns", ["80", "250"])
def test_help_is_at_most_80_columns_wide_on_any_terminal(monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    lines = {line for command in every_command() for line in help_of(*command).splitlines()}
    assert [line for line in lines if len(line) > 80] == []


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (["stauts"], "Did you mean status?"),
        (["Failure"], "Did you mean failures"),
        (["xyzzy"], "See email-activity --help."),
        (["status", "--jsn", "x"], "--json"),
        (["dlq", "lst"], "list"),
    ],
)
def test_what_is_mistyped_is_met_with_what_may_be_meant(typed, meant):
    result = run(*typed)
    assert result.exit_code == 2
    assert meant in result.stderr


@pytest.mark.parametrize(
    ("words", "partial", "wanted"),
    [
        ((), "fail", "failures"),
        (("failures", "--reason"), "mailbox", "mailbox_full"),
        (("account", "1", "--status"), "not_", "not_delivered"),
        (("status",), "--j", "--json"),
    ],
)
def test_shells_complete_commands_options_and_words(words, partial, wanted):
    completed = ShellComplete(main, {}, "email-activity", "").get_completions(list(words), partial)
    assert wanted in {each.value for each in completed}


def test_version():
    assert run("--version").stdout == f"email-activity {__version__}\n"
    assert run("version").stdout == f"email-activity {__version__}\n"
    assert json.loads(run("version", "--json").stdout) == {"version": __version__}


def refused(code: str, message: str = "") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "Query")


@pytest.mark.parametrize(
    ("error", "wanted"),
    [
        (NoCredentialsError(), "AWS_PROFILE"),
        (EndpointConnectionError(endpoint_url="http://nowhere"), "AWS_ENDPOINT_URL"),
        (refused("ResourceNotFoundException"), "ACTIVITY_TABLE=email-activity"),
        (refused("AccessDeniedException", "User x may not"), "dynamodb:Query"),
        (refused("UnrecognizedClientException"), "credentials"),
        (refused("ValidationException", "The table does not have the specified index: by_account"), "provision"),
        (refused("SomethingNew", "it \x1b[31mhappened"), "SomethingNew: it \\x1b[31mhappened"),
        (TransientError("dynamodb", "gone"), "dynamodb: gone"),
        (KeyError("anna@example.com"), "a bug: KeyError at test_cli_main.py:"),
    ],
)
def test_a_failure_is_one_line_that_says_what_to_do(monkeypatch, error, wanted):
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(reader, "open_table", fail)
    result = run("document", "invoice", "2026-117")
    assert (result.exit_code, result.stdout) == (1, "")
    assert wanted in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert "anna@example.com" not in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["document", "invoice"],
        ["document", " ", "1"],
        ["status", ""],
        ["account", "1", "--day", "yesterday"],
        ["account", "1", "--since", "yesterday"],
        ["account", "1", "--day", "2026-11-23", "--since", "2026-11-23"],
        ["recipient", "a@example.com", "--limit", "0"],
        ["explain", "sneeze"],
        ["health", "--max-age", "0"],
    ],
)
def test_wrong_usage_is_exit_code_2(arguments):
    result = run(*arguments)
    assert result.exit_code == 2
    assert "Error: " in result.stderr


@pytest.mark.parametrize(
    ("command", "variable"),
    [
        (["status", "x"], "DISPLAY_TIMEZONE"),
        (["account", "x"], "DISPLAY_TIMEZONE"),
        (["parse", os.devnull], "RETENTION_DAYS"),
        (["config"], "BATCH_SIZE"),
        (["health"], "BATCH_SIZE"),
    ],
)
def test_wrong_settings_are_exit_code_2_and_name_the_variable(monkeypatch, command, variable):
    monkeypatch.setenv(variable, "0")
    monkeypatch.setattr(query, "dynamodb_client", None)
    result = run(*command)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"Error: wrong settings\n{variable}: got '0'")


@pytest.mark.parametrize("command", [["document", "invoice", "1"], ["parse", os.devnull], ["explain"], ["version"]])
def test_a_wrong_setting_of_the_worker_keeps_nobody_from_reading(monkeypatch, command):
    for name in ("BATCH_SIZE", "REDIS_URL", "LOG_LEVEL", "SHUTDOWN_SECONDS"):
        monkeypatch.setenv(name, "nonsense")
    monkeypatch.setattr(reader, "open_table", lambda _: table_of([]))
    assert "wrong settings" not in run(*command).stderr


def test_an_argument_that_is_no_text_is_wrong_usage():
    result = run("status", "\udcff")
    assert result.exit_code == 2
    assert "UTF-8" in result.stderr


def test_config_shows_what_is_in_force_and_hides_passwords(monkeypatch):
    monkeypatch.setenv("REDIS_URL", "redis://user:secret@cache:6379/0")
    monkeypatch.setenv("FORGET_KEY", "a secret key of people who were forgotten")
    monkeypatch.setenv("batch_size", "7")
    shown = json.loads(run("config", "--json").stdout)
    assert (shown["REDIS_URL"], shown["CELERY_BROKER_URL"]) == ("redis://***@cache:6379/0",) * 2
    assert shown["BATCH_SIZE"] == 7
    table = run("config").stdout
    assert "redis://***@cache:6379/0" in table
    assert "secret" not in table


def test_no_error_shows_the_password_of_an_endpoint(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://user:hunter2@127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    result = run("status", "m-1")
    assert (result.exit_code, "http://***@127.0.0.1:1" in result.stderr) == (1, True)
    assert "hunter2" not in result.output
    error = ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "Query")
    assert "AWS_ENDPOINT_URL=http://***@127.0.0.1:1" in explain(error)[0]


def test_what_celery_tells_of_its_broker_holds_no_password():
    """`celery inspect stats` prints it, but for the password of the server."""
    url = "rediss://u:of-the-server@h:1/2?ssl_check_hostname=no&ssl_password=of-the-key"
    told = BrokerConnection(url).info()
    assert (told["hostname"], told["ssl"]["ssl_check_hostname"]) == ("h", False)
    assert "of-the-key" not in str(told)
    assert BrokerConnection(url).clone().ssl["ssl_password"] == "of-the-key"
    assert BrokerConnection("redis://h").info()["ssl"] is False
