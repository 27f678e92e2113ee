"""What a rule is by which an open or a click is judged. Pure."""

from dataclasses import dataclass

from email_activity.activity.engagement.signals import Holds
from email_activity.activity.engagement.verdict import Class


@dataclass(frozen=True, slots=True)
class Rule:
    """words: for people; {agent} and {network} are filled in. source: who saw it. is_timed: it counts from the
    delivery, so it is less sure where only the sending is known.

    kind, agents: of which alone it can hold; empty for any. is_relative: never where there is only one open or click.
    """

    id: str
    holds: Holds
    class_: Class
    confidence: float
    words: str
    source: str
    is_timed: bool = False
    kind: str = ""
    agents: tuple[str, ...] = ()
    is_relative: bool = False

    def may_hold(self, kind: str, agent: str, *, is_alone: bool) -> bool:
        return (
            (not self.kind or self.kind == kind)
            and (not self.agents or agent in self.agents)
            and not (self.is_relative and is_alone)
        )


def always(*_: object) -> bool:
    return True
