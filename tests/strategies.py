"""What hypothesis draws from: emails and what happens to them, copies of an event, and events gone wrong."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import strategies as st

from events import (
    ANA,
    APPLE_PREFETCH,
    BEN,
    BROWSER,
    CLEO,
    FORMS,
    GAVE_UP,
    GMAIL_PROXY,
    KINDS,
    REFUSED,
    Email,
    Event,
    as_identity_notification,
    topics,
    unsubscribe_all,
)

FORWARDED = "elsewhere@example.com"

#: Fixed, so that what hypothesis found once it finds again.
SENT = datetime(2026, 1, 5, 10, 0, 0, 600000, tzinfo=UTC)

# --- Anything at all ---

#: Texts with what breaks keys and encodings more often than chance would have it.
awkward_texts = st.one_of(
    st.text(st.characters(codec="utf-8"), max_size=20),
    st.sampled_from(
        ["", " ", "#", "%", "%23", "*", "-", "\x00", "\ud800", "=?utf-7?q?+2AA-?=", "x" * 400, "\u00e9" * 200]
    ),
)

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**45), 10**45),
    st.floats(allow_nan=False, allow_infinity=False),
    awkward_texts,
)

json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(awkward_texts, inner, max_size=3),
    max_leaves=8,
)

# --- Emails, and what happens to them ---


@st.composite
def emails(draw: st.DrawFn, most_recipients: int = 3) -> Email:
    return Email(
        to=draw(st.lists(st.sampled_from([ANA, BEN, CLEO]), min_size=1, max_size=most_recipients, unique=True)),
        message_id="0102018f00000000-00000000-0000-0000-0000-000000000000-000000",
        sent_at=SENT,
    )


#: Seconds after the sending; few, so that events share a time now and then. Bounces may come before it.
_seconds = st.sampled_from([-1, 0, 1, 2, 60, 60.001, 3600])
_agents = st.sampled_from([BROWSER, APPLE_PREFETCH, GMAIL_PROXY])
_bounce_types = st.sampled_from(
    [
        ("Permanent", "General", REFUSED),
        ("Permanent", "OnAccountSuppressionList", REFUSED),
        ("Transient", "MailboxFull", REFUSED),
        ("Transient", "General", GAVE_UP),
        ("Transient", "General", None),
        ("Undetermined", "Undetermined", None),
        ("Permanent", "General", {"action": "delayed", "status": "4.0.0"}),
        ("Transient", "General", {"action": "Relayed"}),
        ("Brand New", "Brand New", None),
    ]
)
_preferences = st.sampled_from([unsubscribe_all(), topics(), topics(a="OptOut"), topics(a="OptIn", b="OptOut")])
_notices = st.sampled_from([None, "notice-1", "notice-2"])


@st.composite
def happenings(draw: st.DrawFn, email: Email) -> Event:
    """Any one event of an email."""
    at = email.after(draw(_seconds))
    named = draw(st.lists(st.sampled_from(list(email.to)), min_size=1, max_size=3, unique=True))
    bounced = draw(st.sampled_from([named, named, [FORWARDED]]))
    bounce_type, sub_type, said = draw(_bounce_types)
    # One notice is one event, so whatever it says follows from its id.
    notice = draw(_notices)
    bounce_id = notice and f"{notice}-{bounce_type}-{sub_type}-{said}-{at.isoformat()}"
    feedback_type = draw(st.sampled_from(["abuse", "not-spam", "auth-failure", None]))
    complaint_id = notice and f"{notice}-{feedback_type}-{at.isoformat()}"
    make: dict[str, Callable[[], Event]] = {
        "Send": email.send,
        "Reject": email.reject,
        "Rendering Failure": email.rendering_failure,
        "Delivery": lambda: email.delivery(named, at=at),
        "Bounce": lambda: email.bounce(bounce_type, sub_type, bounced, said, at=at, feedback_id=bounce_id),
        "Complaint": lambda: email.complaint(feedback_type, named, at=at, feedback_id=complaint_id),
        "DeliveryDelay": lambda: email.delay(draw(st.sampled_from(["General", "MailboxFull"])), named, at=at),
        "Open": lambda: email.open(draw(_agents), at=at),
        "Click": lambda: email.click(draw(st.sampled_from(["https://a.example", "https://b.example"])), at=at),
        "Subscription": lambda: email.subscription(draw(_preferences), draw(_preferences), at=at),
    }
    return make[draw(st.sampled_from(list(KINDS)))]()


@st.composite
def stories(draw: st.DrawFn, most_recipients: int = 3) -> list[Event]:
    """What happened to one email."""
    email = draw(emails(most_recipients))
    return draw(st.lists(happenings(email), min_size=1, max_size=7))


# --- Copies of one event ---


def _mail_without(event: Event, *names: str) -> Event:
    return event | {"mail": {name: value for name, value in event["mail"].items() if name not in names}}


def truncated(event: Event) -> Event:
    event = _mail_without(event, "headers", "commonHeaders")
    return event | {"mail": event["mail"] | {"headersTruncated": True}}


def without_tags(event: Event) -> Event:
    return _mail_without(event, "tags")


def without_destination(event: Event) -> Event:
    """Only where the event can be understood without it."""
    kind = event.get("eventType") or event.get("notificationType")
    return event if kind in ("Send", "Reject", "Rendering Failure") else _mail_without(event, "destination")


def with_rounded_sending(event: Event) -> Event:
    return event | {"mail": event["mail"] | {"timestamp": event["mail"]["timestamp"][:19] + ".000Z"}}


def with_new_fields(event: Event) -> Event:
    return event | {"newHere": {"a": 1}, "mail": event["mail"] | {"newToo": [True]}}


def _with_body(event: Event, **fields: object) -> Event:
    """Fields of the object that is particular to the kind, where the kind has them."""
    kind = event.get("eventType") or event.get("notificationType")
    key = {"Bounce": "bounce", "Complaint": "complaint"}.get(str(kind))
    if key is None:
        return event
    return event | {key: event[key] | {name: value for name, value in fields.items() if name in event[key]}}


def softened(event: Event) -> Event:
    """As somebody might publish it who wants a failure to look better than it was."""
    said = _with_body(event, bounceType="Transient", bounceSubType="General", complaintFeedbackType="not-spam")
    return said | {"softer": True}


def without_status(event: Event) -> Event:
    """A bounce of which no server's words are told."""
    named = [{"emailAddress": each["emailAddress"]} for each in event.get("bounce", {}).get("bouncedRecipients", ())]
    return _with_body(event, bouncedRecipients=named)


def as_delayed(event: Event) -> Event:
    named = event.get("bounce", {}).get("bouncedRecipients", ())
    return _with_body(event, bouncedRecipients=[{**each, "action": "delayed"} for each in named])


def as_suppressed(event: Event) -> Event:
    return _with_body(event, complaintSubType="OnAccountSuppressionList")


def notified(event: Event) -> Event:
    return as_identity_notification(event) if "eventType" in event else event


#: What may be missing or more in another copy of an event: its content changes, the event does not.
FULLNESSES = (
    truncated,
    without_tags,
    without_destination,
    with_rounded_sending,
    with_new_fields,
    notified,
    softened,
    without_status,
    as_delayed,
    as_suppressed,
)


def spell_time(written: str, how: int) -> str:
    """Another spelling of the same time."""
    at = datetime.fromisoformat(written)
    west, east = timezone(timedelta(hours=-7)), timezone(timedelta(hours=3))
    spellings = [
        written,
        at.isoformat(timespec="microseconds").replace("+00:00", ""),
        at.astimezone(west).isoformat(timespec="milliseconds"),
        at.astimezone(east).isoformat(timespec="microseconds"),
        at.isoformat(timespec="milliseconds").replace("+00:00", " +0000"),
        f" {at.isoformat(sep=' ')} ",
    ]
    return spellings[how % len(spellings)]


def spell_address(written: str, how: int) -> str:
    return [written, written.upper(), f"<{written}>", f"Some One <{written.title()}>", f" {written}\n"][how % 5]


def _spelled(value: Any, how: int) -> Any:
    """Every time and every recipient's address in it in another spelling."""
    if isinstance(value, list):
        return [_spelled(each, how) for each in value]
    if not isinstance(value, dict):
        return value
    spelled = {name: _spelled(each, how) for name, each in value.items()}
    for name in ("timestamp", "arrivalDate", "expirationTime"):
        if isinstance(spelled.get(name), str):
            spelled[name] = spell_time(spelled[name], how)
    if isinstance(spelled.get("emailAddress"), str):
        spelled["emailAddress"] = spell_address(spelled["emailAddress"], how)
    for name in ("destination", "recipients"):
        if isinstance(spelled.get(name), list):
            spelled[name] = [spell_address(each, how) for each in spelled[name]]
    return spelled


@dataclass(frozen=True)
class CopyOf:
    """How one copy of an event came."""

    form: str
    spelling: int
    fullness: tuple[Callable[[Event], Event], ...]

    def body(self, event: Event) -> str:
        for change in self.fullness:
            event = change(event)
        event = _spelled(event, self.spelling)
        is_bare_kind = "eventType" not in event  # EventBridge carries no identity notifications
        return FORMS["sns" if is_bare_kind and "eventbridge" in self.form else self.form](event)


copies = st.builds(
    CopyOf,
    form=st.sampled_from(list(FORMS)),
    spelling=st.integers(0, 29),
    fullness=st.lists(st.sampled_from(FULLNESSES), max_size=3, unique=True).map(tuple),
)

# --- Events gone wrong ---


@st.composite
def mangled(draw: st.DrawFn) -> Event:
    """An event in which some fields were lost, some hold anything, and some are new."""
    email = Email(
        to=draw(st.lists(awkward_texts, max_size=3)),
        message_id="mangled-000000",
        sent_at=SENT,
        document_id=draw(st.none() | awkward_texts),
        account=draw(st.none() | awkward_texts),
        subject=draw(awkward_texts),
        tags=draw(st.sampled_from([{}, None])),
    )
    kind = draw(st.sampled_from(list(KINDS)))
    event = json.loads(json.dumps(KINDS[kind](email)))
    for _ in range(draw(st.integers(0, 4))):
        _mangle(draw, event)
    if draw(st.booleans()):
        event["eventType"] = draw(awkward_texts | st.sampled_from(list(KINDS)))
    return event


def _mangle(draw: st.DrawFn, event: Event) -> None:
    """One change, at any depth."""
    place: Any = event
    for _ in range(draw(st.integers(0, 3))):
        inner = list(place.values()) if isinstance(place, dict) else place
        deeper = [each for each in inner if isinstance(each, dict | list) and each]
        if deeper:
            place = draw(st.sampled_from(deeper))
    if isinstance(place, list):
        place[draw(st.integers(0, len(place) - 1))] = draw(json_values)
    else:
        place[draw(st.sampled_from([*place, "brandNew", "timestamp"]))] = draw(json_values)
