"""What became of an email for one recipient: three facets. Pure.

    delivery    the highest state reported, in the order of DELIVERY
    engagement  the highest state reported, in the order of ENGAGEMENT
    consent     complained if ever; else the latest change of preferences

What was reported is never lowered by one more fact. Two things are derived from it after the fold, and a later
fact may withdraw them: `arrived`, and a bounce at another address than the recipient's own.

An out-of-office reply is a mark (`auto_replied_at`), never a bounce: that mail reached the inbox.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from email_activity.activity.attribution import TimelineEntry
from email_activity.activity.engagement import verdict
from email_activity.domain.kinds import BOUNCE_CLASS_BY_NAME, COMPLAINT_KIND_BY_NAME, kind_named
from email_activity.ses.classification import complaint_kind

#: Low to high. A Delivery never lowers a bounce that follows it, and a delay never lowers anything.
DELIVERY = (
    "sent",
    "delayed",
    "arrived",
    "delivered",
    "soft_bounced",
    "undetermined_bounce",
    "suppressed",
    "hard_bounced",
    "rejected",
    "render_failed",
)
ENGAGEMENT = ("none", "machine", "proxy_opened", "opened", "clicked")
CONSENT = ("none", "subscribed", "unsubscribed", "complained")

#: Delivery states that say that the recipient did not get it.
FAILED = frozenset(DELIVERY[DELIVERY.index("soft_bounced") :])


@dataclass(frozen=True, slots=True)
class Occurrences:
    """How often a state was reported, and when first and last (UTC; None if no report told its time)."""

    count: int
    first_at: datetime | None
    last_at: datetime | None


@dataclass(frozen=True, slots=True)
class Facet:
    """A state, and every state that was seen on the way, so that `delivered` shows behind a late bounce."""

    state: str
    seen: Mapping[str, Occurrences] = field(default_factory=dict)


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


def fold(recipient: str | None, entries: Sequence[TimelineEntry], is_destination: bool = True) -> Status:
    """Entries of one recipient to its three facets. recipient None: of nobody in particular."""
    own, elsewhere = _delivery_states(entries)
    engagement = [(state, each) for each in entries if (state := _engagement_state(each))]
    consent = [(state, each) for each in entries if (state := _consent_state(each))]
    is_delivered = any(state == "delivered" for state, _ in own)
    # Which of several recipients got it, an event that names nobody does not tell.
    arrivals = [] if is_delivered or recipient is None else _arrivals(entries)
    counted = [*own, *(("arrived", each) for _, each in arrivals), *([] if is_delivered else elsewhere)]
    return Status(
        recipient=recipient,
        # Any report at all proves that SES accepted the call.
        delivery=Facet(_highest(DELIVERY, counted), _seen([*counted, *(elsewhere if is_delivered else [])])),
        engagement=Facet(_highest(ENGAGEMENT, engagement), _seen(engagement)),
        consent=Facet(_consent(consent), _seen(consent)),
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
        if state := _delivery_state(each):
            (elsewhere if is_bounce_elsewhere(each) else own).append((state, each))
    return own, elsewhere


def is_bounce_elsewhere(entry: TimelineEntry) -> bool:
    """It failed at a forward or an alias, not at the recipient's own address."""
    return bool(entry.other_address and entry.bounce_class) and _delivery_state(entry) in FAILED


def _delivery_state(entry: TimelineEntry) -> str | None:
    if entry.bounce_class:
        return BOUNCE_CLASS_BY_NAME[entry.bounce_class].delivery
    if entry.complaint_kind:
        # Any copy that names a subtype says that SES stopped the mail.
        return COMPLAINT_KIND_BY_NAME[complaint_kind(entry.activity.detail)].delivery
    return kind_named(entry.activity.kind).delivery


def _engagement_state(entry: TimelineEntry) -> str | None:
    by_person = kind_named(entry.activity.kind).engagement
    if by_person is None:
        return None
    judged = verdict(entry.activity.kind, entry.activity.detail)
    return {"machine": "machine", "proxy": "proxy_opened", "person": by_person}[judged]


def _consent_state(entry: TimelineEntry) -> str | None:
    if entry.complaint_kind:
        return "complained" if COMPLAINT_KIND_BY_NAME[entry.complaint_kind].is_complaint else None
    return _preference(entry.activity.detail) if entry.activity.kind == "Subscription" else None


#: What can only be where the email has arrived. A complaint of one of several says nothing of each.
ARRIVALS: dict[str, Callable[[TimelineEntry], bool]] = {
    "delivery_status": lambda each: each.bounce_class == "arrived",
    "auto_reply": lambda each: each.bounce_class == "auto_reply",
    "open": lambda each: _engagement_state(each) == "opened",
    "click": lambda each: _engagement_state(each) == "clicked",
    "unsubscribe": lambda each: _consent_state(each) == "unsubscribed",
    "complaint": lambda each: _consent_state(each) == "complained" and each.attribution != "candidate",
}


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


def _preference(detail: Mapping[str, Any]) -> str | None:
    """unsubscribed if from everything, or from any topic just now; else subscribed; None if nothing new is told.

    https://docs.aws.amazon.com/ses/latest/dg/sending-email-list-management.html
    """
    new, old = detail.get("new_topic_preferences"), detail.get("old_topic_preferences") or {}
    if new is None:
        return None
    left = _topics(new, "optout") - _topics(old, "optout")
    joined = _topics(new, "optin") - _topics(old, "optin")
    if _from_all(new) or left:
        return "unsubscribed"
    if joined or _from_all(old) or not _topics(new, "optout"):
        return "subscribed"
    return "unsubscribed"


def _from_all(preferences: Mapping[str, Any]) -> bool:
    return str(preferences.get("unsubscribeAll")).casefold() == "true"


def _topics(preferences: Mapping[str, Any], wanted: str) -> set[str]:
    """Topics of a status; public code has seen `OptOut` and `OPT_OUT`."""
    topics = preferences.get("topicSubscriptionStatus")
    listed = topics if isinstance(topics, list) else []
    states = {each.get("topicName", ""): each.get("subscriptionStatus", "") for each in listed}
    return {name for name, state in states.items() if state.replace("_", "").casefold() == wanted}
