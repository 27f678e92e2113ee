"""How bad it is that something is not as wanted, and what to do about it. No input or output."""

from email_activity.doctor.line import PROVISION, Line, State
from email_activity.domain.kinds import KINDS

#: By check: without it events, facts or readers are lost. All else that is not as wanted is a warning.
FAILED = {
    "queue: dead letters go to": "give the queue a redrive policy: a message that kills its worker comes for ever",
    "table": "make it with `email-activity provision`, or set ACTIVITY_TABLE to the one that is there",
    "table: state": "wait until it is active",
    "table: keys": "this is another table: set ACTIVITY_TABLE",
    "subscription: to the queue": "subscribe the queue to the topic, once: without it no event arrives",
    "subscription: filter policy": "remove it: what it leaves out never arrives",
    "rule: state": "enable the rule: no event arrives",
    "rule: pattern": "let it match source aws.ses and the tag ses:configuration-set: other events do not arrive",
    "rule: target": "make the queue its one target",
    "configuration set: publishes": "enable an event destination of the configuration set: SES reports nothing without",
    "configuration set: publishes to": "let its event destination publish to what feeds the queue",
}

WARNED = {
    "queue: receives before dead letter": "raise maxReceiveCount: an outage or a deployment costs a receive each",
    "queue: retention": "raise it to 14 days: so long may an outage last before events are lost",
    "dead-letter queue: retention": "raise it to 14 days: a message keeps its first sending time",
    "dead-letter queue: room for reasons": "let it take 16 KiB more than the events queue: large messages stay there",
    "expiry": "turn on the table's time to live by expires_at: facts, and the personal data in them, stay for ever",
    "point-in-time recovery": "turn it on: the table is the only record there is",
    "table: deletion protection": "turn it on: the table is the only record there is",
    "subscription: what cannot be delivered goes to": "give it a redrive policy: what the queue refuses is gone",
}

#: Kinds whose absence may be meant: opens and clicks are tracking.
MAY_BE_LEFT_OUT = frozenset({"open", "click", "subscription"})


def line_of_finding(area: str, what: str, want: str, got: str | None) -> Line:
    """Of a finding of provision's checks."""
    check = f"{area}: {what}" if what else area
    if check == "subscription: raw":
        return Line("subscription: form", "ok", "raw" if got == "true" else "enveloped")
    if got == want:
        return Line(check, "ok", got)
    if got is None and check not in WARNED:
        return Line(check, "unknown", "not told")
    got = got or "nothing"
    if check == "configuration set: kinds":
        return _kinds(check, got)
    state, do = _advice(check, want, got)
    return Line(check, state, f"{got}, not {want}", do)


def _advice(check: str, want: str, got: str) -> tuple[State, str]:
    if check in FAILED:
        return "failed", FAILED[check]
    if check.startswith("table: index"):
        return "failed", "readers need it, and workers refuse to poll: make the table with `email-activity provision`"
    if check.endswith(("who may send", "who may publish")):
        if want not in got.split("; "):
            return "failed", f"allow {want}: no event arrives"
        return "warning", "allow nobody else: events can be forged"
    if check.endswith("without TLS"):
        return "warning", f"deny what comes without TLS: {PROVISION}"
    return "warning", WARNED.get(check, PROVISION)


def _kinds(check: str, got: str) -> Line:
    missing = {kind.event_type.lower() for kind in KINDS} - set(got.split(", "))
    named = ", ".join(kind.event_type for kind in KINDS if kind.event_type.lower() in missing)
    state: State = "warning" if missing <= MAY_BE_LEFT_OUT else "failed"
    return Line(
        check, state, f"not enabled: {named}", "enable them at the event destination, or SES reports none of them"
    )
