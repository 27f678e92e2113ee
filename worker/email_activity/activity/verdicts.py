"""Whether to send to an address, judged from its last emails. Pure.

A bounce at a forwarded address, a rejected email and a template that did not render say nothing about the recipient.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import takewhile
from typing import NamedTuple

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


class Outcome(NamedTuple):
    """What one email came to. order: when, but not before it was sent, and of equal times the newer email last."""

    order: tuple[datetime, int]
    status: Status

    @property
    def state(self) -> str:
        return self.status.delivery.state

    @property
    def at(self) -> datetime | None:
        return _at(self.status.delivery)


def verdict(emails: Iterable[EmailStatus]) -> model.Verdict:
    """emails: each with the status of one and the same recipient alone, newest first."""
    judged = [(email.sent_at or FIRST, own) for email in emails for own in email.recipients]
    reason, since, outcome = _reason(judged)
    row = VERDICTS[reason]
    next_step = row.next_step
    if outcome and not next_step and row.code in ("do_not_send", "risky"):
        evidence = outcome.status.delivery.evidence
        next_step = words(outcome.state, evidence.reason if evidence else None).next_step
    return model.Verdict(
        code=row.code,
        reason=reason,
        tone=row.tone,
        label=row.label,
        next_step=next_step,
        since=since,
        emails=len(judged),
    )


def _reason(judged: Sequence[tuple[datetime, Status]]) -> tuple[str, datetime | None, Outcome | None]:
    """Why; since when; and the outcome that decided, if one did. judged: when each email was sent, and its status."""
    consents = [each.consent for _, each in judged if each.consent.state != "none"]
    complaints = [each for each in consents if each.state == "complained"]
    if complaints:
        return "complained", complaints[-1].seen["complained"].first_at, None
    latest = max(consents, key=lambda each: _at(each) or FIRST, default=None)
    if latest and latest.state == "unsubscribed":
        return "unsubscribed", _at(latest), None
    outcomes = sorted(_outcomes(judged), key=lambda each: each.order)
    soft = list(takewhile(lambda each: each.state == "soft_bounced", reversed(outcomes)))
    if len(soft) >= SOFT_BOUNCES:
        return "soft_bounces", soft[-1].at, soft[0]
    # One soft bounce after another outcome says nothing.
    for each in reversed(outcomes):
        if each.state in REASONS:
            return REASONS[each.state], each.at, each
    return ("soft_bounce", soft[0].at, soft[0]) if soft else (_nothing_to_judge_by(judged), None, None)


def _nothing_to_judge_by(judged: Sequence[tuple[datetime, Status]]) -> str:
    if not judged:
        return "no_email"
    return "not_sent" if all(each.delivery.state in NEVER_LEFT_SES for _, each in judged) else "no_outcome"


def _outcomes(judged: Sequence[tuple[datetime, Status]]) -> Iterator[Outcome]:
    """The clocks of receiving servers can be anywhere, so an outcome does not come before its email."""
    for number, (sent_at, each) in enumerate(judged):
        if not each.bounced_at and (each.delivery.state in REASONS or each.delivery.state == "soft_bounced"):
            yield Outcome((max(_at(each.delivery) or sent_at, sent_at), -number), each)


def _at(facet: Facet) -> datetime | None:
    return facet.evidence.occurred_at if facet.evidence else None
