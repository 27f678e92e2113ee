"""Draws docs/scaling.png from docs/scaling.json, which `benchmarks.scaling` wrote.

cd tests && python -m benchmarks.plot
"""

import json
from pathlib import Path
from typing import Any

import matplotlib as mpl

from benchmarks.scaling import DATA, DELAY_MS, DELAYS_MS, THREADS

mpl.use("Agg")

from matplotlib import pyplot as plt


def draw(told: dict[str, Any], to: Path) -> None:
    figure, axes = plt.subplots(2, 2, figsize=(10, 7), layout="constrained")
    highest = max(each["at_usual_pace"] for each in told["drains"]) * 1.1
    for axis, delay in zip(axes[0], DELAYS_MS, strict=True):
        _lines(axis, told, delay, "at_usual_pace")
        axis.set(title=f"Backlog, {delay} ms a call", ylabel="events/s, at the usual pace", ylim=(0, highest))
    _lines(axes[1][0], told, DELAY_MS, "calls_per_event")
    axes[1][0].set(title=f"Backlog, {DELAY_MS} ms a call", ylabel="calls to SQS and DynamoDB an event")
    axes[1][0].set_ylim(0, 1.4 * max(each["calls_per_event"] for each in told["drains"]))
    _fills(axes[1][1], told)
    figure.suptitle(f"One worker on {told['cores']} cores, which it shares with the stand-ins for AWS and Redis")
    figure.savefig(to, dpi=110)
    plt.close(figure)


def _lines(axis: Any, told: dict[str, Any], delay: float, figure: str) -> None:
    """One for each number of processes."""
    drains = [each for each in told["drains"] if each["delay_ms"] == delay]
    for processes in sorted({each["processes"] for each in drains}):
        points = [(each["threads"], each[figure]) for each in drains if each["processes"] == processes]
        axis.plot(*zip(*points, strict=True), marker="o", label=f"--concurrency {processes}")
    axis.set_xscale("log", base=2)
    axis.set_xticks(THREADS, [str(each) for each in THREADS])
    axis.set_xlabel("THREADS_PER_PROCESS")
    axis.grid(alpha=0.3)
    axis.legend()


def _fills(axis: Any, told: dict[str, Any]) -> None:
    for linger in sorted({each["linger_ms"] for each in told["arrivals"]}):
        points = [
            (each["rate"], each["requests_per_event"]) for each in told["arrivals"] if each["linger_ms"] == linger
        ]
        axis.plot(*zip(*points, strict=True), marker="o", label=f"LINGER_MILLISECONDS={linger}")
    axis.set(
        title="Steady arrival",
        xlabel="events/s that arrive",
        ylabel="SQS requests an event",
        xscale="log",
        ylim=(0, 2.5),
    )
    axis.grid(alpha=0.3)
    axis.legend()


def main() -> None:
    draw(json.loads(DATA.read_text()), DATA.with_suffix(".png"))


if __name__ == "__main__":
    main()
