"""What became of an email for one recipient: three facets. Pure.

    delivery    the highest state reported, in the order of DELIVERY
    engagement  the highest state reported, in the order of ENGAGEMENT
    consent     complained if ever; else the latest change of preferences

What was reported is never lowered by one more fact. Two things are derived from it after the fold, and a later
fact may withdraw them: `arrived`, and a bounce at another address than the recipient's own.

An out-of-office reply is a mark (`auto_replied_at`), never a bounce: that mail reached the mailbox.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from email_activity.activity.attribution import TimelineEntry
from email_activity.activity.reasons import Evidence, evidence
from email_activity.activity.states import (
    ARRIVALS,
    CONSENT,
    DELIVERY,
    ENGAGEMENT,
    FAILED,
    consent_state,
    delivery_state,
    engagement_state,
    is_bounce_elsewhere,
)


@dataclass(frozen=True, slots=True)
class Occurrences:
    """How often a state was reported, and when first and last (UTC; None if no report told its time)."""

    count: int
    first_at: datetime | None
    last_at: datetime | None


@dataclass(frozen=True, slots=True)
class Facet:
    """A state, and every state that was seen on the way, so that `delivered` shows behind a late bounce.

    evidence: the last event that came to the state; None if none did.
    """

    state: str
    seen: Mapping[str, Occurrences] = field(default_factory=dict)
    evidence: Evidence | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """The three facets, of one recipient or of an email's events that nobody can attribute.

    `bounced_at`: the forward or alias that bounced. It is set only if the recipient's own address did not bounce; then
    a failure in `delivery` is about the forward, not about the recipient. `arrived_from`: what proves the arrival where
    no Delivery was reported, of ARRIVALS; else empty.
    """

    recipient: str | None
    delivery: Facet
    engagement: Facet
    consent: Facet
    auto_replied_at: datetime | None = None
    is_destination: bool = True
    bounced_at: str | None = None
    arrived_from: tuple[str, ...] = ()

    @property
    def has_failed(self) -> bool:
        """The recipient did not get it; a copy that bounced at a forwarded address does not count."""
        return self.delivery.state in FAILED and not self.bounced_at


def fold(recipient: str | None, entries: Sequence[TimelineEntry], is_destination: bool = True) -> Status:
    """Entries of one recipient to its three facets. recipient None: of nobody in particular."""
    own, elsewhere = _delivery_states(entries)
    engagement = [(state, each) for each in entries if (state := engagement_state(each))]
    consent = [(state, each) for each in entries if (state := consent_state(each))]
    is_delivered = any(state == "delivered" for state, _ in own)
    # Which of several recipients got it, an event that names nobody does not tell.
    arrivals = [] if is_delivered or recipient is None else _arrivals(entries)
    counted = [*own, *(("arrived", each) for _, each in arrivals), *([] if is_delivered else elsewhere)]
    return Status(
        recipient=recipient,
        # Any report at all proves that SES accepted the call.
        delivery=_facet(_highest(DELIVERY, counted), counted, elsewhere if is_delivered else []),
        engagement=_facet(_highest(ENGAGEMENT, engagement), engagement),
        consent=_facet(_consent(consent), consent),
        auto_replied_at=_first_at(each for each in entries if each.bounce_class == "auto_reply"),
        is_destination=is_destination,
        bounced_at=None if any(state in FAILED for state, _ in own) else _hardest_address(elsewhere),
        arrived_from=tuple(dict.fromkeys(name for name, _ in arrivals)),
    )


States = list[tuple[str, TimelineEntry]]


def _delivery_states(entries: Iterable[TimelineEntry]) -> tuple[States, States]:
    """Of the recipient's own address, and the bounces at another one."""
    own: States = []
    elsewhere: States = []
    for each in entries:
        if state := delivery_state(each):
            (elsewhere if is_bounce_elsewhere(each) else own).append((state, each))
    return own, elsewhere


def _arrivals(entries: Sequence[TimelineEntry]) -> States:
    return [(name, each) for name, is_proof in ARRIVALS.items() for each in entries if is_proof(each)]


def _hardest_address(bounces: States) -> str | None:
    """Of the earliest of the hardest."""
    if not bounces:
        return None
    return max(bounces, key=lambda each: DELIVERY.index(each[0]))[1].other_address


def _consent(states: States) -> str:
    changes = [state for state, _ in states]
    return "complained" if "complained" in changes else (changes[-1] if changes else CONSENT[0])


def _facet(state: str, states: States, others: States | None = None) -> Facet:
    """states: in order of time. others: seen, but without a say."""
    deciding = [each for name, each in states if name == state]
    return Facet(state, _seen([*states, *(others or [])]), evidence(state, deciding[-1]) if deciding else None)


def _highest(order: Sequence[str], states: States) -> str:
    return max((state for state, _ in states), key=order.index, default=order[0])


def _seen(states: States) -> dict[str, Occurrences]:
    found: dict[str, list[datetime | None]] = {}
    for state, entry in states:
        found.setdefault(state, []).append(entry.activity.occurred_at)
    return {state: _summary(times) for state, times in found.items()}


def _summary(times: Sequence[datetime | None]) -> Occurrences:
    known = [at for at in times if at]
    return Occurrences(len(times), min(known, default=None), max(known, default=None))


def _first_at(entries: Iterable[TimelineEntry]) -> datetime | None:
    return min((each.activity.occurred_at for each in entries if each.activity.occurred_at), default=None)
