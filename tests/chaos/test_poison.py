"""Poison ends in a record or in quarantine, in bounded time and memory, and what stands beside it is recorded."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import batch_memory
import pytest
import swallow
from poison import POISON
from stuffing import Poison
from too_much import small_events

from email_activity.domain.facts import Key
from events import KINDS, Email, raw, sns
from harness import Site, eventually
from reading import items_of, read_all

#: Seconds of CPU that one message may take, a hang guard; the slowest takes half a second.
MOST_SECONDS = 5

#: Megabytes that a process may have for one message; an empty one has 33, the greediest 61.
MOST_MEGABYTES = 120

#: Megabytes beside its messages. It has 5; 35 if it is not taken in parts.
MOST_MEGABYTES_OF_A_BATCH = 20

#: Megabytes that a child of the pool may have at any time, with eight threads that each have a batch of these.
MOST_MEGABYTES_OF_A_CHILD = 600

#: Ends that leave nothing in either queue, nor in the table.
LEAVE_NOTHING = ("untracked", "expired")


def output_of(program: ModuleType) -> list[str]:
    """The lines that it writes, run in a process of its own."""
    command, path = [sys.executable, program.__file__], {"PYTHONPATH": str(Path(__file__).parent.parent)}
    return subprocess.run(command, env=path, check=True, capture_output=True, text=True).stdout.splitlines()  # type: ignore[arg-type]


def test_each_poison_ends_as_it_must_in_bounded_time_and_memory() -> None:
    """Each by itself in a process of its own."""
    ends = {each["name"]: each for each in map(json.loads, output_of(swallow))}
    wrong = [
        (name, poison.end, ends.get(name, "it killed its process"))
        for name, poison in POISON.items()
        if name not in ends
        or ends[name]["end"] != poison.end
        or ends[name]["seconds"] >= MOST_SECONDS
        or ends[name]["megabytes"] >= MOST_MEGABYTES
    ]
    assert wrong == []
    assert len(ends) == len(POISON)


@pytest.mark.parametrize(("count", "people", "recorded"), [(4_000, 0, 971), (500, 200, 4)])
def test_of_far_too_many_events_the_first_are_recorded(count, people, recorded):
    """As of any message with something unreadable in it, which goes to quarantine as a whole."""
    outcomes = [reading.outcome for reading in read_all(small_events(count, people))]
    assert outcomes[:recorded] == ["activity"] * recorded
    assert set(outcomes[recorded:]) == {"quarantine"}


def test_a_batch_of_large_messages_to_many_is_taken_in_bounded_memory():
    """Four million characters came to 800 MB of items; and in parts, to little more than they have themselves."""
    before, most = map(int, output_of(batch_memory)[-1].split())
    assert most - before < MOST_MEGABYTES_OF_A_BATCH


def test_a_worker_takes_all_of_it_together_and_records_what_stands_beside_it(site: Site, rounds: int) -> None:
    """In the short form a third of it: LocalStack takes longer over a megabyte than the worker."""
    poisons = list(POISON.values())[:: 3 if rounds == 1 else 1]
    good = [make(Email()) for make in KINDS.values()] + [Email().out_of_office(), Email(to=()).open()]
    bodies = [raw(event) for event in good[::2]] + [sns(event) for event in good[1::2]]
    with site.worker() as worker:
        recorded, reasons = sent(site, poisons, bodies)
        children = eventually(worker.children)
        site.drained(within=300)
        assert worker.children() == children
        assert max(map(most_megabytes, children)) < MOST_MEGABYTES_OF_A_CHILD
    assert quarantined(site) == reasons
    assert recorded <= keys_in(site)


def sent(site: Site, poisons: Sequence[Poison], good: Sequence[str]) -> tuple[set[Key], dict[str, str]]:
    """Poison, and the good among it: the keys that must be in the table, and the reasons by the message's id."""
    recorded = {key for body in good for key in items_of([body])}
    reasons = {}
    every = len(poisons) // len(good)
    for number, poison in enumerate(poisons):
        site.send(good[number // every : number // every + 1] if number % every == 0 else [])
        body = poison.make()
        answer = site.cloud.sqs.send_message(QueueUrl=site.made.queue_url, MessageBody=body)
        if poison.end == "activity":
            recorded |= items_of([body]).keys()
        elif poison.end not in LEAVE_NOTHING:
            reasons[answer["MessageId"]] = poison.end
    return recorded, reasons


def most_megabytes(pid: int) -> int:
    """That a process ever had."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


def quarantined(site: Site) -> dict[str, str]:
    """Id of the message -> reason."""
    found = {}
    while messages := site.cloud.sqs.receive_message(
        QueueUrl=site.made.dead_letter_queue_url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
    ).get("Messages"):
        for each in messages:
            said = {name: value["StringValue"] for name, value in each["MessageAttributes"].items()}
            found[said["message_id"]] = said["reason"]
    return found


def keys_in(site: Site) -> set[Key]:
    pages = site.cloud.dynamodb.get_paginator("scan").paginate(
        TableName=site.made.table_name, ProjectionExpression="pk, sk"
    )
    return {(item["pk"]["S"], item["sk"]["S"]) for page in pages for item in page["Items"]}
