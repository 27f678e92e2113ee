"""A fact that one thread of a process is writing is put by no other, and no message goes before it is stored."""

import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from email_activity.domain.errors import NotJsonError
from email_activity.domain.facts import Key
from email_activity.ingest.disposition import InterpretedMessage, keys_to_write
from email_activity.ingest.model import Claim, Message
from email_activity.ingest.writes import Writes
from email_activity.ses.interpret import Interpretation, InterpretedEvent, Outcome
from events import Email, raw
from fakesite import FakeSite, message

#: Seconds, a hang guard.
LONG = 20

EVENT: Key = ("EMAIL#1", "EVENT#1")
MAIL: Key = ("EMAIL#1", "RECIPIENT#1")


def test_of_a_recipient_fact_that_a_thread_of_this_process_writes_no_other_puts_it() -> None:
    def keys(receives: int = 1, error: NotJsonError | None = None) -> list[Key]:
        now = datetime.now(UTC)
        event = InterpretedEvent(Outcome.QUARANTINE if error else Outcome.ACTIVITY, "raw", error=error)
        given = Interpretation.of((event,), {EVENT: {}, MAIL: {}})
        part = [InterpretedMessage(Message("id", "handle", "body", receives, now, now), given)]
        return keys_to_write(part, {EVENT: Claim.OURS, MAIL: Claim.HELD}, {MAIL})

    assert keys() == [EVENT]
    # What must be stored now, is.
    assert keys(receives=2) == keys(error=NotJsonError()) == [EVENT, MAIL]


@pytest.mark.parametrize("is_stored", [True, False])
def test_two_threads_put_the_recipient_fact_of_both_their_events_once(is_stored: bool) -> None:
    """The second waits until the first has committed. If that could not store it, the message comes back."""
    site = FakeSite()
    pipeline, email = site.pipeline(), Email()
    is_writing, both_wrote = threading.Event(), threading.Event()
    puts: list[str] = []

    def before(call: str, asked: Any) -> None:
        if call != "BatchWriteItem":
            return
        puts.extend(put["PutRequest"]["Item"]["sk"]["S"] for put in asked["RequestItems"]["table"])
        if is_writing.is_set():
            both_wrote.set()
            return
        is_writing.set()
        assert both_wrote.wait(LONG), "the second waited for the first before it wrote what is its own"
        if not is_stored:
            raise EndpointConnectionError(endpoint_url="http://x")

    site.dynamodb.before = before
    first = threading.Thread(target=pipeline.process, args=([message(raw(email.send()), handle="first")],))
    first.start()
    assert is_writing.wait(LONG)
    pipeline.process([message(raw(email.delivery()), handle="second")])
    first.join(LONG)
    assert [put.partition("#")[0] for put in puts].count("RECIPIENT") == 1
    if is_stored:
        assert set(site.sqs.deleted) == {"first", "second"}
    else:
        assert set(site.sqs.returned) == {"first", "second"}
        assert not site.sqs.deleted
    assert not pipeline.writes._ended


def test_a_bug_met_while_storing_keeps_no_fact_from_later_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    site = FakeSite()
    pipeline = site.pipeline()
    given = [message(raw(Email().send()), handle="first")]
    monkeypatch.setattr(type(pipeline.table), "put", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        pipeline.process(given)
    assert not pipeline.writes._ended


def test_two_threads_that_hold_each_others_facts_do_not_wait_for_ever() -> None:
    writes = Writes()
    ended = []

    def commit(mine: Key, other: Key) -> None:
        both_began.wait(LONG)
        writes.end([mine])
        writes.wait_for([other])
        ended.append(mine)

    writes.begin([EVENT])
    writes.begin([MAIL])
    both_began = threading.Barrier(2)
    threads = [threading.Thread(target=commit, args=pair, daemon=True) for pair in ((EVENT, MAIL), (MAIL, EVENT))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    assert sorted(ended) == [EVENT, MAIL]
