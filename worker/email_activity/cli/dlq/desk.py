"""A walk through the dead-letter queue as a command makes it: with a bar, and with Ctrl-C as a wish to stop."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from email_activity.aws.clients import sqs_client
from email_activity.cli import show
from email_activity.cli.interrupt import BY_CTRL_C, Interrupt, interruptible
from email_activity.dead_letters.walk import HIDDEN_FOR, Counts, Walk, count, find_queues
from email_activity.ses.tracking_policy import tracking_policy
from email_activity.settings import load_settings


class Desk:
    """The queues, and whether somebody has interrupted."""

    def __init__(self, *, as_json: bool) -> None:
        self.settings = load_settings()
        self.sqs = sqs_client(self.settings)
        self.queue = find_queues(self.sqs, self.settings)
        self.interrupt = Interrupt()
        # JSON lines come while the bar is there, and must not share a terminal with it.
        self._has_bar = sys.stderr.isatty() and not (as_json and sys.stdout.isatty())

    @property
    def tags(self) -> tuple[str, ...]:
        """Names under which senders tell the document and the account: no person's."""
        said = self.settings
        tags = (said.document_type_tag, said.document_id_tag, said.account_id_tag)
        return (*tags, said.document_type_header, said.document_id_header, said.account_id_header)

    @contextmanager
    def walk(self) -> Iterator[Walk]:
        there = count(self.sqs, self.queue.dead_letter_url)
        url, wanted = self.queue.dead_letter_url, tracking_policy(self.settings)
        try:
            with (
                interruptible(self.interrupt),
                self._bar(there.visible) as bar,
                Walk(
                    self.sqs, url, wanted, self.interrupt, lambda number: bar.advance(bar.task_ids[0], number)
                ) as walk,
            ):
                yield walk
        except KeyboardInterrupt:
            show.print_note(f"stopped at once: what was received returns by itself within {HIDDEN_FOR // 60} minutes")
            raise SystemExit(BY_CTRL_C) from None
        _note(walk, there)

    def _bar(self, total: int) -> Progress:
        bar = Progress(
            TextColumn("Dead letters"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
            disable=not self._has_bar,
            # Else what is printed meanwhile would go with the bar.
            redirect_stdout=False,
            redirect_stderr=False,
        )
        bar.add_task("", total=total)
        return bar

    def leave(self, *, ok: bool) -> None:
        """ok: something was found, and nothing failed."""
        if self.interrupt():
            show.print_note("interrupted: what was not yet done is still there")
            raise SystemExit(self.interrupt.exit_code)
        if not ok:
            raise SystemExit(1)


def _note(walk: Walk, there: Counts) -> None:
    """What the walk could not see or leave as it was."""
    minutes = HIDDEN_FOR // 60
    if there.hidden:
        show.print_note(
            f"{there.hidden:,} more are hidden: somebody else looks at them, or was killed at it and they return "
            f"within {minutes} minutes"
        )
    if walk.late:
        show.print_note(f"{walk.late:,} more came meanwhile: run again for these")
    if walk.is_cut:
        show.print_note("the queue holds more than SQS lets anybody look at: redrive or discard some, and run again")
    if walk.not_given_back:
        show.print_note(f"{walk.not_given_back:,} could not be given back; they return within {minutes} minutes")
