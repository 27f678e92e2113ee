"""What a batch comes to in figures that are too many for its line in the log: for metrics. No input or output.

They hold numbers and names of our own: nothing that a sender wrote.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from email_activity.domain.facts import Item, Key
from email_activity.domain.kinds import BOUNCE_CLASS_BY_NAME, COMPLAINT_KIND_BY_NAME, KINDS
from email_activity.ingest.disposition import InterpretedMessage
from email_activity.ingest.model import StoreResult
from email_activity.ses.classification import bounce_class, complaint_kind
from email_activity.ses.interpret import OTHER

#: In the place of a kind: that of a recipient fact.
RECIPIENT = "recipient"

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
        written = stored.written
        counted: set[Key] = set()
        for interpreted in part:
            message = interpreted.message
            self.receives.append(message.receive_count)
            for pair in interpreted.interpretation.kinds:
                self.events[pair] += 1
            for key, item in interpreted.items.items():
                if key in written and key not in counted:
                    counted.add(key)
                    self._add_fact(key[1], item, None if message.is_replay else now)

    def _add_fact(self, sort_key: str, item: Item, now: datetime | None) -> None:
        """now: None for one that was replayed, which tells nothing of today."""
        if sort_key.startswith("RECIPIENT#"):
            self.facts[RECIPIENT] += 1
            return
        kind = item.get("kind")
        if kind not in STATES or not sort_key.startswith("EVENT#"):
            self.facts[OTHER] += 1
            return
        self.facts[kind] += 1
        if now is None:
            return
        if occurred_at := item.get("occurred_at"):
            self.lags.append(max(0.0, (now - datetime.fromisoformat(occurred_at)).total_seconds()))
        if state := STATES[kind](item):
            # A Send is one for all recipients of its call.
            self.recipients[state] += 1 if "recipient" in item else item.get("destination_count", 1)


def _of_bounce(item: Item) -> str | None:
    """Whether it reports on others too tells a soft bounce from an automatic reply, which only readers can."""
    return BOUNCE_CLASS_BY_NAME[bounce_class(item.get("detail", {}))].delivery


def _of_complaint(item: Item) -> str | None:
    complaint = COMPLAINT_KIND_BY_NAME[complaint_kind(item.get("detail", {}))]
    return COMPLAINED if complaint.is_complaint else complaint.delivery


def _always(state: str | None) -> Callable[[Item], str | None]:
    return lambda _: state


#: By kind, what its activity says of delivery.
STATES = {kind.name: _always(kind.delivery) for kind in KINDS} | {"Bounce": _of_bounce, "Complaint": _of_complaint}
