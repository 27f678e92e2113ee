"""A test's side of killpoints.py: arms a point, waits for the death there, and tells what was received when."""

import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path

from harness import Site, Worker, eventually


@dataclass(frozen=True, slots=True)
class Hit:
    """What a process had in hand when it died. messages: receive counts by id. deleted: those gone before."""

    pid: int
    messages: Mapping[str, int]
    deleted: Sequence[str]


@dataclass(frozen=True, slots=True)
class Kills:
    folder: Path

    def worker(self, site: Site, *arguments: str, **environment: str) -> AbstractContextManager[Worker]:
        return site.worker(*arguments, app="killpoints", KILL_FOLDER=str(self.folder), **environment)

    def arm(self, point: str, victim: str) -> None:
        (self.folder / f"armed-{point}-{victim}").touch()

    def hit(self, point: str, victim: str, within: float = 60) -> Hit:
        """Fails if nobody comes to the point."""
        marker = self.folder / f"hit-{point}-{victim}"
        eventually(marker.exists, within)
        found = json.loads(marker.read_text())
        marker.unlink()
        return Hit(**found)

    def has_received(self, worker: Worker) -> bool:
        return any((self.folder / f"received-{child}").exists() for child in worker.children())

    def receives(self) -> dict[str, int]:
        """The highest receive count that any worker saw of each message, by id."""
        highest: dict[str, int] = {}
        for noted in self.folder.glob("received-*"):
            for line in noted.read_text().splitlines():
                for message, count in json.loads(line).items():
                    highest[message] = max(count, highest.get(message, 0))
        return highest

    def not_received_again(self, hit: Hit) -> list[str]:
        """Of what was still in the queue when its owner died."""
        receives = self.receives()
        return [
            message
            for message, count in hit.messages.items()
            if message not in hit.deleted and receives.get(message, 0) <= count
        ]


def is_gone(worker: Worker) -> bool:
    """With all its children; those that nobody has waited for yet are gone, too."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _parent, group, *_ = stat.read_text().rpartition(")")[2].split()
            if int(group) == worker.process.pid and state != "Z":
                return False
    return True
