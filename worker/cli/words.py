"""What an event says, in one line for a person."""

from collections.abc import Callable, Mapping
from typing import Any

from worker.activity.attribution import Entry
from worker.activity.classify import bounce_class, complaint_kind
from worker.activity.engagement import verdict

Detail = Mapping[str, Any]


def said(kind: str, detail: Detail) -> str:
    """The parts of the detail that matter most; all of it for a kind that this version does not know."""
    parts = SAYS[kind](detail) if kind in SAYS else [f"{name}: {value}" for name, value in detail.items()]
    return ", ".join(str(part) for part in parts if part)


def whose(entry: Entry, destination_count: int) -> str:
    """The recipient, or how far nobody can tell."""
    if entry.recipient is None:
        return f"one of {destination_count}" if destination_count > 1 else "not known"
    marks = {"inferred": " (inferred)", "unmatched": " (forwarded?)"}
    return entry.recipient + marks.get(entry.attribution, "")


def _bounce(detail: Detail) -> list[Any]:
    names = "/".join(filter(None, (detail.get("bounce_type"), detail.get("bounce_sub_type"))))
    words = bounce_class(detail).replace("_", " ")
    return [f"{words} ({names})" if names else words, *_servers_words(detail)]


def _servers_words(detail: Detail) -> list[Any]:
    diagnostic, status = detail.get("diagnostic_code", ""), detail.get("status")
    return [None if status and status in diagnostic else status, diagnostic]


def _complaint(detail: Detail) -> list[Any]:
    return [complaint_kind(detail).replace("_", " "), detail.get("user_agent")]


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

SAYS: dict[str, Callable[[Detail], list[Any]]] = {
    "Send": lambda _: [],
    "Reject": lambda detail: [detail.get("reason")],
    "Delivery": lambda detail: [detail.get("smtp_response")],
    "Bounce": _bounce,
    "Complaint": _complaint,
    "DeliveryDelay": _delay,
    "Subscription": _subscription,
    "Open": _open,
    "Click": _click,
    "Rendering Failure": lambda detail: [detail.get("template_name"), detail.get("error_message")],
}
