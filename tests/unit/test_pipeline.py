"""The life of a batch, on fakes, and its two decisions: which facts it writes, and what becomes of each message."""

import json
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import EndpointConnectionError
from structlog.testing import capture_logs

from email_activity.domain.errors import NotJsonError, TransientError
from email_activity.domain.facts import Key
from email_activity.ingest import pipeline as module
from email_activity.ingest import table_identity
from email_activity.ingest.disposition import InterpretedMessage, PartResult, disposition, keys_to_write
from email_activity.ingest.heartbeat import InFlightMessages
from email_activity.ingest.model import Claim, Message, StoreResult
from email_activity.ingest.receive import message_from_sqs
from email_activity.ingest.table_identity import ANSWER_LASTS
from email_activity.ses import interpret as reading
from email_activity.ses.interpret import Interpretation, InterpretedEvent, Outcome, interpret
from email_activity.ses.tracking_policy import TrackingPolicy
from events import Email, lambda_sqs, raw
from fakesite import FakeSite, message, not_found

EVENT: Key = ("EMAIL#1", "EVENT#1")
OTHER: Key = ("EMAIL#1", "EVENT#2")
MAIL: Key = ("EMAIL#1", "RECIPIENT#1")
BAD = NotJsonError()


def interpreted(
    *activities: Key, mail: tuple[Key, ...] = (), receives: int = 1, error: NotJsonError | None = None
) -> InterpretedMessage:
    now = datetime.now(UTC)
    message = Message("id", "handle", "body", receives, now, now)
    event = InterpretedEvent(Outcome.QUARANTINE if error else Outcome.ACTIVITY, "raw", error=error)
    return InterpretedMessage(message, Interpretation.of((event,), {key: {} for key in (*activities, *mail)}))


def stored(written: set[Key] = frozenset(), refused: tuple[Key, ...] = (), left: set[Key] = frozenset()) -> StoreResult:  # type: ignore[assignment]
    return StoreResult(set(written), dict.fromkeys(refused, "ValidationException"), set(left))


OURS, HELD, DONE = Claim.OURS, Claim.HELD, Claim.DONE


@pytest.mark.parametrize(
    ("batch", "claims", "wanted"),
    [
        ([interpreted(EVENT), interpreted(EVENT, OTHER)], {EVENT: OURS, OTHER: OURS}, [EVENT, OTHER]),
        ([interpreted(EVENT, mail=(MAIL,))], {EVENT: DONE, MAIL: DONE}, []),
        # Without its recipient fact an email is not found by its document.
        ([interpreted(EVENT, mail=(MAIL,))], {EVENT: HELD, MAIL: HELD}, [MAIL]),
        # From the second receive on: the owner may be dead, and a put under a key made from content does no harm.
        ([interpreted(EVENT)], {EVENT: HELD}, []),
        ([interpreted(EVENT, receives=2)], {EVENT: HELD}, [EVENT]),
        # Its message goes to quarantine now.
        ([interpreted(EVENT, error=BAD)], {EVENT: HELD}, [EVENT]),
        ([interpreted(EVENT, OTHER)], {EVENT: OURS, OTHER: HELD}, [EVENT]),
    ],
)
def test_which_facts_are_written(batch: list[InterpretedMessage], claims: dict[Key, Claim], wanted: list[Key]) -> None:
    assert keys_to_write(batch, claims) == wanted


@pytest.mark.parametrize(
    ("given", "claims", "result", "wanted"),
    [
        (interpreted(EVENT), {EVENT: OURS}, stored({EVENT}), "delete"),
        (interpreted(EVENT), {EVENT: DONE}, stored(), "delete"),
        (interpreted(), {}, stored(), "delete"),  # control, untracked, expired
        (interpreted(EVENT), {EVENT: HELD}, stored(), "return_after_lease"),
        (interpreted(EVENT), {EVENT: HELD}, stored({EVENT}), "delete"),  # written all the same
        (interpreted(EVENT, OTHER), {EVENT: OURS, OTHER: HELD}, stored({EVENT}), "return_after_lease"),
        (interpreted(EVENT), {EVENT: OURS}, stored(left={EVENT}), "return"),
        (interpreted(EVENT, OTHER), {EVENT: OURS, OTHER: OURS}, stored({EVENT}, left={OTHER}), "return"),
        (interpreted(EVENT), {EVENT: OURS}, stored(refused=(EVENT,)), "quarantine"),
        (interpreted(EVENT, OTHER), {EVENT: OURS, OTHER: OURS}, stored({EVENT}, (OTHER,)), "quarantine"),
        (interpreted(error=BAD), {}, stored(), "quarantine"),
        # Of several events the good ones are stored before the message goes to quarantine.
        (interpreted(EVENT, error=BAD), {EVENT: OURS}, stored({EVENT}), "quarantine"),
        (interpreted(EVENT, error=BAD), {EVENT: OURS}, stored(left={EVENT}), "return"),
    ],
)
def test_what_becomes_of_a_message(
    given: InterpretedMessage, claims: dict[Key, Claim], result: StoreResult, wanted: str
) -> None:
    assert disposition(given, PartResult(claims, result)) == wanted


def test_a_fact_that_is_neither_written_nor_done_never_lets_its_message_go() -> None:
    for claim in (OURS, HELD):
        for result in (stored(), stored(left={EVENT}), stored(refused=(EVENT,))):
            assert disposition(interpreted(EVENT), PartResult({EVENT: claim}, result)) != "delete"


@pytest.mark.parametrize("given", [interpreted(EVENT), interpreted(EVENT, error=BAD)])
def test_what_was_done_or_stored_in_another_table_lets_no_message_go(given: InterpretedMessage) -> None:
    for claim, result in ((DONE, stored()), (OURS, stored({EVENT}))):
        assert disposition(given, PartResult({EVENT: claim}, result, is_of_this_table=False)) == "return"


def test_what_holds_no_facts_goes_whatever_the_table_is() -> None:
    assert disposition(interpreted(), PartResult({}, stored(), is_of_this_table=False)) == "delete"
    assert disposition(interpreted(error=BAD), PartResult({}, stored(), is_of_this_table=False)) == "quarantine"


def test_a_held_message_comes_back_when_the_last_lease_on_its_facts_ends() -> None:
    state = PartResult({EVENT: HELD, OTHER: HELD, MAIL: DONE}, stored(), {EVENT: 3.2, OTHER: 41.7})
    assert state.seconds_until_free(interpreted(EVENT)) == 4
    assert state.seconds_until_free(interpreted(EVENT, OTHER, mail=(MAIL,))) == 42
    assert PartResult({EVENT: HELD}, stored(), {EVENT: 0}).seconds_until_free(interpreted(EVENT)) == 1


def test_errors_name_the_dependency_and_its_code_only() -> None:
    assert str(TransientError("redis", "TimeoutError")) == "redis: TimeoutError"


@pytest.mark.parametrize("step", ["unwrap", "parse", "normalize", "key_of"])
def test_a_bug_met_on_one_message_is_that_messages_error(step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(reading, step, fail)
    found = interpret(raw(Email().send()), TrackingPolicy(), datetime.now(UTC))
    assert (found.outcome, found.items) == (Outcome.QUARANTINE, {})
    assert str(found.error).startswith("unexpected: ZeroDivisionError at test_pipeline.py:")


def test_elements_that_could_not_be_read_are_counted_for_the_batchs_line() -> None:
    event = Email().send()
    event["mail"]["tags"] |= {"odd": [{"a": 1}, "b"]}
    event["mail"]["headers"].append({"name": "X", "value": "y", "encoding": "utf-8"})
    found = interpret(raw(event), TrackingPolicy(), datetime.now(UTC))
    assert (found.outcome, found.odd_elements) == ("activity", 2)


# ---- on a table that may become another one --------------------------------------------------------------------------


@pytest.fixture
def site() -> FakeSite:
    return FakeSite()


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Of who asks whether the table is still the same."""
    now = [100.0]
    monkeypatch.setattr(table_identity.time, "monotonic", lambda: now[0])
    return now


def process(site: FakeSite, pipeline: module.Pipeline, *bodies: str, receives: int = 1) -> list[str]:
    """Returns the receipt handles."""
    for body in bodies:
        site.sqs.put(body, receives)
    given = site.sqs.receive_message(MaxNumberOfMessages=100).get("Messages", [])
    messages = [message_from_sqs(each) for each in given]
    pipeline.process(messages)
    return [each.receipt_handle for each in messages]


def test_what_is_done_in_a_table_that_was_replaced_meanwhile_is_recorded_anew(site: FakeSite, now: list[float]) -> None:
    pipeline, body = site.pipeline(), raw(Email().delivery())
    assert process(site, pipeline, body) == site.sqs.deleted
    facts = site.dynamodb.facts
    site.dynamodb.replace()
    now[0] += ANSWER_LASTS * 1.1
    (handle,) = process(site, pipeline, body)
    assert site.sqs.returned == [handle]
    assert handle not in site.sqs.deleted
    assert process(site, pipeline, body, receives=2)[0] in site.sqs.deleted
    assert site.dynamodb.facts == facts


@pytest.mark.parametrize("error", [None, "nor this"])
def test_a_table_replaced_after_the_claims_lets_nothing_go(site: FakeSite, now: list[float], error: str | None) -> None:
    """Whether it goes to quarantine for what else it holds, or not."""
    pipeline, event = site.pipeline(), Email().delivery()
    body = lambda_sqs(raw(event), error) if error else raw(event)
    process(site, pipeline, raw(event))
    site.sqs.deleted.clear()

    def replaced_meanwhile(keys: object) -> object:
        site.dynamodb.replace()
        now[0] += ANSWER_LASTS * 1.1
        return leases(keys)

    claims = pipeline.new_claims(pipeline.table_identity.current().namespace)
    leases = claims.leases
    claims.leases = replaced_meanwhile  # type: ignore[method-assign,assignment]
    pipeline = replace(pipeline, new_claims=lambda _: claims)
    process(site, pipeline, body)
    assert (site.sqs.deleted, site.sqs.dead) == ([], [])


def test_a_table_that_is_gone_ends_the_claims_of_all_batches_in_hand(site: FakeSite) -> None:
    pipeline = site.pipeline()
    version = pipeline.table_identity.current()

    def gone(call: str, _: object) -> None:
        if call == "BatchWriteItem":
            raise not_found(call)

    site.dynamodb.before = gone
    process(site, pipeline, raw(Email().send()))
    assert site.sqs.deleted == []
    assert not pipeline.table_identity.is_current(version)


def test_while_dynamodb_does_not_say_which_table_it_is_nothing_is_deleted(site: FakeSite, now: list[float]) -> None:
    pipeline, body = site.pipeline(), raw(Email().send())
    process(site, pipeline, body)
    site.sqs.deleted.clear()
    now[0] += ANSWER_LASTS * 1.1

    def away(call: str, _: object) -> None:
        if call == "PutItem":
            raise EndpointConnectionError(endpoint_url="http://x")

    site.dynamodb.before = away
    process(site, pipeline, body)
    assert site.sqs.deleted == []
    assert len(site.sqs.returned) == 1


def test_a_message_without_facts_asks_nothing_of_the_table(site: FakeSite, now: list[float]) -> None:
    pipeline = site.pipeline()
    pipeline.table_identity.current()
    now[0] += ANSWER_LASTS * 1.1
    site.dynamodb.calls.clear()
    handles = process(site, pipeline, raw(Email(document_type="newsletter").send()), "no event at all")
    assert set(site.sqs.deleted) == set(handles)
    assert site.sqs.dead == ["no event at all"]
    assert site.dynamodb.calls == []


# ---- in parts --------------------------------------------------------------------------------------------------------


def test_a_batch_is_taken_in_parts_of_bounded_size(site: FakeSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_PART_CHARACTERS", 3 * len(raw(Email().send())) * 2)
    sizes = []
    inner = module.Pipeline._process_part
    monkeypatch.setattr(
        module.Pipeline, "_process_part", lambda self, part, *rest: (sizes.append(len(part)), inner(self, part, *rest))
    )
    handles = process(site, site.pipeline(), *[raw(Email().send()) for _ in range(10)])
    assert site.sqs.deleted == handles
    assert sum(sizes) == 10
    assert max(sizes) <= 4
    assert len(sizes) >= 3


def test_no_message_that_is_settled_is_extended_while_a_later_part_is_at_work(
    site: FakeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be hidden again though it was given back, for a whole visibility timeout."""
    monkeypatch.setattr(module, "MAX_PART_CHARACTERS", 0)
    counts = []
    inner = InFlightMessages.release

    def release(in_flight: InFlightMessages, messages: object) -> None:
        inner(in_flight, messages)  # type: ignore[arg-type]
        counts.append(len(in_flight._messages))

    monkeypatch.setattr(InFlightMessages, "release", release)
    process(site, site.pipeline(), *[raw(Email().send()) for _ in range(4)])
    assert counts[:4] == [3, 2, 1, 0]


def test_alone_each_message_is_a_part_and_the_least_received_goes_first(site: FakeSite) -> None:
    entered = []

    @contextmanager
    def alone():
        entered.append(len(site.sqs.deleted))
        yield
        entered.append(len(site.sqs.deleted))

    for receives in (6, 8, 6, 7):
        site.sqs.put(raw(Email().send()), receives)
    messages = [message_from_sqs(each) for each in site.sqs.receive_message(MaxNumberOfMessages=10)["Messages"]]
    site.pipeline().process(messages, suspects_lock=alone())
    assert entered == [0, 4]
    order = [int(handle.partition("-")[2]) for handle in site.sqs.deleted]
    assert set(order[:2]) == {0, 2}
    assert order[2:] == [3, 1]
    assert not any("alone" in name for name in site.redis.values)


def test_what_was_handled_alone_when_its_process_died_goes_last_the_next_time(site: FakeSite) -> None:
    messages = [message(raw(Email().send()), 6, handle) for handle in ("a", "killer", "b", "c")]

    def dies(call: str, asked: object) -> None:
        if call == "BatchWriteItem" and killed in str(asked):
            raise KeyboardInterrupt

    killed = json.loads(messages[1].body)["mail"]["messageId"]
    for before in (dies, lambda *_: None):
        site.dynamodb.before = before
        left = [each for each in messages if each.id not in site.sqs.deleted]
        with suppress(KeyboardInterrupt):
            site.pipeline().process(left, suspects_lock=nullcontext())
    assert site.sqs.deleted[-1] == "killer"
    assert len(site.sqs.deleted) == 4


def test_the_line_of_a_batch_counts_its_messages_and_times_its_steps(site: FakeSite) -> None:
    with capture_logs() as lines:
        process(site, site.pipeline(), raw(Email().send()), "no event at all")
    (line,) = [line for line in lines if line["event"] == "batch"]
    counts = {"messages": 2, "activity": 1, "quarantine": 1, "deleted": 1, "quarantined": 1, "facts_written": 2}
    assert {
        name: value for name, value in line.items() if isinstance(value, int) and not name.endswith("_ms")
    } == counts
    assert {"interpret_ms", "claim_ms", "store_ms", "commit_ms", "settle_ms"} <= line.keys()


# ---- what it tells beside the facts ----------------------------------------------------------------------------------


def test_it_tells_once_that_ses_reported_a_kind_on_a_day(site: FakeSite) -> None:
    pipeline = site.pipeline()
    process(site, pipeline, *[raw(event) for email in (Email(), Email()) for event in (email.send(), email.open())])
    assert {item["sk"].partition("#")[0] for item in site.dynamodb.beside("REPORTED#tracked")} == {"Send", "Open"}
    (day,) = {item["sk"].partition("#")[2] for item in site.dynamodb.beside("REPORTED#tracked")}
    assert datetime.fromisoformat(day)
    for key in [key for key in site.dynamodb.items or {} if key[0].startswith("REPORTED#")]:
        del (site.dynamodb.items or {})[key]
    process(site, pipeline, raw(Email().open()))
    assert site.dynamodb.beside("REPORTED#tracked") == []


def test_what_was_reported_goes_with_a_write_or_not_at_all(site: FakeSite) -> None:
    pipeline, email = site.pipeline(), Email()
    bodies = [raw(email.send())]
    process(site, pipeline, *bodies)
    site.dynamodb.calls.clear()
    pipeline.reported_kinds._stored.clear()
    process(site, pipeline, *bodies)  # all of it is done
    assert "BatchWriteItem" not in site.dynamodb.calls
    process(site, pipeline, *[raw(Email().send()) for _ in range(12)], raw(Email().delivery()))
    assert site.dynamodb.calls.count("BatchWriteItem") == 2  # 26 facts


def test_another_table_is_told_again_what_was_reported(site: FakeSite) -> None:
    pipeline = site.pipeline()
    process(site, pipeline, raw(Email().send()))
    site.dynamodb.replace()
    pipeline.table_identity.probe()
    process(site, pipeline, raw(Email().send()))
    assert len(site.dynamodb.beside("REPORTED#tracked")) == 1


def test_it_tells_the_newest_event_and_never_one_of_tomorrow(site: FakeSite) -> None:
    pipeline = site.pipeline()
    now = datetime.now(UTC)
    old, new = Email(sent_at=now - timedelta(days=3)), Email(sent_at=now - timedelta(hours=1))
    process(site, pipeline, raw(new.send()), raw(old.send()))
    assert pipeline.this_process.now().newest_event_at == milliseconds(new.sent_at)
    process(site, pipeline, raw(old.open()))
    assert pipeline.this_process.now().newest_event_at == milliseconds(new.sent_at)
    process(site, pipeline, raw(Email(sent_at=now + timedelta(days=1)).send()))
    told = pipeline.this_process.now().newest_event_at
    assert told
    assert now - timedelta(seconds=1) <= told <= datetime.now(UTC)


def milliseconds(at: datetime) -> datetime:
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
