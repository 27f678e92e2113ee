"""A batch: the messages of one receive, which are processed in parts. What its parts share, and its line in the log."""

import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from email_activity.ingest.claims import Claims
from email_activity.ingest.disposition import InterpretedMessage
from email_activity.ingest.figures import Figures
from email_activity.ingest.heartbeat import InFlightMessages
from email_activity.ingest.table_identity import TableVersion
from email_activity.ingest.tombstones import Forgotten
from email_activity.telemetry import FIGURES, log


@dataclass(frozen=True, slots=True)
class Batch:
    """Counts are of messages, but for `facts_*` and `odd_elements`: docs/runbook.md. seconds: by step."""

    version: TableVersion
    claims: Claims
    in_flight: InFlightMessages
    forgotten: Forgotten
    counts: Counter[str] = field(default_factory=Counter)
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    figures: Figures = field(default_factory=Figures)

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[step] += time.perf_counter() - start

    def count(self, part: Sequence[InterpretedMessage]) -> None:
        """What a part's messages hold."""
        outcomes = Counter(interpreted.interpretation.outcome.value for interpreted in part)
        self.counts.update(messages=len(part), **outcomes)
        self.counts["redacted"] += sum(interpreted.is_redacted for interpreted in part) - outcomes["forgotten"]
        self.counts["odd_elements"] += sum(interpreted.interpretation.odd_elements for interpreted in part)
        self.counts["redelivered"] += sum(interpreted.message.receive_count > 1 for interpreted in part)


def log_batch(counts: Mapping[str, int], seconds: Mapping[str, float], figures: Figures | None = None) -> None:
    fields: dict[str, Any] = {name: count for name, count in counts.items() if count}
    fields |= {f"{step}_ms": round(duration * 1000, 1) for step, duration in seconds.items()}
    if figures and figures.lags:
        fields["lag_ms"] = round(max(figures.lags) * 1000)
    log.info("batch", **fields, **{FIGURES: figures})
