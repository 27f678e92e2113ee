"""Redis under an attacker's control: an event that it calls done is lost until a replay, and nothing else is.

It learns hashes, fills no memory and holds no thread. What it must not break is shown in chaos/test_dedupe_redis.py.
"""

import itertools
import json
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from cputime import takes_at_most
from email_activity.domain.errors import TransientError
from email_activity.hosting.start_check import check_for_duplicates
from email_activity.ingest.claims import Claims
from email_activity.ingest.model import REPLAY_ATTRIBUTES
from email_activity.ingest.receive import message_from_sqs
from email_activity.redis_client import nodes, parser
from email_activity.redis_client.commands import RedisCommands
from email_activity.redis_url import read_redis_url
from events import KINDS, Email, raw, sns
from fakesite import FakeSite, message
from hostileredis import ANSWERS, DONE, ESCAPE, HELD, NONE, HostileRedis, as_answer, drip, honest
from tlsfront import TlsFront

#: Seconds within which an answer, and those to a batch, must be there; made short so that tests need not wait.
SHORT = 0.2


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parser, "MAX_SECONDS", SHORT)
    monkeypatch.setattr(nodes, "ANSWERS_WITHIN", SHORT)
    monkeypatch.setitem(nodes.CONNECTION, "socket_timeout", SHORT)


def site_with(server: HostileRedis) -> FakeSite:
    site = FakeSite()
    site.redis = RedisCommands(read_redis_url(server.url))
    return site


def test_what_a_liar_calls_done_is_lost_and_a_replay_brings_it_back() -> None:
    body = raw(Email().delivery())
    with HostileRedis(lambda _: DONE) as server:
        site = site_with(server)
        pipeline = site.pipeline()
        pipeline.process([message(body)])
        assert (site.sqs.deleted, site.dynamodb.facts) == (["handle"], set())
        replayed = {"MessageId": "1", "ReceiptHandle": "1", "Body": body, "MessageAttributes": REPLAY_ATTRIBUTES}
        pipeline.process([message_from_sqs(replayed)])
    honest_site = FakeSite()
    honest_site.pipeline().process([message(body)])
    assert site.dynamodb.facts == honest_site.dynamodb.facts != set()


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("name", ANSWERS)
def test_any_other_answer_loses_nothing_and_leaves_nothing_in_hand(name: str) -> None:
    """Each message is deleted with all its facts stored, or back in the queue. What is read and done is bounded."""
    with HostileRedis(as_answer(ANSWERS[name])) as server, capture_logs() as logs:
        site = site_with(server)
        pipeline = site.pipeline()
        handles = [site.sqs.put(raw(Email().send())) for _ in range(3)]
        pipeline.process(pipeline.receive())
        assert site.sqs.in_hand == set()
        assert sorted(site.sqs.deleted + site.sqs.returned) == sorted(handles)
        assert len(site.dynamodb.facts) >= 2 * len(site.sqs.deleted)
        assert server.sent < 16 * parser.MAX_BYTES  # most of it in the buffers of the two sockets
    assert ESCAPE not in str(logs)


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("name", ANSWERS)
def test_no_answer_to_the_first_question_is_a_crash(name: str) -> None:
    def answer(words: list[str]) -> Any:
        return as_answer(ANSWERS[name])(words) if words[0] == "HELLO" else honest(words)

    with HostileRedis(answer, to_all=True) as server:
        url = read_redis_url(server.url)
        with suppress(TransientError):
            RedisCommands(url).probe()
        assert check_for_duplicates(url)[1] == ""
        assert server.sent < 16 * parser.MAX_BYTES


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("name", ANSWERS)
def test_a_cluster_that_is_none_is_an_outage_and_no_crash(name: str) -> None:
    def answer(words: list[str]) -> Any:
        if words[0] == "HELLO":
            return honest(words).replace(b"standalone", b"cluster")
        return as_answer(ANSWERS[name])(words) if words[0] == "CLUSTER" else honest(words)

    with HostileRedis(answer, to_all=True) as server:
        with pytest.raises(TransientError):
            RedisCommands(read_redis_url(server.url)).probe()
        assert server.sent < 16 * parser.MAX_BYTES


@pytest.mark.usefixtures("short")
def test_answers_that_each_come_in_time_hold_nobody_for_longer_than_all_may() -> None:
    def slowly(_: list[str]) -> Iterator[bytes]:
        time.sleep(SHORT / 2)
        yield NONE

    with HostileRedis(slowly) as server, pytest.raises(TransientError):
        RedisCommands(read_redis_url(server.url)).run([("GET", "a")] * 100)
    assert server.sent < 500


@pytest.mark.usefixtures("short")
def test_an_answer_that_drips_in_holds_nobody_until_it_is_whole() -> None:
    with HostileRedis(drip) as server, pytest.raises(TransientError):
        RedisCommands(read_redis_url(server.url)).run([("GET", "a")])
    assert server.sent < 500


@pytest.mark.parametrize(
    "pieces", [[b"*399999999\r\n"], [b"*3999", b"99999\r\n"], [b"*10000\r\n"], [b"%199", b"999999\r\n"]]
)
def test_no_room_is_made_for_a_list_of_many_million_that_has_not_come(pieces: list[bytes]) -> None:
    """hiredis makes it at once, and takes seconds to give it back, in which no other thread runs."""

    def ask() -> None:
        with pytest.raises(TransientError, match="InvalidResponse"):
            commands.run([("GET", "a")])

    with HostileRedis(lambda _: iter(pieces)) as server:
        commands = RedisCommands(read_redis_url(server.url))
        assert takes_at_most(1, ask)


def test_an_answer_that_nobody_asked_for_is_not_taken_for_the_next() -> None:
    with HostileRedis(lambda _: NONE + DONE) as server:
        commands = RedisCommands(read_redis_url(server.url))
        assert [commands.run([("GET", "a")]) for _ in range(3)] == [[None]] * 3


def test_a_server_that_names_another_host_and_leaves_is_not_followed() -> None:
    """redis-py would, in the third version of the protocol, and start a thread each time."""
    numbers = itertools.count(1)

    def leaves(_: list[str]) -> Iterator[bytes]:
        yield f">4\r\n+MOVING\r\n:{next(numbers)}\r\n:9\r\n$14\r\n127.0.0.2:6379\r\n".encode() + NONE
        raise ConnectionAbortedError

    with HostileRedis(leaves) as server, HostileRedis(honest, ("127.0.0.2", server.port)) as elsewhere:
        commands = RedisCommands(read_redis_url(server.url))
        for _ in range(5):
            with suppress(TransientError):
                commands.run([("GET", "a")])
        assert elsewhere.heard == b""
        assert not any(isinstance(each, threading.Timer) for each in threading.enumerate())


@pytest.mark.parametrize("end", [b":9999999999999\r\n", b":-1\r\n", b"$-1\r\n", b",inf\r\n", b"*0\r\n", b"+x\r\n"])
def test_a_lease_without_end_holds_a_message_back_for_one_lease(end: bytes) -> None:
    with HostileRedis(lambda words: end if words[0] == "PTTL" else HELD) as server:
        redis = RedisCommands(read_redis_url(server.url))
        assert 0 <= Claims(redis, "of a table", 60, 600).leases([("a", "b")])[("a", "b")] <= 60


def test_what_is_said_to_be_held_for_ever_is_written_at_the_second_receive() -> None:
    with HostileRedis(lambda words: b":9999999999999\r\n" if words[0] == "PTTL" else HELD) as server:
        site = site_with(server)
        pipeline, body = site.pipeline(), raw(Email().delivery())
        pipeline.process([message(body, receives=1, handle="first")])
        pipeline.process([message(body, receives=2, handle="second")])
    assert (site.sqs.returned, site.sqs.deleted) == (["first"], ["second"])
    assert {sk.partition("#")[0] for _, sk in site.dynamodb.facts} >= {"EVENT", "RECIPIENT"}


def texts(value: Any) -> Iterator[str]:
    match value:
        case dict():
            for name in value:
                yield from texts(value[name])
        case list():
            for each in value:
                yield from texts(each)
        case _:
            yield str(value)


@pytest.mark.parametrize("is_tls", [False, True])
def test_it_learns_hashes_and_the_ids_of_messages_and_no_word_of_an_event(tmp_path: Path, *, is_tls: bool) -> None:
    """Also of messages that are processed alone, since they may have killed their process."""
    email = Email()
    events = [make(email) for make in KINDS.values()]
    with HostileRedis(honest) as server, TlsFront(server.port, tmp_path) as front:
        if is_tls:
            server.url = f"rediss://localhost:{front.port}/0?ssl_ca_certs={front.authority}"
        site = site_with(server)
        pipeline = site.pipeline()
        pipeline.process([message(sns(event), handle=f"h{number}") for number, event in enumerate(events)])
        pipeline.process([message(raw(event), receives=9) for event in events], suspects_lock=threading.Lock())
    heard = server.heard.decode("latin-1")
    words = {text for event in events for text in texts(event) if len(text) > 5}
    assert len(words) > 40
    assert len(heard) > 2_000
    assert [word for word in words if word in heard or json.dumps(word)[1:-1] in heard] == []
