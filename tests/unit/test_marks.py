"""Personal data goes to the table: whatever fails in a worker, nothing else holds any of it.

Beside it stand commands and page; tests/integration/test_marks_left.py has a whole worker, with what its libraries log.
"""

import base64
import html
import json
import logging
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import redis
from botocore.exceptions import ClientError, EndpointConnectionError

from email_activity.redis_client.commands import RedisCommands
from email_activity.redis_url import read_redis_url
from email_activity.telemetry import log
from events import TOPIC
from fakesite import FakeSite
from marks import ADDRESS, IP6, SAID, UMLAUT, bodies, marked, marked_events, traces, unreadable
from unit.test_logging import configured  # noqa: F401  a fixture

ENCODINGS: dict[str, Callable[[str], object]] = {
    "as it is": str,
    "in capitals": str.upper,
    "in a URL": lambda text: quote(text, safe=""),
    "in a URL of a URL": lambda text: quote(quote(text, safe="")),
    "in HTML": html.escape,
    "in HTML by numbers": lambda text: "".join(f"&#{ord(each)};" for each in text),
    "in JSON": json.dumps,
    "in JSON of JSON": lambda text: json.dumps(json.dumps(text)),
    "in JSON by numbers": lambda text: "".join(f"\\u{ord(each):04x}" for each in text),
    "for a terminal": lambda text: text.encode("unicode_escape").decode(),
    "in UTF-8": str.encode,
    "in hexadecimal": lambda text: text.encode().hex(),
    "in base64": lambda text: base64.b64encode(text.encode()).decode(),
    "in base64 for URLs": lambda text: base64.urlsafe_b64encode(b"1" + text.encode()).decode(),
    "in an object in base64": lambda text: base64.b64encode(json.dumps({"at": text}).encode()),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("mark", [ADDRESS, UMLAUT, IP6, f"Person <{ADDRESS}>"])
def test_a_mark_is_found_in_each_encoding(encoding: str, mark: str) -> None:
    for before in ("", "1", "12"):
        assert traces("no", ENCODINGS[encoding](before + mark), "no")


def test_where_there_is_none_none_is_found() -> None:
    assert traces("ana@example.com", b"198.51.100.7 eHE3bWFyaw==", 7, {"zq": "7mark"}) == set()


#: What is called with an event in hand, or with what became of one.
PLACES = (
    "ses.interpret.parse",
    "ses.interpret.normalize",
    "ingest.pipeline.interpret",
    "ingest.pipeline.disposition",
    "ingest.pipeline.keys_to_write",
    "ingest.pipeline.Pipeline.commit",
    "ingest.batch.Batch.count",
    "ingest.claims.Claims.claim",
    "ingest.claims.Claims.commit",
    "ingest.figures.Figures.add",
    "ingest.heartbeat.InFlightMessages.release",
    "ingest.reported_kinds.ReportedKinds.missing",
    "ingest.settle.Settler.delete",
    "ingest.settle.Settler.quarantine",
    "ingest.store.Store.put",
    "ingest.table_identity.ThisProcess.record_event",
    "ingest.tombstones.Forgotten.without_people",
)

CALLS = (
    *("receive_message", "delete_message_batch", "change_message_visibility_batch", "send_message"),
    *("batch_write_item", "put_item", "describe_table", "query"),
)

#: Errors of libraries whose text quotes what was sent.
ERRORS: dict[str, Callable[[str], Exception]] = {
    "bug": ValueError,
    "refused": lambda text: ClientError({"Error": {"Code": "ValidationException", "Message": text}}, "Call"),
    "throttled": lambda text: ClientError({"Error": {"Code": "ThrottlingException", "Message": text}}, "Call"),
    "away": lambda text: EndpointConnectionError(endpoint_url=text),
}


#: Calls that fail before the worker is stopped.
ENOUGH = 3


class Fault:
    def __init__(self, error: Callable[[str], Exception]) -> None:
        self.error = error
        self.calls = 0

    def __call__(self, *given: Any, **asked: Any) -> Any:
        self.calls += 1
        raise self.error(f"{given} {asked} {SAID}")


@pytest.fixture
def shown(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    configured: Callable[[str], object],  # noqa: F811  the fixture
    capfd: pytest.CaptureFixture[str],
) -> Iterator[Callable[..., str]]:
    """Polls once on these messages, and returns all that a worker shows but the table and its messages' bodies."""
    # A thread that never ends, of each worker here.
    monkeypatch.setattr("email_activity.ingest.heartbeat.Heartbeat._extend_forever", lambda _: None)
    for pause in ("poller.PAUSE", "store.MAX_PAUSE", "circuit_breaker.PROBE_EVERY"):
        monkeypatch.setattr(f"email_activity.ingest.{pause}", 0.001)
    attributes: list[Any] = []

    def poll(site: FakeSite, messages: list[str], faults: Collection[Fault] = (), **settings: Any) -> str:
        def stopping() -> bool:
            return not site.sqs.waiting or any(fault.calls > ENOUGH for fault in faults)

        send = site.sqs.send_message
        monkeypatch.setattr(
            site.sqs, "send_message", lambda **asked: attributes.append(asked["MessageAttributes"]) or send(**asked)
        )
        configured("json")
        logging.getLogger().setLevel(logging.DEBUG)
        for body in messages:
            site.sqs.put(body)
        given = {
            "health_file": str(tmp_path / "health"),
            "tracked_document_types": "*",
            "threads_per_process": 1,
            "receive_wait_seconds": 0,
        }
        site.poller(monkeypatch, stopping, **given, **settings).poll()
        health = [path.read_text() for path in tmp_path.iterdir()]
        output = capfd.readouterr()
        return "\n".join(map(str, [output.out, output.err, attributes, site.redis, vars(site.redis), health]))

    yield poll
    # It keeps the configuration with which it logged first.
    vars(log).pop("bind", None)


def few() -> list[str]:
    wild = marked(marked_events()[0], but="eventType")
    return [*map(json.dumps, [wild, *marked_events()]), *unreadable()]


@pytest.mark.parametrize("signatures", ["off", "warn", "enforce"])
def test_what_is_recorded_or_refused_is_in_the_table_alone(
    shown: Callable[..., str], monkeypatch: pytest.MonkeyPatch, signatures: str
) -> None:
    site = FakeSite()
    monkeypatch.setattr("email_activity.ingest.certificates._get", Fault(ERRORS["away"]))
    trusted = {"trusted_sns_topics": TOPIC} if signatures == "enforce" else {}
    told = shown(site, bodies(), sns_signatures=signatures, **trusted)
    assert traces(told) == set()
    for event in ("batch", "quarantined", *(["certificate_failed"] if signatures != "off" else [])):
        assert f'"event": "{event}"' in told
    assert bool(traces(site.dynamodb.items)) == (signatures != "enforce")
    assert traces(*site.sqs.dead)


@pytest.mark.parametrize("place", PLACES)
def test_a_bug_with_an_event_in_hand_names_nobody(
    shown: Callable[..., str], monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    fault = Fault(ERRORS["bug"])
    monkeypatch.setattr(f"email_activity.{place}", fault)
    told = shown(FakeSite(), few(), [fault])
    assert fault.calls
    assert traces(told) == set()
    assert "ValueError at " in told


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("call", CALLS)
def test_what_aws_says_of_an_event_is_not_passed_on(
    shown: Callable[..., str], monkeypatch: pytest.MonkeyPatch, call: str, error: str
) -> None:
    site, fault = FakeSite(), Fault(ERRORS[error])
    if call.startswith("change"):  # only what cannot be written is returned
        site.dynamodb.batch_write_item = Fault(ERRORS["away"])
    monkeypatch.setattr(site.sqs if hasattr(site.sqs, call) else site.dynamodb, call, fault)
    told = shown(site, few(), [fault])
    assert fault.calls
    assert traces(told) == set()


@pytest.mark.parametrize("error", [redis.ConnectionError, redis.ResponseError, redis.AuthenticationError, ValueError])
def test_what_redis_says_is_not_passed_on(
    shown: Callable[..., str], monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    site, fault = FakeSite(), Fault(error)
    site.redis = RedisCommands(read_redis_url("redis://127.0.0.1:9/0"))
    monkeypatch.setattr("email_activity.redis_client.nodes.mode", lambda _: "standalone")
    monkeypatch.setattr("email_activity.redis_client.nodes.run_on_server", fault)
    told = shown(site, few(), [fault])
    assert fault.calls
    assert traces(told) == set()


class Odd:
    """What no line can hold."""

    def __repr__(self) -> str:
        raise ValueError(SAID)


@pytest.mark.parametrize("written", [True, False])
def test_a_line_that_cannot_be_logged_says_so_and_not_what_of(
    configured: Callable[[str], Any],  # noqa: F811  the fixture
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    written: bool,
) -> None:
    log = configured("json")
    if not written:
        monkeypatch.setattr(logging.getLogger().handlers[0], "stream", None)
    try:
        Fault(ValueError)()
    except ValueError:
        log.error("batch_failed", odd=Odd() if written else SAID)  # noqa: TRY400  as the worker does, without its text
    told = capfd.readouterr().err
    assert traces(told) == set()
    assert {"event": "log_failed", "logger": log.name}.items() <= json.loads(told).items()
