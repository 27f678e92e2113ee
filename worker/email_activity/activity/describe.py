"""What stands beside the labels: the details of an event, notes on a recipient, and counts. For people. Pure."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from email_activity.activity.model import Conflict, Email, Event, Facet, Freshness, Recipient
from email_activity.activity.reasons import ses_words
from email_activity.activity.states import CONSENT, DELIVERY, ENGAGEMENT, FAILED
from email_activity.activity.words import ICONS, Words, words

Detail = Mapping[str, Any]

#: How a time that SES wrote into an event is shown.
ShowTime = Callable[[object], str]

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


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """`1 email`, `1,200 emails`."""
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"


def describe(event: Event, show_time: ShowTime = str) -> str:
    """What the server said, and the parts of the detail that matter most beside the label and SES's own words.

    All of the detail for a kind that this version does not know.
    """
    kind, detail = event.kind, event.detail
    parts = PARTS[kind](detail) if kind in PARTS else [f"{name}: {value}" for name, value in detail.items()]
    if kind == "DeliveryDelay" and (until := detail.get("expiration_time")):
        parts.append(f"SES tries until {show_time(until)}")
    judged = (judgement_in_words(event) or "").removesuffix(".")
    return ", ".join(str(part) for part in [_forward(event), judged, *parts] if part)


def judgement_in_words(event: Event) -> str | None:
    """Why an open or a click is taken for whose it is, and SES's opinion where it is another one."""
    found = event.judgement
    if found is None:
        return None
    words = " ".join(each.words for each in found.reasons if each.class_ == found.class_)
    return f"{words} SES says otherwise: {found.ses}." if found.ses_agrees is False else words


def ses_words_of(event: Event) -> str:
    """SES's own: `Bounce, Transient, MailboxFull`."""
    return ses_words(event.kind, event.detail)


def whose(event: Event, destination_count: int) -> str:
    """The recipient, or how far nobody can tell."""
    if event.recipient is None:
        return one_of(destination_count)
    return event.recipient + DOUBTS.get(event.attribution, "")


def one_of(destination_count: int) -> str:
    """Whose an event is that names nobody."""
    return f"one of {destination_count}" if destination_count > 1 else "not known"


def who(recipient: Recipient, destination_count: int) -> str:
    """The address; whom an event that names nobody may be of; and whether it is only SES's simulator."""
    name = recipient.recipient or one_of(destination_count)
    return f"{name} (simulator)" if recipient.simulator else name


def notes_on(recipient: Recipient) -> Iterator[str]:
    """What the labels of a recipient do not say."""
    if not recipient.is_destination and recipient.recipient:
        yield "not a recipient of this email: forwarded?"
    if recipient.arrived_from:
        yield f"no delivery was reported, but {_listed(PROOFS[each] for each in recipient.arrived_from)}"


def describe_conflict(conflict: Conflict) -> str:
    named = {
        "document": [f"{each.type} {each.name}" for each in conflict.documents],
        "account": conflict.accounts,
    }
    parts = [f"the {what}: {_listed(each)}" for what, each in named.items() if each]
    return f"copies of its events disagree on {'; '.join(parts)}"


def describe_truncated(email: Email) -> str:
    """email: whose `truncated_at` is not None."""
    return f"Only the first {email.truncated_at:,} records of this email were read: later opens and clicks are missing"


class Totals:
    """How many recipients are in which state, in the labels' words. Mail to SES's simulator does not count."""

    def __init__(self) -> None:
        self.emails = 0
        self._simulated = 0
        self._recipients = 0
        self._counts: Counter[tuple[str, str | None]] = Counter()

    def add(self, email: Email) -> None:
        self.emails += 1
        for each in email.recipients:
            if each.simulator:
                self._simulated += 1
                continue
            self._recipients += 1
            # That address failed, not the recipient's own.
            is_elsewhere = each.bounced_at and each.delivery.state in FAILED
            self._count("forward_bounced" if is_elsewhere else each.delivery.state, each.delivery.reason)
            self._add_seen(each)
        if email.shared and not any(each.simulator for each in email.recipients):
            self._add_seen(email.shared)

    def __str__(self) -> str:
        """`3 emails, 4 recipients`, then a line for each label and how many have it."""
        head = f"{counted(self.emails, 'email')}, {counted(self._recipients, 'recipient')}"
        if self._simulated:
            head += f"; left out: {counted(self._simulated, 'recipient')} of SES's simulator"
        order = ["forward_bounced", *DELIVERY, *ENGAGEMENT, *CONSENT, "auto_replied"]
        keys = sorted(self._counts, key=lambda key: (order.index(key[0]) if key[0] in order else len(order), str(key)))
        width = max((len(f"{count:,}") for count in self._counts.values()), default=0)
        return "\n".join([head, *(f"{self._counts[key]:>{width + 2},}  {_in_words(*key)}" for key in keys)])

    def _add_seen(self, of: Recipient) -> None:
        for facet in (of.engagement, of.consent):
            if facet.state != "none":
                self._count(facet.state, facet.reason)
        if of.auto_replied_at:
            self._count("auto_replied", None)

    def _count(self, code: str, reason: str | None) -> None:
        self._counts[code, reason] += 1


def freshness_in_words(freshness: Freshness, age: Callable[[float], str], now: float) -> tuple[bool, str]:
    """Whether it is a warning, and the line. now: seconds since the epoch; age: seconds in words."""
    newest, asked = freshness.newest_recorded_at, freshness.last_poll_at
    told = f"The newest event recorded is {age(now - newest.timestamp())} old" if newest else None
    if freshness.reading:
        return False, f"{told}; the queue is being read." if told else "The queue is being read."
    why = f"no worker has asked the queue for {age(now - asked.timestamp())}" if asked else "no worker is known"
    return True, f"{why}, so the latest events may be missing.{f' {told}.' if told else ''}"


def _in_words(code: str, reason: str | None) -> str:
    row = words(code, reason)
    return f"{ICONS[row.tone]} {row.label.format(address='another address', count='several')}"


def _forward(event: Event) -> str | None:
    """The address that the event names, where the label does not say it."""
    is_told = event.code == "forward_bounced" or event.recipient is None or event.named in (None, event.recipient)
    return None if is_told else f"at {event.named} (a forward or an alias)"


def _listed(words: Iterable[str]) -> str:
    return " and ".join(words)


def _servers_words(detail: Detail) -> list[Any]:
    diagnostic, status = detail.get("diagnostic_code", ""), detail.get("status")
    return [None if status and status in diagnostic else status, diagnostic]


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


#: Of the kinds that have something to say beside their label.
PARTS: dict[str, Callable[[Detail], list[Any]]] = {
    "Send": lambda _: [],
    "Reject": lambda _: [],
    "Delivery": lambda detail: [detail.get("smtp_response")],
    "Bounce": _servers_words,
    "Complaint": lambda detail: [detail.get("user_agent")],
    "DeliveryDelay": _servers_words,
    "Subscription": _subscription,
    "Open": lambda detail: [detail.get("user_agent"), detail.get("ip_address")],
    "Click": lambda detail: [detail.get("link"), detail.get("user_agent"), detail.get("ip_address")],
    "Rendering Failure": lambda detail: [detail.get("template_name"), detail.get("error_message")],
}


def facet_words(code: str, facet: Facet, destination_count: int, *, is_shared: bool) -> Words:
    """Of one of the states that were seen: the facet's own for the one that counts."""
    # That it is on its way is over.
    row = words(code, "accepted" if code == "sent" else "shared" if is_shared else None)
    if code == facet.state and facet.tone and facet.label:
        return replace(row, tone=facet.tone, label=facet.label)
    return replace(row, label=row.label.format(address="another address", count=destination_count))
