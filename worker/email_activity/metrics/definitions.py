"""Every metric of the worker: its name, labels, unit and meaning. docs/metrics.md has the same table.

Labels are bounded: each has all its values here, and what is none of them counts as `other`. None is made from what a
sender wrote.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Literal

from email_activity.domain.errors import PermanentError
from email_activity.domain.kinds import BOUNCE_CLASSES, KINDS
from email_activity.ingest.figures import COMPLAINED, RECIPIENT
from email_activity.ingest.health import State
from email_activity.ses.interpret import OTHER, Outcome

#: Steps of the pipeline that are timed, after the wait before a receive; and what becomes of a message.
STEPS = ("linger", "interpret", "claim", "store", "commit", "settle")
ENDS = ("deleted", "quarantined", "returned", "held")

#: Lines of the log that say that something went wrong.
ERRORS = (
    *("batch_failed", "cannot_poll", "heartbeat_failed", "metrics_failed", "poll_failed", "poll_hung"),
    *("quarantine_failed", "settle_failed", "settle_incomplete", "shutdown_bound_reached"),
)

KIND_NAMES = tuple(kind.name for kind in KINDS)

#: Those of messages. An archive's own reasons are defined where archives are read.
REASONS = tuple(
    sorted(
        {PermanentError.reason}
        | {each.reason for each in PermanentError.__subclasses__() if each.__module__ == PermanentError.__module__}
    )
)
STATES = tuple(
    dict.fromkeys(
        [
            *(kind.delivery for kind in KINDS if kind.delivery),
            *(each.delivery for each in BOUNCE_CLASSES if each.delivery),
            COMPLAINED,
        ]
    )
)

#: Upper bounds of buckets. Most events are stored within a second; a delay of hours is an outage or a backlog.
LAG_BOUNDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 21600.0)
STEP_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
BATCH_BOUNDS = (1.0, 2.0, 5.0, 10.0, 20.0, 35.0, 50.0, 70.0, 100.0, 200.0, 500.0, 1000.0)
#: Twelve receives, and a message is in the dead-letter queue, unless chosen otherwise.
RECEIVE_BOUNDS = (1.0, 2.0, 3.0, 6.0, 12.0)


@dataclass(frozen=True, slots=True)
class Metric:
    """A histogram has bounds; the others have one value for each combination of labels."""

    name: str
    type: Literal["counter", "gauge", "histogram"]
    meaning: str
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unit: str = ""
    bounds: tuple[float, ...] = ()

    def combinations(self) -> Iterator[tuple[str, ...]]:
        return product(*self.labels.values())

    @property
    def width(self) -> int:
        """Cells of one combination: a histogram has one for each bucket, that above the last bound, and the sum."""
        return len(self.bounds) + 2 if self.type == "histogram" else 1


EVENTS = Metric(
    "email_activity_events_total",
    "counter",
    "Events by SES's kind and by what they came to, duplicates included",
    {"kind": (*KIND_NAMES, OTHER), "outcome": tuple(Outcome)},
)
FACTS_WRITTEN = Metric(
    "email_activity_facts_written_total",
    "counter",
    "Facts that DynamoDB took: activities by SES's kind, and recipient facts",
    {"kind": (*KIND_NAMES, RECIPIENT, OTHER)},
)
FACTS_KNOWN = Metric(
    "email_activity_facts_known_total", "counter", "Duplicates: facts that were stored or being written already"
)
RECIPIENTS = Metric(
    "email_activity_recipients_total",
    "counter",
    "Recipients of tracked mail by what was newly recorded of them",
    {"state": STATES},
)
QUARANTINED = Metric(
    "email_activity_quarantined_total",
    "counter",
    "Messages copied to the dead-letter queue, by reason",
    {"reason": (*REASONS, OTHER)},
)
MESSAGES = Metric("email_activity_messages_total", "counter", "Messages by what became of them", {"end": ENDS})
RECEIVES = Metric(
    "email_activity_receives_total",
    "counter",
    "Batches received, and receives that found the queue empty",
    {"result": ("messages", "empty")},
)
RECEIVE_CALLS = Metric("email_activity_receive_calls_total", "counter", "Calls of ReceiveMessage, which SQS bills")
OUTAGES = Metric(
    "email_activity_outages_total",
    "counter",
    "Times that a process found a dependency failing",
    {"dependency": ("sqs", "redis", "dynamodb", "broker")},
)
ERRORS_LOGGED = Metric(
    "email_activity_errors_total", "counter", "Lines of the log that say that something went wrong", {"line": ERRORS}
)
LAG = Metric(
    "email_activity_lag_seconds",
    "histogram",
    "From the time of an event, by SES, to its fact in the table; without replayed ones",
    unit="seconds",
    bounds=LAG_BOUNDS,
)
STEP = Metric(
    "email_activity_step_seconds",
    "histogram",
    "How long a step took for a whole batch",
    {"step": STEPS},
    unit="seconds",
    bounds=STEP_BOUNDS,
)
BATCH = Metric("email_activity_batch_messages", "histogram", "Messages in a batch", bounds=BATCH_BOUNDS)
MESSAGE_RECEIVES = Metric(
    "email_activity_message_receives",
    "histogram",
    "How often a message had been received when it was handled; 1 at its first",
    bounds=RECEIVE_BOUNDS,
)
DEPENDENCY_FAILING = Metric(
    "email_activity_dependency_failing",
    "gauge",
    "1 while any process of the worker finds it failing",
    {"dependency": OUTAGES.labels["dependency"]},
)
POLL_AGE = Metric(
    "email_activity_poll_age_seconds",
    "gauge",
    "Since a process last received, maybe nothing, or stood by while another of its worker did: of the longest silent",
    unit="seconds",
)
PROCESSES = Metric("email_activity_processes", "gauge", "Processes by what they last reported", {"state": tuple(State)})

#: In the order of the page.
METRICS = (
    *(EVENTS, FACTS_WRITTEN, FACTS_KNOWN, RECIPIENTS, QUARANTINED, MESSAGES, LAG, BATCH, STEP),
    *(MESSAGE_RECEIVES, RECEIVES, RECEIVE_CALLS, DEPENDENCY_FAILING, OUTAGES, ERRORS_LOGGED, POLL_AGE, PROCESSES),
)
