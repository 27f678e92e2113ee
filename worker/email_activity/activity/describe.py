"""What an event says, and what is to be known of a status beside its states: in words for a person. Pure."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from email_activity.activity.attribution import TimelineEntry
from email_activity.activity.engagement import verdict
from email_activity.activity.facets import Status
from email_activity.activity.states import DELIVERY, FAILED, is_bounce_elsewhere
from email_activity.activity.status import Conflict, EmailStatus

Detail = Mapping[str, Any]

#: What proves an arrival.
PROOFS = {
    "delivery_status": "the server's word that it went on",
    "auto_reply": "an automatic reply",
    "open": "an open",
    "click": "a click",
    "unsubscribe": "an unsubscribe",
    "complaint": "a complaint",
}

#: How sure it is whose the event was, where it is not.
DOUBTS = {"inferred": " (inferred)", "unmatched": " (forwarded?)", "candidate": " (one of several named)"}

BY_WHOM = {"machine": "by a machine", "proxy": "through a proxy", "person": ""}


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """`1 email`, `1,200 emails`."""
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"


def in_words(state: str) -> str:
    """`hard bounced`"""
    return state.replace("_", " ")


def describe(entry: TimelineEntry) -> str:
    """The parts of the detail that matter most; all of it for a kind that this version does not know."""
    kind, detail = entry.activity.kind, entry.activity.detail
    if entry.bounce_class:
        parts = _bounce(in_words(entry.bounce_class), detail)
    elif entry.complaint_kind:
        parts = [in_words(entry.complaint_kind), detail.get("user_agent")]
    else:
        parts = PARTS[kind](detail) if kind in PARTS else [f"{name}: {value}" for name, value in detail.items()]
    return ", ".join(str(part) for part in [_elsewhere(entry), *parts] if part)


def whose(entry: TimelineEntry, destination_count: int) -> str:
    """The recipient, or how far nobody can tell."""
    if entry.recipient is None:
        return one_of(destination_count)
    return entry.recipient + DOUBTS.get(entry.attribution, "")


def one_of(destination_count: int) -> str:
    """Whose an event is that names nobody."""
    return f"one of {destination_count}" if destination_count > 1 else "not known"


def notes_on(status: Status) -> Iterator[str]:
    """What the states of a recipient do not say."""
    if not status.is_destination:
        yield "not a recipient of this email: forwarded?"
    if status.bounced_at:
        yield _bounced_at(status.bounced_at)
    if status.arrived_from:
        yield f"arrived: no delivery was reported, but {_listed(PROOFS[each] for each in status.arrived_from)}"


def describe_conflict(conflict: Conflict) -> str:
    named = {
        "document": [f"{each.type} {each.id}" for each in conflict.documents],
        "account": conflict.accounts,
    }
    parts = [f"the {what}: {_listed(each)}" for what, each in named.items() if each]
    return f"copies of its events disagree on {'; '.join(parts)}"


class Totals:
    """How many recipients are in which state."""

    def __init__(self) -> None:
        self.emails = 0
        self._delivery: Counter[str] = Counter()
        self._others: Counter[str] = Counter()

    def add(self, email: EmailStatus) -> None:
        self.emails += 1
        for status in email.recipients:
            state = status.delivery.state
            # That address failed, not the recipient's own.
            self._delivery[f"{state} elsewhere" if status.bounced_at and state in FAILED else state] += 1
            self._others.update((status.engagement.state, status.consent.state))
        if email.shared:
            self._others[f"{email.shared.engagement.state} by one of several"] += 1

    def __str__(self) -> str:
        """`3 emails, 4 recipients: 3 delivered, 1 hard bounced; 2 opened`"""
        states = [name for state in DELIVERY for name in (state, f"{state} elsewhere")]
        delivery = [f"{self._delivery[state]:,} {in_words(state)}" for state in states if self._delivery[state]]
        others = [f"{n:,} {in_words(state)}" for state, n in self._others.items() if not state.startswith("none")]
        head = f"{counted(self.emails, 'email')}, {counted(self._delivery.total(), 'recipient')}"
        return head + (f": {', '.join(delivery)}" if delivery else "") + (f"; {', '.join(others)}" if others else "")


def _elsewhere(entry: TimelineEntry) -> str | None:
    if not entry.other_address:
        return None
    return _bounced_at(entry.other_address) if is_bounce_elsewhere(entry) else _forward(entry.other_address)


def _bounced_at(address: str) -> str:
    return f"bounced {_forward(address)}"


def _forward(address: str) -> str:
    return f"at {address} (a forward or an alias)"


def _listed(words: Iterable[str]) -> str:
    return " and ".join(words)


def _bounce(words: str, detail: Detail) -> list[Any]:
    names = "/".join(filter(None, (detail.get("bounce_type"), detail.get("bounce_sub_type"))))
    return [f"{words} ({names})" if names else words, *_servers_words(detail)]


def _servers_words(detail: Detail) -> list[Any]:
    diagnostic, status = detail.get("diagnostic_code", ""), detail.get("status")
    return [None if status and status in diagnostic else status, diagnostic]


def _delay(detail: Detail) -> list[Any]:
    until = detail.get("expiration_time")
    return [detail.get("delay_type"), *_servers_words(detail), until and f"SES tries until {until}"]


def _subscription(detail: Detail) -> list[Any]:
    new = detail.get("new_topic_preferences") or {}
    topics = new.get("topicSubscriptionStatus")
    by_topic = [
        f"{each.get('topicName')}: {each.get('subscriptionStatus')}"
        for each in (topics if isinstance(topics, list) else ())
        if isinstance(each, Mapping)
    ]
    everything = "unsubscribed from all" if new.get("unsubscribeAll") is True else None
    contact_list = detail.get("contact_list")
    return [everything, *by_topic, contact_list and f"list {contact_list}", detail.get("source")]


def _open(detail: Detail) -> list[Any]:
    return [BY_WHOM[verdict("Open", detail)], detail.get("user_agent"), detail.get("ip_address")]


def _click(detail: Detail) -> list[Any]:
    return [detail.get("link"), BY_WHOM[verdict("Click", detail)], detail.get("user_agent"), detail.get("ip_address")]


#: Of the kinds that have no class of their own.
PARTS: dict[str, Callable[[Detail], list[Any]]] = {
    "Send": lambda _: [],
    "Reject": lambda detail: [detail.get("reason")],
    "Delivery": lambda detail: [detail.get("smtp_response")],
    "DeliveryDelay": _delay,
    "Subscription": _subscription,
    "Open": _open,
    "Click": _click,
    "Rendering Failure": lambda detail: [detail.get("template_name"), detail.get("error_message")],
}
