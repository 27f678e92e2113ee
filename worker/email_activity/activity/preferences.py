"""What a change of preferences comes to. Pure.

https://docs.aws.amazon.com/ses/latest/dg/sending-email-list-management.html
"""

from collections.abc import Mapping
from typing import Any


def preference(detail: Mapping[str, Any]) -> str | None:
    """unsubscribed if from everything, or from any topic just now; else subscribed; None if nothing new is told."""
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
    said = {each.get("topicName", ""): each.get("subscriptionStatus", "") for each in listed}
    return {name for name, state in said.items() if state.replace("_", "").casefold() == wanted}
