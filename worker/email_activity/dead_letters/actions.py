"""What is done with dead letters: list and find them; send them back or archive them, and then delete them."""

import base64
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from email_activity.aws.batches import call_in_batches, message_bytes
from email_activity.dead_letters.dead_letter import CopyKey, DeadLetter, DeadLetterSummary, Filter
from email_activity.dead_letters.queue_scan import Scan
from email_activity.durable_files import sync_folder
from email_activity.ingest.model import REPLAY_ATTRIBUTE, REPLAY_ATTRIBUTES

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

#: Handles dead letters, and says why it could not, by SQS's id, of those that must stay.
Handler = Callable[[Sequence[DeadLetter]], Mapping[str, str]]

NOT_DELETED = "dealt with, but SQS did not delete it here: it will be found again, which does no harm"

#: Mode of an archive: messages hold personal data.
OWNER_ONLY = 0o600


@dataclass(slots=True)
class Listed:
    """One message, and how often it is there: a worker killed between send and delete leaves it there twice.

    namesakes: messages of the same id and another body, which only somebody else can have put there.
    """

    summary: DeadLetterSummary
    copies: int = 1
    namesakes: int = 0


@dataclass(frozen=True, slots=True)
class DrainResult:
    """What became of one dead letter. error: why it is still there. is_copy: another copy was handled before."""

    summary: DeadLetterSummary
    error: str | None = None
    is_copy: bool = False


def list_messages(scan: Scan, wanted: Filter, limit: int | None = None) -> dict[CopyKey, Listed]:
    """What is there, without the bodies. limit: at most so many messages, copies not counted."""
    listed: dict[CopyKey, Listed] = {}
    for dead_letters in scan.batches():
        for each in filter(wanted.matches, dead_letters):
            if each.key in listed:
                listed[each.key].copies += 1
            elif limit is None or len(listed) < limit:
                listed[each.key] = Listed(each.summary)
        if len(listed) == limit:
            break
    return listed


def find(scan: Scan, message_id: str) -> tuple[DeadLetter, Listed] | None:
    """The first copy with this id, and what else has it, for which the whole queue must be seen."""
    wanted = Filter(ids=frozenset({message_id}))
    first, copies = None, Counter[CopyKey]()
    for dead_letters in scan.batches():
        for each in filter(wanted.matches, dead_letters):
            first = first or each
            copies[each.key] += 1
    return (first, Listed(first.summary, copies[first.key], len(copies) - 1)) if first else None


def drain(
    scan: Scan, takes: Callable[[DeadLetter], bool], handle: Handler, limit: int | None = None
) -> Iterator[list[DrainResult]]:
    """Handles each message once, then deletes it with all its copies; one list of results for each batch.

    limit: at most so many messages, copies not counted. A stop or a kill at any point loses nothing: what was handled
    and not deleted is met again by the next run. Raises what the handler and boto3 raise.
    """
    done: set[CopyKey] = set()
    for batch in scan.batches():
        # The first copy of each that is wanted and was not handled yet.
        first: dict[CopyKey, DeadLetter] = {}
        for each in batch:
            if each.key not in done and takes(each):
                first.setdefault(each.key, each)
        chosen = list(first.values())[: None if limit is None else limit - len(done)]
        errors = dict(handle(chosen)) if chosen else {}
        done |= {each.key for each in chosen if each.sqs_id not in errors}
        errors |= dict.fromkeys(scan.delete([each for each in batch if each.key in done]), NOT_DELETED)
        ids = {each.sqs_id for each in chosen}
        touched = (each for each in batch if each.sqs_id in ids or each.key in done)
        yield [DrainResult(each.summary, errors.get(each.sqs_id), is_copy=each.sqs_id not in ids) for each in touched]
        if len(done) == limit:
            return


class Redrive:
    """Sends dead letters back to the events queue, without the attributes of quarantine: their stay here has ended.
    What a replay sent stays marked as such.

    Everything that the worker writes is idempotent, so a message sent twice (a run killed between send and delete, a
    copy) is recorded once, and a redrive may be run again at any time.
    """

    def __init__(self, sqs: "SQSClient", url: str) -> None:
        self._sqs = sqs
        self._url = url
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["MaximumMessageSize"])["Attributes"]
        self._max_bytes = int(attributes["MaximumMessageSize"])
        self._sent: set[str] = set()
        #: Messages met again that this run had sent: they failed once more, under a new reason.
        self.came_back = 0

    def is_new(self, dead_letter: DeadLetter) -> bool:
        """False for what this run has sent itself, or it might go round for ever."""
        is_new = dead_letter.summary.id not in self._sent
        self.came_back += not is_new
        return is_new

    def send(self, dead_letters: Sequence[DeadLetter]) -> dict[str, str]:
        """A Handler. Raises what boto3 raises."""
        entries = {each.sqs_id: _entry(each) for each in dead_letters}
        sizes = {sqs_id: message_bytes(entry) for sqs_id, entry in entries.items()}
        errors = {
            sqs_id: f"{size:,} bytes, and the events queue takes {self._max_bytes:,}"
            for sqs_id, size in sizes.items()
            if size > self._max_bytes
        }
        for sqs_id in errors:
            del entries[sqs_id]
        for result in call_in_batches(self._sqs.send_message_batch, self._url, entries):
            self._sent |= {sent.get("MessageId", "") for sent in result.done.values()}
            if result.error:
                raise result.error
            errors |= {sqs_id: f"SQS refuses it: {code}" for sqs_id, code in result.failed.items()}
        return errors


def _entry(dead_letter: DeadLetter) -> dict[str, Any]:
    is_replay = REPLAY_ATTRIBUTE in dead_letter.message_attributes
    return {"MessageBody": dead_letter.body, **({"MessageAttributes": REPLAY_ATTRIBUTES} if is_replay else {})}


class Archive:
    """Writes dead letters to a file of its own, made with the first of them; never to one that is there already.

    A line is a Lambda payload with one record, as SQS hands messages to a function: `email-activity parse` reads it.
    https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            os.close(self._file)

    def write(self, dead_letters: Sequence[DeadLetter]) -> dict[str, str]:
        """A Handler. On the disk when it returns. Raises OSError, and then has left no half line.

        https://man7.org/linux/man-pages/man2/fsync.2.html
        """
        if self._file is None:
            self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, OWNER_ONLY)
            sync_folder(self._path.parent)
        size = os.fstat(self._file).st_size
        unwritten = memoryview("".join(f"{json.dumps(_lambda_payload(each))}\n" for each in dead_letters).encode())
        try:
            while unwritten:
                unwritten = unwritten[os.write(self._file, unwritten) :]
            os.fsync(self._file)
        except OSError:
            os.ftruncate(self._file, size)
            raise
        return {}


def _lambda_payload(dead_letter: DeadLetter) -> dict[str, Any]:
    record = {
        "messageId": dead_letter.summary.id,
        "body": dead_letter.body,
        "attributes": dict(dead_letter.attributes),
        "messageAttributes": {name: _lambda_attribute(value) for name, value in dead_letter.message_attributes.items()},
        "eventSource": "aws:sqs",
    }
    return {"Records": [record]}


def _lambda_attribute(attribute: Mapping[str, Any]) -> dict[str, str]:
    if "BinaryValue" in attribute:
        return {"binaryValue": base64.b64encode(attribute["BinaryValue"]).decode(), "dataType": attribute["DataType"]}
    return {"stringValue": attribute.get("StringValue", ""), "dataType": attribute.get("DataType", "String")}
