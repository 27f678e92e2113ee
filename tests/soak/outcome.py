"""What a soak came to: its figures, what is wrong with them, and the text that tells it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from soak.samples import Held

#: What an idle process may hold at the end more than after the warm-up: a connection for each of its eight polling
#: threads and the heartbeat, to DynamoDB and to Redis. (To SQS each has one all the time.)
MORE_FDS = 2 * (8 + 1)
MORE_THREADS = 1  # the heartbeat, which begins with the first batch that takes long

#: Lines that are shown of one kind of wrong.
MOST_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Outcome:
    """slopes, idle: by process of the worker that lives throughout. fitted: minutes that the slopes are of.
    wrong: what differs from what was expected at the end.
    """

    minutes: float
    seed: int
    sent: int
    facts: int
    dead_letters: int
    faults: Counter[str]
    fitted: float
    slopes: Mapping[str, float]
    slope_limit: float
    idle_before: Mapping[str, Held]
    idle_after: Mapping[str, Held]
    max_receives: int
    receives_limit: int
    violations: Sequence[str]
    wrong: Sequence[str]
    complaints: Sequence[str]

    @property
    def failures(self) -> list[str]:
        """None if all is well."""
        found = [*self.complaints]
        for title, lines in {"watch": self.violations, "not exact": self.wrong}.items():
            found += [f"{title}: {line}" for line in lines[:MOST_SHOWN]]
            if len(lines) > MOST_SHOWN:
                found.append(f"{title}: and {len(lines) - MOST_SHOWN} more")
        found += [
            f"{name} grows by {slope:.2f} MB a minute"
            for name, slope in self.slopes.items()
            if slope > self.slope_limit
        ]
        for name in self.slopes:
            before, after = self.idle_before.get(name), self.idle_after.get(name)
            if not before or not after:
                found.append(f"{name} has ended")
                continue
            if after.fds > before.fds + MORE_FDS:
                found.append(f"{name} holds {after.fds} file descriptors, after the warm-up {before.fds}")
            if after.threads > before.threads + MORE_THREADS:
                found.append(f"{name} has {after.threads} threads, after the warm-up {before.threads}")
        if self.max_receives >= self.receives_limit:
            found.append(f"a message was received {self.max_receives} times")
        return found

    def as_text(self) -> str:
        rows = [
            ("ran", f"{self.minutes:g} minutes, seed {self.seed}"),
            ("sent", f"{self.sent} messages, of {self.facts} facts and {self.dead_letters} dead letters"),
            ("faults", f"{self.faults.total()}, of {len(self.faults)} kinds"),
            *((f"  {name}", str(count)) for name, count in sorted(self.faults.items())),
            ("memory", f"fitted over {self.fitted:.1f} minutes, limit {self.slope_limit:g} MB a minute"),
            *((f"  {name}", f"{slope:+.2f} MB a minute") for name, slope in self.slopes.items()),
            ("when idle", "after the warm-up, and at the end"),
            *((f"  {name}", self._idle_text(name)) for name in self.slopes),
            ("receives", f"at most {self.max_receives} of one message, limit {self.receives_limit - 1}"),
            ("watch", f"{len(self.violations)} violations"),
            ("end state", f"{len(self.wrong)} differences" if self.wrong else "exact"),
        ]
        verdict = [f"FAILED: {each}" for each in self.failures] or ["OK"]
        return "\n".join([*(f"{name:<28}{value}" for name, value in rows), *verdict])

    def _idle_text(self, name: str) -> str:
        before, after = self.idle_before.get(name), self.idle_after.get(name)
        if not before or not after:
            return "ended"
        return f"{before.fds} -> {after.fds} file descriptors, {before.threads} -> {after.threads} threads"
