"""What a batch comes to in figures that are too many for its line in the log: for metrics. No input or output.

They hold numbers and names of our own: nothing that a sender wrote.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from email_activity.domain.facts import Item, Key, is_recipient_fact
from email_activity.domain.kinds import BOUNCE_CLASS_BY_NAME, COMPLAINT_KIND_BY_NAME, KIND_BY_NAME
from email_activity.ingest.disposition import InterpretedMessage
from email_activity.ingest.model import StoreResult
from email_activity.ses.classification import bounce_class, complaint_kind

#: In the place of a kind: that of a recipient fact, and any that this version does not know.
RECIPIENT = "recipient"
OTHER = "other"

#: In the place of a state of delivery.
COMPLAINED = "complained"


@dataclass(slots=True)
class Figures:
    """events: by kind and outcome. facts: written, by kind. recipients: by what was newly recorded of them. lags:
    seconds from each event to its fact. receives: of each message, by SQS's count.
    """

    events: Counter[tuple[str, str]] = field(default_factory=Counter)
    facts: Counter[str] = field(default_factory=Counter)
    recipients: Counter[str] = field(default_factory=Counter)
    lags: list[float] = field(default_factory=list)
    receives: list[int] = field(default_factory=list)

    def add(self, part: Sequence[InterpretedMessage], stored: StoreResult, now: datetime) -> None:
        """now: when the facts of this part were stored."""
        written: dict[Key, Item] = {}
        live: set[Key] = set()
        for interpreted in part:
            self.receives.append(interpreted.message.receive_count)
            for kind, outcome in interpreted.interpretation.kinds:
                self.events[kind if kind in KIND_BY_NAME else OTHER, outcome] += 1
            mine = {key: item for key, item in interpreted.items.items() if key in stored.written}
            written.update(mine)
            if not interpreted.message.is_replay:
                live.update(mine)
        for key, item in written.items():
            self._add_fact(key, item, now, is_live=key in live)

    def _add_fact(self, key: Key, item: Item, now: datetime, *, is_live: bool) -> None:
        if is_recipient_fact(key):
            self.facts[RECIPIENT] += 1
            return
        is_activity = key[1].startswith("EVENT#")
        kind = item.get("kind", "")
        self.facts[kind if is_activity and kind in KIND_BY_NAME else OTHER] += 1
        if not (is_activity and is_live):
            return
        if occurred_at := item.get("occurred_at"):
            self.lags.append(max(0.0, (now - datetime.fromisoformat(occurred_at)).total_seconds()))
        for state, people in _states(kind, item):
            self.recipients[state] += people


def _states(kind: str, item: Item) -> Iterator[tuple[str, int]]:
    """What an activity says of delivery, and of how many recipients. A Send is one for all of its call."""
    detail = item.get("detail", {})
    if kind == "Bounce":
        # Whether it reports on others too tells a soft bounce from an automatic reply, which only readers can.
        state = BOUNCE_CLASS_BY_NAME[bounce_class(detail)].delivery
    elif kind == "Complaint":
        complaint = COMPLAINT_KIND_BY_NAME[complaint_kind(detail)]
        state = COMPLAINED if complaint.is_complaint else complaint.delivery
    elif kind in KIND_BY_NAME:
        state = KIND_BY_NAME[kind].delivery
    else:
        state = None
    if state:
        yield state, 1 if "recipient" in item else max(1, int(item.get("destination_count", 1)))
