"""Runs one LocalStack in the foreground: says when it is ready, stops it whole when told to."""

# A package named localstack would shadow LocalStack's own.

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import sys
import threading
import time
from typing import TYPE_CHECKING, Protocol

from programs import MissingError, say

if TYPE_CHECKING:
    from pathlib import Path

#: Seconds to get ready; it takes two to six, but not where eight test runs share a core.
READY_TIMEOUT = 120

#: Lines of LocalStack's log that are shown when it does not get ready.
LOG_TAIL = 30


class Instance(Protocol):
    port: int
    log: Path

    def start(self) -> None: ...
    def has_exited(self) -> bool: ...
    def on_ready(self) -> dict[str, int | None]: ...
    def stop(self) -> None: ...


def serve(instance: Instance, *, until_stdin_closes: bool) -> int:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    if until_stdin_closes:
        threading.Thread(target=_set_when_stdin_closes, args=(stop,), daemon=True).start()
    try:
        instance.start()
        if not _wait_until_ready(instance, stop):
            return 0 if stop.is_set() else _fail(instance, "LocalStack did not get ready")
        ready = {
            "endpoint_url": f"http://127.0.0.1:{instance.port}",
            **instance.on_ready(),
            "log": str(instance.log),
        }
        sys.stdout.write(json.dumps(ready) + "\n")
        sys.stdout.flush()
        while not stop.wait(0.5):
            if instance.has_exited():
                return _fail(instance, "LocalStack ended by itself")
        return 0
    finally:
        instance.stop()


def free_port(wanted: int | None) -> int:
    with socket.socket() as probe:
        # As LocalStack's own socket will be: a port in TIME_WAIT is free, one that is listened on is not.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted or 0))
        except OSError as error:
            raise MissingError(f"port {wanted} cannot be used: {error.strerror}") from error
        port: int = probe.getsockname()[1]
        return port


def _wait_until_ready(instance: Instance, stop: threading.Event) -> bool:
    deadline = time.monotonic() + READY_TIMEOUT
    while time.monotonic() < deadline and not stop.is_set() and not instance.has_exited():
        if _is_ready(instance.port):
            return True
        stop.wait(0.1)
    return False


def _is_ready(port: int) -> bool:
    # `/_localstack/health` calls DynamoDB "running" even without a Java to run it, so a real call decides.
    init = _ask(port, "GET", "/_localstack/init")
    if init is None or not json.loads(init)["completed"]["READY"]:
        return False
    list_tables = {
        "X-Amz-Target": "DynamoDB_20120810.ListTables",
        "Content-Type": "application/x-amz-json-1.0",
        # LocalStack does not check signatures, but reads service and region from here.
        "Authorization": "AWS4-HMAC-SHA256 Credential=test/20250101/us-east-1/dynamodb/aws4_request, "
        "SignedHeaders=host, Signature=none",
    }
    return _ask(port, "POST", "/", "{}", list_tables) is not None


def _ask(
    port: int, method: str, path: str, body: str | None = None, headers: dict[str, str] | None = None
) -> bytes | None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        content = response.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return content if response.status == http.HTTPStatus.OK else None


def _fail(instance: Instance, reason: str) -> int:
    lines = instance.log.read_text(errors="replace").splitlines() if instance.log.exists() else []
    say(f"{reason}; its log ends so:")
    sys.stderr.write("".join(f"    {line}\n" for line in lines[-LOG_TAIL:]))
    return 1


def _set_when_stdin_closes(stop: threading.Event) -> None:
    # Not sys.stdin: a thread that sleeps in its buffer's lock makes the interpreter abort at exit.
    while os.read(0, 4096):
        pass
    stop.set()
