"""What the judgement of an open or a click comes to."""

from dataclasses import dataclass
from typing import Literal

#: Who did it: a person; a mail provider's image proxy, as it does when the mail is opened; a machine that nobody asked
#: to; or nobody can tell.
Class = Literal["person", "proxy", "machine", "unknown"]

#: One email alone, or many that were read together.
Signals = Literal["one_email", "many_emails"]

#: Of the rules; it grows when a rule changes, so that figures of different days can be told apart.
RULES_VERSION = "2026-11-26"


@dataclass(frozen=True, slots=True)
class Reason:
    """A rule that holds: its id, the class that it speaks for, and words for people."""

    id: str
    class_: Class
    words: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """class_ and confidence (0 to 1) are those of the first reason; the others hold as well.

    ses: `Likely` or `Unlikely`, SES's own opinion that a bot did it; None before August 2026. signals: what could be
    seen. rules: the version of the rules.
    """

    class_: Class
    confidence: float
    reasons: tuple[Reason, ...]
    ses: str | None = None
    signals: Signals = "one_email"
    rules: str = RULES_VERSION

    @property
    def ses_agrees(self) -> bool | None:
        """None where one of the two has no opinion."""
        if self.ses is None or self.class_ == "unknown":
            return None
        return is_likely(self.ses) == (self.class_ == "machine")


def is_likely(ses: str | None) -> bool:
    return (ses or "").strip().casefold() == "likely"
