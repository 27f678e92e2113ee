"""What the contestants work through: messages, and what must be in the table when they have."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, cached_property

from benchmarks.mix import Mix
from email_activity.ses.interpret import interpret
from email_activity.ses.tracking_policy import tracking_policy
from email_activity.settings import Settings

#: Loads are made in so many events at once, so that one serves several drains.
STEP = 2_500


@dataclass(frozen=True)
class Load:
    """bodies: of messages. events: that SES reported, so copies do not count."""

    bodies: list[str]
    events: int

    @cached_property
    def facts(self) -> int:
        """Items of distinct keys that the table holds afterwards."""
        settings, now = Settings(), datetime.now(UTC)
        keys = set()
        for body in self.bodies:
            for each in interpret(body, tracking_policy(settings), now).events:
                keys |= {(item["pk"], item["sk"]) for item in (fact.to_item() for fact in each.facts)}
        return len(keys)

    @property
    def copies(self) -> float:
        """Messages for each event."""
        return len(self.bodies) / self.events


def load_for(events_per_second: float, seconds: float) -> Load:
    """Enough to work for so long, at about that rate."""
    return load_of(max(1, round(events_per_second * seconds / STEP)) * STEP)


@cache
def load_of(events: int) -> Load:
    mix = Mix.make(events)
    return Load(list(mix.bodies), mix.events)
