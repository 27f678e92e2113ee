"""Which facts a part of a batch writes, and what becomes of each of its messages. No input or output."""

import math
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Self

from email_activity.domain.errors import PermanentError, RefusedByTableError
from email_activity.domain.facts import Item, Key, is_recipient_fact
from email_activity.ingest.model import Claim, Message, StoreResult
from email_activity.ses.interpret import Interpretation, Outcome

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
    RETURN_AFTER_LEASE = "return_after_lease"
    #: The certificate that its signature asks for is not to be had: it comes again, after a longer pause.
    RETURN_UNVERIFIED = "return_unverified"


@dataclass(frozen=True, slots=True)
class InterpretedMessage:
    message: Message
    interpretation: Interpretation
    #: It named people who were forgotten.
    is_redacted: bool = False

    @classmethod
    def of(cls, message: Message, whole: Interpretation, left: Interpretation) -> Self:
        return cls(message, left.without_events(), is_redacted=left is not whole)

    @property
    def items(self) -> Mapping[Key, Item]:
        return self.interpretation.items

    @property
    def item_characters(self) -> int:
        """That its items come to at most: each is made from an event in the message."""
        return len(self.items) * len(self.message.body)


@dataclass(slots=True)
class PartResult:
    """What was claimed for a part of a batch, and what became of it. leases: seconds until others lose a fact.

    is_of_this_table: whether the claims are about the table that there is now.
    """

    claims: dict[Key, Claim]
    stored: StoreResult
    leases: dict[Key, float] = field(default_factory=dict)
    is_of_this_table: bool = True

    def seconds_until_free(self, interpreted: InterpretedMessage) -> int:
        """Until every fact of the message that others hold is free or done."""
        return max([1, *(math.ceil(self.leases.get(key, 0)) for key in interpreted.items)])


def items_of(part: Sequence[InterpretedMessage]) -> dict[Key, Item]:
    """Each once: two messages may hold the same fact."""
    return {key: item for interpreted in part for key, item in interpreted.items.items()}


def keys_to_write(
    part: Sequence[InterpretedMessage], claims: Mapping[Key, Claim], written_here: Container[Key] = ()
) -> list[Key]:
    """The keys that this worker claimed, and some that another one holds:

    - Recipient facts. Without one an email is not found by its document, and it costs one small put to be sure. But not
      one that another thread of this process is writing (`written_here`), for which commit waits.
    - Facts of a message that has come before (WRITE_HELD_FROM_RECEIVE).
    - Facts of a message with something unreadable. It goes to quarantine now, so all its facts must be stored now.

    Of a replayed message all keys: the table may lack what Redis calls done.
    """
    keys = []
    for interpreted in part:
        is_quarantined = interpreted.interpretation.error is not None
        writes_held = is_quarantined or interpreted.message.receive_count >= WRITE_HELD_FROM_RECEIVE
        for key in interpreted.items:
            claim = claims[key]
            is_open = is_recipient_fact(key) and key not in written_here
            writes_anyway = claim is Claim.HELD and (writes_held or is_open)
            if claim is Claim.OURS or writes_anyway or interpreted.message.is_replay:
                keys.append(key)
    return list(dict.fromkeys(keys))


def disposition(interpreted: InterpretedMessage, result: PartResult) -> Disposition:
    """RETURN if DynamoDB did not take a fact, or the table was replaced meanwhile. QUARANTINE if something in the
    message is unreadable, or refused by DynamoDB. RETURN_AFTER_LEASE if another worker is writing a fact of it.
    RETURN_UNVERIFIED if its signature could not be checked. Else DELETE.

    A fact is open unless it was written now or before; of a replayed message, unless it was written now.
    """
    if interpreted.interpretation.outcome is Outcome.UNVERIFIED:
        return Disposition.RETURN_UNVERIFIED
    keys, stored = interpreted.items.keys(), result.stored
    is_replay = interpreted.message.is_replay
    open_keys = {key for key in keys - stored.written if is_replay or result.claims[key] is not Claim.DONE}
    if open_keys & stored.unprocessed or (keys and not result.is_of_this_table):
        return Disposition.RETURN
    if interpreted.interpretation.error or open_keys & stored.refused.keys():
        return Disposition.QUARANTINE
    return Disposition.RETURN_AFTER_LEASE if open_keys else Disposition.DELETE


def error_of(interpreted: InterpretedMessage, stored: StoreResult) -> PermanentError:
    """Why it goes to quarantine."""
    codes = [stored.refused[key] for key in interpreted.items if key in stored.refused]
    return interpreted.interpretation.error or RefusedByTableError(codes[0])


def unverified_delays(unverified: Sequence[InterpretedMessage]) -> dict[Message, int]:
    """Seconds until each message comes again whose certificate is not to be had. SQS counts its receives: the first
    come soon, for a failure that passes at once, and all twelve (the default) take two hours.
    """
    messages = [interpreted.message for interpreted in unverified]
    return {message: min(900, 5 << 2 * (min(message.receive_count, 5) - 1)) for message in messages}


def newest_event(part: Sequence[InterpretedMessage], stored: StoreResult) -> datetime | None:
    """When the newest event happened of those just stored. It cannot be newer than its message, whatever it says."""
    items = items_of(part)
    times = [items[key]["occurred_at"] for key in stored.written if "occurred_at" in items[key]]
    if not times:
        return None
    return min(datetime.fromisoformat(max(times)), max(interpreted.message.sent_at for interpreted in part))
