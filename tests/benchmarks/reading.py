"""Reading: what a timeline, a document, an account's day, a page of it and its failures take.

    make bench-reading
    make bench-reading ARGS="--emails 100 10000"

Each day has an account of its own. Small reads are made in this process, again and again; a whole day is the command
`email-activity account ID --day DAY` through a pipe, in processes of its own, once. Linux only: memory is the kernel's
high-water mark of each process (VmHWM in /proc).
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import psutil

from benchmarks.reading_day import Day, dynamodb_local, fill, store
from benchmarks.reading_units import Units
from benchmarks.say import say
from email_activity.activity.bulk import fold_all, list_emails
from email_activity.activity.query import ActivityTable
from email_activity.activity.ranges import Range
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

#: How often a small read is made.
TIMES = 20

#: Emails of a day of which the read units are counted one by one; the others are of the same shapes.
SAMPLE = 1_000

#: Seconds between two looks at the memory of a command; what is reached after the last is missed.
LOOK_EVERY = 0.05


class Measured:
    """The table as the commands read it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.table = ActivityTable(dynamodb_client(settings), settings.activity_table)
        counted = dynamodb_client(settings)
        self._units = Units(counted, settings.activity_table)
        self._counted = ActivityTable(counted, settings.activity_table)

    def small(self, what: str, read: Callable[[ActivityTable], int]) -> str:
        """A row. read: how many emails it found."""
        emails = read(self._counted)
        units, calls = self._units.total()
        read(self.table)  # opens the connections
        seconds, cpu = [], []
        for _ in range(TIMES):
            start, used = time.perf_counter(), time.process_time()
            read(self.table)
            seconds.append(time.perf_counter() - start)
            cpu.append(time.process_time() - used)
        took, used = statistics.median(seconds) * 1e3, statistics.median(cpu) * 1e3
        return f"{what:<36}{emails:>8,}{took:>8.1f}{used:>8.1f}{calls:>8}{units:>12,.1f}"

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

    def whole(self, day: Day) -> str:
        """A row. Read units: its index as counted, and its emails from a sample."""
        seconds, first, cpu, lines, peaks = watch(
            [sys.executable, "-m", "email_activity.cli", "account", day.account, "--day", f"{day.start:%Y-%m-%d}"]
        )
        hits = list(self._counted.by_account(day.account, Range(day.start, day.end)))
        index_units, _ = self._units.total()
        assert lines == 1 + day.emails == 1 + len(hits)
        sample = [hit.email_id for hit in hits[:: max(1, len(hits) // SAMPLE)]]
        units = index_units + self._units.of_emails(sample) / len(sample) * len(hits)
        each = cpu / day.emails * 1e3
        memory = " ".join(f"{peak:.0f}" for peak in peaks)
        return f"{day.emails:>8,}{seconds:>8.1f}{first:>9.2f}{cpu:>8.1f}{each:>10.2f}{units:>12,.0f}  {memory}"


def report(day: Day) -> str:
    """A row: the whole command, the page drawn too."""
    of_day = f"{day.start:%Y-%m-%d}"
    arguments = ["report", "--account", day.account, "--from", of_day, "--to", of_day, "--tz", "UTC", "-o", "-"]
    seconds, _, cpu, _, peaks = watch([sys.executable, "-m", "email_activity.cli", *arguments])
    memory = " ".join(f"{peak:.0f}" for peak in peaks)
    return f"{day.emails:>8,}{seconds:>8.1f}{cpu:>8.1f}{cpu / day.emails * 1e3:>10.2f}  {memory}"


def watch(command: Sequence[str]) -> tuple[float, float, float, int, list[float]]:
    """Seconds; seconds until the second line; CPU of all its processes; lines; peaks in MB, its own first."""
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    peaks: dict[int, float] = {}
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(LOOK_EVERY):
            with suppress(psutil.Error, OSError, KeyError):
                children = psutil.Process(process.pid).children(recursive=True)
                # Those that fold; not the small one in which Python keeps account of semaphores.
                for each in (process.pid, *(child.pid for child in children if "spawn_main" in str(child.cmdline()))):
                    status = Path(f"/proc/{each}/status").read_text().splitlines()
                    peaks[each] = int(dict(line.split(":", 1) for line in status)["VmHWM"].split()[0]) / 1024

    looking = threading.Thread(target=look)
    looking.start()
    first, lines = 0.0, 0
    assert process.stdout
    for _ in process.stdout:
        lines += 1
        if lines == 2:
            first = time.monotonic() - start
    process.stdout.close()
    # Of the process and of all that it has waited for, as `Popen.wait` does not tell.
    _, code, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(code)
    ended.set()
    looking.join()
    assert process.returncode == 0, f"{' '.join(command)} ended with {process.returncode}"
    own = peaks.pop(process.pid, 0)
    seconds = time.monotonic() - start
    return seconds, first, used.ru_utime + used.ru_stime, lines, [own, *sorted(peaks.values(), reverse=True)]


@contextmanager
def table_with(counts: Sequence[int]) -> Iterator[tuple[Settings, list[Day]]]:
    """Settings to read with, and the filled days. On DynamoDB Local itself where it is found behind LocalStack."""
    forget_aws()
    now = datetime.now(UTC)
    start = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, localstack() as endpoint:
        site = Site.make(endpoint, "redis://127.0.0.1:1", f"bench{uuid.uuid4().hex[:8]}", Path(folder))
        settings = site.settings
        os.environ.update(site.environment)
        if direct := dynamodb_local(site.made.table_name, settings.aws_region):
            os.environ.update(direct)
            settings = settings.model_copy(update={"aws_endpoint_url": direct["AWS_ENDPOINT_URL"]})
        say(f"on {'DynamoDB Local' if direct else 'LocalStack, whose time is in all figures'}")
        days = [Day(f"day-of-{count}", start, count) for count in counts]
        for day in days:
            say(f"stored {day.emails:,} emails: {fill(settings, day, now):,} items")
        yield settings, days


def measure(counts: Sequence[int]) -> Iterator[str]:
    """The tables, line by line."""
    with table_with(counts) as (settings, days):
        emails, events = Day("few", days[0].start, 0).documents()
        store(settings, events, datetime.now(UTC))
        measured, one = Measured(settings), emails[0].message_id
        yield f"In this process, median of {TIMES}:"
        yield f"{'':<36}{'emails':>8}{'ms':>8}{'CPU ms':>8}{'calls':>8}{'read units':>12}"
        yield measured.small("a timeline", lambda table: len([status(one, table.facts(one))]))
        yield measured.small("a document of 1 email", measured.document(Document("invoice", "few-once")))
        yield measured.small("a document of 3 emails", measured.document(Document("invoice", "few-thrice")))
        for day in days:
            if day.emails <= PAGE * 2:
                yield measured.small(f"a day of {day.emails:,}", measured.day(day))
            yield measured.small(f"a page, from the middle of {day.emails:,}", measured.page(day))
            yield measured.small(f"the newest failures of {day.emails:,}", measured.failures(day))
        yield "\nA whole day: `email-activity account ID --day DAY` through a pipe, its start included:"
        head = f"{'emails':>8}{'s':>8}{'first s':>9}{'CPU s':>8}{'ms/email':>10}{'read units':>12}"
        yield f"{head}  MB of parent, children"
        for day in days:
            yield measured.whole(day)
        yield "\nA day counted: `email-activity report --account ID --from DAY --to DAY`, its start included:"
        yield f"{'emails':>8}{'s':>8}{'CPU s':>8}{'ms/email':>10}  MB of parent, children"
        for day in days:
            yield report(day)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="reading", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--emails", type=int, nargs="+", default=EMAILS, metavar="N", help="emails of each day")
    for line in measure(parser.parse_args().emails):
        print(line, flush=True)


if __name__ == "__main__":
    main()
