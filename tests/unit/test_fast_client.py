"""The frequent calls without botocore's layers: the same bytes on the wire, and botocore for all that goes wrong."""

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
from dataclasses import dataclass, field
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

from email_activity.aws import clients, fast_client
from email_activity.aws.clients import dynamodb_client, sqs_client
from email_activity.settings import load_settings

URL = "http://sqs.us-east-1.amazonaws.com/111122223333/events"
RECEIVE = {"QueueUrl": URL, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 0, "MessageAttributeNames": ["replay"]}
REPLAYED = {
    "MessageId": "1",
    "Body": "\u00e9",
    "MessageAttributes": {"replay": {"DataType": "String", "StringValue": "1"}},
}
ITEM = {"pk": {"S": "EMAIL#1"}, "sk": {"S": "\u00e9"}, "n": {"N": "1"}}
PUT = {"events": [{"PutRequest": {"Item": ITEM}}]}
QUERY = {
    "TableName": "events",
    "IndexName": "by_document",
    "KeyConditionExpression": "#partition = :partition",
    "ExpressionAttributeNames": {"#partition": "document"},
    "ExpressionAttributeValues": {":partition": {"S": "invoice#\u00e9"}},
    "ScanIndexForward": False,
    "Limit": 50,
    "ExclusiveStartKey": ITEM,
}
STATEMENT = {"Statement": 'SELECT * FROM "events"', "Parameters": [{"S": "\u00e9"}], "NextToken": "n"}
RECEIVED = {"Messages": [{"MessageId": "1", "Body": "x"}]}

#: To a request by its number; a tuple's second part is sent when nobody asked for it.
Answer = Callable[[int], bytes | tuple[bytes, bytes]]

#: In the place of what nobody asked for: the connection ends.
CLOSED = b"closed"

#: Lets the services send what nobody asked for.
later = threading.Event()


@dataclass
class Service:
    """requests: headers and body of each. per_connection: how many requests came on each connection."""

    answer: Answer
    tls: ssl.SSLContext | None = None
    endpoint: str = ""
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    per_connection: list[int] = field(default_factory=list)

    def serve(self, accepted: socket.socket, number: int) -> None:
        with suppress(OSError), self._secured(accepted) as connection, connection.makefile("rb") as reader:
            while reader.readline():
                headers = {}
                while line := reader.readline().strip():
                    name, _, value = line.decode().partition(":")
                    headers[name.lower()] = value.strip()
                self.requests.append((headers, reader.read(int(headers["content-length"]))))
                self.per_connection[number] += 1
                answer = self.answer(len(self.requests))
                first, unasked = answer if isinstance(answer, tuple) else (answer, b"")
                connection.sendall(first)
                if unasked == CLOSED or b"\r\n\r\n" not in first:  # nothing more will come
                    return
                if unasked:
                    later.wait(5)
                    connection.sendall(unasked)

    def _secured(self, accepted: socket.socket) -> socket.socket:
        return self.tls.wrap_socket(accepted, server_side=True) if self.tls else accepted

    def accept(self, listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = listening.accept()
                self.per_connection.append(0)
                number = len(self.per_connection) - 1
                threading.Thread(target=self.serve, args=(connection, number), daemon=True).start()


@contextmanager
def service(answer: Answer, tls: ssl.SSLContext | None = None) -> Iterator[Service]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        endpoint = f"{'https' if tls else 'http'}://localhost:{listening.getsockname()[1]}"
        made = Service(answer, tls, endpoint)
        acceptor = threading.Thread(target=made.accept, args=(listening,), daemon=True)
        acceptor.start()
        try:
            yield made
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            acceptor.join(5)


def opened(make: Callable[..., Any], endpoint: str, **others: object) -> closing[Any]:
    return closing(make(load_settings(aws_endpoint_url=endpoint, **others)))


@contextmanager
def client_of(
    answer: Answer, make: Callable[..., Any] = sqs_client, tls: ssl.SSLContext | None = None
) -> Iterator[tuple[Any, Service]]:
    with service(answer, tls) as stub, opened(make, stub.endpoint) as client:
        yield client, stub


def reply(content: object, status: str = "200 OK", *more: str) -> bytes:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    head = [f"HTTP/1.1 {status}", "Content-Type: application/x-amz-json-1.0", f"Content-Length: {len(body)}", *more]
    return "\r\n".join([*head, "", ""]).encode() + body


def first(odd: Any, then: bytes) -> Answer:
    return lambda number: odd if number == 1 else then


def sent_by_botocore(client: Any) -> list[str]:
    """Fills with the operations that botocore sends."""
    sent: list[str] = []
    client.meta.events.register("request-created", lambda operation_name, **_: sent.append(operation_name))
    return sent


def until_readable(client: Any, endpoint: str) -> None:
    """Waits until something has come on the idle connection that would be used next."""
    pool = client._endpoint.http_session._manager.connection_from_url(endpoint)
    assert select.select([pool.pool.queue[-1].sock], [], [], 5)[0]


@pytest.fixture
def authority(monkeypatch, tmp_path: Path) -> trustme.CA:
    """Trusted by AWS's clients."""
    made = trustme.CA()
    made.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    return made


def certified(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*(names or ("localhost",))).configure_cert(context)
    return context


@pytest.fixture(params=[False, True], ids=["plain", "tls"])
def tls(request, authority: trustme.CA) -> ssl.SSLContext | None:
    return certified(authority) if request.param else None


# ---- what is sent and returned ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "call", "content"),
    [
        (sqs_client, lambda sqs: sqs.receive_message(**RECEIVE), {"Messages": [REPLAYED]}),
        (sqs_client, lambda sqs: sqs.receive_message(**RECEIVE), {}),
        (
            sqs_client,
            lambda sqs: sqs.delete_message_batch(QueueUrl=URL, Entries=[{"Id": "0", "ReceiptHandle": "h"}]),
            {"Successful": [{"Id": "0"}], "Failed": []},
        ),
        (dynamodb_client, lambda dynamodb: dynamodb.batch_write_item(RequestItems=PUT), {"UnprocessedItems": PUT}),
        (dynamodb_client, lambda dynamodb: dynamodb.query(**QUERY), {"Items": [ITEM], "LastEvaluatedKey": ITEM}),
        (
            dynamodb_client,
            lambda dynamodb: dynamodb.execute_statement(**STATEMENT),
            {"Items": [ITEM], "NextToken": "n"},
        ),
    ],
    ids=["receive", "nothing received", "delete", "write", "query", "statement"],
)
def test_it_sends_and_returns_what_boto3_does(make, call, content):
    with service(lambda _: reply(content)) as stub:
        with opened(make, stub.endpoint) as client:
            ours = call(client)
        with opened(make, stub.endpoint, aws_direct_calls=False) as client:
            theirs = call(client)
    theirs.pop("ResponseMetadata")
    assert {name: value for name, value in ours.items() if value} == {n: v for n, v in theirs.items() if v}
    (our_headers, our_body), (their_headers, their_body) = stub.requests
    assert json.loads(our_body) == json.loads(their_body)
    for name in ("x-amz-target", "content-type", "host"):
        assert our_headers[name] == their_headers[name]


def test_requests_are_signed():
    with client_of(lambda _: reply({})) as (sqs, stub):
        sqs.receive_message(**RECEIVE)
    headers, body = stub.requests[0]
    again = AWSRequest("POST", stub.endpoint + "/", data=body)
    for name in headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";"):
        again.headers[name] = headers[name]
    again.context["timestamp"] = headers["x-amz-date"]
    auth = SigV4Auth(Credentials("test", "test"), "sqs", "us-east-1")
    signature = auth.signature(auth.string_to_sign(again, auth.canonical_request(again)), again)
    assert headers["authorization"].endswith(f"Signature={signature}")
    assert {"host", "x-amz-date", "x-amz-target"} <= set(again.headers.keys())


def test_a_success_gives_back_a_retry_as_by_botocore():
    events: list[Any] = []
    with client_of(lambda _: reply({})) as (sqs, _):
        sqs.meta.events.register("after-call.sqs.ReceiveMessage", lambda **event: events.append(event))
        sqs.receive_message(**RECEIVE)
    (event,) = events
    assert (event["http_response"].status_code, event["parsed"]) == (200, {})


def test_what_is_no_plain_json_is_left_to_botocore():
    with client_of(lambda _: reply({})) as (sqs, stub):
        sent = sent_by_botocore(sqs)
        sqs.receive_message(**RECEIVE, AttributeNames=["All"])
        sqs.get_queue_attributes(QueueUrl=URL)
    assert sent == ["ReceiveMessage", "GetQueueAttributes"]
    assert len(stub.requests) == 2


# ---- connections -----------------------------------------------------------------------------------------------------


def test_a_connection_is_kept(tls):
    large = {"Messages": [{"MessageId": "1", "Body": "x" * 300_000}]}
    with client_of(lambda _: reply(large), tls=tls) as (sqs, stub):
        for _ in range(3):
            assert sqs.receive_message(**RECEIVE) == large
    assert stub.per_connection == [3]


def test_a_connection_that_the_other_side_has_closed_is_not_used_again():
    with client_of(lambda _: (reply({}), CLOSED)) as (sqs, stub):
        sent = sent_by_botocore(sqs)
        sqs.receive_message(**RECEIVE)
        until_readable(sqs, stub.endpoint)
        sqs.receive_message(**RECEIVE)
    assert (stub.per_connection, sent) == ([1, 1], [])


def test_an_answer_that_nobody_asked_for_is_never_taken_for_the_next(tls):
    """It said that a batch was written before the batch was sent."""
    taken = {"UnprocessedItems": {}}
    later.clear()
    answer = first((reply(taken), reply(taken)), reply({"UnprocessedItems": PUT}))
    with client_of(answer, dynamodb_client, tls) as (dynamodb, stub):
        assert dynamodb.batch_write_item(RequestItems=PUT) == taken
        later.set()
        until_readable(dynamodb, stub.endpoint)
        assert dynamodb.batch_write_item(RequestItems=PUT)["UnprocessedItems"] == PUT
    assert stub.per_connection == [1, 1]


def test_a_connection_of_botocores_is_used_with_the_same_time_outs():
    with client_of(lambda _: (reply({}), CLOSED)) as (sqs, stub):
        sqs.get_queue_attributes(QueueUrl=URL)
        until_readable(sqs, stub.endpoint)
        sqs.receive_message(**RECEIVE)
        pool = sqs._endpoint.http_session._manager.connection_from_url(stub.endpoint)
        (connection,) = filter(None, pool.pool.queue)
        assert connection.timeout == clients.CONNECT_TIMEOUT
        assert connection.sock.gettimeout() == clients.READ_TIMEOUT + 5


def test_after_a_time_out_it_is_tried_once_more(monkeypatch, tls):
    monkeypatch.setattr(clients, "READ_TIMEOUT", 0.1)
    silence = threading.Event()
    with client_of(lambda _: bytes(silence.wait(2) and 0), dynamodb_client, tls) as (dynamodb, stub):
        with pytest.raises(ReadTimeoutError):
            dynamodb.batch_write_item(RequestItems=PUT)
        silence.set()
    assert len(stub.requests) == 2


@pytest.mark.parametrize("is_trusted", [False, True], ids=["of an unknown authority", "for another name"])
def test_a_server_with_a_wrong_certificate_gets_no_request(authority: trustme.CA, is_trusted):
    context = certified(authority, "another.example") if is_trusted else certified(trustme.CA())
    with client_of(lambda _: reply({}), tls=context) as (sqs, stub), pytest.raises(SSLError):
        sqs.receive_message(**RECEIVE)
    assert not stub.requests


@pytest.mark.parametrize("where", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "a profile"])
def test_certificates_are_those_that_botocore_trusts(monkeypatch, tmp_path: Path, where: str):
    authority, bundle = trustme.CA(), tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(bundle)
    if where == "a profile":
        (tmp_path / "config").write_text(f"[default]\nca_bundle = {bundle}\n")
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    else:
        monkeypatch.setenv(where, str(bundle))
    with client_of(lambda _: reply({}), tls=certified(authority)) as (sqs, stub):
        sent = sent_by_botocore(sqs)
        sqs.receive_message(**RECEIVE)
    assert (len(stub.requests), sent) == (1, [])


@pytest.mark.parametrize("account", ["111122223333", None])
@pytest.mark.parametrize("table", ["events", "arn:aws:dynamodb:us-east-1:444455556666:table/events"])
def test_the_endpoint_is_the_accounts_own_where_botocore_finds_one(monkeypatch, authority, account, table):
    """https://docs.aws.amazon.com/sdkref/latest/guide/feature-account-endpoints.html"""
    if account:
        monkeypatch.setenv("AWS_ACCOUNT_ID", account)
    names = [f"{each}.ddb.us-east-1.amazonaws.com" for each in ("111122223333", "444455556666")]
    connect = urllib3.util.connection.create_connection
    with service(lambda _: reply({}), certified(authority, "dynamodb.us-east-1.amazonaws.com", *names)) as stub:
        here = ("localhost", urlsplit(stub.endpoint).port)
        monkeypatch.setattr(
            urllib3.util.connection, "create_connection", lambda _, *given, **named: connect(here, *given, **named)
        )
        for is_direct in (True, False):
            with closing(dynamodb_client(load_settings(aws_direct_calls=is_direct))) as dynamodb:
                sent = sent_by_botocore(dynamodb)
                dynamodb.batch_write_item(RequestItems={table: PUT["events"]})
                for name in ("events", table):
                    dynamodb.query(**QUERY | {"TableName": name})
                assert sent == ["BatchWriteItem", "Query", "Query"] * (not is_direct)
    ours, _, our_query, theirs, _, their_query = (headers["host"] for headers, _ in stub.requests)
    assert ours == theirs == our_query == their_query
    assert (ours == "dynamodb.us-east-1.amazonaws.com") == (account is None and table == "events")


# ---- what does not succeed -------------------------------------------------------------------------------------------

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
    "two answers": reply({}) + reply({"Messages": []}),
    "chunked": reply({}, "200 OK", "Transfer-Encoding: chunked"),
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
}


@pytest.mark.parametrize("odd", FRAMES.values(), ids=FRAMES)
def test_after_a_200_that_cannot_be_read_all_calls_are_botocores(odd):
    """The messages in it are hidden now, and have been received once: it must not go on like that."""
    with structlog.testing.capture_logs() as logged, client_of(first(odd, reply(RECEIVED))) as (sqs, stub):
        sent = sent_by_botocore(sqs)
        for _ in range(2):
            assert sqs.receive_message(**RECEIVE)["Messages"] == RECEIVED["Messages"]
    assert stub.per_connection[0] == 1, "the connection is not used again"
    assert len(stub.requests) == 3
    assert len(sent) == 3, "an attempt that was made here, one after it, and the next call"
    assert [(each["event"], each["reason"]) for each in logged] == [("direct_calls_off", "an answer cannot be read")]


TAKEN = json.dumps({"UnprocessedItems": PUT}).encode()

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
    "a wrong checksum": reply({"UnprocessedItems": {}}, "200 OK", "x-amz-crc32: 1"),
}


@pytest.mark.parametrize("odd", PASSING.values(), ids=PASSING)
def test_botocore_retries_what_may_pass(odd):
    """On another connection, and the next call is made here again."""
    good = reply(TAKEN, "200 OK", f"x-amz-crc32: {zlib.crc32(TAKEN)}")
    with (
        structlog.testing.capture_logs() as logged,
        client_of(first(odd, good), dynamodb_client) as (dynamodb, stub),
    ):
        assert dynamodb.batch_write_item(RequestItems=PUT)["UnprocessedItems"] == PUT
        sent = sent_by_botocore(dynamodb)
        assert dynamodb.batch_write_item(RequestItems=PUT)["UnprocessedItems"] == PUT
    targets = [headers["x-amz-target"] for headers, _ in stub.requests]
    assert targets == ["DynamoDB_20120810.BatchWriteItem"] * 3
    assert (sent, logged) == ([], [])


#: What a server may answer each time.
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
    """What a receive returns or raises."""
    try:
        answer = client.receive_message(**RECEIVE)
    except Exception as error:  # noqa: BLE001  whatever it is
        return type(error).__name__, str(error), (getattr(error, "response", None) or {}).get("Error")
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


@pytest.mark.parametrize("name", ALWAYS)
def test_the_outcome_is_boto3s_in_as_many_attempts(name):
    with service(lambda _: ALWAYS[name]) as stub:
        with opened(sqs_client, stub.endpoint) as sqs:
            ours = outcome(sqs)
        attempts = len(stub.requests)
        with opened(sqs_client, stub.endpoint, aws_direct_calls=False) as sqs:
            assert ours == outcome(sqs)
    assert attempts == len(stub.requests) - attempts
    assert name != "gone" or (ours[0], attempts) == ("QueueDoesNotExist", 1)


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


def test_without_credentials_botocore_raises_its_error(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with client_of(lambda _: reply({})) as (sqs, stub), pytest.raises(NoCredentialsError):
        sqs.receive_message(**RECEIVE)
    assert stub.requests == []


# ---- when it is not used ---------------------------------------------------------------------------------------------

#: Variables, the setting, and the reason that is logged.
OFF = {
    "a proxy": ({"https_proxy": "http://127.0.0.1:1"}, True, "a proxy leads to AWS"),
    "the setting": ({}, False, "AWS_DIRECT_CALLS=false"),
    "another proxy": ({"http_proxy": "http://127.0.0.1:1"}, True, None),
    "only hosts without a proxy": ({"no_proxy": "169.254.169.254"}, True, None),
    "AWS without a proxy": ({"https_proxy": "http://127.0.0.1:1", "no_proxy": ".amazonaws.com"}, True, None),
    "nothing": ({}, True, None),
}


@pytest.mark.parametrize(("variables", "is_wanted", "reason"), OFF.values(), ids=OFF)
def test_it_is_off_only_for_a_reason_which_is_logged(monkeypatch, variables, is_wanted, reason):
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
    lines = [(each["event"], each["service"], each["reason"]) for each in logged]
    assert lines == [("direct_calls_off", service, reason) for service in ("sqs", "dynamodb") if reason]


def test_of_another_botocore_nothing_is_assumed(monkeypatch):
    monkeypatch.delattr("botocore.httpsession.ProxyConfiguration.proxy_url_for")
    with closing(sqs_client(load_settings())) as sqs:
        assert fast_client.reason_against(sqs) == "this version of botocore is not known"
        assert "_make_api_call" not in vars(sqs)


def test_a_command_has_its_standard_output_for_itself():
    code = "from email_activity.telemetry import log; log.warning('direct_calls_off')"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == ""
    assert "direct_calls_off" in ran.stderr
