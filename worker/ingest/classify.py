"""What class of bounce, and what kind of complaint? Pure: tables of SES's types and subtypes.

https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html
"""

from worker.ingest.parse import Bounce, Complaint, Recipient

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

#: The types of a feedback report that SES lists (RFC 5965); a newer one counts as `other`.
COMPLAINT_KINDS = frozenset({"abuse", "auth_failure", "fraud", "not_spam", "other", "virus"})


def bounce_class(bounce: Bounce) -> str:
    """hard, soft, auto_reply, suppressed_account, suppressed_tenant, suppressed_global, validation,
    unsubscribed_recipient or undetermined.

    SES has no flag for an out-of-office reply. It arrives as Transient/General without a delivery status: a
    real soft bounce carries what the server said (action, status or diagnosticCode).
    https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html#bounce-types
    """
    kind = (bounce.bounce_type or "").strip().casefold()
    sub_type = (bounce.bounce_sub_type or "").strip().casefold()
    by_type = BOUNCE_TYPES.get(kind, "undetermined")
    if by_type == "soft" and sub_type == "general" and not any(map(_has_status, bounce.recipients or ())):
        return "auto_reply"
    return BOUNCE_CLASSES.get((kind, sub_type), by_type)


def _has_status(recipient: Recipient) -> bool:
    return bool(recipient.action or recipient.status or recipient.diagnostic_code)


def complaint_kind(complaint: Complaint) -> str:
    """suppressed_account, suppressed_tenant or suppressed (no complaint: SES stopped the mail), not_spam (the
    opposite of one), abuse, auth_failure, fraud, virus, other, or unspecified.
    """
    sub_type = (complaint.complaint_sub_type or "").strip().casefold()
    if sub_type:
        return SUPPRESSION_COMPLAINTS.get(sub_type, "suppressed")
    reported = (complaint.complaint_feedback_type or "").strip().casefold().replace("-", "_")
    if not reported:
        return "unspecified"
    return reported if reported in COMPLAINT_KINDS else "other"
