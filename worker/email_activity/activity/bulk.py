"""Folding many emails: few in threads, many in processes, streamed, in the order of the index.

Most of the time goes into CPU, for botocore and the fold, so threads alone stop at one core.
"""

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain, groupby, islice

from email_activity.activity.engagement import Together
from email_activity.activity.query import MAX_TOGETHER, ActivityTable, Hit, open_table
from email_activity.activity.ranges import Range
from email_activity.activity.status import EmailStatus, destinations_of, status
from email_activity.domain.chunks import chunks
from email_activity.domain.facts import Activity, Fact, RecipientFact
from email_activity.settings import ReaderSettings

#: From this many emails on, starting processes (about half a second each) is worth it.
MANY = 200

#: Threads of a process; each waits for DynamoDB half of the time. Not above the connections of a client.
THREADS = 8

#: Emails handed to a process at once: a statement for each of its threads.
CHUNK = MAX_TOGETHER * THREADS

#: Emails in a statement where there are few: several statements side by side are done sooner.
FEW = 10

PROCESSES = min(os.cpu_count() or 1, 8)


@dataclass(frozen=True, slots=True)
class FoldedEmail:
    """An email, its status without the timeline; and the recipient facts that count, one for each recipient."""

    status: EmailStatus
    recipient_facts: tuple[RecipientFact, ...]


@dataclass(frozen=True, slots=True)
class ListedEmail:
    """An email of a list, its status without the timeline. cursor: where a next list goes on (`after`).

    has_more: it is the last one because of the list's limit, and there are others.
    """

    status: EmailStatus
    cursor: str
    has_more: bool = False


Belongs = Callable[[EmailStatus, RecipientFact], bool]
Group = Sequence[Hit]
FoldedGroups = Iterator[tuple[Group, FoldedEmail]]


@dataclass(frozen=True, slots=True)
class EmailList:
    """An index's part: its hits, which of them count, and what of an email is shown."""

    hits: Callable[[Range], Iterable[Hit]]
    belongs: Belongs
    shown: Callable[[EmailStatus], EmailStatus] = lambda email: email


def list_emails(
    settings: ReaderSettings, table: ActivityTable, hits: Iterable[Hit], belongs: Belongs, limit: int | None = None
) -> Generator[ListedEmail]:
    """Each email once, where the index first has it.

    An email stands in an index once for each recipient, side by side, and sometimes a second further on once
    more, where copies of an event rounded its time differently. belongs: whether a recipient fact that counts is one
    of those asked for, seeing what the whole email comes to. The earliest of these is the email's place, so that
    pages need no memory.
    """
    groups, count, last = grouped(hits), 0, None
    for group, email in _fold(settings, table, groups, limit):
        if not is_place(group, email, belongs):
            continue
        if last and count == limit:
            yield replace(last, has_more=True)
            return
        count, last = count + 1, ListedEmail(email.status, group[0].sort_key)
        if count != limit:
            yield last
    if last and count == limit:
        yield last


def grouped(hits: Iterable[Hit]) -> Iterator[Group]:
    """Hits of one email at one place."""
    return (list(group) for _, group in groupby(hits, key=lambda hit: (hit.email_id, hit.sort_key)))


def is_place(group: Group, email: FoldedEmail, belongs: Belongs) -> bool:
    """Whether a list has the email here: the earliest of its hits that belong is among these."""
    items = (fact.to_item() for fact in email.recipient_facts if belongs(email.status, fact))
    place = min(((item["sent_key"], item["sk"]) for item in items), default=(None, None))[1]
    return place in {hit.sk for hit in group}


def fold_all(table: ActivityTable, email_ids: Sequence[str], together: int = FEW) -> list[FoldedEmail]:
    """In the order given, in threads. together: emails in a statement."""
    with ThreadPoolExecutor(THREADS) as pool:
        folded = pool.map(lambda ids: fold_together(table, ids), chunks(email_ids, together))
        return list(chain.from_iterable(folded))


def fold_together(table: ActivityTable, email_ids: Sequence[str]) -> list[FoldedEmail]:
    """At most MAX_TOGETHER, whose opens and clicks are judged together."""
    of_each = table.facts_of(email_ids)
    activities = (fact for facts in of_each for fact in facts if isinstance(fact, Activity))
    together = Together.of(activities) if len(of_each) > 1 else None
    return [_folded(email_id, facts, together) for email_id, facts in zip(email_ids, of_each, strict=True)]


def _folded(email_id: str, facts: list[Fact], together: Together | None) -> FoldedEmail:
    recipient_facts = destinations_of(fact for fact in facts if isinstance(fact, RecipientFact))
    return FoldedEmail(replace(status(email_id, facts, together), timeline=()), tuple(recipient_facts.values()))


def _fold(settings: ReaderSettings, table: ActivityTable, groups: Iterator[Group], limit: int | None) -> FoldedGroups:
    if limit is not None and limit < MANY:
        # The one beyond tells that there are more; what follows is needed only where some do not belong.
        return chain(
            fold_in_threads(table, islice(groups, limit + 1), THREADS), fold_in_threads(table, groups, ahead=1)
        )
    first = list(islice(groups, MANY))
    if len(first) < MANY:
        return fold_in_threads(table, iter(first), ahead=THREADS)
    return _in_processes(settings, table, first, groups)


def fold_in_threads(table: ActivityTable, groups: Iterator[Group], ahead: int, together: int = FEW) -> FoldedGroups:
    """ahead: statements under way at most. together: emails in a statement."""
    with ThreadPoolExecutor(THREADS) as pool:
        yield from _ahead(lambda ids: pool.submit(fold_together, table, ids), groups, together, ahead)


def _in_processes(
    settings: ReaderSettings, table: ActivityTable, first: Sequence[Group], groups: Iterator[Group]
) -> FoldedGroups:
    """The first are folded here while the processes start, so that the reader need not wait for them."""
    pool = new_pool()

    def submit(email_ids: list[str]) -> Future[list[FoldedEmail]]:
        with deaf_to_ctrl_c():
            return pool.submit(_fold_chunk, email_ids, settings)

    try:
        with deaf_to_ctrl_c():
            pool.submit(os.getpid)  # any call starts one
        yield from fold_in_threads(table, iter(first), THREADS)
        yield from _ahead(submit, groups, CHUNK, 2 * PROCESSES)
    finally:
        pool.shutdown(cancel_futures=True)


def new_pool() -> ProcessPoolExecutor:
    """Submit to it within `deaf_to_ctrl_c`, which starts its processes."""
    return ProcessPoolExecutor(
        PROCESSES,
        # Forking a process that has threads and open connections is asking for trouble.
        mp_context=multiprocessing.get_context("spawn"),
        initializer=signal.signal,
        initargs=(signal.SIGINT, signal.SIG_IGN),
    )


@contextmanager
def deaf_to_ctrl_c() -> Iterator[None]:
    """A process that is started here inherits that SIGINT is blocked.

    Ctrl-C reaches every process of the terminal, and the parent alone decides what it means; a pool's initializer comes
    too late for a process that is still importing.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


#: In a process of the pool: its connections last from chunk to chunk.
table_of_process = lru_cache(maxsize=1)(open_table)


def _fold_chunk(email_ids: Sequence[str], settings: ReaderSettings) -> list[FoldedEmail]:
    return fold_all(table_of_process(settings), email_ids, MAX_TOGETHER)


Submit = Callable[[list[str]], Future[list[FoldedEmail]]]


def _ahead(submit: Submit, groups: Iterator[Group], size: int, count: int) -> FoldedGroups:
    """In order, with at most `count` chunks of `size` under way, so that memory does not grow with the day."""
    under_way: deque[tuple[list[Group], Future[list[FoldedEmail]]]] = deque()
    while True:
        while len(under_way) < count and (chunk := list(islice(groups, size))):
            under_way.append((chunk, submit([group[0].email_id for group in chunk])))
        if not under_way:
            return
        chunk, folded = under_way.popleft()
        yield from zip(chunk, folded.result(), strict=True)
