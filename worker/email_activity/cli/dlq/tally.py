"""What a redrive or a discard did, told as it goes and counted at its end, however it ends."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

from email_activity.cli import show
from email_activity.cli.dlq import letters
from email_activity.dead_letters.clear import Outcome


@dataclass(slots=True)
class Tally:
    """A context, which says the counts when it is left: a bar must be gone by then. done: messages by reason."""

    verb: str
    done: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    copies: int = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        further = "copy" if self.copies == 1 else "copies"
        copies = f", and {self.copies:,} further {further} deleted" if self.copies else ""
        failed = f"; {len(self.errors):,} failed, still there" if self.errors else ""
        for error in self.errors:
            show.print_note(error)
        show.print_note(f"{self.verb} {letters.totals(self.done)}{copies}{failed}")

    @property
    def is_good(self) -> bool:
        return bool(self.done) and not self.errors

    def follow(self, batches: Iterable[Iterable[Outcome]], *, as_json: bool) -> None:
        for batch in batches:
            for outcome in batch:
                result = self._count(outcome)
                if as_json:
                    told = {"result": result, "error": outcome.error}
                    show.print_json(letters.summary_json(outcome.summary) | told)

    def _count(self, outcome: Outcome) -> str:
        if outcome.error:
            self.errors.append(f"{outcome.summary.id}: {outcome.error}")
            return "failed"
        if outcome.is_copy:
            self.copies += 1
            return "copy_deleted"
        self.done[outcome.summary.reason] += 1
        return self.verb
