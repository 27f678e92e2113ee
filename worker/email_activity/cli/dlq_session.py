"""What the commands on dead letters share: a scan with a bar, Ctrl-C as a wish to stop, and how a run ends."""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn

from email_activity.activity.describe import counted
from email_activity.aws.clients import sqs_client
from email_activity.cli import dlq_output, show
from email_activity.cli.interrupt import BY_CTRL_C, Interrupt, interruptible
from email_activity.dead_letters.actions import DrainResult
from email_activity.dead_letters.queue_scan import HIDDEN_FOR, Counts, Scan, count, find_queues
from email_activity.ses.tracking_policy import tracking_policy
from email_activity.settings import load_settings

#: Of messages that nobody gives back.
RETURN_WITHIN = f"within {HIDDEN_FOR // 60} minutes"


class Session:
    """The queues, and whether somebody has interrupted."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self.settings = load_settings()
        self.sqs = sqs_client(self.settings)
        self.queue = find_queues(self.sqs, self.settings)
        self.interrupt = Interrupt()
        # JSON lines come while the bar is there, and must not share a terminal with it.
        self._has_bar = sys.stderr.isatty() and not (as_json and sys.stdout.isatty())

    def tags(self) -> tuple[str, ...]:
        """Names under which senders tell the document and the account: no person's."""
        names = self.settings
        tags = (names.document_type_tag, names.document_id_tag, names.account_id_tag)
        return (*tags, names.document_type_header, names.document_id_header, names.account_id_header)

    @contextmanager
    def scan(self) -> Iterator[Scan]:
        """Ends the program at a second Ctrl-C. Notes at its end what it could not see or leave as it was."""
        url = self.queue.dead_letter_url
        counts, policy = count(self.sqs, url), tracking_policy(self.settings)
        columns = (TextColumn("Dead letters"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        bar = show.progress(*columns, on=Console(stderr=True), disable=not self._has_bar)
        task = bar.add_task("", total=counts.visible)
        try:
            with (
                interruptible(self.interrupt),
                bar,
                Scan(self.sqs, url, policy, self.interrupt, lambda number: bar.advance(task, number)) as scan,
            ):
                yield scan
        except KeyboardInterrupt:
            show.print_note(f"stopped at once: what was received returns by itself {RETURN_WITHIN}")
            raise SystemExit(BY_CTRL_C) from None
        _note(scan, counts)

    def leave(self, *, ok: bool) -> None:
        """Ends the program unless all went well. ok: something was found, and nothing failed."""
        if self.interrupt():
            show.print_note("interrupted: what was not yet done is still there")
            raise SystemExit(self.interrupt.exit_code)
        if not ok:
            raise SystemExit(1)


def _note(scan: Scan, counts: Counts) -> None:
    if counts.hidden:
        show.print_note(
            f"{counts.hidden:,} more are hidden: somebody else looks at them, or was killed at it and they return "
            f"{RETURN_WITHIN}"
        )
    if scan.late:
        show.print_note(f"{scan.late:,} more came meanwhile: run again for these")
    if scan.is_cut:
        show.print_note("the queue holds more than SQS lets anybody look at: redrive or discard some, and run again")
    if scan.not_given_back:
        show.print_note(f"{scan.not_given_back:,} could not be given back; they return {RETURN_WITHIN}")


@dataclass(slots=True)
class DrainSummary:
    """A context, which prints the counts when it is left, however that is: a bar must be gone by then.

    verb: `redriven`. done: messages by reason.
    """

    verb: str
    as_json: bool
    done: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    copies: int = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        copies = f", and {counted(self.copies, 'further copy', 'further copies')} deleted"
        failed = f"; {len(self.errors):,} failed, still there"
        for error in self.errors:
            show.print_note(error)
        show.print_note(
            f"{self.verb} {dlq_output.totals(self.done)}{copies if self.copies else ''}{failed if self.errors else ''}"
        )

    @property
    def ok(self) -> bool:
        return bool(self.done) and not self.errors

    def follow(self, batches: Iterable[Iterable[DrainResult]]) -> None:
        for outcome in (each for batch in batches for each in batch):
            result = self._count(outcome)
            if self.as_json:
                ending = {"result": result, "error": outcome.error}
                show.print_json(dlq_output.summary_json(outcome.summary) | ending)

    def _count(self, outcome: DrainResult) -> str:
        if outcome.error:
            self.errors.append(f"{dlq_output.shortened(outcome.summary.id)}: {outcome.error}")
            return "failed"
        if outcome.is_copy:
            self.copies += 1
            return "copy_deleted"
        self.done[outcome.summary.reason] += 1
        return self.verb
