"""What goes from step to step of the pipeline: messages, claims, what became of a write. No input or output."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING

from email_activity.domain.errors import THROTTLED, TransientError, code_of
from email_activity.domain.facts import Key

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageAttributeValueTypeDef

#: The message attribute of what `email-activity replay` sends. The table may have lost what Redis calls done, so every
#: fact of such a message is written, whatever its claim says.
REPLAY_ATTRIBUTE = "replay"
REPLAY_ATTRIBUTES: Mapping[str, "MessageAttributeValueTypeDef"] = {
    REPLAY_ATTRIBUTE: {"DataType": "String", "StringValue": "1"}
}


@dataclass(frozen=True, slots=True)
class Message:
    """A message as received. `sent_at` is when the queue took it (UTC), `receive_count` counts this receive."""

    id: str
    receipt_handle: str
    body: str
    receive_count: int
    sent_at: datetime
    first_received_at: datetime
    is_replay: bool = False


class Claim(Enum):
    """Who writes a fact: this worker, another one until its lease ends, or nobody, since it is stored."""

    OURS = "ours"
    HELD = "held"
    DONE = "done"


@dataclass(slots=True)
class StoreResult:
    """What became of the items: stored; refused for good (with DynamoDB's code); or not taken, for another time."""

    written: set[Key] = field(default_factory=set)
    refused: dict[Key, str] = field(default_factory=dict)
    unprocessed: set[Key] = field(default_factory=set)
    #: Of the optional items, those that DynamoDB took.
    optional: set[Key] = field(default_factory=set)
    #: Why items were not taken, if DynamoDB failed, or throttled so hard that it took nothing at all.
    failure: TransientError | None = None
    is_throttled: bool = False

    def add_failure(self, error: Exception) -> None:
        if code_of(error) in THROTTLED:
            self.is_throttled = True
        else:
            self.failure = TransientError("dynamodb", code_of(error))
