"""Why a state is what it is: the reason of `words.toml`, and what the receiving server said. Pure.

A bounce is judged by the enhanced status code of the receiving server first (RFC 3463), for SES calls most of them
General; then by SES's subtype.
https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html#bounce-types
https://www.iana.org/assignments/smtp-enhanced-status-codes
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from email_activity.activity.attribution import TimelineEntry
from email_activity.activity.states import consent_state, delivery_state, engagement_state, is_bounce_elsewhere
from email_activity.domain.times import parse_timestamp

#: `5.1.1`, as a field of its own or somewhere in the server's text.
_STATUS = re.compile(r"(?<![\d.])[245]\.\d{1,3}\.\d{1,3}(?!\.?\d)")

#: The last two numbers of a status code: the reason. First the whole, then the first of the two.
BY_STATUS = {
    "1.1": "no_such_address",
    "1.10": "no_such_address",
    "1.2": "no_such_domain",
    "4.4": "no_such_domain",
    "2.1": "mailbox_disabled",
    "2.2": "mailbox_full",
    "2.3": "too_large",
    "3.4": "too_large",
    "6": "content_refused",
    "7": "blocked",
}

#: Subjects of a permanent status that give no reason: that it failed (5.0.0), or that it has to do with the address.
NO_REASON = ("", "0", "1")

#: Of a transient one.
BY_TRANSIENT_STATUS = {"4": "timed_out"}

BY_SUBTYPE = {
    "noemail": "no_such_address",
    "mailboxfull": "mailbox_full",
    "messagetoolarge": "too_large",
    "attachmentrejected": "attachment_refused",
    "contentrejected": "content_refused",
    "customtimeoutexceeded": "timed_out",
}

BY_DELAY_TYPE = {
    "mailboxfull": "mailbox_full",
    "recipientservererror": "server_trouble",
    "transientcommunicationfailure": "server_trouble",
    "spamdetected": "slowed_down",
    "ipfailure": "slowed_down",
    "sendingdeferral": "slowed_down",
}

BY_LIST = {
    "suppressed_account": "account_list",
    "suppressed_tenant": "tenant_list",
    "suppressed_global": "global_list",
    "validation": "address_check",
    "unsubscribed_recipient": "opted_out",
}

#: Bounce classes that are evidence of an arrival.
WITHOUT_STATE = {"auto_reply": "auto_replied", "arrived": "arrived"}

#: Delivery states in which no server was asked: what is told is SES's.
NEVER_LEFT_SES = frozenset({"suppressed", "rejected", "render_failed"})

#: Engagement that is nobody's, or perhaps nobody's: no recipient can be told to have done it, nor one of several.
NOBODYS = frozenset({"machine", "unknown"})

Code = tuple[str, str | None]


@dataclass(frozen=True, slots=True)
class Evidence:
    """The event that decided a facet's state, as far as an answer needs it. Times are UTC.

    ses_words: `Bounce, Transient, MailboxFull`. ses_said: SES's own text, where it did not get as far as a server.
    tries_until: when SES was to give up, of a delay.
    """

    event_id: str
    ses_words: str
    occurred_at: datetime | None
    reason: str | None = None
    server_said: str | None = None
    ses_said: str | None = None
    status_code: str | None = None
    tries_until: datetime | None = None


def evidence(state: str, entry: TimelineEntry) -> Evidence:
    """state: of any facet, that the event moved it to."""
    event, detail = entry.activity, entry.activity.detail
    until = detail.get("expiration_time")
    by_server = detail.get("diagnostic_code") or detail.get("smtp_response") or None
    is_by_ses = state in NEVER_LEFT_SES
    return Evidence(
        event_id=event.event_id,
        ses_words=ses_words(event.kind, detail),
        occurred_at=event.occurred_at,
        reason=_reason(state, entry),
        server_said=None if is_by_ses else by_server,
        ses_said=(detail.get("error_message") or detail.get("reason") or by_server) if is_by_ses else None,
        status_code=_status_code(detail),
        tries_until=parse_timestamp(until).at if isinstance(until, str) else None,
    )


def ses_words(kind: str, detail: Mapping[str, Any]) -> str:
    """SES's own: `Bounce, Transient, MailboxFull`."""
    names = ("bounce_type", "bounce_sub_type", "complaint_feedback_type", "complaint_sub_type", "delay_type", "reason")
    return ", ".join([kind, *(str(detail[name]) for name in names if detail.get(name))])


def event_code(entry: TimelineEntry) -> Code:
    """Code and reason of one event's row."""
    if is_bounce_elsewhere(entry):
        return "forward_bounced", None
    if entry.activity.kind == "Send":
        return "sent", "accepted"
    if state := delivery_state(entry):
        return state, _reason(state, entry)
    if state := engagement_state(entry):
        is_shared = entry.recipient is None and state not in NOBODYS
        return state, "shared" if is_shared else _reason(state, entry)
    without_state = WITHOUT_STATE.get(entry.bounce_class or "") or entry.complaint_kind
    by_kind = "preferences" if entry.activity.kind == "Subscription" else "unknown"
    return consent_state(entry) or without_state or by_kind, None


def _reason(state: str, entry: TimelineEntry) -> str | None:
    detail = entry.activity.detail
    match state:
        case "hard_bounced" | "soft_bounced":
            return _bounce_reason(state, detail)
        case "suppressed":
            return BY_LIST.get(entry.bounce_class or entry.complaint_kind or "")
        case "delayed":
            return BY_DELAY_TYPE.get(_lower(detail, "delay_type")) or (
                "mailbox_full" if (_status_code(detail) or "")[2:] == "2.2" else None
            )
        case "machine":
            return "click" if entry.activity.kind == "Click" else None
        case "unknown":
            return "click" if entry.activity.kind == "Click" else "open"
    return None


def _bounce_reason(state: str, detail: Mapping[str, Any]) -> str | None:
    code = (_status_code(detail) or "")[2:]
    subject, is_hard = code.partition(".")[0], state == "hard_bounced"
    return (
        BY_STATUS.get(code)
        or BY_SUBTYPE.get(_lower(detail, "bounce_sub_type"))
        or (None if is_hard else BY_TRANSIENT_STATUS.get(subject))
        or BY_STATUS.get(subject)
        or ("blocked" if is_hard and subject not in NO_REASON else None)
    )


def _status_code(detail: Mapping[str, Any]) -> str | None:
    """The server's own, if it gave one; SES's field `status` may be a bare class (`5.0.0`) beside a telling text."""
    told = [_STATUS.search(str(detail.get(name) or "")) for name in ("diagnostic_code", "status", "smtp_response")]
    return next((each[0] for each in told if each), None)


def _lower(detail: Mapping[str, Any], name: str) -> str:
    return str(detail.get(name) or "").casefold()
