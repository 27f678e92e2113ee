"""Writing to DynamoDB: nothing that it did not take counts as written. DynamoDB itself is faked at the client."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.parsers import ResponseParserError

from email_activity.domain.errors import THROTTLED
from email_activity.domain.facts import key_of
from email_activity.ingest import store as module
from email_activity.ingest.store import MAX_ATTEMPTS, MAX_ITEMS, Store

Answer = Callable[[list[Any]], dict[str, Any]]


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "time", SimpleNamespace(sleep=lambda _: None))


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "somebody@example.com"}}, "BatchWriteItem")


#: What DynamoDB answers when it took everything.
TAKEN: dict[str, Any] = {"UnprocessedItems": {}}


class FakeDynamoDB:
    """Holds what was put. answers: what the first BatchWriteItem calls do instead of taking everything."""

    def __init__(self, *answers: Answer | Exception, invalid: str = "", down_at: str = "") -> None:
        self.held: dict[tuple[str, str], Any] = {}
        self.sizes: list[int] = []
        self._answers = list(answers)
        self._invalid = invalid
        self._down_at = down_at

    def batch_write_item(self, RequestItems):  # noqa: N803  boto3's own
        requests = RequestItems["table"]
        self.sizes.append(len(requests))
        answer = self._answers.pop(0) if self._answers else (lambda _: TAKEN)
        if isinstance(answer, Exception):
            raise answer
        if any(request["PutRequest"]["Item"]["sk"]["S"] == self._invalid for request in requests):
            raise refusal("ValidationException")
        unprocessed = answer(requests)
        left = unprocessed.get("UnprocessedItems", {}).get("table", [])
        for request in requests:
            if request not in left:
                self.put_item("table", request["PutRequest"]["Item"])
        return unprocessed

    def put_item(self, TableName, Item):  # noqa: N803, ARG002  boto3's own
        if Item["sk"]["S"] == self._invalid:
            raise refusal("ValidationException")
        if Item["sk"]["S"] == self._down_at:
            raise EndpointConnectionError(endpoint_url="http://x")
        self.held[Item["pk"]["S"], Item["sk"]["S"]] = Item


def items(count: int) -> list[dict[str, Any]]:
    return [{"pk": "EMAIL#1", "sk": f"EVENT#{number}", "detail": {"n": number}} for number in range(count)]


def put(dynamodb: FakeDynamoDB, given: list[dict[str, Any]]) -> module.StoreResult:
    return Store(dynamodb, "table").put(given)  # type: ignore[arg-type]


def half(requests: list[Any]) -> dict[str, Any]:
    return {"UnprocessedItems": {"table": requests[::2]}}


def test_batches_are_as_large_as_dynamodb_takes() -> None:
    dynamodb = FakeDynamoDB()
    stored = put(dynamodb, items(60))
    assert dynamodb.sizes == [MAX_ITEMS, MAX_ITEMS, 10]
    assert stored.written == set(dynamodb.held) == {key_of(item) for item in items(60)}


def test_what_dynamodb_leaves_unprocessed_is_offered_again() -> None:
    dynamodb = FakeDynamoDB(half, half)
    stored = put(dynamodb, items(8))
    assert dynamodb.sizes == [8, 4, 2]
    assert stored.written == set(dynamodb.held) == {key_of(item) for item in items(8)}


def test_what_stays_unprocessed_is_left_and_never_counts_as_written() -> None:
    dynamodb = FakeDynamoDB(*[half] + [lambda requests: {"UnprocessedItems": {"table": requests}}] * MAX_ATTEMPTS)
    stored = put(dynamodb, items(8))
    assert stored.written == set(dynamodb.held)
    assert stored.unprocessed == {key_of(item) for item in items(8)} - set(dynamodb.held)
    assert len(stored.unprocessed) == 4
    assert stored.failure is None  # throttled, not away: receives go on


def test_one_invalid_item_is_found_and_the_others_are_written() -> None:
    dynamodb = FakeDynamoDB(invalid="EVENT#3")
    stored = put(dynamodb, items(8))
    assert stored.refused == {("EMAIL#1", "EVENT#3"): "ValidationException"}
    assert stored.written == set(dynamodb.held) == {key_of(item) for item in items(8)} - set(stored.refused)


AWAY = EndpointConnectionError(endpoint_url="http://x")


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        *[
            (refusal(code), code)
            for code in ("ResourceNotFoundException", "AccessDeniedException", "ExpiredTokenException")
        ],
        (AWAY, "EndpointConnectionError"),
        (ResponseParserError("somebody@example.com"), "ResponseParserError"),
        # A proxy once answered 200 with a page of its own: everything was deleted, nothing stored.
        (lambda _: {"ResponseMetadata": {"HTTPStatusCode": 200}}, "KeyError"),
    ],
)
def test_a_failing_table_leaves_everything_and_is_called_once(answer: Any, code: str) -> None:
    dynamodb = FakeDynamoDB(answer)
    stored = put(dynamodb, items(60))
    assert (stored.written, len(stored.unprocessed), dynamodb.sizes) == (set(), 60, [MAX_ITEMS])
    assert str(stored.failure) == f"dynamodb: {code}"  # the code, not the text, which may hold anything


@pytest.mark.parametrize("code", sorted(THROTTLED))
def test_a_call_that_is_throttled_is_offered_again(code: str) -> None:
    dynamodb = FakeDynamoDB(refusal(code), half, refusal(code))
    stored = put(dynamodb, items(8))
    assert dynamodb.sizes == [8, 8, 4, 4]
    assert stored.written == set(dynamodb.held) == {key_of(item) for item in items(8)}
    assert (stored.failure, stored.is_throttled) == (None, False)


def test_a_throttled_table_is_left_alone() -> None:
    """Else a message with many recipients would be at it until long after its visibility ended."""
    throttled = refusal("ProvisionedThroughputExceededException")
    dynamodb = FakeDynamoDB(lambda _: TAKEN, *[throttled] * MAX_ATTEMPTS)
    stored = put(dynamodb, items(60))
    assert (len(stored.unprocessed), dynamodb.sizes) == (35, [MAX_ITEMS] * (1 + MAX_ATTEMPTS))
    assert stored.failure is None  # it is there, and takes a part: receives go on


def test_a_table_that_takes_nothing_at_all_counts_as_failing() -> None:
    dynamodb = FakeDynamoDB(*[refusal("ThrottlingException")] * MAX_ATTEMPTS)
    stored = put(dynamodb, items(60))
    assert len(stored.unprocessed) == 60
    assert str(stored.failure) == "dynamodb: Throttled"


def test_what_is_unprocessed_counts_under_whatever_name_the_table_stands() -> None:
    def all_left(requests: list[Any]) -> dict[str, Any]:
        return {"UnprocessedItems": {"another-name": requests}}

    assert put(FakeDynamoDB(*[all_left] * MAX_ATTEMPTS), items(3)).written == set()


def test_a_large_item_goes_by_itself_so_that_no_call_is_too_large() -> None:
    """DynamoDB refuses a call over 16 MB without saying which item is to blame."""
    large = {"pk": "EMAIL#1", "sk": "EVENT#large", "detail": {"link": "\u20ac" * 150_000}}
    dynamodb = FakeDynamoDB(invalid="EVENT#large")
    stored = put(dynamodb, [large, *items(3)])
    assert dynamodb.sizes == [3, 1]
    assert stored.refused == {key_of(large): "ValidationException"}
    assert len(stored.written) == 3


def test_a_table_that_goes_while_the_culprit_is_looked_for_is_asked_no_more() -> None:
    dynamodb = FakeDynamoDB(invalid="EVENT#1", down_at="EVENT#3")
    stored = put(dynamodb, items(8))
    assert set(dynamodb.held) == stored.written == {("EMAIL#1", "EVENT#0"), ("EMAIL#1", "EVENT#2")}
    assert (set(stored.refused), len(stored.unprocessed)) == ({("EMAIL#1", "EVENT#1")}, 5)
    assert str(stored.failure) == "dynamodb: EndpointConnectionError"


# ---- optional items --------------------------------------------------------------------------------------------------


def optional(count: int) -> list[dict[str, Any]]:
    return [{"pk": "REPORTED#set", "sk": f"Open#{number}"} for number in range(count)]


def put_with(dynamodb: FakeDynamoDB, given: list[dict[str, Any]], count: int) -> module.StoreResult:
    return Store(dynamodb, "table").put(given, optional(count))  # type: ignore[arg-type]


@pytest.mark.parametrize(("count", "calls", "went"), [(23, [25], 2), (25, [25], 0), (48, [25, 25], 2), (0, [], 0)])
def test_optional_items_cost_no_call(count: int, calls: list[int], went: int) -> None:
    dynamodb = FakeDynamoDB()
    stored = put_with(dynamodb, items(count), 9)
    assert dynamodb.sizes == calls
    assert stored.optional == {key_of(item) for item in optional(went)}
    assert stored.written == {key_of(item) for item in items(count)}
    assert (stored.unprocessed, stored.failure) == (set(), None)


@pytest.mark.parametrize(("taken", "calls"), [(3, [5]), (2, [5, 1])])
def test_optional_items_are_offered_once_and_hold_nothing_up(taken: int, calls: list[int]) -> None:
    dynamodb = FakeDynamoDB(lambda requests: {"UnprocessedItems": {"table": requests[taken:]}})
    stored = put_with(dynamodb, items(3), 2)
    assert dynamodb.sizes == calls
    assert (len(stored.written), stored.optional, stored.unprocessed) == (3, set(), set())


def test_a_table_that_takes_only_optional_items_counts_as_failing() -> None:
    nothing: Answer = lambda requests: {"UnprocessedItems": {"table": requests[:3]}}  # noqa: E731
    stored = put_with(FakeDynamoDB(*[nothing] * MAX_ATTEMPTS), items(3), 2)
    assert str(stored.failure) == "dynamodb: Throttled"


def test_optional_items_of_a_refused_batch_wait_for_the_next() -> None:
    for dynamodb in (FakeDynamoDB(invalid="EVENT#1"), FakeDynamoDB(refusal("AccessDeniedException"))):
        assert put_with(dynamodb, items(3), 2).optional == set()
        assert not any(pk.startswith("REPORTED") for pk, _ in dynamodb.held)


def test_no_optional_item_goes_beside_a_large_one() -> None:
    large = {"pk": "EMAIL#1", "sk": "EVENT#large", "detail": {"link": "x" * 450_000}}
    dynamodb = FakeDynamoDB()
    assert put_with(dynamodb, [large], 2).optional == set()
    assert dynamodb.sizes == [1]
