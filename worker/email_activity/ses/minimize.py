"""An event without what the operator keeps out of the table (STORE_SUBJECT, STORE_FULL_IP, STORE_LINK_QUERY). Pure.

All that is stored is made of what remains, the event id too: it is a hash without a key, and if it were one of a whole
address, trying the 256 addresses of a /24 would tell which.
"""

import re
from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

from email_activity.ses.event_objects import Click, Open, Subscription
from email_activity.ses.parse import SesEvent
from email_activity.ses.tracking_policy import TrackingPolicy

#: Bits that are kept of an address by its version: all but the last number of IPv4, all but the last 80 bits of IPv6.
#: https://support.google.com/analytics/answer/2763052
KEPT_BITS = {4: 24, 6: 48}

#: What a link of another scheme holds cannot be told apart: `mailto:` is an address.
WEB = ("http", "https")

#: As SES names where a change of preferences came from: `UnsubscribeHeader`. Another text may be an address or a link.
_WORD = re.compile(r"[A-Za-z]{1,64}", re.ASCII)


def minimized(event: SesEvent, policy: TrackingPolicy) -> SesEvent:
    """The event itself where everything is stored.

    Else it has no unknown fields: nobody can tell whether one of them holds what is to be left out.
    """
    if policy.store_subject and policy.store_full_ip and policy.store_link_query:
        return event
    mail, body = event.mail, _body(event, policy)
    if event.recipients:
        body = replace(body, recipients=tuple(replace(each, unknown={}) for each in event.recipients))
    if not policy.store_subject:
        headers = tuple(header for header in mail.headers or () if header[0].casefold() != "subject")
        mail = replace(mail, headers=headers, common_headers=None)
    return replace(event, mail=mail, body=body, unknown={})


def _body(event: SesEvent, policy: TrackingPolicy) -> Any:
    body = event.body
    if isinstance(body, Open) and not policy.store_full_ip:
        body = replace(body, ip_address=network_of(body.ip_address or ""))
    if isinstance(body, Click) and not policy.store_link_query:
        body = replace(body, link=without_query(body.link or ""))
    if isinstance(body, Subscription) and not (policy.store_full_ip and policy.store_link_query):
        body = replace(body, source=body.source if _WORD.fullmatch(body.source or "") else None)
    return body


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
    """`https://pay.example/117` of https://ana:secret@pay.example/117?for=ana#top. None for what is no such link."""
    try:
        parts = urlsplit(link.strip())
    except ValueError:
        return None
    host = parts.netloc.rpartition("@")[2]
    if parts.scheme not in WEB or not host:
        return None
    return parts._replace(netloc=host, query="", fragment="").geturl()
