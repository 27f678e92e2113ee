"""Whether to send to an address, judged from its last emails. Pure.

A bounce at a forwarded address, a rejected email and a template that did not render say nothing about the recipient.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from email_activity.activity import model
from email_activity.activity.facets import Facet, Status
from email_activity.activity.reasons import NEVER_LEFT_SES
from email_activity.activity.states import REACHED
from email_activity.activity.status import EmailStatus
from email_activity.activity.words import VERDICTS, words
from email_activity.domain.keys import FIRST

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


#: When the email was sent, and the recipient's status.
Judged = tuple[datetime, Status]

#: What orders it, the state, when it was reported, the status.
Outcome = tuple[tuple[datetime, int], str, datetime | None, Status]


def verdict(emails: Iterable[EmailStatus]) -> model.Verdict:
    """emails: each with the status of one and the same recipient alone, newest first."""
    judged = [(email.sent_at or FIRST, own) for email in emails for own in email.recipients]
    statuses = [own for _, own in judged]
    reason, since, of = _reason(judged, statuses)
    row = VERDICTS[reason]
    next_step = row.next_step
    if of and not next_step and row.code in ("do_not_send", "risky"):
        evidence = of.delivery.evidence
        next_step = words(of.delivery.state, evidence.reason if evidence else None).next_step
    return model.Verdict(
        code=row.code,
        reason=reason,
        tone=row.tone,
        label=row.label,
        next_step=next_step,
        since=since,
        emails=len(statuses),
    )


def _reason(judged: Sequence[Judged], statuses: Sequence[Status]) -> tuple[str, datetime | None, Status | None]:
    """Why; since when; and the email that decided, where its delivery did."""
    complaints = [each.consent for each in statuses if each.consent.state == "complained"]
    if complaints:
        return "complained", complaints[-1].seen["complained"].first_at, None
    changes = [(_at(each.consent) or FIRST, each.consent) for each in statuses if each.consent.state != "none"]
    at, latest = max(changes, key=lambda each: each[0], default=(None, None))
    if latest and latest.state == "unsubscribed":
        return "unsubscribed", at, None
    outcomes = sorted(_outcomes(judged), key=lambda each: each[0])
    row = _in_a_row(outcomes)
    if row >= SOFT_BOUNCES:
        return "soft_bounces", outcomes[-row][2], outcomes[-1][3]
    # One soft bounce after another outcome says nothing.
    for _, state, at, email in reversed(outcomes):
        if state in REASONS:
            return REASONS[state], at, email
    return ("soft_bounce", *outcomes[-1][2:]) if outcomes else (_nothing_to_judge_by(statuses), None, None)


def _nothing_to_judge_by(statuses: Sequence[Status]) -> str:
    if not statuses:
        return "no_email"
    return "not_sent" if all(each.delivery.state in NEVER_LEFT_SES for each in statuses) else "no_outcome"


def _outcomes(judged: Sequence[Judged]) -> Iterable[Outcome]:
    """Each with when it came, but not before its email was sent: the clocks of receiving servers can be anywhere."""
    for number, (sent_at, each) in enumerate(judged):
        state, at = each.delivery.state, _at(each.delivery)
        if not each.bounced_at and (state in REASONS or state == "soft_bounced"):
            yield (max(at or sent_at, sent_at), -number), state, at, each


def _at(facet: Facet) -> datetime | None:
    return facet.evidence.occurred_at if facet.evidence else None


def _in_a_row(outcomes: Sequence[Outcome]) -> int:
    count = 0
    for _, state, _, _ in reversed(outcomes):
        if state != "soft_bounced":
            break
        count += 1
    return count
