"""From the body of a message to what it comes to: unwrap, parse and normalize in one. Pure; never raises."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from worker.errors import NestedTooDeepError, PermanentError, UnexpectedError
from worker.facts import Activity, MailFact
from worker.ingest.normalize import Copy, Rules, normalize
from worker.ingest.parse import Event, parse
from worker.ingest.unwrap import Control, Unreadable, Unwrapped, unwrap

#: A message with several events is called by the first of these that any of them came to.
OUTCOMES = ("quarantine", "activity", "expired", "untracked", "control")


@dataclass(frozen=True, slots=True)
class Reading:
    """One thing that a message holds.

    outcome: activity, untracked, expired, control or quarantine. kind: as SES spells it; a control message's
    name; None if nobody can tell. Only an activity has facts, only a quarantine an error.
    """

    outcome: str
    form: str
    kind: str | None = None
    event: Event | None = None
    activities: tuple[Activity, ...] = ()
    mail_facts: tuple[MailFact, ...] = ()
    error: PermanentError | None = None


def read(
    body: str, rules: Rules, recorded_at: datetime, sent_at: datetime | None = None, message_id: str | None = None
) -> tuple[Reading, ...]:
    """sent_at: SQS's SentTimestamp, by which old mail is judged expired; nothing expires without it."""
    return tuple(_readings(body, rules, recorded_at, sent_at, message_id))


def _readings(
    body: str, rules: Rules, recorded_at: datetime, sent_at: datetime | None, message_id: str | None
) -> Iterator[Reading]:
    for found in unwrap(body, message_id):
        try:
            yield _reading(found, rules, recorded_at, sent_at)
        except PermanentError as error:
            yield Reading("quarantine", found.form, getattr(found, "kind", None), error=error)
        except RecursionError:
            yield Reading("quarantine", found.form, error=NestedTooDeepError("JSON"))
        except Exception as error:  # noqa: BLE001  a bug met on one message must not hold up the others
            yield Reading("quarantine", found.form, error=UnexpectedError(type(error).__name__))


def _reading(found: Unwrapped, rules: Rules, recorded_at: datetime, sent_at: datetime | None) -> Reading:
    if isinstance(found, Control):
        return Reading("control", found.form, found.name)
    if isinstance(found, Unreadable):
        return Reading("quarantine", found.form, error=found.error)
    event = parse(found.kind, found.event)
    facts = normalize(event, Copy(found.form, found.transport_id, recorded_at, sent_at), rules)
    return Reading(facts.outcome, found.form, event.kind, event, facts.activities, facts.mail_facts)
