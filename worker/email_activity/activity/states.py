"""What one event of a timeline says: the state that it moves a facet to, if any. Pure."""

from collections.abc import Callable, Mapping
from typing import Any

from email_activity.activity.attribution import TimelineEntry
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
ENGAGEMENT = ("none", "machine", "unknown", "proxy_opened", "opened", "clicked")
CONSENT = ("none", "subscribed", "unsubscribed", "complained")

#: Delivery states that are no outcome yet.
PENDING = frozenset({"sent", "delayed"})

#: Delivery states of what reached the recipient's mail server.
REACHED = frozenset({"arrived", "delivered"})

#: Delivery states that say that the recipient did not get it.
FAILED = frozenset(DELIVERY[DELIVERY.index("soft_bounced") :])


def is_bounce_elsewhere(entry: TimelineEntry) -> bool:
    """It failed at a forward or an alias, not at the recipient's own address."""
    return bool(entry.other_address and entry.bounce_class) and delivery_state(entry) in FAILED


def delivery_state(entry: TimelineEntry) -> str | None:
    if entry.bounce_class:
        return BOUNCE_CLASS_BY_NAME[entry.bounce_class].delivery
    if entry.complaint_kind:
        # Any copy that names a subtype says that SES stopped the mail.
        return COMPLAINT_KIND_BY_NAME[complaint_kind(entry.activity.detail)].delivery
    return kind_named(entry.activity.kind).delivery


def engagement_state(entry: TimelineEntry) -> str | None:
    """Nobody is taken for a person where nothing was judged."""
    if entry.judged is None:
        return None
    if entry.judged.class_ == "person":
        return kind_named(entry.activity.kind).engagement
    return "proxy_opened" if entry.judged.class_ == "proxy" else entry.judged.class_


def consent_state(entry: TimelineEntry) -> str | None:
    if entry.complaint_kind:
        return "complained" if COMPLAINT_KIND_BY_NAME[entry.complaint_kind].is_complaint else None
    return _preference(entry.activity.detail) if entry.activity.kind == "Subscription" else None


#: What can only be where the email has arrived. A complaint of one of several says nothing of each.
ARRIVALS: dict[str, Callable[[TimelineEntry], bool]] = {
    "delivery_status": lambda each: each.bounce_class == "arrived",
    "auto_reply": lambda each: each.bounce_class == "auto_reply",
    "open": lambda each: engagement_state(each) == "opened",
    "click": lambda each: engagement_state(each) == "clicked",
    "unsubscribe": lambda each: consent_state(each) == "unsubscribed",
    "complaint": lambda each: consent_state(each) == "complained" and each.attribution != "candidate",
}


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
