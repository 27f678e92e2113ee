"""Reading: what a timeline, a document, an account's day, a page of it and its failures take.

    make bench-reading
    make bench-reading ARGS="--emails 100 10000 --json"

Each day has an account of its own. Small reads are made in this process, again and again; a whole day is the command
`email-activity account ID --day DAY` through a pipe, in processes of its own, once.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

from benchmarks.reading_day import Day, dynamodb_local, fill, store, talk_to
from benchmarks.reading_report import SAMPLE, TIMES, Small, Whole, as_json, as_text
from benchmarks.reading_units import Units
from benchmarks.reading_watch import Watched, watch
from email_activity.activity.bulk import fold_all, list_emails
from email_activity.activity.query import ActivityTable, Range
from email_activity.activity.reader import SPARE_HITS
from email_activity.activity.status import status
from email_activity.aws.clients import dynamodb_client
from email_activity.domain.facts import Document
from email_activity.settings import Settings
from harness import Site
from servers import forget_aws, localstack

EMAILS = (100, 10_000, 100_000)

#: Emails of a page, and failures of a view.
PAGE = 50


class Measured:
    """The table as the commands read it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        client = dynamodb_client(settings)
        self.table = ActivityTable(client, settings.activity_table)
        counted = dynamodb_client(settings)
        self._units = Units(counted, settings.activity_table)
        self._counted = ActivityTable(counted, settings.activity_table)

    def small(self, what: str, read: Callable[[ActivityTable], int]) -> Small:
        """read: how many emails it found."""
        emails = read(self._counted)
        units, calls = self._units.total()
        read(self.table)  # opens the connections
        seconds, cpu = [], []
        for _ in range(TIMES):
            start, used = time.perf_counter(), time.process_time()
            read(self.table)
            seconds.append(time.perf_counter() - start)
            cpu.append(time.process_time() - used)
        return Small(what, emails, statistics.median(seconds), statistics.median(cpu), units, calls)

    def timeline(self, email_id: str) -> Callable[[ActivityTable], int]:
        return lambda table: len([status(email_id, table.facts(email_id))])

    def document(self, wanted: Document) -> Callable[[ActivityTable], int]:
        def read(table: ActivityTable) -> int:
            ids = [hit.email_id for hit in table.by_document(wanted)]
            return len([each for each in fold_all(table, ids) if each.status.document])

        return read

    def day(self, day: Day) -> Callable[[ActivityTable], int]:
        return lambda table: self._list(table, day, Range(day.start, day.end), None)

    def page(self, day: Day) -> Callable[[ActivityTable], int]:
        """From the middle of the day, as `--limit 50 --after CURSOR` has it."""
        noon = day.start + timedelta(hours=12)
        cursor = next(self.table.by_account(day.account, Range(until=noon, page_size=1))).sort_key
        within = Range(day.start, day.end, cursor, page_size=PAGE + SPARE_HITS)
        return lambda table: self._list(table, day, within, PAGE)

    def _list(self, table: ActivityTable, day: Day, within: Range, limit: int | None) -> int:
        hits = table.by_account(day.account, within)
        return len(list(list_emails(self.settings, table, hits, lambda _, fact: fact.account == day.account, limit)))

    def failures(self, day: Day) -> Callable[[ActivityTable], int]:
        """The newest bounces, complaints, rejects and rendering failures, with what became of their emails."""

        def read(table: ActivityTable) -> int:
            hits = table.by_failure(day.account, Range(day.start, day.end, page_size=PAGE))
            return len(fold_all(table, list({hit.email_id for hit in islice(hits, PAGE)})))

        return read

    def whole(self, day: Day, watched: Watched) -> Whole:
        hits = list(self._counted.by_account(day.account, Range(day.start, day.end)))
        index_units, _ = self._units.total()
        ids = [hit.email_id for hit in hits]
        sample = ids[:: max(1, len(ids) // SAMPLE)]
        units = self._units.of_emails(sample) / len(sample) * len(ids)
        assert watched.lines == 1 + day.emails == 1 + len(ids)
        assert watched.first
        return Whole(
            day.emails,
            watched.seconds,
            watched.first,
            watched.cpu,
            watched.parent_peak,
            watched.child_peaks,
            index_units,
            index_units + units,
        )


@contextmanager
def table_with(counts: Sequence[int]) -> Iterator[tuple[Settings, list[Day], Day, bool]]:
    """Settings to read with, the filled days, a day for documents, and whether LocalStack stands between."""
    forget_aws()
    now = datetime.now(UTC)
    start = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    say("starting LocalStack")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, localstack() as endpoint:
        site = Site.make(endpoint, "redis://127.0.0.1:1", f"bench{uuid.uuid4().hex[:8]}", Path(folder))
        settings = site.settings
        os.environ.update(site.environment)
        if direct := dynamodb_local(site.made.table_name, settings.aws_region):
            talk_to(direct)
            settings = settings.model_copy(update={"aws_endpoint_url": direct})
        days = [Day(f"day-of-{count}", start, count) for count in counts]
        for day in days:
            began = time.monotonic()
            total = fill(
                settings, day, now, lambda done, day=day: say(f"storing {day.emails:,} emails: {done:,} items", "\r")
            )
            say(f"stored {day.emails:,} emails: {total:,} items in {time.monotonic() - began:.0f} s")
        yield settings, days, Day("few", start, 0), direct is None


def measure(counts: Sequence[int]) -> tuple[list[Small], list[Whole], bool]:
    with table_with(counts) as (settings, days, few, is_behind_localstack):
        emails, events = few.documents()
        store(settings, events, datetime.now(UTC))
        reader = Measured(settings)
        say("small reads")
        small = [
            reader.small("a timeline", reader.timeline(emails[0].message_id)),
            reader.small("a document of 1 email", reader.document(Document("invoice", "few-once"))),
            reader.small("a document of 3 emails", reader.document(Document("invoice", "few-thrice"))),
        ]
        small += [reader.small(f"a day of {day.emails:,}", reader.day(day)) for day in days if day.emails <= PAGE * 2]
        for day in days:
            small.append(reader.small(f"a page, from the middle of {day.emails:,}", reader.page(day)))
        for day in days:
            small.append(reader.small(f"the newest failures of {day.emails:,}", reader.failures(day)))
        return small, [reader.whole(day, listed(day)) for day in days], is_behind_localstack


def listed(day: Day) -> Watched:
    command = [sys.executable, "-m", "email_activity.cli", "account", day.account, "--day", f"{day.start:%Y-%m-%d}"]
    watched = watch(command, 1, lambda lines: say(f"listing {day.emails:,} emails: {lines:,}", "\r"))
    say(f"listed {day.emails:,} emails in {watched.seconds:.1f} s")
    return watched


def say(line: str, end: str = "\n") -> None:
    """How it goes, on standard error; `\\r` for what the next line replaces."""
    if end == "\n" or sys.stderr.isatty():
        sys.stderr.write(f"{line:<60}{end}")
        sys.stderr.flush()


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="reading", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--emails", type=int, nargs="+", default=EMAILS, metavar="N", help="emails of each day")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    arguments = parser.parse_args()
    found = measure(arguments.emails)
    sys.stdout.write(as_text(*found) + "\n")
    if arguments.json:
        sys.stdout.write(json.dumps(as_json(*found)) + "\n")


if __name__ == "__main__":
    main()
