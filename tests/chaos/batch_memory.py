"""Takes a batch of large messages through the pipeline, in a process of its own, and says what memory it had at most.

Run by test_poison.py. Prints megabytes: before, and at most.
"""

import json
import resource
from collections.abc import Iterator

from events import Email
from fakesite import FakeDynamoDB, FakeSite, message

#: Fifty-one messages of almost 80 KB are what one batch takes of them (receive.MAX_BATCH_CHARACTERS).
MESSAGES, CHARACTERS, PEOPLE = 51, 68_000, 200


class Forgetful(FakeDynamoDB):
    """Its items are no part of what a worker needs."""

    def batch_write_item(self, **asked: object) -> dict[str, object]:
        self._table("BatchWriteItem", asked)
        json.dumps(asked)  # as it goes over the wire
        return {"UnprocessedItems": {}}


def bodies() -> Iterator[str]:
    for number in range(MESSAGES):
        event = Email(to=tuple(f"p{each}@example.com" for each in range(PEOPLE))).send()
        yield json.dumps(event | {"brandNew": str(number) + "x" * CHARACTERS})


def megabytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main() -> None:
    site = FakeSite()
    site.dynamodb = Forgetful()
    messages = [message(body, handle=str(number)) for number, body in enumerate(bodies())]
    before = megabytes()
    site.pipeline().process(messages)
    assert len(site.sqs.deleted) == MESSAGES
    print(before, megabytes())


if __name__ == "__main__":
    main()
