"""Which facts a batch writes, and what becomes of each of its messages. Pure."""

import math
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from email_activity.domain.errors import PermanentError, RefusedByTableError
from email_activity.domain.facts import Item
from email_activity.ingest.claims import Claim, Key
from email_activity.ingest.receive import Message
from email_activity.ingest.store import Stored

#: From this receive on, a fact that another worker holds is simply written: its owner may be dead, and a put
#: under a key made from content does no harm.
IMPATIENT_FROM_RECEIVE = 2


@dataclass(frozen=True, slots=True)
class Parcel:
    """A message on its way, with the items that it comes to. Of several events the good ones are kept."""

    message: Message
    outcome: str
    items: dict[Key, Item]
    mail_facts: AbstractSet[Key]
    error: PermanentError | None
    #: SES's, for the log; None if nobody can tell.
    email_id: str | None = None
    #: Elements of its lists and maps that could not be read, and are kept as unknown.
    odd_elements: int = 0

    @property
    def weight(self) -> int:
        """Characters that its items come to at most: each is made from an event in the message."""
        return len(self.items) * len(self.message.body)


@dataclass(slots=True)
class Work:
    """What was claimed and what became of it. leases: seconds for which others still hold a fact.

    is_of_this_table: whether what was claimed is about the table that there is now.
    """

    claimed: dict[Key, Claim]
    stored: Stored
    leases: dict[Key, float] = field(default_factory=dict)
    is_of_this_table: bool = True

    def free_in(self, parcel: Parcel) -> int:
        """Seconds until every fact of a held message is free or done."""
        return max([1, *(math.ceil(self.leases.get(key, 0)) for key in parcel.items)])


def to_write(parcels: Sequence[Parcel], claimed: dict[Key, Claim]) -> list[Key]:
    """What is ours; and of what others hold, every mail fact, whatever has come to us before, and what stands in
    one message with something unreadable: that message goes to quarantine now, and must leave nothing open.

    Mail facts: without one an email is not found by its document, and it costs one small put to be sure.
    """
    keys = []
    for parcel in parcels:
        impatient = parcel.error is not None or parcel.message.receive_count >= IMPATIENT_FROM_RECEIVE
        for key in parcel.items:
            claim = claimed[key]
            if claim is Claim.OURS or (claim is Claim.HELD and (impatient or key in parcel.mail_facts)):
                keys.append(key)
    return list(dict.fromkeys(keys))


def fate(parcel: Parcel, work: Work) -> str:
    """delete, quarantine, return (a passing fault) or held (another worker is writing a fact of it, and has not
    committed yet: it may be dead, so the message comes again when the lease ends).

    A message with facts is returned if they are of a table that is no more.
    """
    keys, stored = parcel.items.keys(), work.stored
    open_keys = {key for key in keys - stored.written if work.claimed[key] is not Claim.DONE}
    if open_keys & stored.left or (keys and not work.is_of_this_table):
        return "return"
    if parcel.error or open_keys & stored.refused.keys():
        return "quarantine"
    return "held" if open_keys else "delete"


def error_of(parcel: Parcel, stored: Stored) -> PermanentError:
    """Why it goes to quarantine."""
    codes = [stored.refused[key] for key in parcel.items if key in stored.refused]
    return parcel.error or RefusedByTableError(codes[0])
