"""Which facts a batch writes, and what becomes of each message: the two decisions of the pipeline."""

from datetime import UTC, datetime

import pytest
from events import Email, raw

from worker import pipeline as module
from worker.errors import NotJsonError, TransientError
from worker.ingest.deduplicate import Claim, Key
from worker.ingest.normalize import Rules
from worker.ingest.receive import Message
from worker.ingest.store import Stored
from worker.pipeline import Parcel, Work, fate, to_write

EVENT: Key = ("EMAIL#1", "EVENT#1")
OTHER: Key = ("EMAIL#1", "EVENT#2")
MAIL: Key = ("EMAIL#1", "RECIPIENT#1")
BAD = NotJsonError()


def parcel(
    *activities: Key, mail: tuple[Key, ...] = (), receives: int = 1, error: NotJsonError | None = None
) -> Parcel:
    now = datetime.now(UTC)
    message = Message("id", "handle", "body", receives, now, now)
    return Parcel(message, "activity", {key: {} for key in (*activities, *mail)}, frozenset(mail), error)


def stored(written: set[Key] = frozenset(), refused: tuple[Key, ...] = (), left: set[Key] = frozenset()) -> Stored:  # type: ignore[assignment]
    return Stored(set(written), dict.fromkeys(refused, "ValidationException"), set(left))


def test_what_is_ours_is_written_once_though_two_messages_hold_it() -> None:
    assert to_write([parcel(EVENT), parcel(EVENT, OTHER)], {EVENT: Claim.OURS, OTHER: Claim.OURS}) == [EVENT, OTHER]


def test_what_is_done_is_not_written_again() -> None:
    assert to_write([parcel(EVENT, mail=(MAIL,))], {EVENT: Claim.DONE, MAIL: Claim.DONE}) == []


def test_a_mail_fact_is_written_whoever_holds_it() -> None:
    """Without it an email is not found by its document."""
    assert to_write([parcel(EVENT, mail=(MAIL,))], {EVENT: Claim.HELD, MAIL: Claim.HELD}) == [MAIL]


def test_a_held_fact_is_written_from_the_second_receive_on() -> None:
    """Its owner may be dead, and a put under a key made from content does no harm."""
    assert to_write([parcel(EVENT)], {EVENT: Claim.HELD}) == []
    assert to_write([parcel(EVENT, receives=2)], {EVENT: Claim.HELD}) == [EVENT]


def test_a_held_fact_is_written_if_its_message_goes_to_quarantine_now() -> None:
    assert to_write([parcel(EVENT, error=BAD)], {EVENT: Claim.HELD}) == [EVENT]


def test_ours_is_written_though_another_fact_of_the_message_is_held() -> None:
    assert to_write([parcel(EVENT, OTHER)], {EVENT: Claim.OURS, OTHER: Claim.HELD}) == [EVENT]


@pytest.mark.parametrize(
    ("given", "claims", "result", "wanted"),
    [
        (parcel(EVENT), {EVENT: Claim.OURS}, stored({EVENT}), "delete"),
        (parcel(EVENT), {EVENT: Claim.DONE}, stored(), "delete"),
        (parcel(), {}, stored(), "delete"),  # control, untracked, expired
        (parcel(EVENT), {EVENT: Claim.HELD}, stored(), "held"),
        (parcel(EVENT), {EVENT: Claim.HELD}, stored({EVENT}), "delete"),  # impatience
        (parcel(EVENT, OTHER), {EVENT: Claim.OURS, OTHER: Claim.HELD}, stored({EVENT}), "held"),
        (parcel(EVENT), {EVENT: Claim.OURS}, stored(left={EVENT}), "return"),
        (parcel(EVENT, OTHER), {EVENT: Claim.OURS, OTHER: Claim.OURS}, stored({EVENT}, left={OTHER}), "return"),
        (parcel(EVENT), {EVENT: Claim.OURS}, stored(refused=(EVENT,)), "quarantine"),
        (parcel(EVENT, OTHER), {EVENT: Claim.OURS, OTHER: Claim.OURS}, stored({EVENT}, (OTHER,)), "quarantine"),
        (parcel(error=BAD), {}, stored(), "quarantine"),
        # Of several events the good ones are stored before the message goes to quarantine.
        (parcel(EVENT, error=BAD), {EVENT: Claim.OURS}, stored({EVENT}), "quarantine"),
        (parcel(EVENT, error=BAD), {EVENT: Claim.OURS}, stored(left={EVENT}), "return"),
    ],
)
def test_the_fate_of_a_message(given: Parcel, claims: dict[Key, Claim], result: Stored, wanted: str) -> None:
    assert fate(given, claims, result) == wanted


def test_a_fact_that_is_neither_written_nor_done_never_lets_its_message_go() -> None:
    for claim in (Claim.OURS, Claim.HELD):
        for result in (stored(), stored(left={EVENT}), stored(refused=(EVENT,))):
            assert fate(parcel(EVENT), {EVENT: claim}, result) != "delete"


def test_a_held_message_comes_back_when_the_last_lease_on_its_facts_ends() -> None:
    work = Work({EVENT: Claim.HELD, OTHER: Claim.HELD, MAIL: Claim.DONE}, stored(), {EVENT: 3.2, OTHER: 41.7})
    assert work.free_in(parcel(EVENT)) == 4
    assert work.free_in(parcel(EVENT, OTHER, mail=(MAIL,))) == 42


def test_a_held_message_whose_fact_is_free_by_now_comes_back_in_a_second() -> None:
    assert Work({EVENT: Claim.HELD}, stored(), {EVENT: 0}).free_in(parcel(EVENT)) == 1


def test_errors_name_the_dependency_and_its_code_only() -> None:
    assert str(TransientError("redis", "TimeoutError")) == "redis: TimeoutError"


def test_a_bug_met_on_one_message_does_not_hold_up_its_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(module, "read", fail)
    now = datetime.now(UTC)
    pipeline = module.Pipeline(Rules(), None, None, None, None, None)  # type: ignore[arg-type]
    parcel = pipeline.read(Message("id", "handle", "body", 1, now, now))
    assert parcel.error is not None
    assert str(parcel.error) == "unexpected: ZeroDivisionError"


def test_elements_that_could_not_be_read_are_counted_for_the_batchs_line() -> None:
    event = Email().send()
    event["mail"]["tags"] |= {"odd": [{"a": 1}, "b"]}
    event["mail"]["headers"].append({"name": "X", "value": "y", "encoding": "utf-8"})
    now = datetime.now(UTC)
    pipeline = module.Pipeline(Rules(), None, None, None, None, None)  # type: ignore[arg-type]
    parcel = pipeline.read(Message("id", "handle", raw(event), 1, now, now))
    assert (parcel.outcome, parcel.odd_elements) == ("activity", 2)
