"""SQS's batch calls: a call that succeeds may have failed for some of its entries.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessageBatch.html
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibilityBatch.html
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from email_activity.domain.errors import code_of

K = TypeVar("K")

#: What one call may hold: entries, and bytes of all messages.
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
MAX_ENTRIES = 10
MAX_BYTES = 1_048_576

#: How often an entry is sent, in all, while SQS answers and does not say that it was done.
MAX_ATTEMPTS = 3

#: The code of an entry that an answer does not mention.
NOT_ANSWERED = "NotAnswered"


@dataclass(frozen=True, slots=True)
class CallResult(Generic[K]):
    """What became of the entries of one call, each under the caller's own key.

    done: SQS's entry of `Successful`. failed: SQS's error code. sender_faults: of these, the entries that SQS refuses
    for what they hold. error: raised by the call itself, and then the code of all that failed: a ClientError is SQS's
    refusal, a BotoCoreError means that there was no answer.
    """

    done: dict[K, Mapping[str, Any]]
    failed: dict[K, str]
    error: ClientError | BotoCoreError | None = None
    sender_faults: frozenset[K] = frozenset()


def call_in_batches(
    call: Callable[..., Any], queue_url: str, entries: Mapping[K, Mapping[str, Any]]
) -> Iterator[CallResult[K]]:
    """Calls lazily, one result for each call's worth of entries: who stops iterating makes no further call.

    call: a batch method of boto3's SQS client. entries: without their `Id`. Raises nothing of boto3's.
    """
    for batch in _packed(entries):
        yield _call(call, queue_url, batch)


def message_bytes(entry: Mapping[str, Any]) -> int:
    """As SQS counts them: of the body, and of the attributes with their names and types. 0 for a deletion."""
    attributes = entry.get("MessageAttributes", {}).items()
    texts = (f"{name}{value['DataType']}{value['StringValue']}" for name, value in attributes)
    return sum(len(text.encode("utf-8", "replace")) for text in (entry.get("MessageBody", ""), *texts))


def _call(call: Callable[..., Any], queue_url: str, entries: dict[K, Mapping[str, Any]]) -> CallResult[K]:
    done: dict[K, Mapping[str, Any]] = {}
    pending = {str(number): key for number, key in enumerate(entries)}
    codes: dict[str, str] = {}
    faults: set[str] = set()
    for _ in range(MAX_ATTEMPTS):
        try:
            answer = call(QueueUrl=queue_url, Entries=[{"Id": id_, **entries[key]} for id_, key in pending.items()])
        except (ClientError, BotoCoreError) as error:
            return CallResult(done, dict.fromkeys(pending.values(), code_of(error)), error)
        # Only what the answer lists was done: a proxy's own page with status 200 lists nothing.
        for success in answer.get("Successful", []):
            if success["Id"] in pending and _is_proved(entries[pending[success["Id"]]], success):
                done[pending.pop(success["Id"])] = success
        codes = {failure["Id"]: failure.get("Code", NOT_ANSWERED) for failure in answer.get("Failed", [])}
        faults = {failure["Id"] for failure in answer.get("Failed", []) if failure.get("SenderFault")}
        if not pending:
            break
    failed = {key: codes.get(id_, NOT_ANSWERED) for id_, key in pending.items()}
    return CallResult(done, failed, sender_faults=frozenset(key for id_, key in pending.items() if id_ in faults))


def _is_proved(entry: Mapping[str, Any], answered: Mapping[str, Any]) -> bool:
    """Only an id of SQS's says that it has a message."""
    return "MessageBody" not in entry or bool(answered.get("MessageId"))


def _packed(entries: Mapping[K, Mapping[str, Any]]) -> Iterator[dict[K, Mapping[str, Any]]]:
    """As many in one call as it takes."""
    batch: dict[K, Mapping[str, Any]] = {}
    batch_bytes = 0
    for key, entry in entries.items():
        size = message_bytes(entry)
        if batch and (len(batch) == MAX_ENTRIES or batch_bytes + size > MAX_BYTES):
            yield batch
            batch, batch_bytes = {}, 0
        batch[key] = entry
        batch_bytes += size
    if batch:
        yield batch
