"""The steps of docs/deploy.md, as they stand there, from an empty account to a record."""

import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from servers import ROOT

DOCUMENT = (ROOT / "docs" / "deploy.md").read_text()

#: What a stand-in's CloudFormation leaves out is made up for; all else is the command that was installed.
COMMAND = f"""#!/bin/sh
if [ "$1" = provision ]; then shift; exec {sys.executable} {ROOT}/localstack/provision.py "$@"; fi
exec {sys.executable} -m email_activity.cli "$@"
"""

#: Seconds.
WITHIN = 300


def test_the_ten_steps_lead_from_nothing_to_a_record(localstack: str, redis_url: str, tmp_path: Path) -> None:
    assert re.findall(r"^## (\d+)\.", DOCUMENT, re.MULTILINE) == [str(number) for number in range(1, 11)]
    *steps, look = re.findall(r"^```sh\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)
    command = tmp_path / "bin" / "email-activity"
    command.parent.mkdir()
    command.write_text(COMMAND)
    command.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([str(command.parent), str(Path(sys.executable).parent), os.environ["PATH"]]),
        "AWS_ENDPOINT_URL": localstack,
        "REDIS_URL": redis_url,
        "HEALTH_FILE": str(tmp_path / "poll"),
        "TMPDIR": str(tmp_path),
        "THREADS_PER_PROCESS": "3",
    }
    script = "\n".join(["set -eu", *steps, f"until {look.strip()} > record; do sleep 0.2; done"])
    log = tmp_path / "log"
    with log.open("wb") as output:
        shell = subprocess.Popen(
            ["bash", "-c", script],
            cwd=tmp_path,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            assert shell.wait(WITHIN) == 0, log.read_text()
        finally:
            with suppress(ProcessLookupError):  # none of them is left
                os.killpg(shell.pid, signal.SIGKILL)
    assert "invoice 2026/117" in (tmp_path / "record").read_text()
