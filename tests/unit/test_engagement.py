"""Who opened or clicked: a person, a proxy, or a machine?"""

import pytest

from email_activity.activity.engagement import verdict
from events import APPLE_PREFETCH, BROWSER, GMAIL_PROXY, YAHOO_PROXY

OUTLOOK = "Microsoft Office/16.0 (Microsoft Outlook 16.0; Pro)"

#: kind, agent, isBotEvent: verdict
VERDICTS = [
    ("Open", BROWSER, None, "person"),
    ("Open", BROWSER, "Unlikely", "person"),
    ("Open", BROWSER, "Likely", "machine"),
    ("Open", BROWSER, "likely", "machine"),
    ("Open", BROWSER, " LIKELY ", "machine"),
    ("Open", BROWSER, "Perhaps", "person"),
    ("Open", OUTLOOK, None, "person"),
    ("Open", APPLE_PREFETCH, None, "machine"),
    ("Open", f" {APPLE_PREFETCH} ", None, "machine"),
    ("Open", APPLE_PREFETCH, "Unlikely", "machine"),
    ("Open", "mozilla/5.0", None, "person"),
    ("Open", f"{APPLE_PREFETCH} (Macintosh)", None, "person"),
    ("Open", GMAIL_PROXY, None, "proxy"),
    # No bot to SES, and no proof of reading to us.
    ("Open", GMAIL_PROXY, "Unlikely", "proxy"),
    ("Open", GMAIL_PROXY, "Likely", "machine"),
    ("Open", YAHOO_PROXY, None, "proxy"),
    ("Open", None, None, "person"),
    ("Open", "", None, "person"),
    ("Click", BROWSER, None, "person"),
    ("Click", BROWSER, "Likely", "machine"),
    ("Click", APPLE_PREFETCH, None, "machine"),
    # Proxies fetch images, not links.
    ("Click", GMAIL_PROXY, None, "person"),
    ("Click", YAHOO_PROXY, "Unlikely", "person"),
    ("Click", GMAIL_PROXY, "Likely", "machine"),
    ("Click", None, None, "person"),
]


@pytest.mark.parametrize(("kind", "agent", "bot", "expected"), VERDICTS)
def test_the_surest_signals_decide(kind, agent, bot, expected):
    detail = {name: value for name, value in (("user_agent", agent), ("is_bot_event", bot)) if value is not None}
    assert verdict(kind, detail) == expected
