"""What class of bounce, and what kind of complaint? Pure, judged at reading, for each recipient: from SES's types and
subtypes, and from what the receiving server says that it did for this recipient. `domain/kinds.py` has the tables.

https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html
"""

from collections.abc import Iterable, Mapping
from typing import Any

from email_activity.domain.kinds import BOUNCE_CLASSES, COMPLAINT_KINDS

#: What SES said of a bounce or a complaint, in snake case, with what it said of one recipient.
Detail = Mapping[str, Any]

_CLASS_BY_ACTION = {action: each.name for each in BOUNCE_CLASSES for action in each.actions}
_CLASS_BY_SUBTYPE = {each.permanent_subtype: each.name for each in BOUNCE_CLASSES if each.permanent_subtype}
_CLASS_BY_TYPE = {bounce_type: each.name for each in BOUNCE_CLASSES for bounce_type in each.types}
_KIND_BY_SUBTYPE = {kind.subtype: kind.name for kind in COMPLAINT_KINDS if kind.subtype}
_KIND_BY_FEEDBACK = {kind.feedback_type: kind.name for kind in COMPLAINT_KINDS if kind.feedback_type}

_HARDNESS = [each.name for each in BOUNCE_CLASSES].index
_GRAVITY = [kind.name for kind in COMPLAINT_KINDS].index


def bounce_class(detail: Detail, *, is_report: bool = False) -> str:
    """The name of one of BOUNCE_CLASSES, for one recipient.

    SES has no flag for an out-of-office reply. It arrives as Transient/General without a delivery status: a
    real soft bounce carries what the server said (action, status or diagnosticCode). is_report: the notice has
    such words for another recipient, so that it is no reply to this one either.
    https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html#bounce-types
    """
    by_action = _CLASS_BY_ACTION.get(_word(detail, "action"))
    if by_action:
        return by_action
    bounce_type, subtype = _word(detail, "bounce_type"), _word(detail, "bounce_sub_type")
    by_type = _CLASS_BY_TYPE.get(bounce_type, "undetermined")
    if by_type == "soft" and subtype == "general" and not (is_report or has_status(detail)):
        return "auto_reply"
    return _CLASS_BY_SUBTYPE.get(subtype, by_type) if bounce_type == "permanent" else by_type


def has_status(detail: Detail) -> bool:
    """Whether a server said anything of this recipient."""
    return bool(detail.get("action") or detail.get("status") or detail.get("diagnostic_code"))


def complaint_kind(detail: Detail) -> str:
    """The name of one of COMPLAINT_KINDS. A subtype says that SES itself stopped the mail."""
    subtype = _word(detail, "complaint_sub_type")
    if subtype:
        return _KIND_BY_SUBTYPE.get(subtype, "suppressed")
    feedback_type = _word(detail, "complaint_feedback_type").replace("_", "-")
    return _KIND_BY_FEEDBACK.get(feedback_type, "other") if feedback_type else "unspecified"


def hardest_bounce(classes: Iterable[str]) -> str:
    return max(classes, key=_HARDNESS)


def gravest_complaint(kinds: Iterable[str]) -> str:
    return max(kinds, key=_GRAVITY)


def _word(detail: Detail, name: str) -> str:
    return str(detail.get(name) or "").strip().casefold()
