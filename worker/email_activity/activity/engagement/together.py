"""Many emails read together: who was at the mail of many recipients at once. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from email_activity.activity.engagement.bursts import dense, grouped
from email_activity.activity.engagement.visits import Visit, first_of, visit_of
from email_activity.domain.facts import Activity

#: So many recipients' mail, within so many seconds, each within so many seconds of its delivery.
MANY, WITHIN, SOON = 4, 120.0, 120.0

#: What many people have in common, and what is told by its name alone.
_TOLD = frozenset({"reader", "image_proxy", "apple_prefetch", "gmail_prefetch"})


@dataclass(frozen=True, slots=True)
class Together:
    """events: the ids of opens and clicks by one address and agent on many recipients' mail at once.

    People in one office share address and agent, too: so only what comes soon after the delivery counts, and no
    program in which people read.
    """

    events: frozenset[str]

    @classmethod
    def of(cls, activities: Iterable[Activity]) -> Self:
        """activities: of all that was read together, deliveries included."""
        found: list[tuple[Visit, str]] = []
        for email in grouped(activities, lambda each: each.email_id):
            opened = [each for each in email if each.kind in ("Open", "Click") and each.occurred_at]
            found += _early(email, opened) if opened else []
        found.sort(key=lambda each: each[0].at or 0.0)
        at_once = (
            each
            for group in grouped(found, lambda each: each[0].source)
            for each in dense(group, lambda each: each[0].at or 0.0, lambda each: each[1], MANY, WITHIN)
        )
        return cls(frozenset(visit.id for visit, _ in at_once))


def _early(email: list[Activity], opened: list[Activity]) -> Iterable[tuple[Visit, str]]:
    """With the recipient, as far as an event names one."""
    reference = first_of("Delivery", email) or first_of("Send", email)
    early = {
        each.event_id: each
        for each in opened
        if reference and each.occurred_at and (each.occurred_at - reference).total_seconds() <= SOON
    }
    recipient = min((each.recipient for each in email if each.recipient), default=email[0].email_id) if early else ""
    for visit in (visit_of(each, reference) for each in early.values()):
        # A network (STORE_FULL_IP=false) is no computer: many people are in it, with the same browser.
        if visit.ip and "/" not in visit.ip and visit.agent.kind not in _TOLD:
            yield visit, recipient
