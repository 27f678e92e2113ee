"""Which facts a batch writes, and what becomes of each of its messages. No input or output."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from email_activity.domain.errors import PermanentError, RefusedByTableError
from email_activity.domain.facts import Item, Key, is_recipient_fact
from email_activity.ingest.model import Claim, Message, StoreResult
from email_activity.ses.interpret import Interpretation

#: From this receive on, a fact that another worker holds is simply written: its owner may be dead, and a put
#: under a key made from content does no harm.
WRITE_HELD_FROM_RECEIVE = 2


class Disposition(StrEnum):
    """What becomes of a message."""

    #: All of it is stored, or nothing of it is kept.
    DELETE = "delete"
    #: To the dead-letter queue, with its reason.
    QUARANTINE = "quarantine"
    #: A passing fault: it comes again, after a pause.
    RETURN = "return"
    #: Another worker is writing a fact of it and has not committed yet. It may be dead, so the message comes again when
    #: the lease ends.
    HELD = "held"


@dataclass(frozen=True, slots=True)
class InterpretedMessage:
    message: Message
    interpretation: Interpretation

    @property
    def items(self) -> Mapping[Key, Item]:
        return self.interpretation.items

    @property
    def weight(self) -> int:
        """Characters that its items come to at most: each is made from an event in the message."""
        return len(self.items) * len(self.message.body)


@dataclass(slots=True)
class BatchState:
    """What was claimed and what became of it. leases: seconds for which others still hold a fact.

    is_of_this_table: whether what was claimed is about the table that there is now.
    """

    claimed: dict[Key, Claim]
    stored: StoreResult
    leases: dict[Key, float] = field(default_factory=dict)
    is_of_this_table: bool = True

    def seconds_until_free(self, interpreted: InterpretedMessage) -> int:
        """Until every fact of a held message is free or done."""
        return max([1, *(math.ceil(self.leases.get(key, 0)) for key in interpreted.items)])


def items_of(batch: Sequence[InterpretedMessage]) -> dict[Key, Item]:
    """Each once: two messages may hold the same fact."""
    return {key: item for each in batch for key, item in each.items.items()}


def keys_to_write(batch: Sequence[InterpretedMessage], claimed: Mapping[Key, Claim]) -> list[Key]:
    """The keys that this worker claimed, and some that another one holds:

    - Recipient facts. Without one an email is not found by its document, and it costs one small put to be sure.
    - Facts of a message that has come before (WRITE_HELD_FROM_RECEIVE).
    - Facts of a message with something unreadable. It goes to quarantine now, so all its facts must be stored now.

    Of a replayed message all keys: the table may lack what Redis calls done.
    """
    keys = []
    for interpreted in batch:
        is_quarantined = interpreted.interpretation.error is not None
        writes_held = is_quarantined or interpreted.message.receive_count >= WRITE_HELD_FROM_RECEIVE
        for key in interpreted.items:
            claim = claimed[key]
            takes_held = claim is Claim.HELD and (writes_held or is_recipient_fact(key))
            if claim is Claim.OURS or takes_held or interpreted.message.is_replay:
                keys.append(key)
    return list(dict.fromkeys(keys))


def disposition(interpreted: InterpretedMessage, state: BatchState) -> Disposition:
    """RETURN if DynamoDB did not take a fact, or the table was replaced meanwhile. QUARANTINE if something in the
    message is unreadable, or refused by DynamoDB. HELD if another worker is writing a fact of it. Else DELETE.

    A fact is open unless it was written now or before; of a replayed message, unless it was written now.
    """
    keys, stored = interpreted.items.keys(), state.stored
    is_replay = interpreted.message.is_replay
    open_keys = {key for key in keys - stored.written if is_replay or state.claimed[key] is not Claim.DONE}
    if open_keys & stored.unprocessed or (keys and not state.is_of_this_table):
        return Disposition.RETURN
    if interpreted.interpretation.error or open_keys & stored.refused.keys():
        return Disposition.QUARANTINE
    return Disposition.HELD if open_keys else Disposition.DELETE


def error_of(interpreted: InterpretedMessage, stored: StoreResult) -> PermanentError:
    """Why it goes to quarantine."""
    codes = [stored.refused[key] for key in interpreted.items if key in stored.refused]
    return interpreted.interpretation.error or RefusedByTableError(codes[0])


def newest_event(batch: Sequence[InterpretedMessage], stored: StoreResult) -> datetime | None:
    """When the newest event happened of those just stored. It cannot be newer than its message, whatever it says."""
    items = items_of(batch)
    times = [items[key]["occurred_at"] for key in stored.written if "occurred_at" in items[key]]
    if not times:
        return None
    return min(datetime.fromisoformat(max(times)), max(each.message.sent_at for each in batch))
