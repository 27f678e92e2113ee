"""Opens and clicks: a person, an image proxy, a machine, or nobody can tell? Pure, judged at reading.

Judged from the whole timeline of an email, and from many emails where they are read together. SES tells ip, agent,
time, link and, since August 2026, `isBotEvent`; no report proves that somebody read.
https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html

Nothing is stored, for a later event may change a verdict: a sweep of all links, a computer that comes back.
"""

from collections.abc import Sequence
from datetime import datetime

from email_activity.activity.engagement.bursts import grouped
from email_activity.activity.engagement.rule import Rule
from email_activity.activity.engagement.rules import RULES, rules_for
from email_activity.activity.engagement.together import Together
from email_activity.activity.engagement.verdict import RULES_VERSION, Class, Reason, Signals, Verdict
from email_activity.activity.engagement.visits import Email, Visit, email_of
from email_activity.domain.facts import Activity

__all__ = ["RULES", "RULES_VERSION", "Class", "Reason", "Signals", "Together", "Verdict", "judge"]

#: How much less sure a rule is that counts from the delivery where only the sending is known.
WITHOUT_DELIVERY = 0.1


def judge(
    timeline: Sequence[Activity], together: Together | None = None, *, sent_at: datetime | None = None
) -> dict[str, Verdict]:
    """Event id -> who did it, of each open and click.

    timeline: the activities of an email, in any order, with any repeats; or those of many emails, which are then read
    together. together: of the emails that this one was read with. sent_at: where no Send tells it.
    """
    if not any(each.kind in ("Open", "Click") for each in timeline):
        return {}
    emails = grouped(timeline, lambda each: each.email_id)
    if together is None and len(emails) > 1:
        together = Together.of(timeline)
    many = together.events if together else frozenset[str]()
    signals: Signals = "many_emails" if together else "one_email"
    found = (email_of(each, sent_at, many) for each in emails)
    return {visit.id: _verdict(visit, email, signals) for email in found for visit in email.visits}


def _verdict(visit: Visit, email: Email, signals: Signals) -> Verdict:
    asked = rules_for(visit.kind, visit.agent.kind, is_alone=len(email.visits) == 1)
    holding = [rule for rule in asked if rule.holds(visit, email)] or [RULES[-1]]
    first = holding[0]
    is_less_sure = first.is_timed and email.delivered_at is None
    return Verdict(
        first.class_,
        round(first.confidence - WITHOUT_DELIVERY, 2) if is_less_sure else first.confidence,
        tuple(Reason(rule.id, rule.class_, _words(rule, visit)) for rule in holding),
        visit.ses,
        signals,
    )


def _words(rule: Rule, visit: Visit) -> str:
    if "{" not in rule.words:
        return rule.words
    return rule.words.format(agent=visit.agent.name, network=visit.filter.name if visit.filter else "")
