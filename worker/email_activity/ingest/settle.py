"""The end of each message: deleted, returned to the queue with a delay, or quarantined with its reason.

What a batch call could not do, even tried again, the visibility timeout does: the message returns by itself, and its
facts are found stored.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from email_activity import __version__
from email_activity.aws.backoff import backoff
from email_activity.aws.batches import call_in_batches
from email_activity.domain.errors import PermanentError, code_of
from email_activity.domain.times import rfc3339
from email_activity.ingest.model import REPLAY_ATTRIBUTE, Message
from email_activity.ingest.queue import Queue
from email_activity.telemetry import log

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

#: Seconds: the first delay of a message that met a passing fault, doubled with each receive, and the longest.
FIRST_DELAY = 2
MAX_DELAY = 900


@dataclass(frozen=True, slots=True)
class Settler:
    sqs: "SQSClient"
    queue: Queue

    def delete(self, messages: Sequence[Message]) -> int:
        """Returns how many were deleted; the others will be received again, which does no harm."""
        entries = [{"ReceiptHandle": message.receipt_handle} for message in messages]
        return self._call(self.sqs.delete_message_batch, entries, "delete")

    def return_later(self, messages: Sequence[Message], at_least: int = 0) -> int:
        """Hides each for a while, so that an outage does not count it into the dead-letter queue.

        at_least: seconds, before the backoff begins.
        """
        return self.return_in({message: at_least + delay(message.receive_count) for message in messages})

    def return_in(self, seconds: Mapping[Message, int]) -> int:
        """0: at once, for whoever receives next."""
        return self._hide(seconds, "return")

    def extend(self, messages: Sequence[Message]) -> int:
        """Work on these goes on: a whole visibility timeout more, from now."""
        return self._hide(dict.fromkeys(messages, self.queue.visibility_timeout), "extend")

    def quarantine(self, errors: Mapping[Message, PermanentError]) -> list[Message]:
        """Copies each to the dead-letter queue with its reason, and only then deletes it here.

        Returns those that arrived there; the others stay. Killed in between, one may arrive there twice, under
        one `message_id`.
        """
        copied: list[Message] = []
        for message, error in errors.items():
            try:
                copied += [message] if self._copy(message, error) else []
            except (ClientError, BotoCoreError) as failure:
                ids = {"message_id": message.id, "reason": error.reason}
                log.error("quarantine_failed", code=code_of(failure), messages=len(errors) - len(copied), **ids)
                break
        self.delete(copied)
        return copied

    def _copy(self, message: Message, error: PermanentError) -> bool:
        attributes = {
            "reason": error.reason,
            "detail": error.detail,
            "message_id": message.id,
            "first_received": rfc3339(message.first_received_at),
            "receive_count": str(message.receive_count),
            "worker_version": __version__,
            REPLAY_ATTRIBUTE: "1" if message.is_replay else "",
        }
        sent = self.sqs.send_message(
            QueueUrl=self.queue.dead_letter_url,
            MessageBody=message.body,
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value} for name, value in attributes.items() if value
            },
        )
        # An answer without an id is none of SQS's, whatever its status.
        return bool(sent.get("MessageId"))

    def _hide(self, seconds: Mapping[Message, int], action: str) -> int:
        times = seconds.items()
        entries = [{"ReceiptHandle": message.receipt_handle, "VisibilityTimeout": time} for message, time in times]
        return self._call(self.sqs.change_message_visibility_batch, entries, action)

    def _call(self, call: Callable[..., Any], entries: Sequence[Mapping[str, Any]], action: str) -> int:
        done = 0
        for result in call_in_batches(call, self.queue.url, dict(enumerate(entries))):
            done += len(result.done)
            if isinstance(result.error, BotoCoreError):  # no answer, and the rest would wait as long for theirs
                log.warning("settle_failed", action=action, code=code_of(result.error), messages=len(entries) - done)
                break
            if result.error:
                log.warning("settle_failed", action=action, code=code_of(result.error), messages=len(result.failed))
            elif result.failed:
                log.warning("settle_incomplete", action=action, messages=len(result.failed))
        return done


def delay(receive_count: int) -> int:
    """Seconds: exponential, with full jitter so that what failed together does not return together."""
    return 1 + int(backoff(receive_count, FIRST_DELAY, MAX_DELAY))
