"""METRICS_PORT: what it answers, to whom, and that nobody who asks can hold it up."""

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from types import SimpleNamespace
from wsgiref.simple_server import make_server

import pytest

from email_activity.ingest.health import State
from email_activity.metrics import memory, server
from email_activity.metrics.memory import SharedFigures
from email_activity.settings import SettingsError, load_settings
from scrape import get, live, metrics


@pytest.fixture
def figures() -> SharedFigures:
    return SharedFigures()


@pytest.fixture
def port(figures: SharedFigures) -> Iterator[int]:
    listening = make_server("127.0.0.1", 0, server.application(figures), server._Server, server._Handler)
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield listening.server_port
    listening.shutdown()
    thread.join()
    listening.server_close()


def test_it_answers_metrics_and_live_and_nothing_else(port):
    assert metrics(port)["email_activity_facts_known_total"] == {(): 0}
    assert live(port)[0] == 503
    assert get(port, "/")[0] == get(port, "/metrics/")[0] == get(port, "/live/x")[0] == 404


def test_before_any_report_it_is_not_live_and_says_so(port):
    assert live(port) == (
        503,
        {
            "healthy": False,
            "state": None,
            "detail": "no process has reported since the start",
            "age_seconds": None,
            "processes": 0,
        },
    )


@pytest.mark.parametrize(
    ("state", "status", "words"),
    [(State.POLLING, 200, ""), (State.WAITING, 200, ""), (State.WRONG_SETTING, 503, "wrong setting: ")],
)
def test_who_waits_is_live_and_who_has_a_wrong_setting_is_not(port, figures, state, status, words):
    figures.report(state)
    found, told = live(port)
    assert (found, told["healthy"], told["state"], told["processes"]) == (status, status == 200, state, 1)
    assert told["detail"].startswith(words)
    assert bool(told["detail"]) is bool(words)


def test_after_a_minute_of_silence_it_is_not_live(port, figures, monkeypatch):
    figures.report(State.POLLING)
    now = memory.time.monotonic() + 61
    with monkeypatch.context() as patch:
        patch.setattr(server, "time", type("Clock", (), {"monotonic": staticmethod(lambda: now)}))
        found, told = live(port)
        assert (found, told["healthy"]) == (503, False)
        assert told["detail"].startswith("last word 61 s ago, more than 60 s")
        assert live(port, "?max_age=120")[0] == 200
        assert live(port, "?max_age=soon")[0] == 503
    assert live(port)[0] == 200


def connection(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=60)


def test_who_connects_and_says_nothing_holds_up_nobody(port):
    with socket.create_connection(("127.0.0.1", port)), socket.create_connection(("127.0.0.1", port)):
        assert get(port, "/metrics")[0] == 200


def test_connections_beyond_the_most_end_the_oldest_and_keep_no_probe_out(port, monkeypatch):
    monkeypatch.setattr(server, "PATIENCE", 60)
    monkeypatch.setattr(server._Handler, "timeout", 60)
    with ExitStack() as open_ones:
        silent = [open_ones.enter_context(connection(port)) for _ in range(3 * server.MOST)]
        assert live(port)[0] == 503
        assert [each.recv(1) for each in silent[: 1 - server.MOST]] == [b""] * (2 * server.MOST + 1)
        silent[-1].sendall(b"GET /live HTTP/1.0\r\n\r\n")
        assert silent[-1].recv(8) == b"HTTP/1.0"


def test_who_sends_a_request_byte_by_byte_has_no_longer_than_others(port, monkeypatch):
    monkeypatch.setattr(server, "PATIENCE", 0.05)
    with connection(port) as slow:
        slow.settimeout(0.01)
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                slow.sendall(b"G")
                assert slow.recv(1) == b""
            except TimeoutError:
                continue
            except ConnectionError:
                pass
            return
    pytest.fail("it may still send")


def test_a_connection_that_cannot_be_accepted_is_tried_after_a_pause(monkeypatch):
    slept: list[float] = []
    monkeypatch.setattr(server, "time", SimpleNamespace(sleep=slept.append))
    with make_server("127.0.0.1", 0, server.application(SharedFigures()), server._Server, server._Handler) as listening:
        listening.socket.setblocking(False)  # so accept fails, as it does with no file descriptor left
        with pytest.raises(OSError, match="unavailable"):
            listening.get_request()
    assert slept == [server.PAUSE]


def test_a_port_that_is_taken_stops_the_start_with_one_line(port):
    with pytest.raises(SettingsError, match=f"METRICS_PORT: got {port}, want one that is free on METRICS_HOST"):
        server.serve(load_settings(metrics_port=port, metrics_host="127.0.0.1"))


CHILD = """
import os, socket, sys
from email_activity.metrics import server
from email_activity.settings import load_settings
with socket.create_server(("127.0.0.1", 0)) as probe:
    port = probe.getsockname()[1]
server.serve(load_settings(metrics_port=port, metrics_host="127.0.0.1"))
reading, writing = os.pipe()
if os.fork():
    os.read(reading, 1)
    print(port, flush=True)
    os._exit(0)  # as by SIGKILL: the child lives on
os.write(writing, b"1")
sys.stdin.read()
"""


def test_a_child_that_outlives_its_worker_leaves_the_port_free():
    worker = subprocess.Popen([sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert worker.stdin is not None
    assert worker.stdout is not None
    port = int(worker.stdout.readline())
    assert worker.wait(60) == 0
    with socket.create_server(("127.0.0.1", port)):
        pass
    worker.stdin.close()
    worker.stdout.close()
