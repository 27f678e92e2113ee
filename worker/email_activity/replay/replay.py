"""Archived notifications to the events queue, where the workers record them.

    files -> parts -> messages -> batches -> the events queue

The checkpoint never passes a message that is not sent, rejected, or one that nothing is kept of (control, untracked,
expired). What a kill leaves undone behind it is done again: some messages are sent twice, which changes nothing.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from io import BufferedReader

from email_activity.domain.errors import PermanentError
from email_activity.replay.archive import Read, parts, unpacked
from email_activity.replay.checkpoint import Checkpoint, FileProgress
from email_activity.replay.files import ArchiveFile, StoppedError, open_archive
from email_activity.replay.messages import ArchivedMessage, messages_in
from email_activity.replay.rejects import Rejects
from email_activity.replay.sender import QueueSender
from email_activity.ses.interpret import Outcome
from email_activity.ses.tracking_policy import TrackingPolicy

#: A batch goes with this many messages to send or characters, or after so many seconds.
MAX_MESSAGES = 100
MAX_CHARACTERS = 4 * 1024 * 1024
MAX_AGE = 1.0

#: Seconds between two saves, as many as a kill may make this do again; and the part of its time that goes into
#: them at most, which counts from tens of thousands of files on.
SAVE_EVERY = 2.0
SAVING = 0.1

#: Seconds by which reading may be late and still catch up with its rate.
CATCH_UP = 0.1

#: Rejected documents whose places are told.
MAX_EXAMPLES = 5

#: Seconds between two looks whether to stop.
LOOK_EVERY = 0.2

#: Opens a file, whose reads end with StoppedError if the function says that it is time to stop.
Open = Callable[[ArchiveFile, Callable[[], bool]], AbstractContextManager[BufferedReader]]


@dataclass(slots=True)
class ReplaySummary:
    """Of one run. counts: of documents, by outcome; `sent` is of messages. A rejected one counts as nothing else."""

    counts: Counter[str] = field(default_factory=Counter)
    #: Why documents were rejected.
    reasons: Counter[str] = field(default_factory=Counter)
    #: Files read, and those that could not be read to their end.
    files: int = 0
    failed: list[str] = field(default_factory=list)
    #: The first rejected documents: file, position, reason.
    examples: list[tuple[str, int, str]] = field(default_factory=list)
    is_interrupted: bool = False


@dataclass(slots=True)
class ReplayBatch:
    """What is done together. progress: how far the files are done once it is."""

    to_send: list[ArchivedMessage] = field(default_factory=list)
    to_reject: list[tuple[ArchivedMessage, PermanentError]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    progress: dict[str, FileProgress] = field(default_factory=dict)
    characters: int = 0
    begun_at: float = field(default_factory=time.monotonic)

    def add(self, message: ArchivedMessage) -> None:
        self.counts["documents"] += 1
        if message.error:
            self.to_reject.append((message, message.error))
        elif message.outcome is Outcome.ACTIVITY:
            self.to_send.append(message)
        else:
            self.counts[message.outcome] += 1
            return
        self.characters += len(message.body or "")

    def is_full(self) -> bool:
        has_enough = len(self.to_send) >= MAX_MESSAGES or self.characters >= MAX_CHARACTERS
        return has_enough or time.monotonic() - self.begun_at > MAX_AGE


@dataclass(slots=True)
class Replay:
    """sender, rejects: none if nothing is to be sent. checkpoint: none if nothing can be resumed.

    open: opens one of the files. rate: messages in a second, at most. report: is told the bytes read so far, of the
    files as they are.
    """

    files: Sequence[ArchiveFile]
    policy: TrackingPolicy
    is_stopping: Callable[[], bool]
    say: Callable[[str], None] = lambda _line: None
    sender: QueueSender | None = None
    rejects: Rejects | None = None
    checkpoint: Checkpoint | None = None
    open: Open = open_archive
    rate: float | None = None
    report: Callable[[int, ReplaySummary], None] = lambda _bytes, _summary: None
    summary: ReplaySummary = field(default_factory=ReplaySummary)
    _save_at: float = 0.0
    _due_at: float = 0.0

    def run(self) -> ReplaySummary:
        """Raises OSError if the rejects or the checkpoint cannot be written, and what boto3 raises if SQS refuses."""
        self._save()
        try:
            for batch in self._batches():
                self._finish(batch)
                if time.monotonic() >= self._save_at:
                    self._save()
        except StoppedError:
            self.summary.is_interrupted = True
        finally:
            self._save()
        return self.summary

    def _batches(self) -> Iterator[ReplayBatch]:
        batch = ReplayBatch()
        bytes_before = 0
        for file in self.files:
            progress = self.checkpoint.progress_of(file) if self.checkpoint else FileProgress(file.size, file.mtime_ns)
            if not progress.is_done:
                self.summary.files += 1
                try:
                    for message, position in self._messages(file, progress.position, bytes_before):
                        batch.add(message)
                        batch.progress[file.name] = replace(progress, position=position)
                        if batch.is_full():
                            yield batch
                            batch = ReplayBatch()
                    batch.progress[file.name] = replace(progress, is_done=True)
                except OSError as error:
                    self.summary.failed.append(file.name)
                    self.say(f"{file.name}: {error.strerror or type(error).__name__}")
            bytes_before += file.size
            self.report(bytes_before, self.summary)
        yield batch

    def _messages(self, file: ArchiveFile, position: int, bytes_before: int) -> Iterator[tuple[ArchivedMessage, int]]:
        """Each with the position at which to go on once it is done. Raises OSError, StoppedError."""
        with self.open(file, self.is_stopping) as opened:
            for part in parts(self._stoppable(unpacked(opened, position)), position):
                messages = list(messages_in(file.name, part, self.policy))
                for number, message in enumerate(messages, start=1):
                    self._keep_pace(message)
                    yield message, part.end if number == len(messages) else position
                position = part.end
                self.report(bytes_before + (0 if file.is_stream else opened.raw.tell()), self.summary)

    def _stoppable(self, read: Read) -> Read:
        """A gigabyte may hold no document at which to stop."""

        def read_unless_stopping(size: int) -> bytes:
            if self.is_stopping():
                raise StoppedError
            return read(size)

        return read_unless_stopping

    def _keep_pace(self, message: ArchivedMessage) -> None:
        """Raises StoppedError."""
        if self.rate and message.outcome is Outcome.ACTIVITY:
            self._due_at = max(self._due_at + 1 / self.rate, time.monotonic() - CATCH_UP)
        while (ahead := self._due_at - time.monotonic()) > 0 and not self.is_stopping():
            time.sleep(min(LOOK_EVERY, ahead))
        if self.is_stopping():
            raise StoppedError

    def _finish(self, batch: ReplayBatch) -> None:
        """Raises StoppedError, and then the batch is not done. The rejects come before the checkpoint: what that passes
        must be in the queue or among them.
        """
        errors = self.sender.send([message.body or "" for message in batch.to_send]) if self.sender else {}
        batch.to_reject += [(batch.to_send[place], error) for place, error in errors.items()]
        done = len(batch.to_send) - len(errors)
        batch.counts.update(activity=done, sent=done if self.sender else 0, rejected=len(batch.to_reject))
        if self.rejects and batch.to_reject:
            self.rejects.write(batch.to_reject)
        places = [(message.file, message.position, error.reason) for message, error in batch.to_reject]
        self.summary.reasons.update(reason for _, _, reason in places)
        self.summary.examples += places[: MAX_EXAMPLES - len(self.summary.examples)]
        self.summary.counts += batch.counts
        if self.checkpoint:
            self.checkpoint.files |= batch.progress
            self.checkpoint.rejected += len(batch.to_reject)

    def _save(self) -> None:
        began_at = time.monotonic()
        if self.checkpoint:
            self.checkpoint.save()
        saved_at = time.monotonic()
        self._save_at = saved_at + max(SAVE_EVERY, (saved_at - began_at) / SAVING)
