"""`email-activity web`: whom it lets start, how it listens, logs and ends."""

import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx2
import pytest
from click.testing import CliRunner, Result

from email_activity.cli.main import main
from email_activity.settings import SettingsError
from email_activity.web.login import token_hash
from email_activity.web.server import listen
from email_activity.web.settings import load_web_settings

PROGRAM = Path(sys.executable).parent / "email-activity"
HASH = token_hash("x")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["web", *arguments])


@pytest.mark.parametrize("host", ["::", "10.0.0.5", "", "activity.example.com", "127.0.0.1.example.com"])
def test_beyond_loopback_it_does_not_start_without_a_login(host):
    result = run("--host", host)
    assert (result.exit_code, result.stdout) == (2, "")
    first, line = result.stderr.splitlines()
    assert first == "Error: wrong settings"
    assert line.startswith(f"--host {host}: without a login")
    assert "WEB_TOKEN_HASHES" in line


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        ({"WEB_TOKEN_HASHES": "my-secret"}, "WEB_TOKEN_HASHES: got '***', want comma-separated hashes"),
        ({"WEB_TOKEN_HASHES": f"{HASH},"}, "WEB_ALLOWED_HOSTS: not set"),
        ({"WEB_USER_HEADER": "X-User"}, "WEB_USER_HEADER and WEB_TRUSTED_PROXIES: got one of them"),
        ({"WEB_TRUSTED_PROXIES": "10.0.0.0/8"}, "WEB_USER_HEADER and WEB_TRUSTED_PROXIES: got one of them"),
        ({"WEB_USER_HEADER": "X-User", "WEB_TRUSTED_PROXIES": "10.0.0.1/8"}, "WEB_TRUSTED_PROXIES: got '10.0.0.1/8'"),
        ({"WEB_USER_HEADER": "X User:", "WEB_TRUSTED_PROXIES": "10.0.0.1"}, "WEB_USER_HEADER: got 'X User:'"),
        ({"WEB_TOKEN_HASHES": HASH, "WEB_ALLOWED_HOSTS": "*"}, "WEB_ALLOWED_HOSTS: got '*'"),
        ({"WEB_TOKEN_HASHES": HASH, "WEB_ALLOWED_HOSTS": "http://a"}, "WEB_ALLOWED_HOSTS: got 'http://a'"),
        ({"WEB_TOKEN_HASHES": HASH, "WEB_ALLOWED_HOSTS": "a:80"}, "WEB_ALLOWED_HOSTS: got 'a:80'"),
    ],
)
def test_a_wrong_setting_is_one_line_that_shows_no_secret(monkeypatch, variables, wanted):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as found:
        load_web_settings("0.0.0.0")  # noqa: S104
    assert str(found.value).startswith(wanted)
    assert "secret" not in str(found.value)
    assert len(str(found.value).splitlines()) == 1


def test_config_shows_what_is_set_but_no_hash(monkeypatch):
    monkeypatch.setenv("WEB_TOKEN_HASHES", HASH)
    monkeypatch.setenv("WEB_ALLOWED_HOSTS", "activity.example.com")
    shown = json.loads(CliRunner().invoke(main, ["config", "--json"]).stdout)
    assert (shown["WEB_TOKEN_HASHES"], shown["WEB_ALLOWED_HOSTS"]) == ("***", "activity.example.com")
    assert shown["WEB_USER_HEADER"] is None
    assert CliRunner().invoke(main, ["config"]).exit_code == 0


def test_names_beyond_loopback_need_a_login_on_loopback_too(monkeypatch):
    """They are a sign of a proxy, behind which everybody comes from loopback."""
    monkeypatch.setenv("WEB_ALLOWED_HOSTS", "activity.example.com")
    with pytest.raises(SettingsError, match=r"WEB_ALLOWED_HOSTS: got 'activity\.example\.com', want it together with"):
        load_web_settings("127.0.0.1")
    monkeypatch.setenv("WEB_TOKEN_HASHES", HASH)
    assert load_web_settings("127.0.0.1").allowed_hosts == {"activity.example.com"}


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_loopback_needs_no_setting(host):
    assert not load_web_settings(host).has_login


def test_a_new_token_comes_with_its_hash(monkeypatch):
    told = json.loads(run("--new-token", "--json").stdout)
    assert told["hash"] == token_hash(told["token"])
    shown = run("--new-token").stdout
    (token,) = re.findall(r"^token  (\S+)$", shown, re.MULTILINE)
    assert f"hash   {token_hash(token)}\n" in shown
    monkeypatch.setenv("WEB_TOKEN_HASHES", told["hash"])
    assert load_web_settings("127.0.0.1").token_hashes == {told["hash"]}


@pytest.mark.parametrize("missing", ["fastapi", "uvicorn"])
def test_without_the_extra_it_says_what_to_install(missing):
    script = f"import sys; sys.modules[{missing!r}] = None; from email_activity.cli.main import main; main(['web'])"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == f"Error: {missing} is missing: pip install 'email-activity[web]'\n"


class Running:
    def __init__(self) -> None:
        command = [PROGRAM, "web", "--port", "0"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.url = json.loads(self.process.stderr.readline())["url"]

    def end(self, by: signal.Signals) -> tuple[int, list[dict]]:
        """The exit code, and the lines of the log."""
        self.process.send_signal(by)
        out, log = self.process.communicate(timeout=60)
        assert out == ""
        return self.process.returncode, [json.loads(line) for line in log.splitlines()]

    def raw(self, request: bytes) -> bytes:
        """As no client of good manners would write it."""
        host, _, port = self.url.removeprefix("http://").rpartition(":")
        with socket.create_connection((host, int(port)), timeout=60) as connection:
            connection.sendall(request)
            answer = b""
            with suppress(ConnectionResetError):  # it closed with a part of the request unread
                while part := connection.recv(65_536):
                    answer += part
            return answer


@pytest.fixture
def running(monkeypatch) -> Iterator[Running]:
    """Its table is away: nobody listens there."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "reader")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    started = Running()
    yield started
    started.process.kill()
    started.process.communicate()


@pytest.mark.parametrize(("by", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_ends_it_quietly_though_a_client_holds_on(running, by, code):
    with httpx2.Client() as keeping:
        assert keeping.get(f"{running.url}/healthz").status_code == 200
        ended, log = running.end(by)
    assert ended == code
    assert [(each["event"], each["route"]) for each in log] == [("request", "/healthz")]


def test_what_no_client_of_good_manners_writes_is_answered_or_refused(running):
    """On a socket: clients would put right what is odd. No line of the log is but JSON, or quotes it."""
    for line in (
        b"GET /api/v1/documents/invoice/../../marked HTTP/1.1\r\nHost: localhost",
        b"GET /api/v1/documents/invoice/%00%ff%2e%2e%2fmarked HTTP/1.1\r\nHost: localhost",
        b"GET http://marked.example/api/v1/words HTTP/1.1\r\nHost: marked.example",
        b"GET /api/v1/words HTTP/1.1\r\nHost: localhost\r\nHost: marked",
        b"GET /api/v1/words HTTP/1.1",
        b"GET /marked\x00 HTTP/1.1\r\nHost: localhost",
        b"GET /" + b"marked" * 20_000 + b" HTTP/1.1\r\nHost: localhost",
        b"marked",
        b"POST /api/v1/recipients/lookup HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999",
        b"POST /api/v1/recipients/lookup HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1",
    ):
        answer = running.raw(line + b"\r\nConnection: close\r\n\r\n")
        assert re.match(rb"HTTP/1.1 (400|404|413|421|503) ", answer), (line[:100], answer[:100])
        assert b"server:" not in answer.lower()
        assert b"marked" not in answer
    _, log = running.end(signal.SIGTERM)
    assert log
    assert "marked" not in json.dumps(log)


def test_an_address_that_is_taken_is_one_line(running):
    port = running.url.rpartition(":")[2]
    result = run("--port", port)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"Error: cannot listen at 127.0.0.1, port {port}: Address already in use\n"


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_an_answer_in_two_pieces_waits_for_no_acknowledgement(host):
    with listen(host, 0) as listener, socket.create_connection(listener.getsockname()[:2]):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
