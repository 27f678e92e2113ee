"""`email-activity forget`: a tombstone first, so that nothing comes back; then what there is.

tombstone    the workers learn of it (ingest/tombstones.py), and record nothing more of the person
workers      every live one has read it, and ended what it had in hand before
erase        by the index of recipients, then by a scan; each entry is looked for in every index
look         the index of recipients leads to nothing any more
finish       the tombstone says so, and stays
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from email_activity import __version__
from email_activity.domain.addresses import normalize_address
from email_activity.domain.times import rfc3339
from email_activity.domain.tombstones import PersonKey, Tombstone
from email_activity.domain.worker_process import WorkerProcess
from email_activity.erasure.eraser import Eraser
from email_activity.erasure.table import CannotForgetError, PersonalTable

#: A process that has told nothing for so long is gone, and can write nothing any more. It tells of itself every 30
#: seconds, whatever the load; what it knows of tombstones counts for 300 (TOO_OLD); a batch write that began before
#: that may be offered again for two minutes more; and two clocks may differ by some.
LIVE = timedelta(seconds=600)

#: Seconds between two looks at the workers, and for which they are waited for: longer than a dead one counts as live.
LOOK_EVERY = 1.0
WAIT_FOR_WORKERS = 900.0

#: Seconds between two notes of how far the work has come.
NOTE_EVERY = 10.0

#: Processes that a message names.
MOST_NAMED = 3

#: Each line of progress, for a person.
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Certificate:
    """What was done, without the address: `person` is its hash under FORGET_KEY, whose id is `key_id`.

    Counts are of all runs; of a run that was killed, what it did after its last note is missing, so they are the least.
    """

    person: str
    key_id: str
    number: int
    forgotten_at: str
    finished_at: str
    table: str
    table_created_at: str
    version: str
    runs: int
    workers: int
    is_scanned: bool
    counts: dict[str, int]


class Forgetting:
    """Of one person. address: in any spelling."""

    def __init__(self, table: PersonalTable, key: PersonKey, address: str, say: Say = lambda _: None) -> None:
        self._table = table
        self._key = key
        self._address = normalize_address(address)
        self._person = key.hash(self._address)
        self._say = say
        self._counts: Counter[str] = Counter()
        self._noted_at = time.monotonic()
        self._said_at = time.monotonic()

    def would_do(self, *, scans: bool) -> dict[str, int]:
        """The counts of what there is of the person now. Writes nothing."""
        now = datetime.now(UTC)
        eraser = Eraser(self._table, self._address, now, lambda _: self._say_counts(eraser), is_dry_run=True)
        if scans:
            eraser.erase_by_scan()
        else:
            eraser.erase_by_index()
        return dict(eraser.counts)

    def check(self) -> None:
        """Raises CannotForgetError where the person would come back, or workers would stop."""
        lacking = [each for each in live(self._table.processes()) if each.key_id != self._key.id]
        if lacking:
            raise CannotForgetError(
                f"{_named(lacking)} would record the person again: give all workers the FORGET_KEY of this command and "
                f"try again (one that is gone counts for {LIVE.seconds // 60} minutes more)"
            )
        self._table.tombstones_under(self._key.id)

    def forget(self, *, scans: bool) -> tuple[Tombstone, Certificate]:
        """Everything but the last note: call `finish` when the certificate is safe.

        Raises CannotForgetError, NotWrittenError, StillInIndexError, what botocore raises: run it again.
        """
        self.check()
        tombstone = self._tombstone()
        workers = self._wait_for_workers(tombstone.number)
        progress = dict(tombstone.progress)
        self._counts = Counter({name: int(count) for name, count in progress.get("counts", {}).items()})

        def report(after: str | None) -> None:
            nonlocal tombstone
            self._say_counts(eraser)
            if after and time.monotonic() - self._noted_at > NOTE_EVERY:
                tombstone = self._note(tombstone, eraser, {"after": after})

        eraser = Eraser(self._table, self._address, tombstone.forgotten_at, report)
        eraser.erase_by_index()
        tombstone = self._note(tombstone, eraser, {})
        if scans and not progress.get("is_scanned"):
            eraser.erase_by_scan(progress.get("after"))
            tombstone = self._note(tombstone, eraser, {"is_scanned": True})
        eraser.look_at_recipients()
        return self._note(tombstone, eraser, {}), self._certificate(tombstone, eraser, workers)

    def finish(self, tombstone: Tombstone) -> None:
        """It stays for good; what told of the work goes."""
        self._table.note(replace(tombstone, finished_at=datetime.now(UTC), progress={}))

    def _tombstone(self) -> Tombstone:
        """That of a run that did not end, or the next."""
        mine = [each for each in self._table.tombstones() if each.person == self._person]
        if mine and mine[-1].finished_at is None:
            self._say("going on where an earlier run ended")
            tombstone = mine[-1]
        else:
            tombstone = self._table.add_tombstone(self._person, self._key.id, datetime.now(UTC))
        runs = int(tombstone.progress.get("runs", 0)) + 1
        tombstone = replace(tombstone, progress={**tombstone.progress, "runs": runs})
        self._table.note(tombstone)
        return tombstone

    def _wait_for_workers(self, number: int) -> int:
        """How many there are. Raises CannotForgetError if some do not learn of it."""
        deadline = time.monotonic() + WAIT_FOR_WORKERS
        while True:
            found = live(self._table.processes())
            waiting = [each for each in found if (each.tombstone or 0) < number]
            if not waiting:
                return len(found)
            if time.monotonic() > deadline:
                raise CannotForgetError(f"{_named(waiting)} did not learn of it: see the log there, and run this again")
            self._say_now_and_then(f"waiting for {_named(waiting)}")
            time.sleep(LOOK_EVERY)

    def _note(self, tombstone: Tombstone, eraser: Eraser, come: dict[str, Any]) -> Tombstone:
        counts = dict(self._counts + eraser.counts)
        noted = replace(tombstone, progress={**tombstone.progress, **come, "counts": counts})
        self._table.note(noted)
        self._noted_at = time.monotonic()
        return noted

    def _certificate(self, tombstone: Tombstone, eraser: Eraser, workers: int) -> Certificate:
        described = self._table.described()
        return Certificate(
            person=self._person,
            key_id=self._key.id,
            number=tombstone.number,
            forgotten_at=rfc3339(tombstone.forgotten_at),
            finished_at=rfc3339(datetime.now(UTC)),
            table=described["TableArn"],
            table_created_at=rfc3339(described["CreationDateTime"]),
            version=__version__,
            runs=int(tombstone.progress["runs"]),
            workers=workers,
            is_scanned=bool(tombstone.progress.get("is_scanned")),
            counts=dict(self._counts + eraser.counts),
        )

    def _say_counts(self, eraser: Eraser) -> None:
        counts = self._counts + eraser.counts
        self._say_now_and_then(
            f"{counts['emails']:,} emails, {counts['items_deleted']:,} items deleted, "
            f"{counts['items_redacted']:,} redacted, {counts['items_scanned']:,} scanned"
        )

    def _say_now_and_then(self, line: str) -> None:
        if time.monotonic() - self._said_at > NOTE_EVERY:
            self._said_at = time.monotonic()
            self._say(line)


def live(processes: Sequence[WorkerProcess]) -> list[WorkerProcess]:
    now = datetime.now(UTC)
    return [each for each in processes if now - each.written_at < LIVE]


def _named(processes: Sequence[WorkerProcess]) -> str:
    """`2 worker processes (web-1#7, web-2#9)`; the first of many."""
    names = ", ".join(f"{each.host}#{each.process}" for each in processes[:MOST_NAMED])
    plural = "" if len(processes) == 1 else "es"
    return f"{len(processes)} worker process{plural} ({names}{', ...' if len(processes) > MOST_NAMED else ''})"
