"""The labelled opens and clicks: read, and turned into what a reader would know of them.

A line of `rules/*.jsonl` and `judging/*.jsonl` is a case, see README.md. Rules were written on the first half alone.
"""

import json
from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cache, cached_property
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from email_activity.domain.facts import Activity
from email_activity.ses.tracking_policy import TrackingPolicy
from reading import EVERYTHING, Event, read_all

Class = Literal["person", "proxy", "machine", "unknown"]
Half = Literal["rules", "judging"]

CLASSES: tuple[Class, ...] = ("person", "proxy", "machine", "unknown")
HALVES: tuple[Half, ...] = ("rules", "judging")

#: What SES calls the events that are labelled, with the key of their object.
ENGAGEMENT = {"Open": "open", "Click": "click"}

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Label:
    """event: which of the case's. also: what an expert may say as well. source: one of the case's names of sources."""

    event: int
    label: Class
    also: Class | None
    why: str
    source: str

    @property
    def right(self) -> frozenset[str]:
        return frozenset(filter(None, (self.label, self.also)))


@dataclass(frozen=True)
class Case:
    """events: of a configuration set, in order of arrival. sources: where to read of it, by name."""

    id: str
    title: str
    family: str
    sources: dict[str, str]
    events: Sequence[Event]
    labels: Sequence[Label]
    policy: TrackingPolicy = EVERYTHING

    @classmethod
    def from_line(cls, line: str) -> "Case":
        case = json.loads(line)
        return cls(**case | {"labels": [Label(**label) for label in case["labels"]]})

    def without_flags(self) -> "Case":
        """As before August 2026, when SES told no `isBotEvent`."""
        events = deepcopy(list(self.events))
        for event in events:
            engagement_of(event).pop("isBotEvent", None)
        return replace(self, events=events)

    def with_networks(self) -> "Case":
        """As STORE_FULL_IP=false has it stored."""
        return replace(self, policy=replace(EVERYTHING, store_full_ip=False))

    def with_links_alike(self) -> "Case":
        """As STORE_LINK_QUERY=false has it stored, if an email's links differ in nothing but their queries."""
        events = deepcopy(list(self.events))
        for did in map(engagement_of, events):
            if "link" in did:
                did["link"] = f"https://www.sender.example/?to={did['link']}"
        return replace(self, events=events, policy=replace(EVERYTHING, store_link_query=False))

    def email_of(self, label: Label) -> str:
        return self.events[label.event]["mail"]["messageId"]

    @cached_property
    def activities(self) -> list[Activity]:
        """One for each event, as the product reads it."""
        readings = chain.from_iterable(read_all(json.dumps(event), self.policy) for event in self.events)
        return [reading.activities[0] for reading in readings]


@cache
def load(half: Half) -> Sequence[Case]:
    texts = (path.read_text() for path in sorted((FOLDER / half).glob("*.jsonl")))
    return tuple(Case.from_line(line) for text in texts for line in text.splitlines())


def engagement_of(event: Event) -> dict[str, Any]:
    """The open or the click of an event; empty of any other."""
    return event.get(ENGAGEMENT.get(event["eventType"], ""), {})


def sources_of(cases: Iterable[Case]) -> set[str]:
    return {where for case in cases for where in case.sources.values()}
