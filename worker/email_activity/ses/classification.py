"""What class of bounce, and what kind of complaint? Pure, judged at reading, for each recipient: tables of SES's
types and subtypes, and of what the receiving server says that it did for this recipient.

https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html
"""

from collections.abc import Iterable, Mapping
from typing import Any

#: What SES said of a bounce or a complaint, in snake case, with what it said of one recipient.
Detail = Mapping[str, Any]

#: A delivery status notification may name recipients for whom nothing failed: whatever its type, these did not
#: bounce. `failed` leaves it to the type. https://www.rfc-editor.org/rfc/rfc3464#section-2.3.3
BOUNCE_ACTIONS = {"delayed": "delayed", "relayed": "arrived", "delivered": "arrived", "expanded": "arrived"}

BOUNCE_TYPES = {"permanent": "hard", "transient": "soft", "temporary": "soft", "undetermined": "undetermined"}

#: Where the subtype says more than the type does. https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html
BOUNCE_CLASSES = {
    ("permanent", "suppressed"): "suppressed_global",
    ("permanent", "onaccountsuppressionlist"): "suppressed_account",
    ("permanent", "ontenantsuppressionlist"): "suppressed_tenant",
    ("permanent", "emailvalidationsuppressed"): "validation",
    ("permanent", "unsubscribedrecipient"): "unsubscribed_recipient",
}

#: A complaint with a subtype is none: SES stopped the mail because of an earlier one.
SUPPRESSION_COMPLAINTS = {
    "onaccountsuppressionlist": "suppressed_account",
    "ontenantsuppressionlist": "suppressed_tenant",
}

SUPPRESSION_KINDS = frozenset({"suppressed", *SUPPRESSION_COMPLAINTS.values()})

#: Nobody marked anything as spam: SES stopped the mail, a person took it out of the spam folder, or a machine
#: reports on SPF and DKIM (https://www.rfc-editor.org/rfc/rfc6591#section-3.1).
NOT_COMPLAINTS = SUPPRESSION_KINDS | {"not_spam", "auth_failure"}

#: The types of a feedback report that SES lists (RFC 5965); a newer one counts as `other`.
COMPLAINT_KINDS = frozenset({"abuse", "auth_failure", "fraud", "not_spam", "other", "virus"})

#: Softest first: of two copies of one event that disagree, the harder counts.
BOUNCE_HARDNESS = (
    "arrived",
    "auto_reply",
    "delayed",
    "soft",
    "undetermined",
    "unsubscribed_recipient",
    "validation",
    "suppressed_tenant",
    "suppressed_account",
    "suppressed_global",
    "hard",
)
COMPLAINT_HARDNESS = (
    "not_spam",
    "auth_failure",
    "suppressed",
    "suppressed_tenant",
    "suppressed_account",
    "unspecified",
    "other",
    "abuse",
    "virus",
    "fraud",
)


def bounce_class(detail: Detail, *, is_report: bool = False) -> str:
    """One of BOUNCE_HARDNESS, for one recipient.

    SES has no flag for an out-of-office reply. It arrives as Transient/General without a delivery status: a
    real soft bounce carries what the server said (action, status or diagnosticCode). is_report: the notice has
    such words for another recipient, so that it is no reply to this one either.
    https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html#bounce-types
    """
    by_action = BOUNCE_ACTIONS.get(_word(detail, "action"))
    if by_action:
        return by_action
    kind, sub_type = _word(detail, "bounce_type"), _word(detail, "bounce_sub_type")
    by_type = BOUNCE_TYPES.get(kind, "undetermined")
    if by_type == "soft" and sub_type == "general" and not (is_report or has_status(detail)):
        return "auto_reply"
    return BOUNCE_CLASSES.get((kind, sub_type), by_type)


def has_status(detail: Detail) -> bool:
    """Whether a server said anything of this recipient."""
    return bool(detail.get("action") or detail.get("status") or detail.get("diagnostic_code"))


def complaint_kind(detail: Detail) -> str:
    """One of COMPLAINT_HARDNESS: suppressed_account, suppressed_tenant and suppressed are no complaints (SES
    stopped the mail), not_spam is the opposite of one, auth_failure is a machine's report.
    """
    sub_type = _word(detail, "complaint_sub_type")
    if sub_type:
        return SUPPRESSION_COMPLAINTS.get(sub_type, "suppressed")
    reported = _word(detail, "complaint_feedback_type").replace("-", "_")
    if not reported:
        return "unspecified"
    return reported if reported in COMPLAINT_KINDS else "other"


def hardest_bounce(classes: Iterable[str]) -> str:
    return max(classes, key=BOUNCE_HARDNESS.index)


def hardest_complaint(kinds: Iterable[str]) -> str:
    return max(kinds, key=COMPLAINT_HARDNESS.index)


def _word(detail: Detail, name: str) -> str:
    return str(detail.get(name) or "").strip().casefold()
