"""One event of a timeline as readers are given it, in words. Pure."""

import json
from typing import Any

from email_activity.activity import model
from email_activity.activity.attribution import TimelineEntry
from email_activity.activity.engagement import Verdict
from email_activity.activity.judgement_model import Judgement, Reason
from email_activity.activity.reasons import event_code
from email_activity.activity.words import words


def event_answer(entry: TimelineEntry, destination_count: int) -> model.Event:
    found = entry.activity
    code, reason = event_code(entry)
    row = words(code, reason)
    return model.Event(
        occurred_at=found.occurred_at,
        occurred_at_source=found.occurred_at_source,
        kind=found.kind,
        code=code,
        reason=row.reason,
        tone=row.tone,
        label=row.label.format(address=entry.other_address or found.recipient, count=destination_count),
        means=row.means,
        recipient=entry.recipient,
        attribution=entry.attribution,
        named=found.recipient,
        bounce_class=entry.bounce_class,
        complaint_kind=entry.complaint_kind,
        verdict=entry.judged.class_ if entry.judged else None,
        judgement=_judgement(entry.judged) if entry.judged else None,
        ses_verdict=found.detail.get("is_bot_event"),
        detail=dict(found.detail),
        recipient_as_written=found.recipient_as_written,
        event_id=found.event_id,
        configuration_set=found.configuration_set,
        tenant=found.tenant,
        form=found.form,
        recorded_at=found.recorded_at,
        unknown=_unknown(entry.unknown),
    )


def _judgement(found: Verdict) -> Judgement:
    return Judgement(
        class_=found.class_,
        confidence=found.confidence,
        reasons=tuple(Reason(id=each.id, class_=each.class_, words=each.words) for each in found.reasons),
        ses=found.ses,
        ses_agrees=found.ses_agrees,
        signals=found.signals,
        rules=found.rules,
    )


def _unknown(text: str | None) -> Any:
    """As text where it is no plain JSON."""
    try:
        return json.loads(text) if text else None
    except (ValueError, RecursionError):
        return text
