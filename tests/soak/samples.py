"""What processes hold, from /proc, and whether it grows. Linux only."""

import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import linear_regression

#: Seconds between two samples.
EVERY = 2.0


@dataclass(frozen=True, slots=True)
class Sample:
    """at: seconds since the start. megabytes: resident."""

    at: float
    process: int
    megabytes: float
    fds: int
    threads: int

    @classmethod
    def take(cls, process: int, at: float) -> "Sample":
        """Raises OSError if there is no such process."""
        folder = Path(f"/proc/{process}")
        lines = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
        if "VmRSS" not in lines:
            raise ProcessLookupError(process)  # it has ended, and nobody has waited for it yet
        return cls(
            at=at,
            process=process,
            megabytes=int(lines["VmRSS"].split()[0]) / 1024,
            fds=len(list((folder / "fd").iterdir())),
            threads=len(list((folder / "task").iterdir())),
        )


@dataclass(frozen=True, slots=True)
class Held:
    """The most that an idle process held of what it must give back."""

    fds: int
    threads: int


def slope(samples: Iterable[Sample], since: float, until: float) -> float:
    """Megabytes a minute, by least squares over that stretch; 0 if it has fewer than two samples."""
    points = [(each.at / 60, each.megabytes) for each in samples if since <= each.at <= until]
    if len(points) < 2:
        return 0
    minutes, megabytes = zip(*points, strict=True)
    return linear_regression(minutes, megabytes).slope


def most(samples: Sequence[Sample]) -> Held:
    return Held(max(each.fds for each in samples), max(each.threads for each in samples))


class Sampler:
    """names: process id -> what to call it."""

    def __init__(self, names: dict[int, str]) -> None:
        self.names = names
        self.samples: list[Sample] = []
        self._start = time.monotonic()
        self._lock = threading.Lock()

    @property
    def now(self) -> float:
        return time.monotonic() - self._start

    def tick(self, _elapsed: float = 0) -> None:
        for process in self.names:
            with suppress(OSError), self._lock:
                self.samples.append(Sample.take(process, self.now))

    def of(self, process: int) -> list[Sample]:
        with self._lock:
            return [each for each in self.samples if each.process == process]

    def slopes(self, since: float, until: float) -> dict[str, float]:
        return {name: slope(self.of(process), since, until) for process, name in self.names.items()}

    def held(self, since: float) -> dict[str, Held]:
        """By each process from then on."""
        found = {name: [each for each in self.of(process) if each.at >= since] for process, name in self.names.items()}
        return {name: most(samples) for name, samples in found.items() if samples}

    def write(self, path: Path) -> None:
        lines = [
            f"{each.at:.1f},{self.names[each.process]},{each.megabytes:.2f},{each.fds},{each.threads}\n"
            for each in self.samples
        ]
        path.write_text("seconds,process,megabytes,fds,threads\n" + "".join(lines))
