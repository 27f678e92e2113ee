"""Whether to send to an address, judged from its last emails. Pure.

A bounce at a forwarded address, a rejected email and a template that did not render say nothing about the recipient.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from email_activity.activity import model
from email_activity.activity.documents import REACHED
from email_activity.activity.facets import Status
from email_activity.activity.words import VERDICTS

#: Emails that a verdict is read from.
VERDICT_EMAILS = 50

#: By the delivery state of the last outcome.
REASONS = {
    **dict.fromkeys(REACHED, "delivered"),
    "undetermined_bounce": "undetermined",
    "suppressed": "suppressed",
    "hard_bounced": "hard_bounced",
}

#: So many emails in a row that came to a soft bounce make an address risky.
SOFT_BOUNCES = 2


def verdict(statuses: Sequence[Status]) -> model.Verdict:
    """statuses: of one recipient, one for each email, newest first."""
    reason, since = _reason(statuses)
    row = VERDICTS[reason]
    return model.Verdict(
        code=row.code,
        reason=reason,
        tone=row.tone,
        label=row.label,
        next_step=row.next_step,
        since=since,
        emails=len(statuses),
    )


def _reason(statuses: Sequence[Status]) -> tuple[str, datetime | None]:
    complaints = [each.consent for each in statuses if each.consent.state == "complained"]
    if complaints:
        return "complained", complaints[-1].seen["complained"].first_at
    changed = next((each.consent for each in statuses if each.consent.state != "none"), None)
    if changed and changed.state == "unsubscribed":
        return "unsubscribed", changed.seen["unsubscribed"].last_at
    outcomes = sorted(_outcomes(statuses), key=lambda each: each[0])
    row = _in_a_row(outcomes)
    if row >= SOFT_BOUNCES:
        return "soft_bounces", outcomes[-row][2]
    # One soft bounce alone says nothing.
    return next(((REASONS[state], at) for _, state, at in reversed(outcomes) if state in REASONS), ("no_outcome", None))


Outcome = tuple[tuple[bool, datetime | int], str, datetime | None]


def _outcomes(statuses: Sequence[Status]) -> Iterable[Outcome]:
    """Each with when it came: without a time, in the order of the emails before all that have one."""
    for number, each in enumerate(statuses):
        state, evidence = each.delivery.state, each.delivery.evidence
        if each.bounced_at or not (state in REASONS or state == "soft_bounced"):
            continue
        at = evidence.occurred_at if evidence else None
        yield ((True, at) if at else (False, -number)), state, at


def _in_a_row(outcomes: Sequence[Outcome]) -> int:
    count = 0
    for _, state, _ in reversed(outcomes):
        if state != "soft_bounced":
            break
        count += 1
    return count
