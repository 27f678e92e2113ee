"""LocalStack as processes of this machine: the server, and the Java of its DynamoDB."""

# ruff: noqa: S603, S607
# INP001: a package named localstack would shadow LocalStack's own. S603, S607: it starts programs.

from __future__ import annotations

import os
import shlex
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from install import DYNAMODB_LOCAL, LOCALSTACK, LOCALSTACK_PYTHON, STATIC_LIBRARIES
from programs import JAVA_MINIMUM, MissingError, find_java

RUN = LOCALSTACK / "run"

#: Every service in use must be named, kms too: an encrypted table needs it. compose.yaml has the same list.
SERVICES = "sqs,sns,ses,dynamodb,cloudformation,iam,sts,kms,events,cloudwatch,dynamodbstreams,s3"

#: https://docs.localstack.cloud/references/configuration/
SETTINGS = {
    "SERVICES": SERVICES,
    "SQS_ENDPOINT_STRATEGY": "path",  # queue URLs that need no DNS
    "PROVIDER_OVERRIDE_DYNAMODB": "v2",
    "DYNAMODB_IN_MEMORY": "1",
    "ENABLE_CONFIG_UPDATES": "1",  # lets tests switch DynamoDB errors on and off
    "EAGER_SERVICE_LOADING": "1",  # ready means ready: no service starts at its first call
    "SKIP_SSL_CERT_DOWNLOAD": "1",
    "DISABLE_EVENTS": "1",  # LocalStack's telemetry, not EventBridge
    "LS_LOG": "warn",
    # In a container LocalStack takes itself for its own image: it would write to /var/lib and serve DNS.
    "OVERRIDE_IN_DOCKER": "0",
    "DNS_ADDRESS": "0",
}

#: DynamoDB Local runs for minutes: compiling its code any better takes Java more CPU than it saves.
JAVA_OPTIONS = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"

#: Seconds LocalStack gets to stop by itself; it takes about three.
STOP_TIMEOUT = 15


class HostLocalStack:
    """One LocalStack with a file system root of its own, so that several can run at once."""

    def __init__(self, port: int, state: Path) -> None:
        self.port = port
        self.log = state / "localstack.log"
        self._state = state
        self._root = state / "root"
        self._temporary = state / "tmp"
        self._is_ready = False
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        remove_abandoned()
        self._temporary.mkdir(parents=True)
        self._lay_out_root()
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        environment |= SETTINGS | {
            "GATEWAY_LISTEN": _loopback(self.port),
            "LOCALSTACK_HOST": f"localhost:{self.port}",
            "FILESYSTEM_ROOT": str(self._root),
            "TMPDIR": str(self._temporary),
            # The list of plugins is cached here: the second start takes half as long.
            "XDG_CACHE_HOME": str(LOCALSTACK / "cache"),
        }
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                # -I: neither the folder it starts in nor PYTHONPATH can shadow LocalStack's package.
                # The last argument is for `_end`, which knows an instance's processes by its folder.
                [LOCALSTACK_PYTHON, "-I", "-m", "localstack.runtime.main", f"{self._state}/"],
                cwd=self._state,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # ^C in a terminal is for us, who then stop it in order
            )
        _record(self._state, self._process.pid)

    def _lay_out_root(self) -> None:
        static = self._root / STATIC_LIBRARIES
        static.parent.mkdir(parents=True)
        static.symlink_to(LOCALSTACK / "image" / STATIC_LIBRARIES)
        libraries = self._root / "var" / "lib" / "localstack" / "lib"
        (libraries / "dynamodb-local").mkdir(parents=True)
        (libraries / "dynamodb-local" / "2").symlink_to(DYNAMODB_LOCAL)
        installed = find_java()
        if installed is None:
            raise MissingError(f"Java {JAVA_MINIMUM} or newer is missing")
        java = libraries / "java" / "21" / "bin" / "java"
        java.parent.mkdir(parents=True)
        # Where LocalStack looks for a Java of its own stands ours, without an agent that is not installed.
        # It notes its pid, because Java has a session of its own and outlives a LocalStack that is killed.
        java.write_text(
            "#!/bin/sh\n"
            f"echo $$ >> {shlex.quote(str(self._state / 'pids'))}\n"
            'for a do shift; case $a in -javaagent:*) ;; *) set -- "$@" "$a" ;; esac; done\n'
            f"exec {shlex.quote(str(installed))} {JAVA_OPTIONS} "
            f'-Djava.io.tmpdir={shlex.quote(str(self._temporary))} "$@"\n'
        )
        java.chmod(0o755)

    def has_exited(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def on_ready(self) -> dict[str, int | None]:
        self._is_ready = True
        server, *javas = _recorded(self._state)
        return {"pid": server, "java_pid": javas[-1] if javas else None}

    def stop(self) -> None:
        if self._process is not None:
            # While it starts LocalStack does not listen to SIGTERM, and has nothing yet to put in order.
            if self._is_ready:
                self._process.terminate()
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(STOP_TIMEOUT)
            if self._process.poll() is None:
                self._process.kill()
                self._process.wait()
                time.sleep(0.2)  # for a Java that it started just now to note its pid
        _end_all(self._state)
        for folder in (self._root, self._temporary):
            shutil.rmtree(folder, ignore_errors=True)
        (self._state / "pids").unlink(missing_ok=True)


def _loopback(port: int) -> str:
    # LocalStack drops the host of an IPv4 address and listens on all of them, but keeps that of an IPv6 one:
    # written as such, 127.0.0.1 keeps the network out.
    mapped = "::ffff:127.0.0.1"
    with suppress(OSError), socket.socket(socket.AF_INET6) as probe:
        probe.bind((mapped, 0))
        return f"[{mapped}]:{port}"
    return f"127.0.0.1:{port}"


def new_state() -> Path:
    """A folder named after this process, so that the next start can tell whether anyone still uses it."""
    return RUN / str(os.getpid())


def remove_abandoned() -> None:
    """Ends what was left by a `serve` that was killed before it could clean up."""
    for state in RUN.glob("[0-9]*"):
        owner = int(state.name)
        if owner != os.getpid() and "stand.py" not in _command_line(owner):
            _end_all(state)
            shutil.rmtree(state, ignore_errors=True)


def _record(state: Path, pid: int) -> None:
    with (state / "pids").open("a") as file:
        file.write(f"{pid}\n")


def _recorded(state: Path) -> list[int]:
    file = state / "pids"
    return [int(line) for line in file.read_text().split()] if file.exists() else []


def _end_all(state: Path) -> None:
    for pid in _recorded(state):
        # A pid may have been given to another process since: ours name the state folder.
        if f"{state}/" in _command_line(pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _command_line(pid: int) -> str:
    if Path("/proc/self/cmdline").exists():
        with suppress(OSError):
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        return ""
    return subprocess.run(["ps", "-p", str(pid), "-o", "args="], capture_output=True, text=True, check=False).stdout
