"""Many emails, counted: what became of them, how fast, and by day and domain. Pure.

Each recipient of an email counts as one, as in SES's quota. A summary of a part and one of the rest merge into that of
all, in any order, so that processes count side by side.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime, tzinfo

from email_activity.activity.answers import Context, is_overdue, is_simulator
from email_activity.activity.facets import Status
from email_activity.activity.reasons import NEVER_LEFT_SES
from email_activity.activity.states import PENDING
from email_activity.activity.status import EmailStatus
from email_activity.activity.words import words

#: Code and reason of a row of `words.toml`; of codes that share a row, the first.
Reason = tuple[str, str | None]

#: What stands for the domain of what is no address.
NO_DOMAIN = "not known"

#: Lists of addresses that SES does not send to, whose bounces it counts in the bounce rate; those of the account's own
#: list it does not count. https://aws.amazon.com/premiumsupport/knowledge-center/ses-suppression-list-sending-quota/
COUNTED_LIST = "global_list"


@dataclass
class Summary:
    """zone: in which days are counted, by when an email was sent. All numbers are of recipients, but for `emails`.

    delivery: delivered, failed, pending, not_reported. engagement: of the delivered alone: clicked, opened,
    proxy_opened, unknown, machine, none; not_tracked and shared where nobody can tell. seconds: from sending to
    delivery. undated: of emails that no report told the time of, which count nowhere else. simulated: left out as well.
    """

    zone: tzinfo = UTC
    emails: int = 0
    simulated: int = 0
    undated: int = 0
    delivery: Counter[str] = field(default_factory=Counter)
    engagement: Counter[str] = field(default_factory=Counter)
    failures: Counter[Reason] = field(default_factory=Counter)
    seconds: Counter[int] = field(default_factory=Counter)
    sent_by_day: Counter[date] = field(default_factory=Counter)
    bounced_by_day: Counter[date] = field(default_factory=Counter)
    complained_by_day: Counter[date] = field(default_factory=Counter)
    sent_by_domain: Counter[str] = field(default_factory=Counter)
    failed_by_domain: Counter[tuple[str, Reason]] = field(default_factory=Counter)

    @property
    def sent(self) -> int:
        return self.delivery.total()

    def add(self, email: EmailStatus, context: Context) -> None:
        destinations = [each for each in email.recipients if each.is_destination]
        counted = [each for each in destinations if not is_simulator(each.recipient)]
        self.simulated += len(destinations) - len(counted)
        if not counted:
            return
        if email.sent_at is None:
            self.undated += len(counted)
            return
        self.emails += 1
        day = email.sent_at.astimezone(self.zone).date()
        self.sent_by_day[day] += len(counted)
        self.bounced_by_day[day] += sum(map(_is_hard_bounce, counted))
        self.complained_by_day[day] += _complaints(counted)
        delivered = [each for each in counted if self._add_delivery(each, email.sent_at, context.now) == "delivered"]
        # Who of them it was, an event that names nobody does not tell: a simulator's open is no client's.
        shared = email.shared.engagement.state if email.shared and len(counted) == len(destinations) else "none"
        self._add_engagement(delivered, shared, is_tracked=context.opens_tracked(email.configuration_set) is not False)

    def merge(self, other: "Summary") -> None:
        """Adds what another one counted. Both are of the same time zone."""
        for each in fields(self):
            if each.name != "zone":
                setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))

    def _add_delivery(self, found: Status, sent_at: datetime, now: datetime) -> str:
        outcome = _outcome(found, sent_at, now)
        self.delivery[outcome] += 1
        domain = _domain(found.recipient)
        self.sent_by_domain[domain] += 1
        if outcome == "failed":
            reason = _reason(found)
            self.failures[reason] += 1
            # What never left SES no domain refused.
            if found.delivery.state not in NEVER_LEFT_SES:
                self.failed_by_domain[domain, reason] += 1
        elif outcome == "delivered" and (seen := found.delivery.seen.get("delivered")) and seen.first_at:
            self.seconds[max(0, int((seen.first_at - sent_at).total_seconds()))] += 1
        return outcome

    def _add_engagement(self, delivered: Sequence[Status], shared: str, *, is_tracked: bool) -> None:
        states = Counter(each.engagement.state for each in delivered)
        without = states.pop("none", 0)
        self.engagement += states
        if without and shared != "none":
            # At least one of them did it, and of the others nobody can tell.
            self.engagement += Counter({shared: 1}) + Counter({"shared": without - 1})
        elif without:
            self.engagement["none" if is_tracked else "not_tracked"] += without


def _outcome(found: Status, sent_at: datetime, now: datetime) -> str:
    if found.has_failed:
        return "failed"
    if found.delivery.state not in PENDING:
        # A copy that bounced at a forward had come to the recipient's own server before.
        return "delivered"
    return "not_reported" if is_overdue(found.delivery.state, found.delivery.evidence, sent_at, now) else "pending"


def _reason(found: Status) -> Reason:
    evidence = found.delivery.evidence
    row = words(found.delivery.state, evidence.reason if evidence else None)
    return row.codes[0], row.reason


def _is_hard_bounce(found: Status) -> bool:
    """As SES counts its bounce rate. A forward's bounce speaks against no address that was sent to."""
    reason = found.delivery.evidence.reason if found.delivery.evidence else None
    is_hard = found.delivery.state == "hard_bounced" or reason == COUNTED_LIST
    return found.has_failed and is_hard


def _complaints(recipients: Sequence[Status]) -> int:
    """One complaint may name all of an email's recipients at a provider, which hides who it was."""
    complained = [each.consent for each in recipients if each.consent.state == "complained"]
    return len({each.evidence.occurred_at if each.evidence else None for each in complained})


def _domain(address: str | None) -> str:
    """Addresses are in lower case (domain/addresses.py)."""
    return (address or "").rpartition("@")[2] if "@" in (address or "") else NO_DOMAIN
