"""TLS to Redis: neither connection says a word, least of all the password, to a server that is not who it should be."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import redis

from email_activity.domain.errors import TransientError
from email_activity.hosting.broker import BrokerConnection
from email_activity.hosting.start_check import check_start
from email_activity.redis_client.commands import RedisCommands
from email_activity.redis_url import read_redis_url
from email_activity.settings import SettingsError, load_settings
from harness import eventually
from servers import free_port, valkey
from tlsfront import TlsFront

PASSWORD = "hunter2"


@pytest.fixture(scope="module")
def server() -> Iterator[int]:
    """The port of one that wants a password."""
    with valkey() as running, running.client() as client:
        client.config_set("requirepass", PASSWORD)
        yield running.port


@pytest.fixture
def front(server: int, tmp_path: Path) -> Iterator[TlsFront]:
    with TlsFront(server, tmp_path) as front:
        yield front


@pytest.fixture
def stranger(server: int, tmp_path: Path) -> Iterator[TlsFront]:
    """With a certificate for another host."""
    with TlsFront(server, tmp_path, name="elsewhere.example") as front:
        yield front


def duplicates(url: str) -> None:
    with closing(RedisCommands(read_redis_url(url))) as commands:
        commands.run([("GET", "anything")])


def broker(url: str) -> None:
    with BrokerConnection(url, transport_options={"socket_timeout": 5}) as connection:
        connection.connect()


REFUSED = (TransientError, redis.ConnectionError)


def url_of(front: TlsFront, *options: str) -> str:
    return f"rediss://default:{PASSWORD}@localhost:{front.port}/0?{'&'.join(options)}".rstrip("?")


#: Names the authority of whoever is there.
CA = "ssl_ca_certs={authority}"

CHECKED = ("required", "CERT_REQUIRED", "optional", "CERT_OPTIONAL")
UNCHECKED = ("none", "CERT_NONE")


@pytest.mark.parametrize("connect", [duplicates, broker])
@pytest.mark.parametrize(
    ("who", "options", "refused"),
    [
        ("front", (), "certificate"),
        ("front", (CA,), ""),
        ("stranger", (CA,), "hostname mismatch"),
        *(("front", (f"ssl_cert_reqs={spelling}",), "certificate") for spelling in CHECKED),
        *(("front", (f"ssl_cert_reqs={spelling}", CA), "") for spelling in CHECKED),
        *(("stranger", (f"ssl_cert_reqs={spelling}",), "") for spelling in UNCHECKED),
        ("stranger", ("ssl_check_hostname=false",), "certificate"),
        ("stranger", ("ssl_check_hostname=false", CA), ""),
    ],
)
def test_the_password_goes_only_to_whom_the_options_let_pass(
    request: pytest.FixtureRequest, connect: Callable[[str], None], who: str, options: tuple[str, ...], refused: str
) -> None:
    server: TlsFront = request.getfixturevalue(who)
    url = url_of(server, *(each.format(authority=server.authority) for each in options))
    if refused:
        with pytest.raises(REFUSED, match=f"(?i){refused}"):
            connect(url)
        assert server.attempts
        assert server.heard == b""
    else:
        connect(url)
        assert PASSWORD.encode() in server.heard


def run_celery(*arguments: str, **environment: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", "email_activity", *arguments],
        env={**os.environ, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}", "LOG_FORMAT": "json", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


@pytest.mark.parametrize("way", ["by its authority", "by its host"])
def test_a_worker_tells_an_impostor_no_password(front: TlsFront, stranger: TlsFront, tmp_path: Path, way: str) -> None:
    """Once it sent HELLO with the password five times in 15 s."""
    impostor, url = (
        (front, url_of(front))
        if way == "by its authority"
        else (stranger, url_of(stranger, f"ssl_ca_certs={stranger.authority}"))
    )
    settings = {"REDIS_URL": url, "HEALTH_FILE": str(tmp_path / "poll"), "SHUTDOWN_SECONDS": "6"}
    with run_celery("worker", "--concurrency", "1", **settings) as worker:
        try:
            eventually(lambda: impostor.attempts > 6)  # of the start, of the broker and of the poll
        finally:
            worker.kill()
            os.killpg(worker.pid, 9)
        said = worker.communicate()[0]
    assert impostor.heard == b""
    assert "certificate" in said.lower()
    assert PASSWORD not in said
    assert "Traceback" not in said


def test_remote_control_tells_an_impostor_no_password(front: TlsFront) -> None:
    with run_celery("inspect", "ping", "--timeout", "1", REDIS_URL=url_of(front)) as command:
        eventually(lambda: front.attempts > 1)
        os.killpg(command.pid, 9)
    assert front.heard == b""


@pytest.mark.parametrize("name", ["redis_url", "celery_broker_url"])
def test_certificates_that_are_not_there_stop_the_start_with_one_line(front: TlsFront, name: str) -> None:
    good = url_of(front, f"ssl_ca_certs={front.authority}")
    urls = {"redis_url": good, "celery_broker_url": good, name: url_of(front, "ssl_ca_certs=/no/such/file.pem")}
    with pytest.raises(SettingsError) as error:
        check_start(load_settings(**urls))
    line = f"{name.upper()}: want ssl_ca_certs, ssl_certfile and ssl_keyfile that can be used"
    assert str(error.value) == f"{line} ([Errno 2] No such file or directory)"
