"""An event without what the operator keeps out of the table (STORE_SUBJECT, STORE_FULL_IP, STORE_LINK_QUERY). Pure.

It comes first, since the event id is a hash without a key: if it were made of the whole address, one could try the 256
addresses of the stored /24 and find it.
"""

import re
from collections.abc import Mapping
from dataclasses import fields, replace
from ipaddress import ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

from email_activity.domain.times import Timestamp
from email_activity.ses.event_objects import Click, Open, Subscription
from email_activity.ses.parse import SesEvent
from email_activity.ses.tracking_policy import TrackingPolicy

#: Bits that are kept of an address by its version: all but the last number of IPv4, all but the last 80 bits of IPv6.
#: https://support.google.com/analytics/answer/2763052
KEPT_BITS = {4: 24, 6: 48}

#: What a link of another scheme holds cannot be told apart: `mailto:` is an address.
WEB = ("http", "https")

#: A subscriber's preferences, as far as they are documented. Another member may be an address or a link.
#: https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
_TOPICS = ("topicSubscriptionStatus", "topicDefaultSubscriptionStatus")
_OF_A_TOPIC = ("topicName", "subscriptionStatus")

#: As SES names where a change of preferences came from: `UnsubscribeHeader`. Another text may be an address or a link.
_WORD = re.compile(r"[A-Za-z]{1,64}", re.ASCII)


def minimized(event: SesEvent, policy: TrackingPolicy) -> SesEvent:
    """The event itself where everything is stored.

    Else it has no unknown fields: nobody can tell whether one of them holds what is to be left out.
    """
    if policy.store_subject and policy.store_full_ip and policy.store_link_query:
        return event
    mail, body = _without_odd_times(event.mail), _without_odd_times(_body(event, policy))
    if event.recipients:
        body = replace(body, recipients=tuple(replace(each, unknown={}) for each in event.recipients))
    if not policy.store_subject:
        headers = tuple(header for header in mail.headers or () if header[0].casefold() != "subject")
        mail = replace(mail, headers=headers, common_headers=None)
    return replace(event, mail=mail, body=body, unknown={})


def _body(event: SesEvent, policy: TrackingPolicy) -> Any:
    body = event.body
    if isinstance(body, Subscription):
        new, old = body.new_topic_preferences, body.old_topic_preferences
        body = replace(body, new_topic_preferences=_documented(new), old_topic_preferences=_documented(old))
        if not (policy.store_full_ip and policy.store_link_query):
            body = replace(body, source=_word(body.source))
    if isinstance(body, Open):  # a Click is one
        body = replace(body, is_bot_event=_word(body.is_bot_event))
        if not policy.store_full_ip:
            body = replace(body, ip_address=network_of(body.ip_address or ""))
        if isinstance(body, Click) and not policy.store_link_query:
            body = replace(body, link=without_query(body.link or ""))
    return body


def _word(text: str | None) -> str | None:
    return text if _WORD.fullmatch(text or "") else None


def _documented(preferences: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    if preferences is None:
        return None
    to_all = preferences.get("unsubscribeAll")
    topics = {name: preferences[name] for name in _TOPICS if isinstance(preferences.get(name), list)}
    return ({"unsubscribeAll": to_all} if isinstance(to_all, bool) else {}) | {
        name: [{key: each[key] for key in _OF_A_TOPIC if key in each} for each in states]
        for name, states in topics.items()
    }


def _without_odd_times(ses_object: Any) -> Any:
    """Without those that are no times but some text."""
    times = {each.name: getattr(ses_object, each.name) for each in fields(ses_object)}
    odd = {name: None for name, time in times.items() if isinstance(time, Timestamp) and time.at is None}
    return replace(ses_object, **odd) if odd else ses_object


def network_of(ip: str) -> str | None:
    """`198.51.100.0/24` of 198.51.100.7, `2001:db8:1::/48` of 2001:db8:1:2::3: a network does not look like an address.

    An IPv6 address that has an IPv4 one within its first 48 bits or behind ::ffff: counts as that. None for what is no
    address.
    """
    try:
        address = ip_address(ip.strip())
    except ValueError:
        return None
    if address.version == 6:  # noqa: PLR2004  the family of addresses
        address = address.ipv4_mapped or address.sixtofour or address
    return str(ip_network((address.packed, KEPT_BITS[address.version]), strict=False))


def without_query(link: str) -> str | None:
    """`https://pay.example/117` of https://ana:secret@pay.example/117?for=ana#top. None for what is no such link.

    None also where a user name or a password may stand in the host: it contains `%` (`https://ana%40pay.example`), or
    its port is no number (`https://ana:se#cret@pay.example`).
    """
    try:
        parts = urlsplit(link.strip())
        _ = parts.port  # raises ValueError where it is no number
    except ValueError:
        return None
    host = parts.netloc.rpartition("@")[2]
    if parts.scheme not in WEB or not host or "%" in host:
        return None
    return parts._replace(netloc=host, query="", fragment="").geturl()
