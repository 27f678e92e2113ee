"""The queue that a process polls: found when a poll begins, and asked for when SQS has failed."""

import time
from typing import TYPE_CHECKING

from email_activity.domain.errors import TransientError
from email_activity.ingest.receive import Queue, find_queue
from email_activity.settings import Settings, SettingsError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

#: Seconds between two looks after the queue at least: it is looked for when a poll begins.
LOOK_EVERY = 60.0


class QueueFinder:
    """SQS bills each look, so the queue is not looked for at each poll. At once after SQS has failed."""

    def __init__(self, sqs: "SQSClient", settings: Settings) -> None:
        self._sqs = sqs
        self._settings = settings
        self._queue: Queue | None = None
        self._look_again = 0.0

    def find(self) -> Queue:
        """Raises SettingsError, TransientError."""
        if self._queue is None or time.monotonic() > self._look_again:
            self._queue, self._look_again = find_queue(self._sqs, self._settings), time.monotonic() + LOOK_EVERY
        return self._queue

    def forget(self) -> None:
        self._queue = None

    def ask(self) -> None:
        """Not a receive, which would count for the messages that it gets."""
        try:
            find_queue(self._sqs, self._settings)
        except SettingsError as error:  # the queue went; the next poll says what to do
            raise TransientError("sqs", "QueueDoesNotExist") from error
