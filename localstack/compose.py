"""LocalStack in its container, where a Docker engine answers."""

# ruff: noqa: S603, S607
# INP001: a package named localstack would shadow LocalStack's own. S603, S607: docker is looked up on PATH.

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

FILE = Path(__file__).resolve().with_name("compose.yaml")


def works() -> bool:
    # A docker client without an engine is common: only an engine's answer counts.
    try:
        return all(
            subprocess.run(["docker", *asked], capture_output=True, check=False, timeout=20).returncode == 0
            for asked in (("info",), ("compose", "version"))
        )
    except (OSError, subprocess.TimeoutExpired):
        return False


def pull() -> int:
    command = ["docker", "compose", "--file", str(FILE), "pull", "--quiet", "localstack"]
    return subprocess.run(command, stdout=sys.stderr, check=False).returncode


class ComposeLocalStack:
    """One container, in a compose project of its own so that several can run at once."""

    def __init__(self, port: int, state: Path) -> None:
        self.port = port
        self.log = state / "localstack.log"
        self._compose = ["docker", "compose", "--file", str(FILE), "--project-name", f"stand-{os.getpid()}"]
        self._environment = {**os.environ, "LOCALSTACK_PORT": str(port)}
        self._logs: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            subprocess.run(
                [*self._compose, "up", "--detach", "localstack"],
                env=self._environment,
                stdout=log,
                stderr=log,
                check=False,
            )
            # Following the log ends when the container does: that is how its death is noticed.
            self._logs = subprocess.Popen(
                [*self._compose, "logs", "--follow", "--no-color", "localstack"],
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def has_exited(self) -> bool:
        return self._logs is None or self._logs.poll() is not None

    def on_ready(self) -> dict[str, int | None]:
        return {"pid": None, "java_pid": None}

    def stop(self) -> None:
        down = [*self._compose, "down", "--volumes", "--timeout", "10"]
        subprocess.run(down, env=self._environment, capture_output=True, check=False)
        if self._logs is not None:
            self._logs.terminate()
            self._logs.wait()
