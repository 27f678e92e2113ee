"""From the fold of an email to what readers are given (`model.py`), in the words of `words.toml`. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from email_activity.activity import facets, model, status
from email_activity.activity.bounded import MAX_FACTS
from email_activity.activity.event_answers import event_answer
from email_activity.activity.reasons import NOBODYS, Evidence
from email_activity.activity.states import FAILED, PENDING, REACHED
from email_activity.activity.status import EmailStatus
from email_activity.activity.words import words
from email_activity.domain import facts
from email_activity.domain.tags import untag

#: SES tries for so long unless told otherwise.
#: https://docs.aws.amazon.com/ses/latest/dg/send-email-concepts-deliverability.html
SES_TRIES_FOR = timedelta(hours=14)

#: SES reports opens and clicks for so long after the sending.
#: https://docs.aws.amazon.com/ses/latest/dg/faqs-metrics.html
OPENS_REPORTED_FOR = timedelta(days=60)

#: https://docs.aws.amazon.com/ses/latest/dg/send-an-email-from-console.html#send-email-simulator
SIMULATOR = "@simulator.amazonses.com"

#: What makes the headline of a recipient whom the email reached, the first that holds.
HEADLINES = ("complained", "clicked", "opened", "proxy_opened")


@dataclass(frozen=True, slots=True)
class Context:
    """What the facts of an email do not tell. now: UTC.

    opens_tracked: of a configuration set; None: cannot be told. freshness: None: nobody asked, so events are taken to
    arrive.
    """

    now: datetime
    opens_tracked: Callable[[str | None], bool | None] = lambda _: None
    freshness: model.Freshness | None = None

    @property
    def nothing_arrives(self) -> bool:
        return self.freshness is not None and not self.freshness.reading


def email(found: EmailStatus, context: Context) -> model.Email:
    return model.Email(**_email(found, context))


def listed_email(found: EmailStatus, cursor: str, context: Context) -> model.ListedEmail:
    return model.ListedEmail(**_email(found, context), cursor=cursor)


def email_with_timeline(found: EmailStatus, context: Context) -> model.EmailWithTimeline:
    timeline = tuple(event_answer(entry, found.destination_count) for entry in found.timeline)
    return model.EmailWithTimeline(**_email(found, context), timeline=timeline, freshness=context.freshness)


def _email(found: EmailStatus, context: Context) -> dict[str, Any]:
    recipients = tuple(recipient(each, found, context) for each in found.recipients)
    shared = recipient(found.shared, found, context) if found.shared else None
    return {
        "email_id": found.email_id,
        "document": document(found.document),
        "account": found.account,
        "sent_at": found.sent_at,
        "sender": found.sender,
        "subject": found.subject,
        "configuration_set": found.configuration_set,
        "destination_count": found.destination_count,
        "conflict": _conflict(found.conflict),
        "truncated_at": MAX_FACTS if found.has_more_facts else None,
        "status": headline(recipients) or (shared.status if shared else _status("unknown")),
        "recipients": recipients,
        "shared": shared,
        "signals": found.signals,
    }


def _conflict(found: status.Conflict | None) -> model.Conflict | None:
    if found is None:
        return None
    documents = tuple(each for each in map(document, found.documents) if each)
    return model.Conflict(documents=documents, accounts=found.accounts)


def document(found: facts.Document | None) -> model.Document | None:
    return model.Document(type=found.type, id=found.id, name=untag(found.id)) if found else None


def recipient(found: facets.Status, of: EmailStatus, context: Context) -> model.Recipient:
    """found: of one recipient, or what is shared."""
    tracked = context.opens_tracked(of.configuration_set)
    delivery = _delivery(found, of, context)
    engagement = _engagement(found, of, context, tracked=tracked)
    consent = _status(found.consent.state, None, found.consent) if found.consent.seen else None
    marks = [_status("auto_replied", since=found.auto_replied_at)] if found.auto_replied_at else []
    told = [each for each in (consent, engagement) if each and each.code in HEADLINES]
    if found.recipient is None:
        first = told[0] if told else engagement
    else:
        first = delivery if found.has_failed or not told else min(told, key=lambda each: HEADLINES.index(each.code))
    said = [delivery, *([engagement] if engagement.code != "none" else []), *([consent] if consent else []), *marks]
    return model.Recipient(
        recipient=found.recipient,
        is_destination=found.is_destination,
        status=first,
        also=tuple(each for each in said if each is not first and not (found.recipient is None and each is delivery)),
        # What nobody in particular did tells no delivery.
        delivery=_facet(found.delivery, delivery if found.recipient else None),
        engagement=model.Engagement(**_facet_fields(found.engagement, engagement), tracked=tracked),
        consent=_facet(found.consent, consent),
        auto_replied_at=found.auto_replied_at,
        bounced_at=found.bounced_at,
        arrived_from=found.arrived_from,
        simulator=is_simulator(found.recipient),
    )


def _delivery(found: facets.Status, of: EmailStatus, context: Context) -> model.Status:
    state, evidence = found.delivery.state, found.delivery.evidence
    if state in FAILED and found.bounced_at:
        return _status("forward_bounced", None, found.delivery, state, address=found.bounced_at)
    reason = evidence.reason if evidence else None
    if is_overdue(state, evidence, of.sent_at, context.now):
        reason = "nothing_arrives" if context.nothing_arrives else "not_reported"
    return _status(state, reason, found.delivery)


def is_simulator(address: str | None) -> bool:
    """Mail to SES's simulator counts in no rate."""
    return (address or "").endswith(SIMULATOR)


def is_overdue(state: str, evidence: Evidence | None, sent_at: datetime | None, now: datetime) -> bool:
    """Whether SES was to have given up by now, and no outcome was reported."""
    if state not in PENDING:
        return False
    if evidence and evidence.tries_until:
        return evidence.tries_until < now
    # Not the sum, which a time near the end of the calendar has none of.
    return sent_at is not None and now - sent_at > SES_TRIES_FOR


def _engagement(found: facets.Status, of: EmailStatus, context: Context, *, tracked: bool | None) -> model.Status:
    state, evidence = found.engagement.state, found.engagement.evidence
    if state == "none" and found.recipient and of.shared and of.shared.engagement.state not in ("none", *NOBODYS):
        reason: str | None = "shared"
    elif state != "none":
        is_shared = found.recipient is None and state not in NOBODYS
        reason = "shared" if is_shared else evidence.reason if evidence else None
    elif context.nothing_arrives:
        reason = "nothing_arrives"
    elif tracked is False:
        reason = "not_tracked"
    else:
        reason = "too_old" if of.sent_at and context.now - of.sent_at > OPENS_REPORTED_FOR else None
    return _status(state, reason, found.engagement, count=of.destination_count)


def _status(  # noqa: PLR0913  address and count are what a label may hold
    code: str,
    reason: str | None = None,
    facet: facets.Facet | None = None,
    state: str | None = None,
    *,
    since: datetime | None = None,
    address: str = "",
    count: int = 0,
) -> model.Status:
    """state: of the facet, where it is another than the code."""
    row = words(code, reason)
    evidence = facet.evidence if facet else None
    seen = facet.seen.get(state or code) if facet else None
    return model.Status(
        code=code,
        reason=row.reason,
        tone=row.tone,
        label=row.label.format(address=address, count=count or "several"),
        means=row.means,
        next_step=row.next_step,
        since=seen.first_at if seen else since,
        server_said=evidence.server_said if evidence else None,
        ses_said=evidence.ses_said if evidence else None,
        status_code=evidence.status_code if evidence else None,
        ses_words=evidence.ses_words if evidence else None,
    )


def _facet(found: facets.Facet, said: model.Status | None) -> model.Facet:
    return model.Facet(**_facet_fields(found, said))


def _facet_fields(found: facets.Facet, said: model.Status | None) -> dict[str, Any]:
    seen = {
        name: model.Occurrences(count=each.count, first_at=each.first_at, last_at=each.last_at)
        for name, each in found.seen.items()
    }
    words_of = {"reason": said.reason, "tone": said.tone, "label": said.label} if said else {}
    return {"state": found.state, "seen": seen, **words_of}


def headline(recipients: Sequence[model.Recipient]) -> model.Status | None:
    """Of an email or a document: of its one recipient, or of all in a sentence. Forwarded addresses do not count."""
    own = [each for each in recipients if each.is_destination] or recipients
    if len(own) < 2:  # noqa: PLR2004  one needs no sentence
        return own[0].status if own else None
    failed = [each for each in own if each.has_failed]
    complained = [each for each in own if each.consent.state == "complained"]
    waiting = [each for each in own if not each.has_failed and each.delivery.state not in REACHED]
    told = f"Not delivered to {len(failed)}" if failed else f"Delivered to {len(own) - len(waiting)}"
    label = f"{told} of {len(own)}" + (f"; {len(waiting)} without an outcome" if waiting else "")
    label += f"; {len(complained)} marked it as spam" if complained else ""
    worst = [*failed, *complained, *waiting, *own][0]
    step, to_act_on = worst.status.next_step, failed or complained
    if step and to_act_on:
        step = f"{worst.recipient}: {step}"
        if others := len(to_act_on) - 1:
            step += f" See the {others} other{'s' if others > 1 else ''}, too."
    return worst.status.model_copy(update={"label": label, "next_step": step})
