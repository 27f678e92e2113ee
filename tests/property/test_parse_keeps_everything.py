"""Every field that was given is in the typed event or in `unknown`."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from hypothesis import example, given

from email_activity.domain.errors import PermanentError
from email_activity.domain.times import Timestamp
from email_activity.ses.event_objects import Recipient
from email_activity.ses.parse import SesEvent, parse
from events import Email
from strategies import mangled

AS_BOOLEAN = {"likely": "true", "unlikely": "false", "true": "true", "false": "false"}


def leaves(value: Any) -> Iterator[object]:
    """Every value that is not null, as text."""
    if isinstance(value, dict):
        for name, each in value.items():
            if name not in ("eventType", "notificationType") and not (set(value) <= {"name", "value"} and each is None):
                yield from leaves(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from leaves(each)
    elif value is not None:
        # A number counts as its digits, and so the other way round; `headersTruncated` and `isBotEvent` are read from
        # a text and from a boolean.
        yield AS_BOOLEAN.get(str(value).strip().lower(), str(value).strip())


def read_leaves(value: Any) -> Iterator[object]:
    """The same of a typed event. `SesEvent.unknown` holds all that is unknown but for what recipients have."""
    if isinstance(value, Timestamp):
        yield from leaves(value.text)
    elif is_dataclass(value):
        own = () if isinstance(value, Recipient | SesEvent) else ("unknown",)
        for each in fields(value):
            if each.name not in own:
                yield from read_leaves(getattr(value, each.name))
    elif isinstance(value, dict):
        for each in value.values():
            yield from read_leaves(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from read_leaves(each)
    else:
        yield from leaves(value)


def without_valueless_headers(event: dict) -> dict:
    """A header without a value is no header, so its name is none either."""
    mail = event.get("mail")
    if not isinstance(mail, dict) or not isinstance(mail.get("headers"), list):
        return event
    kept = [each for each in mail["headers"] if not (isinstance(each, dict) and each.get("value") is None)]
    return event | {"mail": mail | {"headers": kept}}


@given(mangled())
@example(Email().bounce() | {"notificationType": "Complaint", "bounce": 5})
@example(Email().delivery() | {"delivery": {"recipients": ["a", None, {"status": 5}, 7]}})
def test_every_field_that_was_given_is_kept(event):
    kind = event.get("eventType")
    try:
        read = parse(kind if isinstance(kind, str) else "", event)
    except PermanentError:
        return
    assert not Counter(leaves(without_valueless_headers(event))) - Counter(read_leaves(read))
