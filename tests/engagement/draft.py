"""Write a case without writing JSON: times are seconds after the sending of the email.

case = Draft("gateway-sweep", "Both links within a second", "field report", {"report": "https://..."})
case.email()
for link in (1, 2):
    case.click(40 + link / 10, "192.0.2.1", "curl/8.5", link, "machine", "both at once", "report")
print(case.line())
"""

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from engagement.cases import Event

#: The first email of a case was sent in the weeks after this, at a time that its id decides.
FIRST_DAY = datetime(2026, 9, 1, tzinfo=UTC)


class Draft:
    def __init__(self, id_: str, title: str, family: str, sources: dict[str, str]) -> None:
        self.id, self.title, self.family, self.sources = id_, title, family, sources
        self.events: list[Event] = []
        self.labels: list[dict[str, Any]] = []
        self._seed = int(hashlib.sha256(id_.encode()).hexdigest()[:12], 16)
        self._mails = 0

    def email(self, to: int = 1, delivered: float | Sequence[float] | None = 1.4, later: float = 0) -> "Draft":
        """One more email, to so many people, `later` seconds after the first; delivered None: no Delivery arrives."""
        self._mails += 1
        self._sent = FIRST_DAY + timedelta(minutes=self._seed % 60_000, seconds=later)
        digest = hashlib.sha256(f"{self.id} {self._mails}".encode()).hexdigest()
        self._people = [f"r{self._mails}{chr(97 + n)}@client.example" for n in range(to)]
        self._mail = {
            "timestamp": self._time(0),
            "messageId": f"0100019{digest[:9]}-{digest[9:17]}-{digest[17:21]}-000000",
            "source": "news@sender.example",
            "destination": self._people,
            "tags": {"ses:configuration-set": ["tracked"]},
        }
        self._add("Send", {})
        for seconds in [] if delivered is None else delivered if isinstance(delivered, Sequence) else [delivered]:
            self.delivery(seconds)
        return self

    def delivery(self, seconds: float) -> None:
        """To all of the email's people."""
        self._add("Delivery", {"timestamp": self._time(seconds), "recipients": self._people})

    def open(self, seconds: float, ip: str, agent: str | None, *label: str | None, bot: str | None = None) -> None:
        """label: class, why, source and perhaps what an expert may say as well. bot: isBotEvent."""
        self._engage("Open", self._said(seconds, ip, agent), label, bot)

    def click(
        self, seconds: float, ip: str, agent: str | None, link: int, *label: str | None, bot: str | None = None
    ) -> None:
        said = self._said(seconds, ip, agent) | {"link": f"https://www.sender.example/{link}"}
        self._engage("Click", said, label, bot)

    def again(self, index: int) -> None:
        """The event arrives once more, byte for byte; it has its label already."""
        self.events.append(self.events[index])

    def arrive(self, *order: int) -> None:
        """The indices of all events in the order in which they arrive. The first copy of an event keeps its label."""
        if sorted(order) != list(range(len(self.events))):
            raise ValueError(f"{self.id} has {len(self.events)} events: name each index once")
        labelled = [self.events[label["event"]] for label in self.labels]
        self.events = [self.events[index] for index in order]
        for label, event in zip(self.labels, labelled, strict=True):
            label["event"] = self.events.index(event)
        self.labels.sort(key=lambda label: label["event"])

    def line(self) -> str:
        case = {name: getattr(self, name) for name in ("id", "title", "family", "sources", "events", "labels")}
        return json.dumps(case, ensure_ascii=False, separators=(",", ":"))

    def _said(self, seconds: float, ip: str, agent: str | None) -> dict[str, Any]:
        said = {"timestamp": self._time(seconds), "ipAddress": ip, "userAgent": agent}
        return {name: value for name, value in said.items() if value is not None}

    def _engage(self, kind: str, said: dict[str, Any], label: Sequence[str | None], bot: str | None) -> None:
        class_, why, source, also = (*label, None)[:4]
        self.labels.append({"event": len(self.events), "label": class_, "also": also, "why": why, "source": source})
        self._add(kind, said | ({"isBotEvent": bot} if bot else {}))

    def _add(self, kind: str, particular: dict[str, Any]) -> None:
        self.events.append({"eventType": kind, "mail": self._mail, kind.lower(): particular})

    def _time(self, seconds: float) -> str:
        return f"{(self._sent + timedelta(seconds=seconds)).isoformat(timespec='milliseconds')[:-6]}Z"
