"""The worker, with a hook that kills it: `celery -A killpoints worker`. Only tests load this.

A test arms a point by making the file `armed-POINT-VICTIM` in KILL_FOLDER. The first process that comes to that
point with work in hand takes the file away, writes into `hit-POINT-VICTIM` what it had, and dies there. What is
received, by all processes and at all times, is told in `received-PID`, a line for each batch.
"""

import functools
import json
import os
import signal
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from botocore.client import BaseClient

from email_activity.aws import clients
from email_activity.celery import app
from email_activity.ingest.claims import Claims
from email_activity.ingest.model import Claim, Message
from email_activity.ingest.receive import Receiver
from email_activity.ingest.store import Store

__all__ = ["app"]

FOLDER = Path(os.environ["KILL_FOLDER"])

#: SIGKILL lets nobody finish a thing. The tests' workers lead a session and a group of their own.
VICTIMS: dict[str, Callable[[], None]] = {
    "child": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "worker": lambda: os.killpg(os.getpgid(0), signal.SIGKILL),
}


class InHand(threading.local):
    """The batch that this thread works on."""

    messages: Sequence[Message] = ()
    deleted: tuple[str, ...] = ()  # their ids


in_hand = InHand()


def reach(point: str, half: Callable[[], object] = lambda: None) -> None:
    """half: what is done before the death, where the point lies in the middle of a call."""
    for victim, kill in VICTIMS.items():
        if len(in_hand.messages) > 1 and is_armed(point, victim):
            half()
            hit = {
                "pid": os.getpid(),
                "messages": {message.id: message.receive_count for message in in_hand.messages},
                "deleted": in_hand.deleted,
            }
            write(FOLDER / f"hit-{point}-{victim}", hit)
            kill()


def is_armed(point: str, victim: str) -> bool:
    """True for one thread of one process only: a file is renamed once."""
    try:
        (FOLDER / f"armed-{point}-{victim}").rename(FOLDER / f"taken-{point}-{victim}")
    except FileNotFoundError:
        return False
    return True


def write(path: Path, content: object) -> None:
    """At once or not at all, for the test looks for it meanwhile."""
    draft = path.with_suffix(".draft")
    with draft.open("w") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)


def after(owner: type, method: str, point: str, has_work: Callable[..., object]) -> None:
    """has_work: called with the answer and the arguments; what had nothing to do is not the point."""
    inner = getattr(owner, method)

    @functools.wraps(inner)
    def hooked(self: Any, *arguments: Any) -> Any:
        answer = inner(self, *arguments)
        if has_work(answer, *arguments):
            reach(point)
        return answer

    setattr(owner, method, hooked)


def note_received(batch: list[Message]) -> bool:
    """Of other threads of a process that dies here, what they have just received may be missing."""
    in_hand.messages, in_hand.deleted = batch, ()
    if batch:
        line = json.dumps({message.id: message.receive_count for message in batch}) + "\n"
        with (FOLDER / f"received-{os.getpid()}").open("a") as file:
            file.write(line)
    return bool(batch)


after(Receiver, "receive", "receive", note_received)
after(Claims, "claim", "claim", lambda claimed, _keys: Claim.OURS in claimed.values())
after(Store, "put", "write", lambda stored, *_items: stored.written)
after(Claims, "commit", "commit", lambda _answer, keys: keys)

CarryOut = Callable[[str, dict[str, Any]], Any]


def call(carry_out: CarryOut, operation: str, asked: dict[str, Any]) -> Any:
    """All calls to AWS come through here."""
    if operation == "BatchWriteItem":
        half = {table: requests[: len(requests) // 2] for table, requests in asked["RequestItems"].items()}
        if all(half.values()):
            reach("half-write", lambda: carry_out(operation, {**asked, "RequestItems": half}))
    elif operation == "DeleteMessageBatch":
        entries = asked["Entries"]
        if len(entries) > 1:
            reach("half-delete", lambda: delete(carry_out, asked, entries[: len(entries) // 2]))
        return delete(carry_out, asked, entries)
    return carry_out(operation, asked)


def delete(carry_out: CarryOut, asked: dict[str, Any], entries: Sequence[dict[str, Any]]) -> Any:
    answer = carry_out("DeleteMessageBatch", {**asked, "Entries": entries})
    handles = {entry["ReceiptHandle"] for entry in entries}
    in_hand.deleted += tuple(message.id for message in in_hand.messages if message.receipt_handle in handles)
    return answer


install_fast_path = clients.install_fast_path


def install_and_hook(client: BaseClient) -> None:
    install_fast_path(client)
    client._make_api_call = functools.partial(call, client._make_api_call)


clients.install_fast_path = install_and_hook
