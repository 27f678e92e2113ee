"""A message that `email-activity replay` sent: every fact of it is written, also where Redis says that it is done."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from email_activity.domain.errors import NotJsonError
from email_activity.domain.facts import Key
from email_activity.ingest.disposition import InterpretedMessage, PartResult, disposition, keys_to_write
from email_activity.ingest.model import REPLAY_ATTRIBUTE, REPLAY_ATTRIBUTES, Claim, Message, StoreResult
from email_activity.ingest.receive import message_from_sqs
from email_activity.ingest.settle import Settler
from email_activity.ses.interpret import Interpretation, InterpretedEvent, Outcome
from events import Email, raw
from fakesite import QUEUE, FakeSite, message

EVENT: Key = ("EMAIL#1", "EVENT#1")
OTHER: Key = ("EMAIL#1", "EVENT#2")


def received(body: str, *, is_replay: bool = True) -> Message:
    attributes = {"MessageAttributes": REPLAY_ATTRIBUTES} if is_replay else {}
    return message_from_sqs({"MessageId": "id", "ReceiptHandle": f"handle-{is_replay}", "Body": body, **attributes})


def interpreted(*keys: Key, is_replay: bool = True) -> InterpretedMessage:
    event = InterpretedEvent(Outcome.ACTIVITY, "raw")
    return InterpretedMessage(
        received("body", is_replay=is_replay), Interpretation.of((event,), {key: {} for key in keys})
    )


def test_all_facts_of_a_replayed_message_are_written_whoever_claims_them() -> None:
    for claim in Claim:
        assert keys_to_write([interpreted(EVENT)], {EVENT: claim}) == [EVENT]
    both = [interpreted(EVENT, OTHER, is_replay=False), interpreted(EVENT)]
    assert keys_to_write(both, {EVENT: Claim.DONE, OTHER: Claim.DONE}) == [EVENT]


@pytest.mark.parametrize(
    ("stored", "wanted", "of_normal"),
    [
        (StoreResult(written={EVENT}), "delete", "delete"),
        (StoreResult(unprocessed={EVENT}), "return", "delete"),
        (StoreResult(refused={EVENT: "ValidationException"}), "quarantine", "delete"),
    ],
)
def test_only_what_was_written_now_counts_as_stored(stored: StoreResult, wanted: str, of_normal: str) -> None:
    """Of a normal message in the same batch that shares the fact, what was done before counts too."""
    state = PartResult({EVENT: Claim.DONE}, stored)
    assert disposition(interpreted(EVENT), state) == wanted
    assert disposition(interpreted(EVENT, is_replay=False), state) == of_normal


@pytest.mark.parametrize("is_replay", [False, True])
def test_what_redis_calls_done_and_the_table_lost_comes_back_though_throttled(*, is_replay: bool) -> None:
    site = FakeSite()
    pipeline, body = site.pipeline(), raw(Email().delivery())
    pipeline.process([message(body)])
    facts = site.dynamodb.facts
    assert facts
    site.dynamodb.items = {key: item for key, item in (site.dynamodb.items or {}).items() if key not in facts}
    site.sqs.deleted.clear()

    def throttled(call: str, _: Any) -> None:
        if call == "BatchWriteItem":
            raise ClientError({"Error": {"Code": "ThrottlingException"}}, call)

    again = received(body, is_replay=is_replay)
    site.dynamodb.before = throttled
    pipeline.process([again])
    assert (site.sqs.returned, site.sqs.deleted) == (
        ([again.receipt_handle], []) if is_replay else ([], [again.receipt_handle])
    )
    site.dynamodb.before = lambda _call, _asked: None
    pipeline.process([again])
    assert site.dynamodb.facts == (facts if is_replay else set())


def test_a_receive_asks_for_the_attribute() -> None:
    site, asked = FakeSite(), dict[str, Any]()
    site.sqs.receive_message = lambda **call: asked.update(call) or {}  # type: ignore[method-assign,func-returns-value]
    site.pipeline().receive()
    assert asked["MessageAttributeNames"] == [REPLAY_ATTRIBUTE]
    assert not message("body").is_replay


@pytest.mark.parametrize("is_replay", [False, True])
def test_a_quarantined_message_keeps_the_attribute(*, is_replay: bool) -> None:
    sent: list[dict[str, Any]] = []
    site = FakeSite()
    site.sqs.send_message = lambda **call: sent.append(call) or {"MessageId": "1"}  # type: ignore[method-assign,func-returns-value]
    settler = Settler(site.sqs, QUEUE)  # type: ignore[arg-type]
    assert settler.quarantine({received("{", is_replay=is_replay): NotJsonError()})
    kept = {name: value for name, value in sent[0]["MessageAttributes"].items() if name == REPLAY_ATTRIBUTE}
    assert kept == (REPLAY_ATTRIBUTES if is_replay else {})


@pytest.mark.parametrize("attributes", [{}, {"MessageAttributes": None}, {"MessageAttributes": {}}])
def test_a_message_without_attributes_is_no_replay(attributes: dict[str, None]) -> None:
    given = {"MessageId": "id", "ReceiptHandle": "handle", "Body": "body"}
    assert not message_from_sqs({**given, **attributes}).is_replay
