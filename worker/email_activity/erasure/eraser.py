"""Deletes or redacts every item of a person, email by email, and looks that no index shows it any more.

What is done is told by the table alone, so a run that was killed at any moment is ended by the next: what stays of an
email is put before what it replaces is deleted, and the recipient facts, which lead to the email, go last.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime

from email_activity.activity.erasure import Erasure, kind_of_fact, names_person
from email_activity.activity.query import Hit
from email_activity.domain.errors import ActivityError
from email_activity.domain.facts import Item, Key, key_of
from email_activity.domain.keys import EMAIL, NO_TIME, email_key
from email_activity.domain.times import rfc3339
from email_activity.erasure.table import IndexEntry, PersonalTable, index_entries
from email_activity.ingest.store import MAX_ITEMS

#: Entries of indexes that are looked for at once, and the seconds within which they must be gone. Indexes follow within
#: a fraction of a second, but nothing bounds it.
#: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html
ENTRIES_TOGETHER = 200
GONE_WITHIN = 300.0
LOOK_EVERY = 0.5

#: Told where the work has come: the partition key before which a scan has seen all, None while it goes by the index.
Report = Callable[[str | None], None]


class StillInIndexError(ActivityError):
    """An index shows what was deleted, for longer than indexes take. Run the same command again later."""


class Eraser:
    """Of one person. before: what was sent later stays. counts: what was done, or with `is_dry_run` would be.

    emails, items_deleted, items_redacted, index_entries_gone, items_scanned.
    """

    def __init__(
        self,
        table: PersonalTable,
        address: str,
        before: datetime,
        report: Report = lambda _: None,
        *,
        is_dry_run: bool = False,
    ) -> None:
        self._table = table
        self._address = address
        self._before = before
        self._report = report
        self._is_dry_run = is_dry_run
        self._entries: list[IndexEntry] = []
        self.counts: Counter[str] = Counter()

    def is_person(self, address: str) -> bool:
        return address == self._address

    def erase_by_index(self) -> None:
        """Every email that was sent to the person."""
        self._erase(email_key(hit.email_id) for hit in self._table.hits(self._address) if self._is_older(hit))
        self.look_for_entries()

    def erase_by_scan(self, after: str | None = None) -> None:
        """Every email with an item that names the person: a forward that bounced, a word of a server, mail without
        recipient facts. after: the partition key that an earlier run had come to.
        """
        self._erase(self._scanned(after))
        self.look_for_entries()

    def look_at_recipients(self) -> None:
        """Whether the index of recipients leads to nothing any more; what it still leads to is erased."""
        deadline = time.monotonic() + GONE_WITHIN
        while any(self._is_older(hit) for hit in self._table.hits(self._address)):
            self.erase_by_index()
            _wait(deadline, "by_recipient")

    def look_for_entries(self) -> None:
        """Waits until no index shows what was deleted."""
        deadline = time.monotonic() + GONE_WITHIN
        for entry in self._entries:
            while self._table.is_in_index(entry):
                _wait(deadline, entry[0])
            self.counts["index_entries_gone"] += 1
        self._entries.clear()

    def _is_older(self, hit: Hit) -> bool:
        time_sent = hit.sort_key.partition("#")[0]
        return time_sent == NO_TIME or time_sent <= rfc3339(self._before, "seconds")

    def _scanned(self, after: str | None) -> Iterable[str]:
        for item in self._table.scan(after):
            self.counts["items_scanned"] += 1
            if item["pk"].startswith(EMAIL):
                self._report(item["pk"])
                if names_person(item, self.is_person):
                    yield item["pk"]

    def _erase(self, partitions: Iterable[str]) -> None:
        last = None
        for pk in partitions:
            if pk != last:
                last = pk
                self.counts["emails"] += self.erase_email(pk)
                self._report(None)
            if len(self._entries) >= ENTRIES_TOGETHER:
                self.look_for_entries()

    def erase_email(self, pk: str) -> bool:
        """Whether anything of it went. Reads it three times, so that an email of any number of events fits.

        Extras go first: once its event is another, nothing tells whose an extra was.
        """
        erasure = Erasure(self.is_person)
        for item in self._table.partition(pk):
            erasure.add(item)
        if erasure.sent_at and erasure.sent_at > self._before:
            return False
        pending: list[tuple[Item, Item | None]] = []
        is_changed = False
        for are_extras in (True, False):
            for item in self._table.partition(pk):
                after = erasure.remains_of(item)
                if after is not item and (kind_of_fact(item) == "EXTRA") is are_extras:
                    is_changed = True
                    pending.append((item, after))
                    if len(pending) == MAX_ITEMS:
                        self._write(pending)
            self._write(pending)
        return is_changed

    def _write(self, pending: list[tuple[Item, Item | None]]) -> None:
        """In the order of their sort keys, so that recipient facts are the last of an email."""
        new = {key_of(after): after for _, after in pending if after is not None}
        old: list[Key] = [key for item, _ in pending if (key := key_of(item)) not in new]
        self.counts["items_deleted"] += sum(after is None for _, after in pending)
        self.counts["items_redacted"] += sum(after is not None for _, after in pending)
        if not self._is_dry_run:
            self._table.put(list(new.values()))
            self._table.delete(old)
            self._entries += [entry for item, _ in pending if key_of(item) not in new for entry in index_entries(item)]
        pending.clear()


def _wait(deadline: float, index: str) -> None:
    if time.monotonic() > deadline:
        raise StillInIndexError(f"the index {index} still shows what was deleted: run the same command again later")
    time.sleep(LOOK_EVERY)
