"""What is left of a run that ended in the middle of a batch write. Kills of the command are in tests/integration."""

from datetime import UTC, datetime
from typing import Any

import pytest

from email_activity.domain.facts import Key
from email_activity.erasure.eraser import Eraser
from email_activity.erasure.table import PersonalTable
from events import ANA, BEN, Email, raw
from faketable import FakeDynamoDB
from reading import items_of

ALONE, BOTH, BENS = Email(to=(ANA,)), Email(to=(ANA, BEN)), Email(to=(BEN,))
EVENTS = (
    *(ALONE.send(), ALONE.open() | {"new": 1}, BOTH.send(), BOTH.delivery([ANA]) | {"new": 1}, BOTH.delivery([BEN])),
    *(BOTH.open() | {"new": 1}, BENS.send(), BENS.click(f"https://x.example/?to={ANA}") | {"new": 1}),
)


class EndedError(Exception):
    pass


class Ending(FakeDynamoDB):
    """Takes so many writes, of a batch too, and then no more."""

    left: float = float("inf")

    def batch_write_item(self, **request: Any) -> dict[str, Any]:
        for name, requests in request["RequestItems"].items():
            for each in requests:
                if self.left <= 0:
                    raise EndedError
                self.left -= 1
                super().batch_write_item(RequestItems={name: [each]})
        return {"UnprocessedItems": {}}


def left_of_a_run_that_ended_after(writes: float) -> tuple[bool, set[Key]]:
    """Whether it came to its end; and what the next run leaves."""
    table = Ending(items_of(map(raw, EVENTS)).values())
    table.left = writes

    def erase() -> None:
        for pk in sorted({pk for pk, _ in table.items}):
            Eraser(PersonalTable(table, "facts"), ANA, datetime.now(UTC)).erase_email(pk)

    try:
        erase()
    except EndedError:
        table.left = float("inf")
        erase()
        return False, set(table.items)
    return True, set(table.items)


def test_a_batch_of_which_any_part_was_written_is_ended_by_the_next_run() -> None:
    """Of unknown fields too: their event tells whose they were."""
    _, whole = left_of_a_run_that_ended_after(float("inf"))
    for writes in range(100):
        is_ended, left = left_of_a_run_that_ended_after(writes)
        assert left == whole, writes
        if is_ended:
            assert writes > len(EVENTS)
            return
    pytest.fail("no run ended")
