"""No receive while Redis or the table does not answer.

Each receive counts towards the dead-letter queue, so in an outage the queue is the place for messages to wait.
"""

import threading
import time
from collections.abc import Callable, Mapping

from worker.errors import TransientError
from worker.telemetry import log

#: Seconds between two questions to a dependency that failed.
PROBE_EVERY = 1.0


class Gate:
    """Shared by the threads of a process. Open only after all have answered, at the start and since any failure."""

    def __init__(self, probes: Mapping[str, Callable[[], None]]) -> None:
        """probes: for each dependency, a call that raises TransientError while it cannot be worked with."""
        self._probes = probes
        self._failing: set[str] = set()
        self._unanswered = set(probes)
        self._next_probe = 0.0
        self._lock = threading.Lock()

    def fail(self, error: TransientError) -> None:
        """Shuts the gate."""
        with self._lock:
            self._say(error)
            self._unanswered = set(self._probes)
            self._next_probe = time.monotonic() + PROBE_EVERY

    def is_open(self) -> bool:
        """Asks all that have not answered, at most once in PROBE_EVERY seconds."""
        if not self._unanswered:
            return True
        with self._lock:
            if time.monotonic() >= self._next_probe:
                self._unanswered = {name for name in self._unanswered if not self._answers(name)}
                self._next_probe = time.monotonic() + PROBE_EVERY
            return not self._unanswered

    def _answers(self, dependency: str) -> bool:
        try:
            self._probes[dependency]()
        except TransientError as error:
            self._say(error)
            return False
        if dependency in self._failing:
            self._failing.remove(dependency)
            log.info("dependency_back", dependency=dependency)
        return True

    def _say(self, error: TransientError) -> None:
        """Once an outage, not once a second."""
        if error.dependency not in self._failing:
            self._failing.add(error.dependency)
            log.warning("dependency_failing", dependency=error.dependency, detail=error.detail)
