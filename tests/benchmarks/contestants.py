"""Who is measured, and how each is started.

ours                    the worker as it is deployed: Celery, two processes, default settings
ours, best threads      the same with the threads that are best on this machine, where those are others
bare                    the same receiver, pipeline and settler in a plain loop: what Celery costs
bare, equal threads     the same with as many threads as ours
copying                 boto3 only: receives, puts the bodies into the table, deletes: what any code must do
copying, our clients    the same with the worker's clients and parts: what the rest of the job costs
stock Celery            Celery's own SQS transport, one task for each message
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from benchmarks import stock
from benchmarks.ground import QUEUE, TABLE, BenchmarkError, Ground

ROOT = stock.TESTS.parent

#: Processes of each contestant, on two cores.
PROCESSES = 2

#: Processes of stock Celery's pool: one task at a time in each, so it needs more of them.
STOCK_PROCESSES = 8

#: Characters of a log that are shown when its process has died.
TAIL = 2_000


@dataclass(frozen=True, slots=True)
class Contestant:
    """command: of each of its processes. threads: of each. is_full_job: leaves exactly the facts in the table."""

    name: str
    command: Sequence[str]
    processes: int
    threads: int
    is_full_job: bool = False
    settings: tuple[tuple[str, str], ...] = ()

    @contextmanager
    def running(self, ground: Ground) -> Iterator["Running"]:
        """Killed at the end, with all children: what it was to do is done by then."""
        log = ground.folder / f"{self.name.replace(' ', '-')}.log"
        environment = ground.environment(**dict(self.settings))
        if self.name == STOCK:
            environment = {**stock.environment(ground.stub.endpoint_url, QUEUE, TABLE, environment["REDIS_URL"])}
        with log.open("wb") as output, ExitStack() as stack:
            processes = [
                subprocess.Popen(
                    self.command,
                    cwd=stock.TESTS if self.name == STOCK else ROOT,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    # Not a session of its own: Linux shares the cores by sessions (autogroup), so that two processes
                    # of one each would get twice of what two of one get.
                    process_group=0,
                )
                for _ in range(self.processes)
            ]
            for each in processes:
                stack.callback(_kill, each)
            yield Running(self.name, processes, log)


@dataclass(frozen=True, slots=True)
class Running:
    name: str
    processes: Sequence["subprocess.Popen[bytes]"]
    log: Path

    def tree(self) -> list[psutil.Process]:
        """All its processes. Raises BenchmarkError if one of those that were started has ended."""
        found = []
        for each in self.processes:
            if each.poll() is not None:
                tail = self.log.read_text(errors="replace")[-TAIL:]
                raise BenchmarkError(f"{self.name} ended with {each.returncode}:\n{tail}")
            parent = psutil.Process(each.pid)
            found += [parent, *parent.children(recursive=True)]
        return found


def _kill(process: "subprocess.Popen[bytes]") -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


OURS, BARE, COPYING, COPYING_OURS, STOCK = "ours", "bare", "copying", "copying, our clients", "stock Celery"
OURS_BEST, BARE_EQUAL = "ours, best threads", "bare, equal threads"


def ours(concurrency: int = PROCESSES, threads: int | None = None) -> Contestant:
    """threads: None for the default, which is what is reported."""
    celery = [sys.executable, "-m", "celery", "-A", "email_activity", "worker", "--concurrency", str(concurrency)]
    settings = (("THREADS_PER_PROCESS", str(threads)),) if threads else ()
    command = [*celery, "--without-gossip", "--without-mingle"]
    return Contestant(OURS, command, 1, threads or default_threads(), is_full_job=True, settings=settings)


def bare(threads: int) -> Contestant:
    settings = (("THREADS_PER_PROCESS", str(threads)),)
    command = [sys.executable, "-m", "benchmarks.bare"]
    return Contestant(BARE, command, PROCESSES, threads, is_full_job=True, settings=settings)


def ours_best(threads: int) -> Contestant:
    return replace(ours(threads=threads), name=OURS_BEST)


def bare_equal() -> Contestant:
    return replace(bare(default_threads()), name=BARE_EQUAL)


def copying(threads: int) -> Contestant:
    return _copying(COPYING, threads, "boto3")


def copying_with_our_clients(threads: int) -> Contestant:
    return _copying(COPYING_OURS, threads, "ours")


def _copying(name: str, threads: int, clients: str) -> Contestant:
    command = [sys.executable, "-m", "benchmarks.copying", clients]
    return Contestant(name, command, PROCESSES, threads, settings=(("THREADS_PER_PROCESS", str(threads)),))


def stock_celery() -> Contestant:
    return Contestant(STOCK, stock.command(STOCK_PROCESSES), 1, STOCK_PROCESSES)


def default_threads() -> int:
    from email_activity.settings import Settings  # noqa: PLC0415  only here

    return int(Settings.model_fields["threads_per_process"].default)
