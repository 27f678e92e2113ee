"""The frequent calls without botocore's layers: the same words on the wire, and botocore for all that goes wrong."""

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import structlog
import trustme
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError, ReadTimeoutError, SSLError

from config.settings import load_settings
from worker import clients, direct
from worker.clients import dynamodb_client, sqs_client

URL = "http://sqs.us-east-1.amazonaws.com/111122223333/events"
RECEIVE = {"QueueUrl": URL, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 0}
PUT = {"events": [{"PutRequest": {"Item": {"pk": {"S": "EMAIL#1"}, "sk": {"S": "\u00e9"}, "n": {"N": "1"}}}}]}

Request = tuple[dict[str, str], bytes]
Answer = Callable[[int], bytes]


@contextmanager
def service(answer: Answer, tls: ssl.SSLContext | None = None) -> Iterator[tuple[str, list[Request], list[int]]]:
    """(its URL, the requests that it got, how many came on each connection). answer: to each by its number."""
    got: list[Request] = []
    on: list[int] = []

    def serve(accepted: socket.socket, number: int) -> None:
        with suppress(OSError), secured(accepted) as connection, connection.makefile("rb") as reader:
            while reader.readline():
                headers = {}
                while line := reader.readline().strip():
                    name, _, value = line.decode().partition(":")
                    headers[name.lower()] = value.strip()
                got.append((headers, reader.read(int(headers["content-length"]))))
                on[number] += 1
                said = answer(len(got))
                connection.sendall(said)
                if b"\r\n\r\n" not in said:  # nothing more will come
                    return

    def secured(accepted: socket.socket) -> socket.socket:
        return tls.wrap_socket(accepted, server_side=True) if tls else accepted

    def accept() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            on.append(0)
            threads.append(threading.Thread(target=serve, args=(connection, len(on) - 1), daemon=True))
            threads[-1].start()

    threads: list[threading.Thread] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        acceptor = threading.Thread(target=accept, daemon=True)
        acceptor.start()
        try:
            yield f"{'https' if tls else 'http'}://localhost:{listening.getsockname()[1]}", got, on
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            acceptor.join(5)


def reply(content: object, status: str = "200 OK", *more: str) -> bytes:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    head = [f"HTTP/1.1 {status}", "Content-Type: application/x-amz-json-1.0", f"Content-Length: {len(body)}", *more]
    return "\r\n".join([*head, "", ""]).encode() + body


def opened(make: Callable[..., Any], endpoint: str, **others: object) -> closing[Any]:
    return closing(make(load_settings(aws_endpoint_url=endpoint, **others)))


def targets(got: list[Request]) -> list[str]:
    return [headers["x-amz-target"] for headers, _ in got]


@pytest.mark.parametrize(
    ("make", "call", "content"),
    [
        (sqs_client, lambda sqs: sqs.receive_message(**RECEIVE), {"Messages": [{"MessageId": "1", "Body": "\u00e9"}]}),
        (sqs_client, lambda sqs: sqs.receive_message(**RECEIVE), {}),
        (
            sqs_client,
            lambda sqs: sqs.delete_message_batch(QueueUrl=URL, Entries=[{"Id": "0", "ReceiptHandle": "h"}]),
            {"Successful": [{"Id": "0"}], "Failed": []},
        ),
        (dynamodb_client, lambda dynamodb: dynamodb.batch_write_item(RequestItems=PUT), {"UnprocessedItems": PUT}),
    ],
    ids=["receive", "nothing received", "delete", "write"],
)
def test_it_asks_and_answers_as_boto3_does(make, call, content):
    with service(lambda _: reply(content)) as (endpoint, got, _):
        with opened(make, endpoint) as client:
            ours = call(client)
        with opened(make, endpoint, aws_direct_calls=False) as client:
            theirs = call(client)
    theirs.pop("ResponseMetadata")
    assert {name: value for name, value in ours.items() if value} == {n: v for n, v in theirs.items() if v}
    (our_headers, our_body), (their_headers, their_body) = got
    assert json.loads(our_body) == json.loads(their_body)
    for name in ("x-amz-target", "content-type", "host"):
        assert our_headers[name] == their_headers[name]


def test_what_it_asks_is_signed():
    with service(lambda _: reply({})) as (endpoint, got, _), opened(sqs_client, endpoint) as sqs:
        sqs.receive_message(**RECEIVE)
    headers, body = got[0]
    again = AWSRequest("POST", endpoint + "/", data=body)
    for name in headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";"):
        again.headers[name] = headers[name]
    again.context["timestamp"] = headers["x-amz-date"]
    auth = SigV4Auth(Credentials("test", "test"), "sqs", "us-east-1")
    signature = auth.signature(auth.string_to_sign(again, auth.canonical_request(again)), again)
    assert headers["authorization"].endswith(f"Signature={signature}")
    assert {"host", "x-amz-date", "x-amz-target"} <= set(again.headers.keys())


def test_a_thread_keeps_its_connection():
    with service(lambda _: reply({})) as (endpoint, _, on), opened(sqs_client, endpoint) as sqs:
        for _ in range(3):
            sqs.receive_message(**RECEIVE)
    assert on == [3]


def test_a_connection_is_not_used_again_when_it_may_be_old(monkeypatch):
    monkeypatch.setattr(direct, "MAX_IDLE", 0)
    with service(lambda _: reply({})) as (endpoint, _, on), opened(sqs_client, endpoint) as sqs:
        sqs.receive_message(**RECEIVE)
        sqs.receive_message(**RECEIVE)
    assert on == [1, 1]


@pytest.mark.parametrize(
    "odd",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"no HTTP at all\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: nine\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{}",
        reply({}, "200 OK", "Transfer-Encoding: chunked"),
        reply(b"<html>all is well</html>"),
        reply([1]),
        reply({}, "503 Slow Down"),
        reply({}, "301 Moved Permanently", "Location: http://127.0.0.1:1/"),
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 10_000,
    ],
    ids=["closed", "cut", "no http", "no length", "too long", "chunked", "no json", "a list", "503", "301", "endless"],
)
def test_whatever_else_comes_botocore_asks_again(odd):
    """On a connection of its own, and ours is not used again."""
    good = reply({"Messages": [{"MessageId": "1", "Body": "x"}]})
    with (
        service(lambda number: odd if number == 1 else good) as (endpoint, got, _),
        opened(sqs_client, endpoint) as sqs,
    ):
        assert sqs.receive_message(**RECEIVE)["Messages"][0]["Body"] == "x"
        assert sqs.receive_message(**RECEIVE)["Messages"][0]["Body"] == "x"
    assert targets(got) == ["AmazonSQS.ReceiveMessage"] * 3


@pytest.mark.parametrize(
    ("odd", "is_given_up"),
    [
        (reply({}, "200 OK", "Transfer-Encoding: chunked"), True),
        (b"HTTP/1.1 200 OK\r\n\r\n{}", True),
        (reply([]), True),
        (b"HTTP/1.1 200 OK\r\n", False),
        (reply({}, "503 Slow Down"), False),
    ],
    ids=["chunked", "no length", "a list", "cut", "503"],
)
def test_after_a_200_that_cannot_be_read_all_calls_are_botocores(odd, is_given_up):
    """The messages in it are hidden now, and have been received once: it must not go on like that."""
    with (
        structlog.testing.capture_logs() as logged,
        service(lambda number: odd if number == 1 else reply({})) as (endpoint, _, on),
        opened(sqs_client, endpoint) as sqs,
    ):
        sqs.receive_message(**RECEIVE)
        sqs.receive_message(**RECEIVE)
    assert on == ([1, 2] if is_given_up else [1, 1, 1])
    assert [each["event"] for each in logged] == ["direct_calls_off"] * is_given_up


def test_an_error_is_botocores_own():
    refusal = reply({"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "gone"}, "400 Bad Request")
    with (
        service(lambda _: refusal) as (endpoint, _, _),
        opened(sqs_client, endpoint) as sqs,
        pytest.raises(sqs.exceptions.QueueDoesNotExist),
    ):
        sqs.receive_message(**RECEIVE)


def test_after_a_time_out_it_is_asked_once_more(monkeypatch):
    monkeypatch.setattr(clients, "READ_TIMEOUT", 0.1)
    silence = threading.Event()
    with (
        service(lambda _: bytes(silence.wait(2) and 0)) as (endpoint, got, _),
        opened(dynamodb_client, endpoint) as dynamodb,
    ):
        with pytest.raises(ReadTimeoutError):
            dynamodb.batch_write_item(RequestItems=PUT)
        silence.set()
    assert len(got) == 2


@pytest.fixture
def authority(monkeypatch, tmp_path: Path) -> trustme.CA:
    """Trusted by AWS's clients."""
    made = trustme.CA()
    made.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    return made


def certified(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    return context


def test_a_secured_connection_is_kept_as_well(authority: trustme.CA):
    large = {"Messages": [{"MessageId": "1", "Body": "x" * 300_000}]}
    with (
        service(lambda _: reply(large), certified(authority)) as (endpoint, _, on),
        opened(sqs_client, endpoint) as sqs,
    ):
        for _ in range(3):
            assert sqs.receive_message(**RECEIVE) == large
    assert on == [3]


def test_nobody_is_asked_who_cannot_prove_who_he_is(authority: trustme.CA):  # noqa: ARG001  another one is trusted
    with (
        service(lambda _: reply({}), certified(trustme.CA())) as (endpoint, got, _),
        opened(sqs_client, endpoint) as sqs,
        pytest.raises(SSLError),
    ):
        sqs.receive_message(**RECEIVE)
    assert not got


def test_nor_one_who_proves_to_be_another(authority: trustme.CA):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("another.example").configure_cert(context)
    with (
        service(lambda _: reply({}), context) as (endpoint, got, _),
        opened(sqs_client, endpoint) as sqs,
        pytest.raises(SSLError),
    ):
        sqs.receive_message(**RECEIVE)
    assert not got


def test_a_secured_connection_has_its_time_out_too(monkeypatch, authority: trustme.CA):
    monkeypatch.setattr(clients, "READ_TIMEOUT", 0.1)
    silence = threading.Event()
    with (
        service(lambda _: bytes(silence.wait(2) and 0), certified(authority)) as (endpoint, got, _),
        opened(dynamodb_client, endpoint) as dynamodb,
    ):
        with pytest.raises(ReadTimeoutError):
            dynamodb.batch_write_item(RequestItems=PUT)
        silence.set()
    assert len(got) == 2


def test_what_is_no_plain_json_is_left_to_botocore(monkeypatch):
    monkeypatch.setattr(direct.Wire, "call", lambda *_: pytest.fail("not by this way"))
    with service(lambda _: reply({})) as (endpoint, got, _), opened(sqs_client, endpoint) as sqs:
        sqs.receive_message(**RECEIVE, MessageAttributeNames=["All"])
        sqs.get_queue_attributes(QueueUrl=URL)
    assert len(got) == 2


def test_a_proxy_is_left_to_botocore(monkeypatch):
    monkeypatch.setattr(direct.Wire, "call", lambda *_: pytest.fail("not by this way"))
    refusal = reply({"__type": "AccessDenied"}, "403 Forbidden")
    with service(lambda _: refusal) as (endpoint, got, _):
        monkeypatch.setenv("http_proxy", endpoint)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        with opened(sqs_client, "http://queue.example") as sqs, pytest.raises(ClientError):
            sqs.receive_message(**RECEIVE)
    assert got
