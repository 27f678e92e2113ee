"""The messages that stand in an archive, and what each comes to. No input or output but the clock."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from email_activity.domain.errors import PermanentError
from email_activity.domain.jsontext import opened
from email_activity.replay.archive import QUOTED, Part
from email_activity.ses.interpret import Outcome, interpret
from email_activity.ses.tracking_policy import TrackingPolicy
from email_activity.ses.unwrap import Notification, unwrap


@dataclass(frozen=True, slots=True)
class ArchivedMessage:
    """file, position: where it stands. body: None if it is too large to be kept. error: sends it to the rejects."""

    file: str
    position: int
    body: str | None
    outcome: Outcome
    error: PermanentError | None = None


def messages_in(file: str, part: Part, policy: TrackingPolicy) -> Iterator[ArchivedMessage]:
    """At least one. Never raises: a bug met on one message must not hold up the others."""
    if part.error or part.body is None:
        yield ArchivedMessage(file, part.start, part.body, Outcome.QUARANTINE, part.error)
        return
    for body in _bodies(part.body):
        now = datetime.now(UTC)
        interpretation = interpret(body, policy, recorded_at=now, sent_at=now)
        if interpretation.error and interpretation.items:  # a worker would keep its good events, and quarantine it
            for event in _events(body):
                good = interpret(event, policy, recorded_at=now, sent_at=now)
                if not good.error:
                    yield ArchivedMessage(file, part.start, event, good.outcome)
        yield ArchivedMessage(file, part.start, body, interpretation.outcome, interpretation.error)


def _events(body: str) -> Iterator[str]:
    """Each event in it, as a message of its own."""
    for unwrapped in unwrap(body):
        if isinstance(unwrapped, Notification):
            yield json.dumps({**unwrapped.event, "eventType": unwrapped.kind})


def _bodies(text: str) -> list[str]:
    """What Lambda was given, or `aws sqs receive-message` printed, may hold several messages, and be larger than a
    message may be. Anything else is one itself.
    """
    match opened(text) if QUOTED.match(text) else None:
        case {"Records": [*records]} if records:
            return [_body_of(record, "body", "Records") for record in records]
        case {"Messages": [*received]} if received:
            return [_body_of(message, "Body", "Messages") for message in received]
        case {"ReceiptHandle": _, "Body": str() as body}:
            return [body]
    return [text]


def _body_of(element: Any, name: str, around: str) -> str:
    """What has none is a message by itself: what a topic gave to Lambda, or an error to be told."""
    body = element.get(name) if isinstance(element, dict) else None
    return body if isinstance(body, str) else json.dumps({around: [element]})
