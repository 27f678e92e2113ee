"""Send dead letters back to the events queue.

Everything that the worker writes is idempotent, so a letter sent twice (a run killed between send and delete, a
copy in the dead-letter queue) is recorded once, and a redrive may be run again at any time.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from email_activity.dead_letters.letter import Letter
from email_activity.dead_letters.walk import MAX_ATTEMPTS, MAX_ENTRIES

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

#: Bytes of all messages in one call.
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
MAX_BATCH_BYTES = 1_048_576


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
        for batch in _packed([each for each in letters if each.sqs_id not in errors]):
            errors |= self._send(batch)
        return errors

    def _send(self, batch: Sequence[Letter]) -> dict[str, str]:
        left = {str(place): letter for place, letter in enumerate(batch)}
        errors: dict[str, str] = {}
        for _ in range(MAX_ATTEMPTS):
            entries = [{"Id": place, "MessageBody": letter.body} for place, letter in left.items()]
            answer = self._sqs.send_message_batch(QueueUrl=self._url, Entries=entries)  # type: ignore[arg-type]
            # Only an id of SQS's says that it has a message: a proxy's friendly 200 has none.
            sent = {each["Id"]: each["MessageId"] for each in answer.get("Successful", []) if each.get("MessageId")}
            self._sent |= set(sent.values())
            left = {place: letter for place, letter in left.items() if place not in sent}
            codes = {each["Id"]: each["Code"] for each in answer.get("Failed", [])}
            errors = {letter.sqs_id: f"SQS refuses it: {codes.get(place, '-')}" for place, letter in left.items()}
            if not left:
                break
        return errors


def _packed(letters: Sequence[Letter]) -> Iterator[list[Letter]]:
    """As many in one call as it takes."""
    batch: list[Letter] = []
    for letter in letters:
        size = sum(each.summary.size for each in batch) + letter.summary.size
        if batch and (len(batch) == MAX_ENTRIES or size > MAX_BATCH_BYTES):
            yield batch
            batch = []
        batch.append(letter)
    if batch:
        yield batch
