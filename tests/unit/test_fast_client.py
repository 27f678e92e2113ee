"""The frequent calls without botocore's layers: the same words on the wire, and botocore for all that goes wrong."""

import json
import select
import socket
import ssl
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import structlog
import trustme
import urllib3.util.connection
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import NoCredentialsError, ReadTimeoutError, SSLError

from email_activity.aws import clients
from email_activity.aws import fast_client as direct
from email_activity.aws.clients import dynamodb_client, sqs_client
from email_activity.settings import load_settings

URL = "http://sqs.us-east-1.amazonaws.com/111122223333/events"
RECEIVE = {"QueueUrl": URL, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 0, "MessageAttributeNames": ["replay"]}
RECEIVED = {
    "MessageId": "1",
    "Body": "\u00e9",
    "MessageAttributes": {"replay": {"DataType": "String", "StringValue": "1"}},
}
PUT = {"events": [{"PutRequest": {"Item": {"pk": {"S": "EMAIL#1"}, "sk": {"S": "\u00e9"}, "n": {"N": "1"}}}}]}

Request = tuple[dict[str, str], bytes]
#: To a request by its number; a tuple's second part is sent when nobody asked for it.
Answer = Callable[[int], bytes | tuple[bytes, bytes]]


#: In the place of what nobody asked for: the connection ends.
CLOSED = b"closed"

#: Lets the services send what nobody asked for.
later = threading.Event()


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
                first, unasked = said if isinstance(said, tuple) else (said, b"")
                connection.sendall(first)
                if unasked == CLOSED or b"\r\n\r\n" not in first:  # nothing more will come
                    return
                if unasked:
                    later.wait(5)
                    connection.sendall(unasked)

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


def by_botocore(client: Any) -> list[str]:
    """Fills with the operations that botocore sends."""
    sent: list[str] = []
    client.meta.events.register("request-created", lambda operation_name, **_: sent.append(operation_name))
    return sent


def until_readable(client: Any, endpoint: str) -> None:
    """Waits until something has come on the idle connection that would be used next."""
    pool = client._endpoint.http_session._manager.connection_from_url(endpoint)
    assert select.select([pool.pool.queue[-1].sock], [], [], 5)[0]


def targets(got: list[Request]) -> list[str]:
    return [headers["x-amz-target"] for headers, _ in got]


@pytest.mark.parametrize(
    ("make", "call", "content"),
    [
        (sqs_client, lambda sqs: sqs.receive_message(**RECEIVE), {"Messages": [RECEIVED]}),
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


def test_a_connection_that_the_other_side_has_closed_is_not_used_again():
    with service(lambda _: (reply({}), CLOSED)) as (endpoint, _, on), opened(sqs_client, endpoint) as sqs:
        sent = by_botocore(sqs)
        sqs.receive_message(**RECEIVE)
        until_readable(sqs, endpoint)
        sqs.receive_message(**RECEIVE)
    assert on == [1, 1]
    assert sent == []


@pytest.mark.parametrize("is_secured", [False, True], ids=["plain", "tls"])
def test_an_answer_that_nobody_asked_for_is_never_taken_for_the_next(is_secured, authority: trustme.CA):
    """It said that a batch was written before the batch was sent."""
    taken = {"UnprocessedItems": {}}
    later.clear()

    def answer(number: int) -> bytes | tuple[bytes, bytes]:
        return (reply(taken), reply(taken)) if number == 1 else reply({"UnprocessedItems": PUT})

    tls = certified(authority) if is_secured else None
    with service(answer, tls) as (endpoint, got, on), opened(dynamodb_client, endpoint) as dynamodb:
        assert dynamodb.batch_write_item(RequestItems=PUT) == taken
        later.set()
        until_readable(dynamodb, endpoint)
        assert dynamodb.batch_write_item(RequestItems=PUT)["UnprocessedItems"] == PUT
    assert len(got) == 2
    assert on == [1, 1]


def test_two_answers_at_once_are_none():
    with (
        service(lambda number: reply({}) + reply({"Messages": []}) if number == 1 else reply({})) as (
            endpoint,
            got,
            on,
        ),
        opened(sqs_client, endpoint) as sqs,
    ):
        sqs.receive_message(**RECEIVE)
    assert len(got) == 2
    assert on == [1, 1]


OK = b"HTTP/1.1 200 OK\r\n"

#: Answers of status 200 in another frame than AWS's.
FRAMES = {
    "no length": OK + b"\r\n{}",
    "no number": OK + b"Content-Length: nine\r\n\r\n{}",
    "a sign": OK + b"Content-Length: +2\r\n\r\n{}",
    "too long": OK + b"Content-Length: 1\r\n\r\n{}",
    "two lengths": OK + b"Content-Length: 2\r\nContent-Length: 40\r\n\r\n{}",
    "a length twice": OK + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
    "two lengths in one": OK + b"Content-Length: 2, 2\r\n\r\n{}",
    "a length on two lines": OK + b"Content-Length: 2\r\n 0\r\n\r\n{}",
    "a length behind a blank": OK + b"Content-Length: 2\r\nContent-Length : 40\r\n\r\n{}",
    "a length behind a line feed": OK + b"Content-Length: 2\r\nX: y\nContent-Length: 40\r\n\r\n{}",
    "chunked": reply({}, "200 OK", "Transfer-Encoding: chunked"),
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
}


@pytest.mark.parametrize("odd", FRAMES.values(), ids=FRAMES)
def test_after_a_200_that_cannot_be_read_all_calls_are_botocores(odd):
    """The messages in it are hidden now, and have been received once: it must not go on like that."""
    good = {"Messages": [{"MessageId": "1", "Body": "x"}]}
    with (
        structlog.testing.capture_logs() as logged,
        service(lambda number: odd if number == 1 else reply(good)) as (endpoint, got, on),
        opened(sqs_client, endpoint) as sqs,
    ):
        sent = by_botocore(sqs)
        assert sqs.receive_message(**RECEIVE)["Messages"] == good["Messages"]
        assert sqs.receive_message(**RECEIVE)["Messages"] == good["Messages"]
    assert on[0] == 1, "the connection is not used again"
    assert len(got) == 3
    assert len(sent) == 3, "an attempt that was made here, one after it, and the next call"
    assert [(each["event"], each["reason"]) for each in logged] == [("direct_calls_off", "an answer cannot be read")]


#: Answers that botocore is given, or asks for again, and that say nothing about the next.
PASSING = {
    "closed": b"",
    "cut in the head": OK,
    "cut in the content": (OK + b"Content-Length: 9\r\n\r\n{}", CLOSED),
    "no http": b"no HTTP at all\r\n\r\n",
    "endless": OK + b"x: y\r\n" * 10_000,
    "503": reply({}, "503 Slow Down"),
    "503, chunked": reply({}, "503 Slow Down", "Transfer-Encoding: chunked"),
    "throttled": reply({"__type": "RequestThrottled"}, "400 Bad Request"),
}


@pytest.mark.parametrize("odd", PASSING.values(), ids=PASSING)
def test_botocore_asks_again_after_what_may_pass(odd):
    """On another connection, and the next call is made here again."""
    good = {"Messages": [{"MessageId": "1", "Body": "x"}]}
    with (
        structlog.testing.capture_logs() as logged,
        service(lambda number: odd if number == 1 else reply(good)) as (endpoint, got, _),
        opened(sqs_client, endpoint) as sqs,
    ):
        assert sqs.receive_message(**RECEIVE)["Messages"] == good["Messages"]
        sent = by_botocore(sqs)
        assert sqs.receive_message(**RECEIVE) == good
    assert targets(got) == ["AmazonSQS.ReceiveMessage"] * 3
    assert sent == []
    assert logged == []


#: What a server may say each time.
ALWAYS = {
    "html": reply(b"<html>all is well</html>"),
    "a list": reply([]),
    "301": reply({}, "301 Moved Permanently", "Location: http://127.0.0.1:1/"),
    "503": reply({}, "503 Slow Down"),
    "closed": b"",
    "gone": reply({"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "gone"}, "400 Bad Request"),
    "denied": reply({"__type": "AccessDenied"}, "403 Forbidden"),
    "throttled": reply({"__type": "RequestThrottled"}, "400 Bad Request"),
    "too large": reply(b"", "413 Content Too Large"),
}


def outcome(client: Any) -> Any:
    """What a receive gives or raises."""
    try:
        said = client.receive_message(**RECEIVE)
    except Exception as error:  # noqa: BLE001  whatever it is
        return type(error).__name__, str(error), (getattr(error, "response", None) or {}).get("Error")
    return {name: value for name, value in said.items() if name != "ResponseMetadata"}


@pytest.mark.parametrize("said", ALWAYS.values(), ids=ALWAYS)
def test_what_comes_of_an_answer_is_what_comes_of_it_by_boto3_in_as_many_attempts(said):
    with service(lambda _: said) as (endpoint, got, _):
        with opened(sqs_client, endpoint) as sqs:
            ours = outcome(sqs)
        attempts = len(got)
        with opened(sqs_client, endpoint, aws_direct_calls=False) as sqs:
            assert ours == outcome(sqs)
    assert attempts == len(got) - attempts


def test_where_nobody_listens_it_is_the_same(monkeypatch):
    attempts: list[Any] = []
    connect = urllib3.util.connection.create_connection
    monkeypatch.setattr(
        urllib3.util.connection,
        "create_connection",
        lambda *given, **named: attempts.append(0) or connect(*given, **named),
    )
    with socket.create_server(("127.0.0.1", 0)) as listening:
        endpoint = f"http://127.0.0.1:{listening.getsockname()[1]}"
    with opened(sqs_client, endpoint) as sqs:
        ours = outcome(sqs)
    assert (ours[0], len(attempts)) == ("EndpointConnectionError", 2)
    with opened(sqs_client, endpoint, aws_direct_calls=False) as sqs:
        assert outcome(sqs) == ours
    assert len(attempts) == 4


def test_an_answer_whose_checksum_is_wrong_is_asked_for_again():
    wrong = reply({"UnprocessedItems": {}}, "200 OK", "x-amz-crc32: 1")
    right = json.dumps({"UnprocessedItems": PUT}).encode()
    good = reply(right, "200 OK", f"x-amz-crc32: {zlib.crc32(right)}")
    with (
        service(lambda number: wrong if number == 1 else good) as (endpoint, got, _),
        opened(dynamodb_client, endpoint) as dynamodb,
    ):
        assert dynamodb.batch_write_item(RequestItems=PUT)["UnprocessedItems"] == PUT
        sent = by_botocore(dynamodb)
        assert dynamodb.batch_write_item(RequestItems=PUT)["UnprocessedItems"] == PUT
    assert len(got) == 3
    assert sent == []


def test_a_call_that_went_well_gives_back_a_retry_as_by_botocore():
    told: list[Any] = []
    with service(lambda _: reply({})) as (endpoint, _, _), opened(sqs_client, endpoint) as sqs:
        sqs.meta.events.register("after-call.sqs.ReceiveMessage", lambda **given: told.append(given))
        sqs.receive_message(**RECEIVE)
    (given,) = told
    assert given["http_response"].status_code == 200
    assert given["parsed"] == {}


def test_an_error_is_the_clients_own():
    with (
        service(lambda _: ALWAYS["gone"]) as (endpoint, got, _),
        opened(sqs_client, endpoint) as sqs,
        pytest.raises(sqs.exceptions.QueueDoesNotExist),
    ):
        sqs.receive_message(**RECEIVE)
    assert len(got) == 1


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


@pytest.mark.parametrize("where", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "a profile"])
def test_certificates_are_those_that_botocore_trusts(monkeypatch, tmp_path: Path, where: str):
    authority, bundle = trustme.CA(), tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(bundle)
    if where == "a profile":
        (tmp_path / "config").write_text(f"[default]\nca_bundle = {bundle}\n")
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    else:
        monkeypatch.setenv(where, str(bundle))
    with service(lambda _: reply({}), certified(authority)) as (endpoint, got, _), opened(sqs_client, endpoint) as sqs:
        sent = by_botocore(sqs)
        sqs.receive_message(**RECEIVE)
    assert len(got) == 1
    assert sent == []


@pytest.mark.parametrize("account", ["111122223333", None])
@pytest.mark.parametrize("table", ["events", "arn:aws:dynamodb:us-east-1:444455556666:table/events"])
def test_the_endpoint_is_the_accounts_own_where_botocore_finds_one(monkeypatch, authority, account, table):
    """https://docs.aws.amazon.com/sdkref/latest/guide/feature-account-endpoints.html"""
    if account:
        monkeypatch.setenv("AWS_ACCOUNT_ID", account)
    names = [f"{each}.ddb.us-east-1.amazonaws.com" for each in ("111122223333", "444455556666")]
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("dynamodb.us-east-1.amazonaws.com", *names).configure_cert(context)
    connect = urllib3.util.connection.create_connection
    with service(lambda _: reply({}), context) as (endpoint, got, _):
        here = ("localhost", urlsplit(endpoint).port)
        monkeypatch.setattr(
            urllib3.util.connection, "create_connection", lambda _, *given, **named: connect(here, *given, **named)
        )
        for is_direct in (True, False):
            with closing(dynamodb_client(load_settings(aws_direct_calls=is_direct))) as dynamodb:
                sent = by_botocore(dynamodb)
                dynamodb.batch_write_item(RequestItems={table: PUT["events"]})
                assert sent == ["BatchWriteItem"] * (not is_direct)
    ours, theirs = (headers["host"] for headers, _ in got)
    assert ours == theirs
    assert (ours == "dynamodb.us-east-1.amazonaws.com") == (account is None and table == "events")


def test_a_connection_that_botocore_has_used_is_used_here_with_the_same_time_outs():
    with service(lambda _: (reply({}), CLOSED)) as (endpoint, _, _), opened(sqs_client, endpoint) as sqs:
        sqs.get_queue_attributes(QueueUrl=URL)
        until_readable(sqs, endpoint)
        sqs.receive_message(**RECEIVE)
        pool = sqs._endpoint.http_session._manager.connection_from_url(endpoint)
        (connection,) = filter(None, pool.pool.queue)
        assert connection.timeout == clients.CONNECT_TIMEOUT
        assert connection.sock.gettimeout() == clients.READ_TIMEOUT + 5


def test_what_is_no_plain_json_is_left_to_botocore():
    with service(lambda _: reply({})) as (endpoint, got, _), opened(sqs_client, endpoint) as sqs:
        sent = by_botocore(sqs)
        sqs.receive_message(**RECEIVE, AttributeNames=["All"])
        sqs.get_queue_attributes(QueueUrl=URL)
    assert sent == ["ReceiveMessage", "GetQueueAttributes"]
    assert len(got) == 2


def test_without_credentials_botocore_says_so(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with (
        service(lambda _: reply({})) as (endpoint, got, _),
        opened(sqs_client, endpoint) as sqs,
        pytest.raises(NoCredentialsError),
    ):
        sqs.receive_message(**RECEIVE)
    assert got == []


#: Variables, why boto3 makes all calls, and what is said of it.
OFF = {
    "a proxy": ({"https_proxy": "http://127.0.0.1:1"}, True, "a proxy leads to AWS"),
    "the setting": ({}, False, "AWS_DIRECT_CALLS=false"),
    "another proxy": ({"http_proxy": "http://127.0.0.1:1"}, True, None),
    "only hosts without a proxy": ({"no_proxy": "169.254.169.254"}, True, None),
    "AWS without a proxy": ({"https_proxy": "http://127.0.0.1:1", "no_proxy": ".amazonaws.com"}, True, None),
    "nothing": ({}, True, None),
}


@pytest.mark.parametrize(("variables", "is_wanted", "reason"), OFF.values(), ids=OFF)
def test_it_is_off_only_for_a_reason_which_is_said(monkeypatch, variables, is_wanted, reason):
    for name in ("http_proxy", "https_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    settings = load_settings(aws_direct_calls=is_wanted)
    with (
        structlog.testing.capture_logs() as logged,
        closing(sqs_client(settings)) as sqs,
        closing(dynamodb_client(settings)) as dynamodb,
    ):
        clients.log_if_not_fast(settings, sqs, dynamodb)
        is_direct = "_make_api_call" in vars(sqs)
    assert is_direct == (reason is None)
    said = [(each["event"], each["service"], each["reason"]) for each in logged]
    assert said == [("direct_calls_off", service, reason) for service in ("sqs", "dynamodb") if reason]


def test_of_another_botocore_nothing_is_assumed(monkeypatch):
    monkeypatch.delattr("botocore.httpsession.ProxyConfiguration.proxy_url_for")
    with closing(sqs_client(load_settings())) as sqs:
        assert direct.why_not(sqs) == "this version of botocore is not known"
        assert "_make_api_call" not in vars(sqs)


def test_a_command_has_its_standard_output_for_itself():
    code = "from email_activity.telemetry import log; log.warning('direct_calls_off')"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == ""
    assert "direct_calls_off" in ran.stderr
