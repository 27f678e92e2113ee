"""Send dead letters back to the events queue.

Everything that the worker writes is idempotent, so a letter sent twice (a run killed between send and delete, a
copy in the dead-letter queue) is recorded once, and a redrive may be run again at any time.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from email_activity.aws.batches import call_in_batches
from email_activity.dead_letters.letter import Letter

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class Redrive:
    """Sends the bodies alone: the attributes of quarantine tell of the stay in the dead-letter queue that ends here."""

    def __init__(self, sqs: "SQSClient", url: str) -> None:
        self._sqs = sqs
        self._url = url
        said = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["MaximumMessageSize"])["Attributes"]
        self._max_bytes = int(said["MaximumMessageSize"])
        self._sent: set[str] = set()
        #: Letters met again that this run had sent: they failed once more, under a reason of today.
        self.came_back = 0

    def is_new(self, letter: Letter) -> bool:
        """False for what this run has sent itself, or it might go round for ever."""
        if letter.summary.id in self._sent:
            self.came_back += 1
            return False
        return True

    def send(self, letters: Sequence[Letter]) -> dict[str, str]:
        """Why not, by SQS's id, of those that could not be sent. Raises what boto3 raises."""
        errors = {
            each.sqs_id: f"{each.summary.size:,} bytes, and the events queue takes {self._max_bytes:,}"
            for each in letters
            if each.summary.size > self._max_bytes
        }
        entries = {each.sqs_id: {"MessageBody": each.body} for each in letters if each.sqs_id not in errors}
        for result in call_in_batches(self._sqs.send_message_batch, self._url, entries):
            self._sent |= {sent.get("MessageId", "") for sent in result.done.values()}
            if result.error:
                raise result.error
            errors |= {sqs_id: f"SQS refuses it: {code}" for sqs_id, code in result.failed.items()}
        return errors
