"""Archived notifications through the same steps as those of the queue: read, store, commit.

    files -> parts -> readings -> batches of about 25 facts -> threads -> checkpoint, in the order of the files

The checkpoint never passes a document that is not stored, rejected, or nothing at all (control, untracked,
expired). What a kill leaves undone behind it is done again, which changes nothing.
"""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, field, replace

from email_activity.domain.errors import PermanentError, RefusedByTableError
from email_activity.replay.archive import parts, unpacked
from email_activity.replay.batches import Batch, Document, understand
from email_activity.replay.checkpoint import Checkpoint, Mark
from email_activity.replay.files import ArchiveFile, Opened, StoppedError
from email_activity.replay.recorder import Recorded, Recorder, Threads
from email_activity.replay.rejects import Rejects
from email_activity.ses.tracking_policy import TrackingPolicy

#: Batches under way for each thread: one in hand, and one so that it need not wait for the next.
AHEAD = 2

#: Seconds between two saves, as many as a kill may make this do again; and the part of its time that goes into
#: them at most, which counts from tens of thousands of files on.
SAVE_EVERY = 2.0
SAVING = 0.1

#: Seconds by which reading may be late and still catch up with its rate.
CATCH_UP = 0.1

#: Rejected documents that are told where they stand.
MAX_EXAMPLES = 5

#: Seconds between two looks whether to stop, and for which a stop waits for the batches under way.
LOOK_EVERY = 0.2
GRACE = 3.0


@dataclass(slots=True)
class Summary:
    """Of one run. `counts` are of documents, but for `facts_written`; a rejected one counts as nothing else."""

    counts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    #: Files read, and those that could not be read to their end.
    files: int = 0
    failed: list[str] = field(default_factory=list)
    #: The first rejected documents: file, position, reason.
    examples: list[tuple[str, int, str]] = field(default_factory=list)
    is_interrupted: bool = False


@dataclass(slots=True)
class Replay:
    """recorder, rejects: none if nothing is to be written. checkpoint: none if nothing can be resumed.

    rate: documents in a second, at most. report: is told the bytes read so far, of the files as they are.
    """

    files: Sequence[ArchiveFile]
    policy: TrackingPolicy
    is_stopping: Callable[[], bool]
    say: Callable[[str], None] = lambda _line: None
    recorder: Recorder | None = None
    rejects: Rejects | None = None
    checkpoint: Checkpoint | None = None
    threads: int = 4
    rate: float | None = None
    report: Callable[[int, Summary], None] = lambda _bytes, _summary: None
    summary: Summary = field(default_factory=Summary)
    _workers: Threads | None = None
    _under_way: deque[tuple[Batch, Future[Recorded]]] = field(default_factory=deque)
    _save_at: float = 0.0
    _due_at: float = 0.0

    def run(self) -> Summary:
        """Raises OSError if the rejects or the checkpoint cannot be written."""
        self._save()
        self._workers = Threads(self.recorder, self.threads) if self.recorder else None
        try:
            for batch in self._batches():
                self._hand_over(batch)
                while len(self._under_way) > AHEAD * self.threads:
                    self._retire_next()
                self._save_if_due()
            while self._under_way:
                self._retire_next()
        except StoppedError:
            self.summary.is_interrupted = True
            self._retire_what_is_done()
        self._save()
        if self._workers:
            self._workers.end()
        return self.summary

    # --- From files to batches ---

    def _batches(self) -> Iterator[Batch]:
        batch = Batch()
        bytes_before = 0
        for file in self.files:
            mark = self._mark_of(file)
            if not mark.is_done:
                self.summary.files += 1
                try:
                    for document, position in self._documents(file, mark.position, bytes_before):
                        if not batch.has_room_for(document):
                            yield batch
                            batch = Batch()
                        batch.add(document, replace(mark, position=position))
                        if batch.is_ripe():
                            yield batch
                            batch = Batch()
                    last = batch.marks.get(file.name, mark)
                    batch.marks[file.name] = replace(last, is_done=True)
                except OSError as error:
                    self.summary.failed.append(file.name)
                    self.say(f"{file.name}: {error.strerror or type(error).__name__}")
            bytes_before += file.size
            self.report(bytes_before, self.summary)
        yield batch

    def _mark_of(self, file: ArchiveFile) -> Mark:
        return self.checkpoint.mark_of(file) if self.checkpoint else Mark(file.size, file.mtime_ns)

    def _documents(self, file: ArchiveFile, position: int, bytes_before: int) -> Iterator[tuple[Document, int]]:
        """Each with the position behind it."""
        with Opened.open(file, self.is_stopping) as opened:
            for part in parts(unpacked(opened.buffered(), position), position):
                self._keep_pace()
                yield understand(file.name, part, self.policy), part.end
                self.report(bytes_before + opened.count, self.summary)

    def _keep_pace(self) -> None:
        """Raises StoppedError."""
        if self.rate:
            self._due_at = max(self._due_at + 1 / self.rate, time.monotonic() - CATCH_UP)
        while (ahead := self._due_at - time.monotonic()) > 0 and not self.is_stopping():
            time.sleep(min(LOOK_EVERY, ahead))
        if self.is_stopping():
            raise StoppedError

    # --- From batches to the checkpoint ---

    def _hand_over(self, batch: Batch) -> None:
        if self._workers:
            self._under_way.append((batch, self._workers.submit(batch.items)))
        else:
            self._retire(batch, Recorded())

    def _retire_next(self) -> None:
        """The oldest batch under way, so that the checkpoint passes nothing that is not done. Raises StoppedError."""
        batch, future = self._under_way[0]
        while not wait([future], LOOK_EVERY).done:
            if self.is_stopping():
                raise StoppedError
            self._save_if_due()
        self._retire(batch, future.result())
        self._under_way.popleft()

    def _retire_what_is_done(self) -> None:
        deadline = time.monotonic() + GRACE
        for batch, future in self._under_way:
            if not wait([future], max(0.0, deadline - time.monotonic())).done or future.exception():
                return
            self._retire(batch, future.result())

    def _retire(self, batch: Batch, recorded: Recorded) -> None:
        counts = self.summary.counts
        counts.update(documents=len(batch.documents), facts_written=len(recorded.written))
        for document in batch.documents:
            codes = [recorded.refused[key] for key in document.items if key in recorded.refused]
            error = document.error or (RefusedByTableError(codes[0]) if codes else None)
            if error:
                self._reject(document, error)
            else:
                counts[document.outcome] += 1
        if self.checkpoint:
            self.checkpoint.marks.update(batch.marks)

    def _reject(self, document: Document, error: PermanentError) -> None:
        self.summary.counts["rejected"] += 1
        self.summary.reasons[error.reason] += 1
        if len(self.summary.examples) < MAX_EXAMPLES:
            self.summary.examples.append((document.file, document.part.start, error.reason))
        if self.rejects:
            self.rejects.add(document.file, document.part, error)
        if self.checkpoint:
            self.checkpoint.rejected += 1

    def _save_if_due(self) -> None:
        if time.monotonic() >= self._save_at:
            self._save()

    def _save(self) -> None:
        """The rejects first: what the checkpoint passes must be in one place or the other."""
        began_at = time.monotonic()
        if self.rejects:
            self.rejects.flush()
        if self.checkpoint:
            self.checkpoint.save()
        saved_at = time.monotonic()
        self._save_at = saved_at + max(SAVE_EVERY, (saved_at - began_at) / SAVING)
