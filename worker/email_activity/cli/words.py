"""What an event says, and what is to be known of a status beside its states: in words for a person."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from email_activity.activity.attribution import Entry
from email_activity.activity.engagement import verdict
from email_activity.activity.facets import Status, is_bounce_elsewhere
from email_activity.activity.mails import Conflict

Detail = Mapping[str, Any]


def said(entry: Entry) -> str:
    """The parts of the detail that matter most; all of it for a kind that this version does not know."""
    kind, detail = entry.activity.kind, entry.activity.detail
    judged = (entry.bounce_class or entry.complaint_kind or "").replace("_", " ")
    if judged:
        parts = _bounce(judged, detail) if entry.bounce_class else [judged, detail.get("user_agent")]
    else:
        parts = SAYS[kind](detail) if kind in SAYS else [f"{name}: {value}" for name, value in detail.items()]
    return ", ".join(str(part) for part in [_elsewhere(entry), *parts] if part)


def _elsewhere(entry: Entry) -> str | None:
    if is_bounce_elsewhere(entry):
        return bounced_at(entry.other_address)
    return f"at {entry.other_address} (a forward or an alias)" if entry.other_address else None


def bounced_at(address: str | None) -> str:
    return f"bounced at {address} (a forward or an alias)"


def marks(status: Status) -> Iterator[str]:
    """What the states of a recipient do not say."""
    if not status.is_destination:
        yield "not a recipient of this email: forwarded?"
    if status.bounced_at:
        yield bounced_at(status.bounced_at)
    if status.arrived_from:
        yield f"arrived: no delivery was reported, but {_listed(PROOFS[each] for each in status.arrived_from)}"


#: What proves an arrival.
PROOFS = {
    "delivery_status": "the server's word that it went on",
    "auto_reply": "an automatic reply",
    "open": "an open",
    "click": "a click",
    "unsubscribe": "an unsubscribe",
    "complaint": "a complaint",
}


def conflict(found: Conflict) -> str:
    documents = [f"{each.type} {each.id}" for each in found.documents]
    parts = [f"document: {_listed(documents)}" if documents else "", _listed(found.accounts)]
    parts[1] = f"account: {parts[1]}" if parts[1] else ""
    return f"copies of its events disagree on the {'; the '.join(filter(None, parts))}"


def _listed(words: Iterable[str]) -> str:
    return " and ".join(words)


def whose(entry: Entry, destination_count: int) -> str:
    """The recipient, or how far nobody can tell."""
    if entry.recipient is None:
        return f"one of {destination_count}" if destination_count > 1 else "not known"
    marks = {"inferred": " (inferred)", "unmatched": " (forwarded?)", "candidate": " (one of several named)"}
    return entry.recipient + marks.get(entry.attribution, "")


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
    said = [
        f"{each.get('topicName')}: {each.get('subscriptionStatus')}"
        for each in (topics if isinstance(topics, list) else ())
        if isinstance(each, Mapping)
    ]
    everything = "unsubscribed from all" if new.get("unsubscribeAll") is True else None
    contact_list = detail.get("contact_list")
    return [everything, *said, contact_list and f"list {contact_list}", detail.get("source")]


def _open(detail: Detail) -> list[Any]:
    return [WHO[verdict("Open", detail)], detail.get("user_agent"), detail.get("ip_address")]


def _click(detail: Detail) -> list[Any]:
    return [detail.get("link"), WHO[verdict("Click", detail)], detail.get("user_agent"), detail.get("ip_address")]


WHO = {"machine": "by a machine", "proxy": "through a proxy", "person": ""}

#: Of the kinds that have no class of their own.
SAYS: dict[str, Callable[[Detail], list[Any]]] = {
    "Send": lambda _: [],
    "Reject": lambda detail: [detail.get("reason")],
    "Delivery": lambda detail: [detail.get("smtp_response")],
    "DeliveryDelay": _delay,
    "Subscription": _subscription,
    "Open": _open,
    "Click": _click,
    "Rendering Failure": lambda detail: [detail.get("template_name"), detail.get("error_message")],
}
