"""Folding many emails: few in threads, many in processes, streamed, in the order of the index.

Most of the time goes into CPU, for botocore and the fold, so threads alone stop at one core.
"""

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import chain, groupby, islice

from email_activity.activity.mails import destinations_of
from email_activity.activity.query import MAX_TOGETHER, Hit, Table
from email_activity.activity.status import EmailStatus, status
from email_activity.aws.clients import dynamodb_client
from email_activity.domain.chunks import chunks
from email_activity.domain.facts import Fact, RecipientFact
from email_activity.settings import Settings

#: From this many emails on, starting processes (about half a second each) is worth it.
MANY = 200

#: Threads of a process; each waits for DynamoDB half of the time. Not above the connections of a client.
THREADS = 8

#: Emails handed to a process at once: a statement for each of its threads.
CHUNK = MAX_TOGETHER * THREADS

#: Emails in a statement where there are few: several statements side by side are done sooner.
FEW = 10

MAX_PROCESSES = 8


@dataclass(frozen=True, slots=True)
class Email:
    """A folded email, without its timeline; `mails` are the recipient facts that count, one for each recipient."""

    status: EmailStatus
    mails: tuple[RecipientFact, ...]


Belongs = Callable[[EmailStatus, RecipientFact], bool]
Group = Sequence[Hit]


@dataclass(frozen=True, slots=True)
class Found:
    """An email where an index shows it, and the cursor to go on from there."""

    email: Email
    cursor: str


def open_table(settings: Settings) -> Table:
    return Table(dynamodb_client(settings), settings.activity_table)


def fold_together(table: Table, email_ids: Sequence[str]) -> list[Email]:
    """At most MAX_TOGETHER."""
    return list(map(_fold, email_ids, table.facts_of(email_ids)))


def _fold(email_id: str, facts: list[Fact]) -> Email:
    mails = destinations_of(fact for fact in facts if isinstance(fact, RecipientFact))
    return Email(replace(status(email_id, facts), timeline=()), tuple(mails.values()))


def emails_in_order(
    settings: Settings, table: Table, hits: Iterable[Hit], belongs: Belongs, limit: int | None = None
) -> Generator[Found | None]:
    """Each email once, where the index first has it; None for an email that is only passed by.

    An email stands in an index once for each recipient, side by side, and sometimes a second further on once
    more, where copies of an event rounded its time differently. belongs: whether a recipient fact that counts is one
    of those asked for, seeing what the whole email comes to. The earliest of these is the email's place, so that
    pages need no memory.
    limit: how many the caller will take, so that few more than these are folded.
    """
    groups = (list(group) for _, group in groupby(hits, key=lambda hit: (hit.email_id, hit.sort_key)))
    for group, email in _folded(settings, table, groups, limit):
        is_here = _place(email, belongs) in {hit.sk for hit in group}
        yield Found(email, group[0].sort_key) if is_here else None


def _place(email: Email, belongs: Belongs) -> str | None:
    items = (fact.to_item() for fact in email.mails if belongs(email.status, fact))
    return min(((item["sent_key"], item["sk"]) for item in items), default=(None, None))[1]


def fold_few(table: Table, email_ids: Iterable[str]) -> list[Email]:
    """Each email once, in the order given."""
    with ThreadPoolExecutor(THREADS) as pool:
        return _fold_in(pool, table, list(dict.fromkeys(email_ids)), FEW)


def _fold_in(pool: ThreadPoolExecutor, table: Table, email_ids: Sequence[str], together: int) -> list[Email]:
    folded = pool.map(lambda ids: fold_together(table, ids), chunks(email_ids, together))
    return [email for emails in folded for email in emails]


def _folded(
    settings: Settings, table: Table, groups: Iterator[Group], limit: int | None
) -> Iterator[tuple[Group, Email]]:
    if limit is not None and limit < MANY:
        # The one beyond tells that there are more; what follows is needed only where some were passed by.
        return chain(_in_threads(table, islice(groups, limit + 1), THREADS), _in_threads(table, groups, ahead=1))
    first = list(islice(groups, MANY))
    if len(first) < MANY:
        return _in_threads(table, iter(first), ahead=THREADS)
    return _in_processes(settings, table, first, groups)


def _in_threads(table: Table, groups: Iterator[Group], ahead: int) -> Iterator[tuple[Group, Email]]:
    with ThreadPoolExecutor(THREADS) as pool:
        yield from _ahead(lambda ids: pool.submit(fold_together, table, ids), groups, FEW, ahead)


def _in_processes(
    settings: Settings, table: Table, first: Sequence[Group], groups: Iterator[Group]
) -> Iterator[tuple[Group, Email]]:
    """The first are folded here while the processes start, so that the reader need not wait for them."""
    processes = min(os.cpu_count() or 1, MAX_PROCESSES)
    pool = ProcessPoolExecutor(
        processes,
        # Forking a process that has threads and open connections is asking for trouble.
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_start_process,
        initargs=(settings,),
    )
    try:
        pool.submit(os.getpid)  # any call starts them
        yield from _in_threads(table, iter(first), THREADS)
        yield from _ahead(lambda ids: pool.submit(_fold_chunk, ids), groups, CHUNK, 2 * processes)
    finally:
        pool.shutdown(cancel_futures=True)


Submit = Callable[[list[str]], Future[list[Email]]]


def _ahead(submit: Submit, groups: Iterator[Group], size: int, count: int) -> Iterator[tuple[Group, Email]]:
    """In order, with at most `count` chunks of `size` under way, so that memory does not grow with the day."""
    under_way: deque[tuple[list[Group], Future[list[Email]]]] = deque()
    while True:
        while len(under_way) < count and (chunk := list(islice(groups, size))):
            under_way.append((chunk, submit([group[0].email_id for group in chunk])))
        if not under_way:
            return
        chunk, folded = under_way.popleft()
        yield from zip(chunk, folded.result(), strict=True)


@dataclass(slots=True)
class _Process:
    """What a process of the pool keeps between chunks."""

    table: Table
    threads: ThreadPoolExecutor


_process: list[_Process] = []


def _start_process(settings: Settings) -> None:
    """Ctrl-C reaches every process of the terminal; the parent alone decides what it means."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _process.append(_Process(open_table(settings), ThreadPoolExecutor(THREADS)))


def _fold_chunk(email_ids: Sequence[str]) -> list[Email]:
    (process,) = _process
    return _fold_in(process.threads, process.table, email_ids, MAX_TOGETHER)
