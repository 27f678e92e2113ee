"""Emails of a list by their state: as folded, or as readers are given them. Pure."""

from collections.abc import Callable

from email_activity.activity import model
from email_activity.activity.facets import Status
from email_activity.activity.states import CONSENT, DELIVERY, ENGAGEMENT, FAILED, PENDING
from email_activity.activity.status import EmailStatus
from email_activity.activity.words import WORDS

Email = EmailStatus | model.Email
Recipient = Status | model.Recipient

#: Who clicked has opened, as the counts say too.
OPENED = frozenset({"opened", "clicked"})

#: Beside the states themselves; `opened` in place of its state.
GROUPS: dict[str, Callable[[Recipient], bool]] = {
    "not_delivered": lambda each: each.has_failed,
    "still_trying": lambda each: each.delivery.state in PENDING,
    "opened": lambda each: each.engagement.state in OPENED,
}

#: By what failures are asked for: the codes and reasons that one may have.
FAILURE_REASONS = tuple(
    dict.fromkeys(
        [*DELIVERY[DELIVERY.index("soft_bounced") :], "complained"]
        + [row.reason for row in WORDS if row.reason and not FAILED.isdisjoint(row.codes)]
    )
)

STATUSES = tuple(dict.fromkeys((*GROUPS, *DELIVERY, *ENGAGEMENT[1:], *CONSENT[1:])))


def matches(status: str | None) -> Callable[[Email], bool]:
    """Whether any recipient of an email, or what they share, is in it; None: all. Raises ValueError for another one."""
    if status is None:
        return lambda _: True
    if status not in STATUSES:
        raise ValueError(f"status: got {status!r}, want one of {', '.join(STATUSES)}")
    is_in = GROUPS.get(status, lambda each: status in (each.delivery.state, each.engagement.state, each.consent.state))
    return lambda email: any(map(is_in, email.recipients)) or bool(email.shared and _is_shared(email.shared, status))


def _is_shared(shared: Recipient, status: str) -> bool:
    """What happened to one of several; no delivery is shared."""
    if status == "opened":
        return GROUPS[status](shared)
    return status in (shared.engagement.state, shared.consent.state)
