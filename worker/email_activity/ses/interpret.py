"""From the body of a message to what it comes to: unwrap, parse and normalize in one. Pure; never raises."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, Self

from email_activity.domain.errors import (
    NestedTooDeepError,
    PermanentError,
    TooMuchWorkError,
    TransientError,
    UnexpectedError,
)
from email_activity.domain.facts import Activity, Extra, Item, Key, RecipientFact, key_of
from email_activity.domain.keys import canonical_json
from email_activity.domain.kinds import KIND_BY_NAME
from email_activity.ses.normalize import Provenance, expiry, normalize
from email_activity.ses.parse import SesEvent, parse
from email_activity.ses.tracking_policy import TrackingPolicy, is_untracked, refuse_untrusted, refuse_untrusted_topic
from email_activity.ses.unwrap import Control, Notification, Unreadable, unwrap

#: What one message may take, counted in characters and not by a clock, so that no outcome depends on the machine: its
#: own, and those of each of its activities, since an event of a megabyte to 200 people would be 200 MB. The largest
#: that SNS carries (256 KB) to the 50 people of one call is less. Measured: below 2 us a byte, whatever it holds.
MAX_WORK = 16 * 1024 * 1024

#: Characters that an activity counts at least; so there are 1,024 of them in one message at most.
LEAST_WORK = 16 * 1024


#: In the place of a kind that this version does not know.
OTHER = "other"


class Outcome(StrEnum):
    """What a message comes to. One with several events is called by the first of these that any of them came to."""

    #: Its signature could not be checked: it comes again, and nothing of it is kept until then.
    UNVERIFIED = "unverified"
    #: It cannot be read, or not all of it: to the dead-letter queue, with its reason.
    QUARANTINE = "quarantine"
    #: It has facts to store.
    ACTIVITY = "activity"
    #: It is about a person who was forgotten, and nobody else: nothing is kept.
    FORGOTTEN = "forgotten"
    #: Its email is older than the retention: nothing is kept.
    EXPIRED = "expired"
    #: Its email is about no document of a tracked type: nothing is kept.
    UNTRACKED = "untracked"
    #: It is about no email that was sent: SNS's and SES's own messages.
    CONTROL = "control"


@dataclass(frozen=True, slots=True)
class InterpretedEvent:
    """One thing that a message holds, most often its only one.

    kind: as SES spells it; a control message's name; None if nobody can tell. Only an activity has facts, only a
    quarantine an error.
    """

    outcome: Outcome
    form: str
    kind: str | None = None
    event: SesEvent | None = None
    activities: tuple[Activity, ...] = ()
    recipient_facts: tuple[RecipientFact, ...] = ()
    extras: tuple[Extra, ...] = ()
    error: PermanentError | None = None

    @property
    def counted_as(self) -> tuple[str, str]:
        """Kind and outcome, for counting: a kind that this version does not know is `other`."""
        return (self.kind if self.kind in KIND_BY_NAME else OTHER), self.outcome

    @property
    def facts(self) -> tuple[Activity | RecipientFact | Extra, ...]:
        return (*self.activities, *self.extras, *self.recipient_facts)


@dataclass(frozen=True, slots=True)
class Interpretation:
    """What a message comes to. Of several events the good ones are kept, though it be quarantined for a bad one."""

    outcome: Outcome
    #: As they will stand in the table.
    items: Mapping[Key, Item]
    #: The first of those that its events have.
    error: PermanentError | None = None
    #: SES's message id; None if nobody can tell.
    email_id: str | None = None
    #: Elements of lists and maps that could not be read, and are kept as unknown.
    odd_elements: int = 0
    events: tuple[InterpretedEvent, ...] = ()
    #: Kind and outcome of each event, as InterpretedEvent.counted_as has them.
    kinds: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, events: tuple[InterpretedEvent, ...], items: Mapping[Key, Item]) -> Self:
        """events: at least one."""
        return cls(
            outcome=min((event.outcome for event in events), key=PRECEDENCE.__getitem__),
            items=items,
            error=next((event.error for event in events if event.error), None),
            email_id=next((interpreted.event.message_id for interpreted in events if interpreted.event), None),
            odd_elements=sum(interpreted.event.odd_elements for interpreted in events if interpreted.event),
            events=events,
            kinds=tuple(event.counted_as for event in events),
        )

    @property
    def main_event(self) -> InterpretedEvent:
        """The first of those that give the message its outcome."""
        return next(event for event in self.events if event.outcome is self.outcome)

    def without_events(self) -> "Interpretation":
        """For who keeps many: the events take several times the memory of the items."""
        return Interpretation(self.outcome, self.items, self.error, self.email_id, self.odd_elements, kinds=self.kinds)


PRECEDENCE = {outcome: place for place, outcome in enumerate(Outcome)}


def interpret(  # noqa: PLR0913, PLR0917  most may be left out
    body: str,
    policy: TrackingPolicy,
    recorded_at: datetime,
    sent_at: datetime | None = None,
    message_id: str | None = None,
    check_signature: Callable[[Mapping[str, Any] | None], None] | None = None,
) -> Interpretation:
    """Never raises: what was not foreseen is an error of the message too.

    sent_at: SQS's SentTimestamp, by which old mail is judged expired; nothing expires without it.
    message_id: the transport's, for tracing. check_signature: of the envelope of SNS around an event, None if there is
    none; may raise PermanentError or TransientError.
    """
    try:
        transport = _Transport(policy, recorded_at, sent_at, message_id, check_signature)
        events = tuple(_events(body, transport))
        return Interpretation.of(events, {key_of(item): item for item in _items(events)})
    except TransientError:
        return Interpretation.of((InterpretedEvent(Outcome.UNVERIFIED, "sns"),), {})
    except RecursionError:
        return _unread(NestedTooDeepError("JSON"))
    except Exception as error:  # noqa: BLE001  a bug met on one message must not hold up the others
        return _unread(UnexpectedError.of(error))


def _unread(error: PermanentError) -> Interpretation:
    return Interpretation.of((InterpretedEvent(Outcome.QUARANTINE, "raw", error=error),), {})


def _items(events: Sequence[InterpretedEvent]) -> Iterator[Item]:
    for event in events:
        yield from (activity.to_item() for activity in event.activities)
        yield from (extra.to_item() for extra in event.extras)
    for event in events:
        yield from (fact.to_item() for fact in event.recipient_facts)


class _Transport(NamedTuple):
    """What `interpret` is told beside the body."""

    policy: TrackingPolicy
    recorded_at: datetime
    sent_at: datetime | None
    message_id: str | None
    check_signature: Callable[[Mapping[str, Any] | None], None] | None


def _events(body: str, told: _Transport) -> Iterator[InterpretedEvent]:
    work = len(body)
    for unwrapped in unwrap(body):
        try:
            if not isinstance(unwrapped, Notification):
                yield _without_event(unwrapped)
                continue
            refuse_untrusted_topic(unwrapped.envelope, told.policy)
            if told.check_signature:
                told.check_signature(unwrapped.envelope)
            event = parse(unwrapped.kind, unwrapped.event)
            work += _work(event, unwrapped.event)
            transport_id = unwrapped.transport_id or told.message_id
            provenance = Provenance(unwrapped.form, transport_id, told.recorded_at, told.sent_at)
            yield _of_event(event, provenance, told.policy, work)
        except TransientError:
            raise
        except PermanentError as error:
            yield InterpretedEvent(Outcome.QUARANTINE, unwrapped.form, getattr(unwrapped, "kind", None), error=error)
        except RecursionError:
            yield InterpretedEvent(Outcome.QUARANTINE, unwrapped.form, error=NestedTooDeepError("JSON"))
        except Exception as error:  # noqa: BLE001  a bug met on one message must not hold up the others
            yield InterpretedEvent(Outcome.QUARANTINE, unwrapped.form, error=UnexpectedError.of(error))


def _without_event(unwrapped: Control | Unreadable) -> InterpretedEvent:
    if isinstance(unwrapped, Control):
        return InterpretedEvent(Outcome.CONTROL, unwrapped.form, unwrapped.name)
    return InterpretedEvent(Outcome.QUARANTINE, unwrapped.form, error=unwrapped.error)


def _of_event(event: SesEvent, provenance: Provenance, policy: TrackingPolicy, work: int) -> InterpretedEvent:
    """work: of the message up to this event."""
    if work > MAX_WORK:
        raise TooMuchWorkError(f"activities of more than {MAX_WORK} characters")
    refuse_untrusted(event.mail, policy)
    if is_untracked(event.mail, policy):
        return InterpretedEvent(Outcome.UNTRACKED, provenance.form, event.kind, event)
    expires_at = expiry(event, provenance, policy)
    if provenance.sent_at is not None and expires_at <= provenance.sent_at.timestamp():
        return InterpretedEvent(Outcome.EXPIRED, provenance.form, event.kind, event)
    facts = normalize(event, provenance, policy, expires_at)
    return InterpretedEvent(Outcome.ACTIVITY, provenance.form, event.kind, event, *facts)


def _work(event: SesEvent, payload: Mapping[str, Any]) -> int:
    """What an event comes to for a single person is never larger than its message, so that needs no measuring."""
    people = max(1, len(event.recipients), len(event.mail.destination or ()))
    size = len(canonical_json(payload)) if people > 1 else 0
    return people * max(size, LEAST_WORK)
