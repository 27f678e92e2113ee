"""From the body of a message to what it comes to: unwrap, parse and normalize in one. Pure; never raises."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from email_activity.domain.errors import NestedTooDeepError, PermanentError, TooMuchWorkError, UnexpectedError
from email_activity.domain.facts import Activity, Extra, MailFact
from email_activity.domain.keys import canonical_json
from email_activity.ses.normalize import Copy, Rules, normalize
from email_activity.ses.parse import Event, parse
from email_activity.ses.unwrap import Control, Notification, Unreadable, unwrap

#: A message with several events is called by the first of these that any of them came to.
OUTCOMES = ("quarantine", "activity", "expired", "untracked", "control")

#: What one message may take, counted in characters and not by a clock, so that no outcome depends on the machine: its
#: own, and those of each of its activities, since an event of a megabyte to 200 people would be 200 MB. The largest
#: that SNS carries (256 KB) to the 50 people of one call is less. Measured: below 2 us a byte, whatever it holds.
MAX_WORK = 16 * 1024 * 1024

#: Characters that an activity counts at least; so there are 1,024 of them in one message at most.
LEAST_WORK = 16 * 1024


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
    extras: tuple[Extra, ...] = ()
    error: PermanentError | None = None

    @property
    def facts(self) -> tuple[Activity | MailFact | Extra, ...]:
        """All of them, as they will stand in the table."""
        return (*self.activities, *self.extras, *self.mail_facts)


def read(
    body: str, rules: Rules, recorded_at: datetime, sent_at: datetime | None = None, message_id: str | None = None
) -> tuple[Reading, ...]:
    """sent_at: SQS's SentTimestamp, by which old mail is judged expired; nothing expires without it."""
    return tuple(_readings(body, rules, recorded_at, sent_at, message_id))


def _readings(
    body: str, rules: Rules, recorded_at: datetime, sent_at: datetime | None, message_id: str | None
) -> Iterator[Reading]:
    work = len(body)
    for found in unwrap(body, message_id):
        try:
            if not isinstance(found, Notification):
                yield _without_event(found)
                continue
            event = parse(found.kind, found.event)
            work += _work(event, found.event)
            copy = Copy(found.form, found.transport_id, recorded_at, sent_at)
            yield _of_event(event, copy, rules, work)
        except PermanentError as error:
            yield Reading("quarantine", found.form, getattr(found, "kind", None), error=error)
        except RecursionError:
            yield Reading("quarantine", found.form, error=NestedTooDeepError("JSON"))
        except Exception as error:  # noqa: BLE001  a bug met on one message must not hold up the others
            yield Reading("quarantine", found.form, error=UnexpectedError(type(error).__name__))


def _without_event(found: Control | Unreadable) -> Reading:
    if isinstance(found, Control):
        return Reading("control", found.form, found.name)
    return Reading("quarantine", found.form, error=found.error)


def _of_event(event: Event, copy: Copy, rules: Rules, work: int) -> Reading:
    """work: of the message up to this event."""
    if work > MAX_WORK:
        raise TooMuchWorkError(f"activities of more than {MAX_WORK} characters")
    facts = normalize(event, copy, rules)
    return Reading(facts.outcome, copy.form, event.kind, event, facts.activities, facts.mail_facts, facts.extras)


def _work(event: Event, given: Mapping[str, Any]) -> int:
    """What an event comes to for a single person is never larger than its message, so that needs no measuring."""
    people = max(1, len(event.recipients), len(event.mail.destination or ()))
    size = len(canonical_json(given)) if people > 1 else 0
    return people * max(size, LEAST_WORK)
