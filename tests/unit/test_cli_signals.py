"""Ctrl-C and `kill` end every command by an exit code, at any moment, and never with a traceback."""

import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from email_activity.cli.interrupt import BY_SIGNAL

NUMBERS = [signal.SIGINT, signal.SIGTERM]

#: Sends itself a signal when a module is about to be imported.
AT_IMPORT = """
import os, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == {name!r}:
            os.kill(os.getpid(), {number})
sys.meta_path.insert(0, Finder())
sys.argv = ["email-activity", *{arguments!r}]
from email_activity.cli.start import main
main()
"""

#: Sends itself one while an object is freed.
WHILE_FREED = """
import os
from email_activity.cli.start import main
class Freed:
    def __del__(self):
        os.kill(os.getpid(), {number})
def run(prog_name):
    Freed()
    raise AssertionError("it went on")
import email_activity.cli.main
email_activity.cli.main.main = run
main()
"""


def ended(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)


def assert_quiet(said: str) -> None:
    assert "Traceback" not in said
    assert "Exception" not in said
    assert "Aborted" not in said


@pytest.mark.parametrize(
    ("name", "arguments", "number"),
    [
        ("click", ["--help"], signal.SIGINT),
        ("email_activity.cli.emails", ["status", "x"], signal.SIGTERM),
        ("boto3", ["failures"], signal.SIGINT),
        ("botocore.session", ["assign", "x", "invoice", "1"], signal.SIGTERM),
        ("email_activity.cli.errors", ["status", "\udcff"], signal.SIGINT),
    ],
)
def test_a_signal_during_an_import_ends_it(name, arguments, number):
    result = ended(AT_IMPORT.format(name=name, arguments=arguments, number=int(number)))
    assert result.returncode == BY_SIGNAL + number
    assert_quiet(result.stderr)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_signal_while_an_object_is_freed_ends_it_too(number):
    result = ended(WHILE_FREED.format(number=int(number)))
    assert result.returncode == BY_SIGNAL + number
    assert_quiet(result.stderr)


@pytest.mark.parametrize(
    ("arguments", "number"),
    [
        (["status", "x"], signal.SIGTERM),
        (["failures"], signal.SIGINT),
        (["assign", "x", "invoice", "1"], signal.SIGINT),
    ],
)
def test_a_signal_while_aws_is_silent_ends_it(arguments, number):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(60)
        given = {
            **os.environ,
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{silent.getsockname()[1]}",
            "AWS_ACCESS_KEY_ID": "x",
            "AWS_SECRET_ACCESS_KEY": "x",
        }
        command = [sys.executable, "-m", "email_activity.cli", *arguments]
        with subprocess.Popen(command, env=given, stderr=subprocess.PIPE, text=True) as process:
            asked, _ = silent.accept()
            asked.recv(1)
            began = time.monotonic()
            process.send_signal(number)
            _, said = process.communicate(timeout=60)
            asked.close()
    assert process.returncode == BY_SIGNAL + number
    # botocore's own patience is ten seconds.
    assert time.monotonic() - began < 9
    assert_quiet(said)
