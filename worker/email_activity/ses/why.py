"""Why nothing is kept of an event, in words for who tries one. Pure."""

from itertools import chain

from email_activity.domain.times import rfc3339
from email_activity.ses.headers import short_headers, short_tags
from email_activity.ses.normalize import TrackingPolicy
from email_activity.ses.parse import Event


def why_not_kept(outcome: str, event: Event, policy: TrackingPolicy) -> str | None:
    """outcome: what it came to by the same rules; None for one of which something is kept."""
    if outcome == "expired":
        return _expired(event, policy)
    return _untracked(event, policy) if outcome == "untracked" else None


def _expired(event: Event, policy: TrackingPolicy) -> str:
    sent = event.mail.timestamp or event.time
    when = rfc3339(sent.at, "seconds") if sent and sent.at else "at a time that it does not tell"
    return f"sent {when}, longer ago than the {policy.retention.days} days that activity is kept (RETENTION_DAYS)"


def _untracked(event: Event, policy: TrackingPolicy) -> str:
    tag, header = policy.document_type
    types = dict.fromkeys(
        text.lower() for text in chain(short_tags(event.mail, tag), short_headers(event.mail, header))
    )
    if not types:
        return f"it tells no document type, neither in the tag {tag} nor in the header {header}"
    tracked = ", ".join(sorted(policy.tracked))
    return f"its document type is {', '.join(types)}, and only {tracked} is tracked (TRACKED_DOCUMENT_TYPES)"
