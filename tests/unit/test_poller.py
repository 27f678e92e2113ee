"""One process of a worker, on a queue, a table and a Redis in memory."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from email_activity.domain.errors import TransientError
from email_activity.ingest.health import State, read_health
from email_activity.ingest.poller import Poller
from email_activity.ingest.queue import find_queue
from events import Email, raw
from fakesite import FakeSite, FakeSqs

#: Seconds, a hang guard.
LONG = 120


def polled_until(
    monkeypatch: pytest.MonkeyPatch, folder: Path, site: FakeSite, is_over: Callable[[], Any], threads: int = 4
) -> Poller:
    until = time.monotonic() + LONG

    def stopping() -> bool:
        return bool(is_over()) or time.monotonic() > until

    poller = site.poller(
        monkeypatch,
        stopping,
        health_file=str(folder / "health"),
        threads_per_process=threads,
        receive_wait_seconds=0,
        batch_size=10,
    )
    while not stopping():
        poller.poll()
    assert is_over(), "not in time"
    return poller


def test_it_records_what_it_receives_and_tells_of_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    site = FakeSite()
    email = Email()
    handles = {site.sqs.put(raw(event)) for event in (email.send(), email.delivery(), email.open())}
    polled_until(monkeypatch, tmp_path, site, lambda: set(site.sqs.deleted) == handles)
    assert len(site.dynamodb.facts) == 4
    (told,) = site.dynamodb.beside("WORKERS")
    assert {"last_poll_at", "written_at", "version"} <= told.keys()


def test_what_may_kill_its_process_is_handled_while_nothing_else_is_in_hand(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Among many others, which all threads are busy with."""
    site = FakeSite(max_receives=6)
    receives = [1] * 95 + [3] * 5 + [2] * 95 + [5] * 5 + [1] * 100
    emails = {site.sqs.put(raw(email.send()), count): email for count in receives for email in [Email()]}
    suspects = [handle for handle, count in zip(emails, receives, strict=True) if count >= 3]
    in_hand: dict[str, set[str]] = {}
    most = []

    def before(call: str, asked: Any) -> None:
        if call == "BatchWriteItem":
            time.sleep(0.01)
            most.append(len(site.sqs.in_hand))
            for handle in suspects:
                if emails[handle].message_id in str(asked):
                    in_hand[handle] = set(site.sqs.in_hand)

    site.dynamodb.before = before
    polled_until(monkeypatch, tmp_path, site, lambda: len(site.sqs.deleted) == len(emails))
    assert max(most) > 10, "one thread worked alone"
    assert in_hand.keys() == set(suspects)
    # Those of the same receive wait for their turn, one after another.
    assert all(with_it <= set(suspects) for with_it in in_hand.values())


def test_a_message_is_a_suspect_from_half_of_its_receives_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for most, first in {2: 3, 4: 3, 5: 3, 6: 3, 7: 4, 12: 6, 100: 50}.items():
        sqs: Any = FakeSqs(most)
        poller = FakeSite(most).poller(monkeypatch, lambda: True, health_file=str(tmp_path / "health"))
        queue = find_queue(sqs, poller._settings)
        counts = [count for count in range(1, 101) if queue.is_crash_suspect(count)]
        assert counts[0] == first, most


@pytest.mark.parametrize("away", ["table", "redis"])
def test_no_receive_while_a_dependency_is_away(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, away: str) -> None:
    site, asked = FakeSite(), threading.Event()

    def fail() -> None:
        asked.set()
        raise TransientError("redis", "ConnectionError")

    if away == "redis":
        site.redis.probe = fail
    else:
        site.dynamodb.items = None
        site.dynamodb.before = lambda *_: asked.set()
    site.sqs.put(raw(Email().send()))
    polled_until(monkeypatch, tmp_path, site, asked.is_set)
    assert len(site.sqs.waiting) == 1
    state, _ = read_health(str(tmp_path / "health"))
    assert state.state is (State.WAITING if away == "redis" else State.WRONG_SETTING)


def test_a_process_that_fails_leaves_receiving_to_another(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    site = FakeSite()
    poller = site.poller(monkeypatch, lambda: False, health_file=str(tmp_path / "health"))
    monkeypatch.setattr(poller, "_sleep", lambda: None)
    site.sqs.receive_message = None  # whoever calls it fails
    worker = poller._receivers._worker
    poller._receivers.receives_for(LONG)
    assert worker.wanted(process=1) == 0
    turn = poller._receivers.take_turn(lambda: False)
    assert turn
    poller._poll_once(poller._components.pipeline(), turn)
    assert worker.wanted(process=1) == 1


@pytest.mark.parametrize("call", ["get_queue_url", "get_queue_attributes"])
def test_an_answer_that_is_not_sqss_is_a_failure_and_no_wrong_setting(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, call: str
) -> None:
    """A proxy may say 200 to anything."""
    site = FakeSite()
    monkeypatch.setattr(site.sqs, call, lambda **_: {"ResponseMetadata": {"HTTPStatusCode": 200}})
    poller = site.poller(monkeypatch, lambda: True, health_file=str(tmp_path / "health"))
    with pytest.raises(TransientError, match="sqs"):
        poller._components.queue_finder.find()
