"""The opens and clicks of one email, with what the rules ask of them: when, from where, with what, near what. Pure."""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from email_activity.activity.engagement.agents import Agent, agent_of
from email_activity.activity.engagement.bursts import dense, grouped
from email_activity.activity.engagement.networks import Filter, filter_of
from email_activity.domain.facts import Activity

#: Links within seconds that no hand clicks: so many different ones within so many seconds.
SWEEPS = ((2, 0.5), (3, 3.0), (4, 10.0))

#: Clicks on one link from one address within seconds that no hand makes.
HAMMERING = 5, 10.0

#: Seconds in which one link is taken from two computers.
TWICE = 1.0

#: Seconds between clicks of one sweep at most.
PAUSE = 10.0

#: Seconds after the delivery in which scanners come: 97 % of the sweeps that were measured begin within 300.
EARLY = 600.0

#: Seconds after the delivery in which most sweeps begin.
AT_ONCE = 60.0

NEVER = float("inf")

#: Opens and clicks of an email, its first, with which each is compared: who opens one 100,000 times holds nobody up.
MOST_COMPARED = 300


@dataclass(frozen=True, slots=True, eq=False)
class Visit:
    """at: seconds since 1970. after: seconds since the delivery. Both are None where no report tells."""

    id: str
    is_click: bool
    at: float | None
    after: float | None
    ip: str
    agent_text: str
    agent: Agent
    link: str
    ses: str | None

    @property
    def kind(self) -> str:
        return "Click" if self.is_click else "Open"

    @property
    def filter(self) -> Filter | None:
        return filter_of(self.ip)

    @property
    def source(self) -> tuple[str, str]:
        return self.ip, self.agent_text

    @property
    def fleet(self) -> tuple[str, str]:
        """Neighbours: the first three numbers of an IPv4 address, and the agent."""
        return self.ip.rpartition(".")[0] or self.ip, self.agent_text

    @property
    def is_early(self) -> bool:
        return self.after is not None and self.after < EARLY

    def apart(self, other: "Visit") -> float:
        """Seconds since the other one; infinite if one has no time."""
        return self.at - other.at if self.at is not None and other.at is not None else NEVER


@dataclass(frozen=True, slots=True)
class Sweep:
    first: float
    last: float
    sources: frozenset[tuple[str, str]]
    fleets: frozenset[tuple[str, str]]
    ips: frozenset[str]

    def away(self, at: float) -> float:
        """Seconds before it (negative) or after it; 0 within."""
        return at - self.first if at < self.first else max(0.0, at - self.last)


@dataclass(eq=False)
class Email:
    """One email's opens and clicks, in order of time.

    delivered_at: of the first Delivery, else None. is_sole: it has one recipient, so the Delivery is theirs.
    """

    visits: Sequence[Visit]
    delivered_at: float | None
    is_sole: bool
    many_recipients: frozenset[str] = field(default_factory=frozenset)

    @cached_property
    def _clicks(self) -> list[Visit]:
        return [each for each in self.visits if each.is_click and each.at is not None]

    @cached_property
    def swept(self) -> frozenset[str]:
        clicks = [each for each in self._clicks if each.link]
        if len(clicks) < 2:  # noqa: PLR2004  one is none
            return frozenset()
        found = (
            each for count, seconds in SWEEPS for each in dense(clicks, _at, lambda each: each.link, count, seconds)
        )
        return frozenset(each.id for each in found)

    @cached_property
    def hammered(self) -> frozenset[str]:
        count, seconds = HAMMERING
        if len(self._clicks) < count:
            return frozenset()
        groups = grouped(self._clicks, lambda each: (each.link, each.ip))
        return frozenset(
            each.id
            for group in groups
            for each in dense(group, _at, lambda each: each.id, count, seconds)
            if not self.was_read_by(each)
        )

    @cached_property
    def doubled(self) -> frozenset[str]:
        """One link from two computers within a second; without who had read the email there before. A phone may come
        from two addresses at once, as by Apple's Private Relay.
        """
        if len(self._clicks) < 2:  # noqa: PLR2004  one is none
            return frozenset()
        groups = grouped(self._clicks, lambda each: each.link)
        found = [each for group in groups for each in dense(group, _at, _computer, 2, TWICE)]
        return frozenset(each.id for each in found if not self.was_read_by(each))

    @cached_property
    def sweeps(self) -> list[Sweep]:
        parts: list[list[Visit]] = []
        for each in self._clicks:
            if each.id in self.swept:
                if parts and each.apart(parts[-1][-1]) <= PAUSE:
                    parts[-1].append(each)
                else:
                    parts.append([each])
        return [
            Sweep(
                _at(part[0]),
                _at(part[-1]),
                frozenset(each.source for each in part),
                frozenset(each.fleet for each in part),
                frozenset(each.ip for each in part),
            )
            for part in parts
        ]

    def others(self, visit: Visit) -> Iterable[Visit]:
        return (each for each in self.visits[:MOST_COMPARED] if each is not visit)

    def opened_before(self, visit: Visit) -> Iterator[Visit]:
        """Opens from the same address, a second and more before; without what providers fetch."""
        return (
            each
            for each in self.visits[:MOST_COMPARED]
            if each.ip == visit.ip
            and not each.is_click
            and each.agent.kind in ("reader", "browser")
            and 1 <= visit.apart(each) < NEVER
        )

    def was_read_by(self, visit: Visit) -> bool:
        """From that address somebody had opened the email before: in a program for people, or not at once."""
        return any(
            each.agent.kind == "reader" or (each.agent.kind == "browser" and (each.after or 0) >= AT_ONCE)
            for each in self.opened_before(visit)
        )


def email_of(activities: Iterable[Activity], sent_at: datetime | None, many_recipients: frozenset[str]) -> Email:
    """activities: of one email, each event once or more often. Copies that differ are merged before (copies.py)."""
    events = {each.event_id: each for each in activities}
    delivered = first_of("Delivery", events.values())
    reference = delivered or first_of("Send", events.values()) or sent_at
    visits = [visit_of(each, reference) for each in events.values() if each.kind in ("Open", "Click")]
    if len(visits) > 1:
        visits.sort(key=lambda each: (each.at is not None, each.at or 0, each.is_click, each.id))
    is_sole = max((each.destination_count or 0 for each in events.values()), default=0) == 1
    return Email(visits, delivered.timestamp() if delivered else None, is_sole, many_recipients)


def first_of(kind: str, activities: Iterable[Activity]) -> datetime | None:
    return min([each.occurred_at for each in activities if each.kind == kind and each.occurred_at], default=None)


def visit_of(activity: Activity, reference: datetime | None) -> Visit:
    detail = activity.detail
    agent = _text(detail.get("user_agent"))
    at = activity.occurred_at
    return Visit(
        activity.event_id,
        activity.kind == "Click",
        at.timestamp() if at else None,
        (at - reference).total_seconds() if at and reference else None,
        _text(detail.get("ip_address")),
        agent,
        agent_of(agent),
        _text(detail.get("link")),
        detail.get("is_bot_event"),
    )


def _computer(visit: Visit) -> Hashable:
    return visit.agent_text if visit.agent.is_phone else visit.source


def _at(visit: Visit) -> float:
    return visit.at or 0.0


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
