"""Opens and clicks: a person, a privacy or image proxy, or a machine? Pure, judged at reading.

SES tells ip, agent, time, link and, since August 2026, `isBotEvent`; no report proves that somebody read.
https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
"""

from collections.abc import Mapping
from typing import Any, Literal

Verdict = Literal["machine", "proxy", "person"]

#: Apple's Mail Privacy Protection loads every image ahead of reading, under exactly this agent.
PREFETCH_AGENT = "Mozilla/5.0"

#: They fetch an image when the mail is opened, hiding device and place: a person perhaps.
#: They fetch images only, so a click that carries such an agent was still somebody's.
IMAGE_PROXIES = ("GoogleImageProxy", "YahooMailProxy")


def verdict(kind: str, detail: Mapping[str, Any]) -> Verdict:
    """Who opened or clicked, as far as the event alone tells. kind: Open or Click."""
    agent = detail.get("user_agent", "")
    if detail.get("is_bot_event", "").strip().casefold() == "likely" or agent.strip() == PREFETCH_AGENT:
        return "machine"
    if kind == "Open" and any(proxy in agent for proxy in IMAGE_PROXIES):
        return "proxy"
    return "person"
