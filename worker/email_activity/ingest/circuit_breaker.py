"""No receive while SQS, Redis or the table does not answer.

Each receive counts towards the dead-letter queue, so in an outage the queue is the place for messages to wait.
"""

import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from email_activity.domain.errors import TransientError
from email_activity.telemetry import log

#: Seconds between two probes of a dependency that failed; doubled each time that it answers a probe and then fails at
#: the work (a table that takes a put but no batch), up to the longest.
PROBE_EVERY = 1.0
LONGEST_PAUSE = 60.0

#: Seconds for which an answer counts. An idle process has no work to learn of an outage by, so it probes.
ANSWER_LASTS = 5.0

#: Seconds without a failure after which an outage is over for the log: one that flickers is logged once.
QUIET = 5.0


@dataclass(slots=True)
class Dependency:
    """probe: raises TransientError while it cannot be worked with. lasts: seconds for which an answer counts."""

    probe: Callable[[], None]
    lasts: float = ANSWER_LASTS
    #: None: not yet, or not since a failure.
    answered_at: float | None = None

    def is_due(self) -> bool:
        return self.answered_at is None or time.monotonic() - self.answered_at > self.lasts


@dataclass(slots=True)
class Outage:
    error: TransientError
    since: float
    last: float
    failures: int = 1


class CircuitBreaker:
    """Allows a receive only if every dependency answered recently, and none has failed since.

    Shared by the threads of a process.
    """

    def __init__(self, dependencies: Mapping[str, Dependency], receive_wait: float = 0) -> None:
        """receive_wait: seconds that a receive may wait for messages."""
        self._dependencies = dependencies
        self._receive_wait = receive_wait
        self._outages: dict[str, Outage] = {}
        self._next_probe = 0.0
        self._pause = PROBE_EVERY
        self._failed_at_work = ""
        self._lock = threading.Lock()

    @property
    def drain_seconds(self) -> int:
        """How long a long poll that was opened before the failure was known may still be open, in any process.
        A message must be returned for at least that long: else such a poll receives it again, which counts.
        """
        return math.ceil(ANSWER_LASTS + self._receive_wait)

    def failures(self) -> list[TransientError]:
        """The last failure of each dependency that has not answered since, or not for long."""
        return [outage.error for outage in list(self._outages.values())]

    def record_failure(self, error: TransientError) -> None:
        """A call that was no probe failed. No receive is allowed until all dependencies have answered a probe."""
        with self._lock:
            self._log_failure(error)
            if any(dependency.answered_at is None for dependency in self._dependencies.values()):
                return  # known already: other threads were at work when it began
            for dependency in self._dependencies.values():
                dependency.answered_at = None
            if error.dependency != self._failed_at_work:
                self._failed_at_work, self._pause = error.dependency, PROBE_EVERY
            self._next_probe = time.monotonic() + self._pause
            self._pause = min(LONGEST_PAUSE, 2 * self._pause)

    def record_success(self, name: str) -> None:
        """Of work, which spares the next probe. After a failure it counts for nothing: it may have begun before."""
        with self._lock:
            dependency = self._dependencies.get(name)
            if dependency is None or dependency.answered_at is None:
                return
            dependency.answered_at = time.monotonic()
            if name == self._failed_at_work:
                self._failed_at_work = ""
            self._log_if_over(name)

    def allows_receive(self) -> bool:
        """Probes what has not answered of late, at most once in PROBE_EVERY seconds."""
        if not self._due():
            return True
        if not self._lock.acquire(timeout=PROBE_EVERY):
            return False  # another thread probes, and waits long
        try:
            if time.monotonic() >= self._next_probe:
                for name in self._due():
                    self._probe(name)
                if self._due():
                    self._next_probe = time.monotonic() + PROBE_EVERY
            return not self._due()
        finally:
            self._lock.release()

    def _due(self) -> list[str]:
        return [name for name, dependency in self._dependencies.items() if dependency.is_due()]

    def _probe(self, name: str) -> None:
        dependency = self._dependencies[name]
        try:
            dependency.probe()
        except TransientError as error:
            dependency.answered_at = None
            self._log_failure(error)
        else:
            dependency.answered_at = time.monotonic()
            self._log_if_over(name)

    def _log_failure(self, error: TransientError) -> None:
        """A line for each outage, not for each failure."""
        now = time.monotonic()
        if outage := self._outages.get(error.dependency):
            outage.error, outage.last, outage.failures = error, now, outage.failures + 1
            return
        self._outages[error.dependency] = Outage(error, now, now)
        log.warning("dependency_failing", dependency=error.dependency, detail=error.detail)

    def _log_if_over(self, name: str) -> None:
        outage = self._outages.get(name)
        if outage and time.monotonic() - outage.last > QUIET:
            del self._outages[name]
            seconds = round(outage.last - outage.since, 1)
            log.info("dependency_back", dependency=name, seconds=seconds, failures=outage.failures)
